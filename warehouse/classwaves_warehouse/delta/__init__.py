"""The warehouse as Delta tables in a folder or an object store, through delta-rs and DuckDB."""
