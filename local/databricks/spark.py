"""Spark SQL over Delta tables in a folder: its jars, its settings, its start."""

import os
import subprocess
import tempfile
import zipfile
from importlib.resources import as_file, files
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from local.databricks.environment import CATALOG
from local.kafka.errors import UnavailableError
from local.kafka.jars import Product, fill, find_java, resolve

_DELTA_VERSION = "4.0.1"
_CATALOG_CLASS = "NamedDeltaCatalog"

# The catalog class is compiled against Spark's internal classes, so each Spark has its own cache.
DELTA = Product(
    "Delta", f"{_DELTA_VERSION}-spark-{pyspark.__version__}", files(__package__) / "pom.xml"
)

_JVM_OPTIONS = [
    # A test runs each plan a few times. With both compilers the start and six merges took
    # 51-56 s of CPU, with the first one alone 32-40 s.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Duser.timezone=UTC",
]

_SETTINGS: dict[str, bool | float | int | str | None] = {
    "spark.driver.memory": "1500m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    f"spark.sql.catalog.{CATALOG}": _CATALOG_CLASS,
    # An in-memory catalog forgets the tables at a restart and then fails on their files.
    "spark.sql.catalogImplementation": "hive",
    # Tables are small and plans run a few times: compiling, splitting or re-planning them takes
    # longer than it saves. Eight appends and the reads between them took 54 s with generated
    # code and 45 s without.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.default.parallelism": "1",
    "spark.sql.shuffle.partitions": "1",
    # Delta reads a table's log in this many tasks: 50 by default, 10 s on two cores.
    "spark.databricks.delta.snapshotPartitions": "1",
}

_WARM_UP_TABLE = f"{CATALOG}.warm_up.events"
_WARM_UP = (
    f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.analytics",
    f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.warm_up",
    f"CREATE OR REPLACE TABLE {_WARM_UP_TABLE} (id STRING NOT NULL, at TIMESTAMP) USING DELTA",
    f"""MERGE INTO {_WARM_UP_TABLE} t
    USING (SELECT inline(from_json('[{{"id":"a"}}]', 'ARRAY<STRUCT<id STRING, at TIMESTAMP>>'))) s
    ON t.id = s.id WHEN NOT MATCHED THEN INSERT *""",
    f"SELECT * FROM {_WARM_UP_TABLE}",
    f"DROP TABLE {_WARM_UP_TABLE}",
)


def start_spark(folder: Path) -> SparkSession:
    """Start Spark on the tables of a folder.

    The catalog `classwaves` with the schema `analytics` exists afterwards, as an administrator
    would have created it. Spark's first statements take seconds each, so they run here.

    Raises:
        UnavailableError: Java, its compiler or Maven is missing.
    """
    builder = SparkSession.builder.master("local[2]").appName("databricks")
    metastore = f"jdbc:derby:;databaseName={folder / 'metastore'};create=true"
    settings = {
        **_SETTINGS,
        "spark.jars": ",".join(map(str, jars())),
        "spark.local.dir": str(folder / "scratch"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": metastore,
        "spark.driver.extraJavaOptions": " ".join(
            [*_JVM_OPTIONS, f"-Dderby.stream.error.file={folder / 'derby.log'}"]
        ),
    }
    spark = builder.config(map=settings).getOrCreate()
    for statement in _WARM_UP:
        spark.sql(statement).collect()
    return spark


def jars() -> list[Path]:
    """All jars that Spark needs in addition to its own, from the cache.

    Raises:
        UnavailableError: they are not cached, and Maven or a JDK is missing.
    """
    fill(DELTA.cache, _resolve_jars)
    return sorted(DELTA.cache.glob("*.jar"))


def _resolve_jars(folder: Path) -> None:
    resolve(Product(DELTA.name, _DELTA_VERSION, DELTA.pom), folder)
    with (
        as_file(files(__package__) / f"{_CATALOG_CLASS}.java") as source,
        tempfile.TemporaryDirectory() as classes,
    ):
        _compile(source, folder, Path(classes))
        with zipfile.ZipFile(folder / "named-delta-catalog.jar", "w") as jar:
            jar.write(Path(classes, f"{_CATALOG_CLASS}.class"), f"{_CATALOG_CLASS}.class")


def _compile(source: Path, delta_jars: Path, classes: Path) -> None:
    javac = find_java().resolve().with_name("javac")
    if not javac.exists():
        raise UnavailableError(
            f"No {javac} to compile a catalog class with: install a JDK, not only its runtime."
        )
    spark_jars = Path(pyspark.__path__[0], "jars")
    class_path = os.pathsep.join([f"{spark_jars}/*", f"{delta_jars}/*"])
    command = [str(javac), "-classpath", class_path, "-d", str(classes), str(source)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise UnavailableError(f"{javac} could not compile {source.name}: {answer.stderr}")
