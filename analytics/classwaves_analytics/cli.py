"""The command line of the read side."""

from classwaves_analytics.commands.timeline import timeline
from classwaves_runtime.command_line import command_line
from classwaves_runtime.exits import one_line_errors

app = command_line("Query the analytics tables.")

app.command()(one_line_errors()(timeline))
