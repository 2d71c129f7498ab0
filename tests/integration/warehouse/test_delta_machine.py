import tempfile

from deltalake import DeltaTable
from hypothesis import settings

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.delta.writer import write
from classwaves_warehouse.settings import DedupLimits
from tests.support.delta_faults import QUICK, FaultyWrite
from tests.support.warehouse_machine import WarehouseMachine


class DeltaMachine(WarehouseMachine):
    def open(self):
        self.folder = tempfile.TemporaryDirectory()
        self.write = FaultyWrite(write)
        warehouse = DeltaWarehouse(
            self.folder.name,
            dedup=DedupLimits(identities=9, in_memory=2),
            retry=QUICK,
            write=self.write,
        )
        warehouse.tables.migrate()
        return warehouse

    def fail_next_commit(self, moment):
        self.write.due = [moment]

    def disturb(self, choice):
        table = DeltaTable(Root(self.folder.name).url_of(SESSION_EVENTS))
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
        self.folder.cleanup()


TestDeltaMachine = DeltaMachine.TestCase
TestDeltaMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
