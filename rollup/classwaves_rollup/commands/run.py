import os

from classwaves_rollup.settings import WorkerSettings
from classwaves_runtime import failpoints
from classwaves_runtime.signals import stop_event


def run() -> None:
    """Compute each hour at minute 5 of the next one, and again what came late, until SIGTERM or SIGINT."""
    # The worker is imported here, since every other command starts faster without it.
    from classwaves_rollup.process import run as work  # noqa: PLC0415

    settings = WorkerSettings.from_environment(os.environ)
    failpoints.arm(os.environ)
    work(settings, stop_event())
