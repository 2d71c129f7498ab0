"""Delta tables that misbehave as object stores do: a commit fails, or it lands and an error is reported."""

from deltalake import DeltaTable

from classwaves_warehouse.delta import ledger as ledger_module
from classwaves_warehouse.delta.backoff import Backoff
from classwaves_warehouse.delta.writer import write

QUICK = Backoff(attempts=20, first=0.001, longest=0.01)


class FaultyWrites:
    """Stands in for the ledger's `write`, which it calls; raises at the moments that are due, one a commit."""

    def __init__(self, monkeypatch) -> None:
        self.due: list[str] = []
        monkeypatch.setattr(ledger_module, "write", self)

    def __call__(self, handle, *rest) -> None:
        moment = self.due.pop(0) if self.due else None
        if moment == "before":
            raise OSError("the store did not answer")
        if moment == "after":
            # As when an answer is lost on its way: the table has moved, the handle has not.
            write(DeltaTable(handle.table_uri, version=handle.version()), *rest)
            raise OSError("the store did not say whether it was done")
        write(handle, *rest)
