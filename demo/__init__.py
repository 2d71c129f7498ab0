"""The demo: school days from producers through a broker into a table, with a proof at the end."""
