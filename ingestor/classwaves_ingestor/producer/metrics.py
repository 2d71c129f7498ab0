"""The metrics of a publisher; docs/publisher.md has the same list.

They bypass `classwaves_runtime.metrics.Meters`: `emit` is fast, so labels are looked up only once.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric as PrometheusMetric
from prometheus_client.registry import Collector

from classwaves_ingestor.producer.draft import Draft
from classwaves_ingestor.producer.errors import PublisherError
from classwaves_runtime.metrics import Kind, Metric, counter, gauge, histogram
from classwaves_schemas.envelope import EventType

_PREFIX = "ingestor_publisher_"
_DURATIONS = (25e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 5e-3, 25e-3, 0.1, 0.5, 2.5)

PUBLISHER: Sequence[Metric] = (
    counter(f"{_PREFIX}emitted_total", "Events that emit has accepted.", "event_type"),
    counter(
        f"{_PREFIX}rejected_total",
        "Events that emit refused, by the error that it raised.",
        "error",
    ),
    counter(
        f"{_PREFIX}dropped_fields_total",
        "Dropped fields, by the declared path of the field or its parent.",
        "path",
    ),
    counter(f"{_PREFIX}delivered_total", "Events that all in-sync replicas have."),
    counter(
        f"{_PREFIX}failed_total",
        "Deliveries that failed; the spool sends durable events again.",
        "reason",
    ),
    counter(f"{_PREFIX}adopted_total", "Events adopted from processes that ended."),
    counter(
        f"{_PREFIX}corrupt_spools_total",
        "Damaged spools that were set aside, or copied aside.",
    ),
    gauge(f"{_PREFIX}spool_events", "Events that wait in the spools of this process."),
    gauge(f"{_PREFIX}spool_bytes", "Bytes of the events that wait."),
    gauge(f"{_PREFIX}oldest_event_age_seconds", "Age of the oldest waiting event; 0 without any."),
    gauge(
        f"{_PREFIX}left_spools",
        "Spools that this process does not send: it cannot adopt them for now, Kafka refused "
        "their events, or these belong to another topic or cluster.",
    ),
    histogram(f"{_PREFIX}emit_duration_seconds", "Duration of a call of emit.", _DURATIONS),
)
_of_registry: "WeakKeyDictionary[CollectorRegistry, PublisherMetrics]" = WeakKeyDictionary()


class Waiting(NamedTuple):
    """The waiting events of one publisher.

    Args:
        events: number of events in its spools.
        size: bytes of these events.
        age: seconds since the oldest was minted.
        left: number of skipped spools.
    """

    events: int
    size: int
    age: float
    left: int


class PublisherMetrics:
    """The publisher's metrics in one registry.

    A signal handler may interrupt a metric in its lock, and emit. So only `count` changes a
    counter or the histogram; the other methods leave the change to it.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._uncounted: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        registry.register(_CountFirst(self))
        self._metrics: dict[str, Any] = {
            each.name.removeprefix(_PREFIX): _register(each, registry) for each in PUBLISHER
        }
        self._waiting: dict[object, Waiting] = {}
        self._duration = self._metrics["emit_duration_seconds"].observe
        self._emitted: dict[str, Callable[[], None]] = {
            each: self._metrics["emitted_total"].labels(each).inc for each in EventType
        }

    @classmethod
    def of(cls, registry: CollectorRegistry) -> "PublisherMetrics":
        """The metrics of a registry, shared by all publishers of the process."""
        found = _of_registry.get(registry)
        if found is None:
            found = _of_registry[registry] = cls(registry)
        return found

    def emitted(self, draft: Draft, seconds: float) -> None:
        """Count an accepted event and the duration of the call."""
        self._uncounted.append((self._count_emitted, (draft.event_type, seconds, draft.dropped)))

    def rejected(self, error: PublisherError) -> None:
        """Count an error of emit."""
        self._count_later("rejected_total", 1, type(error).__name__)

    def delivered(self, events: int) -> None:
        """Count acknowledged events."""
        self._count_later("delivered_total", events)

    def failed(self, reason: str, events: int) -> None:
        """Count refused events."""
        self._count_later("failed_total", events, reason)

    def adopted(self, events: int) -> None:
        """Count adopted events."""
        self._count_later("adopted_total", events)

    def corrupt(self) -> None:
        """Count a damaged spool."""
        self._count_later("corrupt_spools_total", 1)

    def count(self) -> None:
        """Count what the other methods left; a scrape calls it first. Not for a signal handler."""
        with suppress(IndexError):
            while True:
                function, arguments = self._uncounted.popleft()
                function(*arguments)

    def spools_waiting(self, publisher: object, waiting: Waiting) -> None:
        """Set the waiting events of a publisher."""
        self._waiting[publisher] = waiting
        self._sum_up()

    def closed(self, publisher: object) -> None:
        """Remove a closed publisher from the gauges."""
        self._waiting.pop(publisher, None)
        self._sum_up()

    def after_fork_in_child(self, publisher: object) -> None:
        """Remove a publisher that belongs to the parent process, without waiting for any lock."""
        self._waiting.pop(publisher, None)
        self._uncounted.clear()

    def _count_later(self, name: str, number: int, *labels: str) -> None:
        self._uncounted.append((self._increment, (name, number, labels)))

    def _increment(self, name: str, number: int, labels: tuple[str, ...]) -> None:
        metric = self._metrics[name]
        (metric.labels(*labels) if labels else metric).inc(number)

    def _count_emitted(
        self, event_type: str, seconds: float, dropped_fields: Mapping[str, int]
    ) -> None:
        self._emitted[event_type]()
        self._duration(seconds)
        for path, fields in dropped_fields.items():
            self._increment("dropped_fields_total", fields, (path,))

    def _sum_up(self) -> None:
        all_ = list(
            self._waiting.values()
        )  # one atomic step: other publishers' threads call this too
        self._metrics["spool_events"].set(sum(each.events for each in all_))
        self._metrics["spool_bytes"].set(sum(each.size for each in all_))
        self._metrics["oldest_event_age_seconds"].set(max((each.age for each in all_), default=0.0))
        self._metrics["left_spools"].set(sum(each.left for each in all_))


class _CountFirst(Collector):
    """Counts at the start of each scrape."""

    def __init__(self, metrics: PublisherMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Sequence[PrometheusMetric]:
        self._metrics.count()
        return ()

    def describe(self) -> Sequence[PrometheusMetric]:
        return ()


# Of worker processes with PROMETHEUS_MULTIPROC_DIR only the living count: a killed worker's events
# are adopted by another one, which counts them too.
_ACROSS_PROCESSES: Mapping[str, Literal["livesum", "livemax"]] = {
    f"{_PREFIX}spool_events": "livesum",
    f"{_PREFIX}spool_bytes": "livesum",
    f"{_PREFIX}oldest_event_age_seconds": "livemax",
    f"{_PREFIX}left_spools": "livesum",
}


def _register(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    match metric.kind:
        case Kind.COUNTER:
            return Counter(metric.name, metric.help, metric.labels, registry=registry)
        case Kind.GAUGE:
            return Gauge(
                metric.name,
                metric.help,
                metric.labels,
                registry=registry,
                multiprocess_mode=_ACROSS_PROCESSES[metric.name],
            )
        case Kind.HISTOGRAM:
            return Histogram(
                metric.name, metric.help, metric.labels, registry=registry, buckets=metric.bounds
            )
