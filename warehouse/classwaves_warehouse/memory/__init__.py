"""The warehouse in the memory of one process, for tests of code that uses a warehouse."""
