"""Spark SQL over Delta tables that outlive its process."""

from pathlib import Path

from pyspark.sql import SparkSession

from local.databricks.environment import CATALOG
from local.databricks.jars import jars

_JVM = [
    # A test runs each plan a few times. With both compilers, start and six merges took 51-56 s of CPU, so 32-40 s.
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
    f"spark.sql.catalog.{CATALOG}": "NamedDeltaCatalog",
    # With the catalog in memory a restart would forget the tables and stumble over their files.
    "spark.sql.catalogImplementation": "hive",
    # Tables are small and plans run a few times: to compile code for them, to split them, or to plan again while they
    # run takes longer than it saves. Eight appends with what is read between them took 54 s, and without code 45 s.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.default.parallelism": "1",
    "spark.sql.shuffle.partitions": "1",
    # Delta reads a table's log in this many tasks: 50 by default, 10 s on two cores.
    "spark.databricks.delta.snapshotPartitions": "1",
}

_WARM_UP = (
    f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.analytics",
    f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.warm_up",
    f"CREATE OR REPLACE TABLE {CATALOG}.warm_up.events (id STRING NOT NULL, at TIMESTAMP) USING DELTA",
    f"""MERGE INTO {CATALOG}.warm_up.events t
    USING (SELECT inline(from_json('[{{"id":"a"}}]', 'ARRAY<STRUCT<id STRING, at TIMESTAMP>>'))) s
    ON t.id = s.id WHEN NOT MATCHED THEN INSERT *""",
    f"SELECT * FROM {CATALOG}.warm_up.events",
    f"DROP TABLE {CATALOG}.warm_up.events",
)


def open_lakehouse(folder: Path) -> SparkSession:
    """Spark on the tables of a folder, warmed up: its first statements take seconds each, and a test should not.

    The catalog `classwaves` with the schema `analytics` is there, as an administrator would have made it.
    """
    builder = SparkSession.builder.master("local[2]").appName("databricks")
    settings = {
        **_SETTINGS,
        "spark.jars": ",".join(map(str, jars())),
        "spark.local.dir": str(folder / "scratch"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder / 'metastore'};create=true",
        "spark.driver.extraJavaOptions": " ".join(
            [*_JVM, f"-Dderby.stream.error.file={folder / 'derby.log'}"]
        ),
    }
    spark = builder.config(map=settings).getOrCreate()
    for statement in _WARM_UP:
        spark.sql(statement).collect()
    return spark
