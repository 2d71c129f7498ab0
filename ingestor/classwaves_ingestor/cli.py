"""The command line of the write path."""

import typer

from classwaves_ingestor.commands.dead_letters import release
from classwaves_ingestor.commands.partitions import acknowledge
from classwaves_ingestor.commands.run import run
from classwaves_ingestor.commands.status import status
from classwaves_ingestor.commands.tables import check, ddl, migrate
from classwaves_ingestor.commands.topics import accept, create
from classwaves_ingestor.commands.upkeep import upkeep
from classwaves_ingestor.commands.verify import verify
from classwaves_ingestor.settings import IngestorSettings, StreamSettings, TopicSettings
from classwaves_runtime.command_line import add_command, command_line
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.settings import WarehouseSettings

app = command_line("Session events from Kafka into a Delta table, exactly once.")
topics = typer.Typer(
    help="The topics of events, dead letters and the broker's clock.", no_args_is_help=True
)
partitions = typer.Typer(help="Partitions with losses.", no_args_is_help=True)
dead_letters = typer.Typer(help="Messages that cannot be decoded.", no_args_is_help=True)
tables = typer.Typer(help="The analytics tables.", no_args_is_help=True)

add_command(app, run, IngestorSettings, DatabricksSettings)
add_command(app, verify, StreamSettings, DatabricksSettings)
add_command(app, status, StreamSettings, DatabricksSettings)
add_command(app, upkeep, WarehouseSettings, DatabricksSettings)
add_command(topics, create, TopicSettings)
add_command(topics, accept, StreamSettings, DatabricksSettings)
add_command(partitions, acknowledge, StreamSettings, DatabricksSettings)
add_command(dead_letters, release, StreamSettings, DatabricksSettings)
add_command(tables, check, WarehouseSettings, DatabricksSettings)
add_command(tables, migrate, WarehouseSettings, DatabricksSettings)
add_command(tables, ddl)
app.add_typer(topics, name="topics")
app.add_typer(partitions, name="partitions")
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(tables, name="tables")
