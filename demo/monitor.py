"""Asks every process and the ledger how they are, and remembers what the dead have told."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from classwaves_ingestor import metrics
from demo.broker import Broker
from demo.cast import Cast
from demo.gauge import Gauge
from demo.pod import Pod
from demo.reading import PodReading, Reading, State
from demo.scrape import Scrape, scrape

_EMITTED = "ingestor_publisher_emitted_total"
_SPOOLED = "ingestor_publisher_spool_events"
_ADOPTED = "ingestor_publisher_adopted_total"
_LATENCY = f"{metrics.EVENT_LATENCY.name}_bucket"
_BOUNDS = (*map(str, metrics.EVENT_LATENCY.bounds), "+Inf")


class Monitor:
    """Takes readings of one play.

    Args:
        cast: who is asked.
        broker: who is up or not.
        gauge: of the ledger.
    """

    def __init__(self, cast: Cast, broker: Broker, gauge: Gauge) -> None:
        self._cast = cast
        self._broker = broker
        self._gauge = gauge
        self._last: dict[int, Scrape] = {}
        self._ends: Counter[int] = Counter()

    def read(self) -> Reading:
        """How everything stands now. A counter's value outlives the process that counted."""
        ledger = self._gauge.ledger()
        cast = self._cast
        consumers, publishers = (
            self._ask(cast.consumers, _consumer),
            self._ask(cast.publishers, _publisher),
        )
        self._ends |= Counter(ledger.positions)
        for scraped in self._last.values():
            self._ends |= Counter(_partitions(scraped, metrics.END_OFFSET.name))
        return Reading(
            at=time.monotonic(),
            emitted=round(sum(scraped.value(_EMITTED) for scraped in self._last.values())),
            ends={partition: self._ends[partition] for partition in ledger.positions},
            ledger=ledger,
            latencies=[
                sum(
                    scraped.samples.get(_LATENCY, {}).get(bound, 0)
                    for scraped in self._last.values()
                )
                for bound in _BOUNDS
            ],
            consumers=consumers,
            publishers=publishers,
            plain=[PodReading(pod.name, pod.pid, _state(pod, State.RUNNING)) for pod in cast.plain],
            broker_up=self._broker.up,
        )

    def _ask(
        self, pods: Sequence[Pod], told: Callable[[Pod, Scrape], PodReading]
    ) -> list[PodReading]:
        readings = []
        for pod in pods:
            pid = pod.pid
            scraped = scrape(pod.port) if pid is not None and pod.port is not None else None
            if pid is None or scraped is None:
                readings.append(PodReading(pod.name, pid, _state(pod, State.SILENT)))
            else:
                self._last[pid] = scraped
                readings.append(told(pod, scraped))
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
