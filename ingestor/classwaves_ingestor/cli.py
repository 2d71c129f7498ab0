"""The command line of the write path."""

import typer

from classwaves_ingestor.commands.run import run
from classwaves_ingestor.commands.status import status
from classwaves_ingestor.commands.tables import check, ddl, migrate
from classwaves_ingestor.commands.topics import accept, create
from classwaves_ingestor.commands.verify import verify
from classwaves_runtime.command_line import command_line
from classwaves_runtime.exits import one_line_errors

app = command_line("Session events from Kafka into a Delta table, exactly once.")
topics = typer.Typer(help="The topics of session events and of dead letters.", no_args_is_help=True)
tables = typer.Typer(help="The analytics tables.", no_args_is_help=True)


for command in (run, verify, status):
    app.command()(one_line_errors()(command))
for command in (create, accept):
    topics.command()(one_line_errors()(command))
for command in (check, migrate, ddl):
    tables.command()(one_line_errors()(command))
app.add_typer(topics, name="topics")
app.add_typer(tables, name="tables")
