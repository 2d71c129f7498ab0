import subprocess
import sys

SCRIPT = """
import sys
import classwaves_schemas.{module}
print(*sorted({{"msgspec", "pyarrow", "jsonschema"}} & sys.modules.keys()))
"""


def heavy_imports(module):
    script = SCRIPT.format(module=module)
    return subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()


def test_the_modules_of_the_producer_import_only_pydantic():
    modules = ("dropped", "identity", "redaction", "topics")
    script = ", classwaves_schemas.".join(modules)
    assert heavy_imports(script) == []


def test_the_tables_need_no_pyarrow():
    assert heavy_imports("ddl") == []
    assert heavy_imports("arrow") == ["pyarrow"]
