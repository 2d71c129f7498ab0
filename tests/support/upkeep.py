"""Maintenance of a Delta table during writes: `python -m tests.support.upkeep TABLE SESSION_ID`.

Compacts, deletes a session, vacuums, writes checkpoints and removes old log entries, in a loop. A
commit that loses against a writer is repeated in the next round.
"""

import sys

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError


def run_once(table: str, session_id: str) -> None:
    """Run every step once."""
    handle = DeltaTable(table)
    handle.alter.set_table_properties({"delta.logRetentionDuration": "interval 1 seconds"})
    handle.optimize.compact()
    handle.delete(f"session_id = '{session_id}'")
    handle.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    handle.create_checkpoint()
    handle.cleanup_metadata()


def main(table: str, session_id: str) -> None:
    """Repeat until the process is killed."""
    while True:
        try:
            run_once(table, session_id)
        except CommitFailedError as conflict:
            print(f"lost to a writer: {conflict}", flush=True)  # noqa: T201
        else:
            print("done", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
