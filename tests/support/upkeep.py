"""What others do to a Delta table while it is written: `python -m tests.support.upkeep TABLE SESSION_ID`.

Compacts, deletes a session, takes away files that are no longer needed, writes checkpoints and drops old log entries,
in turn and without end. A commit of ours may win over one of theirs; theirs is tried again in the next turn.
"""

import sys

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError


def turn(table: str, session_id: str) -> None:
    """Do everything once."""
    handle = DeltaTable(table)
    handle.alter.set_table_properties({"delta.logRetentionDuration": "interval 1 seconds"})
    handle.optimize.compact()
    handle.delete(f"session_id = '{session_id}'")
    handle.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    handle.create_checkpoint()
    handle.cleanup_metadata()


def main(table: str, session_id: str) -> None:
    """Go on until somebody ends the process."""
    while True:
        try:
            turn(table, session_id)
        except CommitFailedError as conflict:
            print(f"lost to a writer: {conflict}", flush=True)  # noqa: T201
        else:
            print("done", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
