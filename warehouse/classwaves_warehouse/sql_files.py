"""Loading the SQL templates of a package."""

from functools import cache
from importlib.resources import files
from string import Template


def load_sql(package: str, name: str, **parts: object) -> str:
    """The statement in `sql/<name>.sql` of a package, completed with these parts.

    Values are never parts: they are bound as parameters.

    Args:
        package: import name of the package, for example `classwaves_warehouse`.
        name: of the file, without `.sql`.
        parts: text for each `$placeholder` of the template.

    Raises:
        FileNotFoundError: the package has no such file.
        KeyError: a placeholder has no part.
    """
    return _template(package, name).substitute(parts)


@cache
def _template(package: str, name: str) -> Template:
    path = files(package) / "sql" / f"{name}.sql"
    return Template(path.read_text(encoding="utf-8").rstrip())
