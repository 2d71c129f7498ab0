"""The warehouse: one interface, and an adapter for each kind of place where tables are stored.

`interface` defines what a warehouse does. `memory` keeps tables in one process, `delta` in a folder
or an object store, `databricks` in a SQL warehouse. All adapters pass one behaviour suite.
"""
