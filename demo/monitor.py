"""Collects readings from every process and from the ledger."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from prometheus_client.parser import text_string_to_metric_families

from classwaves_ingestor import metrics
from demo.freshness import FreshnessPoller
from demo.ledger_poller import LedgerPoller
from demo.processes import Broker, Pod, Processes
from demo.readings import PodReading, Reading, State

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
    """Scrape a process on loopback; None if it does not answer in time."""
    try:
        return Scrape(parsed(_get(port, "/metrics")), json.loads(_get(port, "/readyz"))["reasons"])
    except (OSError, HTTPException):
        return None


def parsed(text: str) -> Samples:
    """Parse a page of metrics."""
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


_EMITTED = "ingestor_publisher_emitted_total"
_SPOOLED = "ingestor_publisher_spool_events"
_ADOPTED = "ingestor_publisher_adopted_total"


class Monitor:
    """Takes readings of one run.

    Args:
        processes: to read from.
        broker: whose state is read.
        ledger_poller: of the ledger.
        freshness_poller: of the rows.
    """

    def __init__(
        self,
        processes: Processes,
        broker: Broker,
        ledger_poller: LedgerPoller,
        freshness_poller: FreshnessPoller,
    ) -> None:
        self._processes = processes
        self._broker = broker
        self._ledger_poller = ledger_poller
        self._freshness_poller = freshness_poller
        self._last: dict[int, Scrape] = {}
        self._ends: Counter[int] = Counter()

    def read(self) -> Reading:
        """Take a reading. Counters of ended processes remain in the sums."""
        ledger = self._ledger_poller.ledger()
        processes = self._processes
        consumers, publishers = (
            self._ask(processes.consumers, _consumer),
            self._ask(processes.publishers, _publisher),
        )
        self._ends |= Counter(ledger.positions)
        for scraped in self._last.values():
            self._ends |= Counter(_partitions(scraped, metrics.END_OFFSET.name))
        return Reading(
            at=time.monotonic(),
            emitted=round(sum(scraped.value(_EMITTED) for scraped in self._last.values())),
            ends={partition: self._ends[partition] for partition in ledger.positions},
            ledger=ledger,
            samples=self._freshness_poller.samples(),
            consumers=consumers,
            publishers=publishers,
            plain=[
                PodReading(pod.name, pod.pid, _state(pod, State.RUNNING)) for pod in processes.plain
            ],
            broker_up=self._broker.up,
        )

    def _ask(
        self, pods: Sequence[Pod], parse: Callable[[Pod, Scrape], PodReading]
    ) -> list[PodReading]:
        readings = []
        for pod in pods:
            pid = pod.pid
            scraped = scrape(pod.port) if pid is not None and pod.port is not None else None
            if pid is None or scraped is None:
                readings.append(PodReading(pod.name, pid, _state(pod, State.SILENT)))
            else:
                self._last[pid] = scraped
                readings.append(parse(pod, scraped))
        return readings


def _state(pod: Pod, running: State) -> State:
    if pod.ended:
        return State.DONE
    return running if pod.up else State.DOWN


def _consumer(pod: Pod, scraped: Scrape) -> PodReading:
    return PodReading(
        pod.name,
        pod.pid,
        State.WAITING if scraped.unready else State.READY,
        waits_for=[*scraped.unready],
        lags=_partitions(scraped, metrics.LAG.name),
    )


def _partitions(scraped: Scrape, name: str) -> dict[int, int]:
    return {
        int(partition): round(value) for partition, value in scraped.samples.get(name, {}).items()
    }


def _publisher(pod: Pod, scraped: Scrape) -> PodReading:
    return PodReading(
        pod.name,
        pod.pid,
        State.WAITING if scraped.unready else State.READY,
        waits_for=[*scraped.unready],
        spooled=round(scraped.value(_SPOOLED)),
        adopted=round(scraped.value(_ADOPTED)),
    )
