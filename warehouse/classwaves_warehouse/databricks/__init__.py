"""Delta tables that a Databricks SQL warehouse reads and writes for us, by databricks-sql-connector.

A warehouse of statements has no commit that holds rows and positions at once. Rows are added by a MERGE on their
identity, which may be repeated by anybody at any time; then positions move by a MERGE that compares them. Whoever
dies, or hears nothing, in between is followed by somebody who repeats both
(docs/decisions/0008-rows-by-merge-then-positions.md).
"""
