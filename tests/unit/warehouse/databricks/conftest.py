import pytest

from classwaves_warehouse.databricks.ledger import DatabricksLedger
from classwaves_warehouse.databricks.patience import Patience
from tests.support.memory_books import MemoryBooks, Tables
from tests.support.rows import STREAM


@pytest.fixture
def tables():
    return Tables()


@pytest.fixture
def new_ledger(tables):
    """A ledger on the shared tables, as a process that starts would have it."""

    def make(attempts=8):
        patience = Patience(sleep=lambda _: None, attempts=attempts)
        return DatabricksLedger(MemoryBooks(tables, STREAM), STREAM, lambda: None, patience)

    return make
