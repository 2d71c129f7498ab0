import os

from classwaves_ingestor.settings import IngestorSettings
from classwaves_runtime import failpoints
from classwaves_runtime.signals import stop_event


def run() -> None:
    """Consume until SIGTERM or SIGINT, then store what has been taken and leave; a second signal ends it at once."""
    # The pipeline is imported here, since every other command starts faster without it.
    from classwaves_ingestor.consumer.run import run as consume  # noqa: PLC0415

    settings = IngestorSettings.from_environment(os.environ)
    failpoints.arm(os.environ)
    consume(settings, stop_event())
