"""The command line of the read side."""

from classwaves_analytics.commands.hours import hours
from classwaves_analytics.commands.timeline import timeline
from classwaves_runtime.command_line import add_command, command_line
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.settings import WarehouseSettings

app = command_line("Query the analytics tables.")

for command in (timeline, hours):
    add_command(app, command, WarehouseSettings, DatabricksSettings)
