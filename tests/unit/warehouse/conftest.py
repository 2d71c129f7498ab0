import pytest

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.delta.root import Root
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from tests.support.delta_faults import QUICK, FaultyWrites


@pytest.fixture
def root(tmp_path):
    return Root(str(tmp_path))


@pytest.fixture
def delta(root):
    """An empty embedded warehouse."""
    warehouse = DeltaWarehouse(root.url, backoff=QUICK)
    warehouse.tables.migrate()
    return warehouse


@pytest.fixture
def outside(root, delta):
    """Opens session_events as a stranger would."""
    return lambda: root.open(SESSION_EVENTS)


@pytest.fixture
def faults(monkeypatch):
    return FaultyWrites(monkeypatch)
