"""The command line of the rollup."""

from classwaves_rollup.commands.backfill import backfill
from classwaves_rollup.commands.once import once
from classwaves_rollup.commands.run import run
from classwaves_rollup.commands.status import status
from classwaves_rollup.settings import RollupSettings, WorkerSettings
from classwaves_runtime.command_line import add_command, command_line
from classwaves_warehouse.databricks.settings import DatabricksSettings

app = command_line("Compute dashboard_metrics_hourly from session events and other sources.")

add_command(app, run, WorkerSettings, DatabricksSettings)
for command in (once, backfill, status):
    add_command(app, command, RollupSettings, DatabricksSettings)
