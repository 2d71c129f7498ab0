"""Delta tables in a Databricks catalog, read and written by a SQL warehouse.

A SQL warehouse has no commit over two tables. An append inserts rows by a MERGE on their
identity, and then updates positions by a MERGE that compares them with the expected ones. Both
statements may be repeated: a successor of a failed consumer repeats them
(docs/decisions/0008-rows-by-merge-then-positions.md).
"""
