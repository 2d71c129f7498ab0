"""The warehouse: one port, and an adapter for each place where the tables may live.

`port` says what a warehouse must do, `memory` does it in a process, `delta` on a folder or an object store,
`databricks` at a SQL warehouse.
Every adapter passes the same behaviour suite (tests/support/warehouse_behaviour.py).
"""
