"""The command line of the rollup."""

from classwaves_rollup.commands.backfill import backfill
from classwaves_rollup.commands.once import once
from classwaves_rollup.commands.run import run
from classwaves_rollup.commands.status import status
from classwaves_runtime.command_line import command_line
from classwaves_runtime.exits import one_line_errors

app = command_line("Compute dashboard_metrics_hourly from session events and other sources.")

for command in (run, once, backfill, status):
    app.command()(one_line_errors()(command))
