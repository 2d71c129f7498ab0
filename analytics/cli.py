"""The command line of the read side."""

from analytics.commands.timeline import timeline
from service.command_line import command_line
from service.exits import one_line_errors

app = command_line("Answers from the analytics tables.")

app.command()(one_line_errors()(timeline))
