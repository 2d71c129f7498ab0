import os

from classwaves_ingestor.settings import IngestorSettings
from classwaves_runtime import failpoints
from classwaves_runtime.settings import log_start
from classwaves_runtime.signals import stop_event
from classwaves_warehouse.open import open_warehouse


def run() -> None:
    """Consume until SIGTERM or SIGINT, then commit and leave; a second signal ends at once."""
    # Only this command needs the pipeline; the others start faster without the import.
    from classwaves_ingestor.consumer.process import run as consume  # noqa: PLC0415

    settings = IngestorSettings.from_environment(os.environ)
    log_start("ingestor run", settings)
    open_warehouse(settings.warehouse)  # imports the adapter, which has fail points too
    failpoints.arm(os.environ)
    consume(settings, stop_event())
