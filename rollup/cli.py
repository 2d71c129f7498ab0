"""The command line of the rollup."""

from rollup.commands.backfill import backfill
from rollup.commands.once import once
from rollup.commands.run import run
from rollup.commands.status import status
from service.command_line import command_line
from service.exits import one_line_errors

app = command_line("dashboard_metrics_hourly, from session events and what else there is.")

for command in (run, once, backfill, status):
    app.command()(one_line_errors()(command))
