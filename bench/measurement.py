"""The conditions of a measurement, and the file that keeps its results."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

_LIBRARIES = ("confluent-kafka", "deltalake", "msgspec", "pyarrow")
_RESULTS = Path(__file__).with_name("results")


def conditions() -> dict[str, str]:
    """Return the machine, its load and the library versions, as they are now."""
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "processor": f"{os.cpu_count()} x {_processor()}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def record(name: str, conditions: Mapping[str, str], figures: Mapping[str, Any]) -> None:
    """Write the latest results of a benchmark; version control keeps the earlier ones.

    Args:
        name: of the benchmark, and of its JSON file in `bench/results`.
        conditions: of the measurement.
        figures: what was measured.
    """
    _RESULTS.mkdir(exist_ok=True)
    document = {"conditions": conditions, **figures}
    (_RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")


def peak_bytes(pid: int) -> int | None:
    """Return the peak resident memory of a process; None if the system does not report it."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _processor() -> str:
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )
