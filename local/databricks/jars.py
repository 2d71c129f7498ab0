"""Delta's jars and our catalog class, made once and kept for every later run."""

import os
import subprocess
import tempfile
import zipfile
from importlib.resources import as_file, files
from pathlib import Path

import pyspark

from local.kafka import maven
from local.kafka.errors import UnavailableError
from local.kafka.java import find_java

_DELTA_VERSION = "4.0.1"
_CATALOG = "NamedDeltaCatalog"

# The catalog class is compiled against Spark's insides: another Spark needs another one.
DELTA = maven.Product(
    "Delta", f"{_DELTA_VERSION}-spark-{pyspark.__version__}", files(__package__) / "pom.xml"
)


def jars() -> list[Path]:
    """All jars that Spark needs beside its own. Raises UnavailableError without Maven or a JDK."""
    maven.fill(DELTA.cache, _make)
    return sorted(DELTA.cache.glob("*.jar"))


def _make(folder: Path) -> None:
    maven.resolve(maven.Product(DELTA.name, _DELTA_VERSION, DELTA.pom), folder)
    with (
        as_file(files(__package__) / f"{_CATALOG}.java") as source,
        tempfile.TemporaryDirectory() as classes,
    ):
        _compile(source, folder, Path(classes))
        with zipfile.ZipFile(folder / "named-delta-catalog.jar", "w") as jar:
            jar.write(Path(classes, f"{_CATALOG}.class"), f"{_CATALOG}.class")


def _compile(source: Path, delta: Path, classes: Path) -> None:
    javac = find_java().resolve().with_name("javac")
    if not javac.exists():
        raise UnavailableError(
            f"No {javac} to compile a catalog class with: install a JDK, not only its runtime."
        )
    spark = Path(pyspark.__path__[0], "jars")
    command = [
        str(javac),
        "-classpath",
        os.pathsep.join([f"{spark}/*", f"{delta}/*"]),
        "-d",
        str(classes),
        str(source),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise UnavailableError(f"{javac} could not compile {source.name}: {answer.stderr}")
