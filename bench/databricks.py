"""What an append through a SQL warehouse costs, on the local endpoint.

Local Spark replaces the warehouse: the figures compare batch sizes and do not predict Databricks.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import median

from bench.append import rows
from bench.command import run_benchmark
from bench.measurement import conditions, record
from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from classwaves_warehouse.interface import Stored, Stream
from local.databricks import Endpoint

SIZES = (100, 1_000, 5_000, 15_000)
APPENDS = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """Appends of one size.

    Args:
        rows: of each append.
        p50_seconds, worst_seconds: of one append.
        events_per_second: over all of them.
        statements_per_1000_events: that the endpoint executed.
    """

    rows: int
    p50_seconds: float
    worst_seconds: float
    events_per_second: int
    statements_per_1000_events: float


def costs(endpoint: Endpoint) -> Iterator[Cost]:
    """The cost of each size, one after another on one growing table.

    The first append of all is not counted.
    """
    warehouse = DatabricksWarehouse(DatabricksSettings.from_environment(endpoint.environment))
    warehouse.tables.migrate()
    ledger = warehouse.ledger(Stream("bench", "bench", "bench"))
    position = 100
    ledger.append(Batch(rows(0, position)), {0: None}, {0: Progress(position)})
    for size in SIZES:
        endpoint.log.clear()
        taken: list[float] = []
        for _ in range(APPENDS):
            batch = Batch(rows(position, size))
            began = time.perf_counter()
            stored = ledger.append(batch, {0: position}, {0: Progress(position + size)})
            taken.append(time.perf_counter() - began)
            assert stored == Stored(rows=size), stored
            position += size
        statements = len(endpoint.log.statements())
        yield Cost(
            rows=size,
            p50_seconds=round(median(taken), 2),
            worst_seconds=round(max(taken), 2),
            events_per_second=round(size * APPENDS / sum(taken)),
            statements_per_1000_events=round(statements * 1000 / (size * APPENDS), 3),
        )


def main() -> None:
    """Measure what an append through the local SQL endpoint costs, by batch size."""
    found = conditions() | {name: version(name) for name in ("databricks-sql-connector", "pyspark")}
    print(json.dumps(found))
    print(
        f"{'rows':>7} {'p50 s':>7} {'worst s':>8} {'events/s':>9} "
        f"{'statements per 1,000 events':>28}"
    )
    measured = []
    with Endpoint.create() as endpoint:
        for cost in costs(endpoint):
            print(
                f"{cost.rows:>7,} {cost.p50_seconds:>7} {cost.worst_seconds:>8} "
                f"{cost.events_per_second:>9,} "
                f"{cost.statements_per_1000_events:>28}",
                flush=True,
            )
            measured.append(asdict(cost))
    record("databricks", found, {"appends": APPENDS, "costs": measured})


if __name__ == "__main__":
    run_benchmark(main)
