"""Delta tables in a folder or an object store, read and written by this process alone.

The ledger stands on three properties of Delta's log: a commit may carry transactions (app id → version); a commit
fails if another one has written one of its app ids since the state that its handle holds; and a handle's state moves
forward by its own commits. So whoever compares positions and commits through one handle, with nothing in between, has
an atomic compare-and-swap (docs/decisions/0003-the-ledger-lives-in-the-delta-log.md).
"""
