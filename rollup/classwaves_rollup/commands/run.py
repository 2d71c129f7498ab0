import os

from classwaves_rollup.settings import WorkerSettings
from classwaves_runtime import failpoints
from classwaves_runtime.settings import log_start
from classwaves_runtime.signals import stop_event
from classwaves_warehouse.open import open_warehouse


def run() -> None:
    """Compute each hour at minute 5 of the next one, and again when data arrives late.

    Runs until SIGTERM or SIGINT.
    """
    # Imported here: the other commands start faster without the worker.
    from classwaves_rollup.worker import run_worker  # noqa: PLC0415

    settings = WorkerSettings.from_environment(os.environ)
    log_start("rollup run", settings)
    open_warehouse(settings.warehouse)  # imports the adapter, which has fail points too
    failpoints.arm(os.environ)
    run_worker(settings, stop_event())
