import pytest

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.delta.writer import write, write_hour
from tests.support.delta_faults import ONCE, QUICK, FaultyWrite


@pytest.fixture
def root(tmp_path):
    return Root(str(tmp_path))


@pytest.fixture
def faults():
    """Faults of the ledgers of `delta` and `impatient`."""
    return FaultyWrite(write)


@pytest.fixture
def hour_faults():
    """Faults of the rollup stores of `delta` and `impatient`."""
    return FaultyWrite(write_hour)


@pytest.fixture
def open_delta(root, faults, hour_faults):
    """Opens a warehouse at the root."""

    def open_delta(**options):
        options = {"retry": QUICK, "write": faults, "write_hour": hour_faults} | options
        return DeltaWarehouse(root.url, **options)

    return open_delta


@pytest.fixture
def delta(open_delta):
    """A warehouse with empty tables."""
    warehouse = open_delta()
    warehouse.tables.migrate()
    return warehouse


@pytest.fixture
def impatient(delta, open_delta):
    """The same warehouse, but each write is tried once."""
    return open_delta(retry=ONCE)


@pytest.fixture
def outside(root, delta):
    """Opens session_events as another writer does."""
    return lambda: root.open(SESSION_EVENTS)
