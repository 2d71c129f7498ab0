-- Compact small files; no row changes.
OPTIMIZE $table$order
