import shutil

import pytest
from deltalake import DeltaTable

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.writer import write
from classwaves_warehouse.errors import TableMissing, WarehouseUnavailable
from tests.support.rows import event, table


@pytest.fixture
def opened(monkeypatch):
    """The tables that were opened."""
    opened = []
    open_ = Root.open

    def spy(root, table):
        opened.append(table.name)
        return open_(root, table)

    monkeypatch.setattr(Root, "open", spy)
    return opened


def test_the_table_is_opened_once_and_each_call_sees_the_latest_version(delta, outside, opened):
    handle = outside()
    opened.clear()
    for number in range(3):
        write(handle, table(event(str(number))), {}, "t")
        assert delta.events.size().rows == number + 1
    assert opened == ["session_events"]


def test_a_table_that_cannot_be_updated_is_opened_again(delta, root, opened, monkeypatch):
    def fail(_):
        raise OSError("the store did not answer")

    assert delta.events.size().rows == 0
    monkeypatch.setattr(DeltaTable, "update_incremental", fail)
    assert delta.events.size().rows == 0
    assert len(opened) == 2
    shutil.rmtree(root.url_of(SESSION_EVENTS))
    with pytest.raises(TableMissing):
        delta.events.size()
    monkeypatch.undo()
    with pytest.raises((TableMissing, WarehouseUnavailable)):
        delta.events.size()
