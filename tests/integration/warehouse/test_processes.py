"""Writers in spawned processes, on one id shard. delta-rs does not survive a fork."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.interface import Stored
from tests.support.rows import STREAM, batch, event

_TURNS = 15
_ROWS = 20


def write(root: str, partition: int) -> int:
    """Append events that every writer has; return how many this one stored."""
    ledger = DeltaWarehouse(root).ledger(STREAM)
    stored = 0
    for turn in range(_TURNS):
        start = turn * _ROWS
        rows = batch(
            *(event(str(start + n), partition=partition, offset=start + n) for n in range(_ROWS))
        )
        answer = ledger.append(
            rows, {partition: start or None}, {partition: Progress(start + _ROWS)}
        )
        assert isinstance(answer, Stored)
        stored += answer.rows
    return stored


def test_processes_racing_on_one_id_shard_store_each_event_once(tmp_path):
    warehouse = DeltaWarehouse(str(tmp_path))
    warehouse.tables.migrate()
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        stored = sum(processes.map(write, [str(tmp_path)] * 3, range(3)))
    checkpoints = warehouse.ledger(STREAM).checkpoints()
    assert stored == warehouse.events.size().rows == _TURNS * _ROWS
    assert warehouse.events.repeated(limit=1) == (0, [])
    assert {each.position for each in checkpoints.values()} == {_TURNS * _ROWS}
    assert sum(each.duplicates.count for each in checkpoints.values()) == 2 * _TURNS * _ROWS
