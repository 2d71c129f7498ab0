import tempfile

import pytest
from deltalake import DeltaTable
from hypothesis import settings

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.delta.root import Root
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from tests.support.delta_faults import QUICK, FaultyWrites
from tests.support.warehouse_machine import WarehouseMachine


class DeltaMachine(WarehouseMachine):
    def open(self):
        self.folder = tempfile.TemporaryDirectory()
        self.patches = pytest.MonkeyPatch()
        self.writes = FaultyWrites(self.patches)
        warehouse = DeltaWarehouse(self.folder.name, capacity=6, backoff=QUICK)
        warehouse.tables.migrate()
        return warehouse

    def fail_next_commit(self, moment):
        self.writes.due = [moment]

    def disturb(self, choice):
        table = DeltaTable(Root(self.folder.name).of(SESSION_EVENTS))
        if choice == 0:
            table.optimize.compact()
        elif choice == 1:
            table.create_checkpoint()
        elif choice == 2:
            table.delete("id = 'nobody'")
        else:
            table.alter.set_table_properties({"delta.appendOnly": "false"})

    def teardown(self):
        super().teardown()
        self.patches.undo()
        self.folder.cleanup()


TestDeltaMachine = DeltaMachine.TestCase
TestDeltaMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
