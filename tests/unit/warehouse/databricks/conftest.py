import pytest

from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.databricks.ledger import DatabricksLedger
from tests.support.memory_ledger_tables import MemoryLedgerTables, StoredTables
from tests.support.rows import STREAM


@pytest.fixture
def tables():
    return StoredTables()


@pytest.fixture
def new_ledger(tables):
    """Makes a ledger on the shared tables, as a new process would have it."""

    def make(attempts=8, ledger_tables=MemoryLedgerTables, check=lambda: None):
        retry = RetryPolicy(sleep=lambda _: None, attempts=attempts)
        return DatabricksLedger(ledger_tables(tables, STREAM), STREAM, check, retry)

    return make
