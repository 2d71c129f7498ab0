"""What a process tells of itself: its /metrics and its /readyz, as Prometheus and Kubernetes ask for them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from prometheus_client.parser import text_string_to_metric_families

_SECONDS = 0.5

Samples = Mapping[str, Mapping[str, float]]
"""Name of a sample → value of its label, or "" without one → value."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """One answer.

    Args:
        samples: of all its metrics, none of which has more than one label.
        unready: why it is not ready; empty if it is.
    """

    samples: Samples
    unready: Mapping[str, str]

    def value(self, name: str) -> float:
        """The value of a metric, summed over its label; 0 if it has none yet."""
        return sum(self.samples.get(name, {}).values())


def scrape(port: int) -> Scrape | None:
    """What the process on this port of loopback tells; None if it does not answer at once."""
    try:
        return Scrape(parsed(_get(port, "/metrics")), json.loads(_get(port, "/readyz"))["reasons"])
    except (OSError, HTTPException):
        return None


def parsed(text: str) -> Samples:
    """The samples of a page of metrics."""
    samples: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, {})["".join(sample.labels.values())] = sample.value
    return samples


def _get(port: int, path: str) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
