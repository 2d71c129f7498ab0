-- Delete files that no version within the table's retention has.
VACUUM $table
