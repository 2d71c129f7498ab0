"""What a publisher counts; docs/publisher.md lists the same.

Not kept by `service.metrics.Meters`: on emit's path each microsecond counts, so labels are looked up once.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from classwaves_ingestor.producer.draft import Draft
from classwaves_ingestor.producer.errors import PublisherError
from classwaves_runtime.metrics import Kind, Metric, counter, gauge, histogram
from classwaves_schemas.envelope import EventType

_PREFIX = "ingestor_publisher_"
_DURATIONS = (25e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 5e-3, 25e-3, 0.1, 0.5, 2.5)

PUBLISHER: Sequence[Metric] = (
    counter(f"{_PREFIX}emitted_total", "Events that emit has taken.", "event_type"),
    counter(
        f"{_PREFIX}rejected_total",
        "Events that emit refused, by the error that it raised.",
        "error",
    ),
    counter(
        f"{_PREFIX}dropped_fields_total",
        "Fields left out, by the declared path of the field or its parent.",
        "path",
    ),
    counter(f"{_PREFIX}delivered_total", "Events that all replicas have."),
    counter(
        f"{_PREFIX}failed_total",
        "Deliveries that Kafka refused; the spool sends durable events again.",
        "reason",
    ),
    counter(f"{_PREFIX}adopted_total", "Events taken over from processes that ended."),
    counter(
        f"{_PREFIX}corrupt_spools_total",
        "Spools that were damaged; they were set aside, or a copy of them.",
    ),
    gauge(f"{_PREFIX}spool_events", "Events that wait in the spools of this process."),
    gauge(f"{_PREFIX}spool_bytes", "Bytes of the events that wait."),
    gauge(
        f"{_PREFIX}oldest_event_age_seconds", "For how long the oldest event waits; 0 if none does."
    ),
    gauge(
        f"{_PREFIX}left_spools",
        "Spools that this process does not send: it cannot take them over for now, or Kafka refused what is in them.",
    ),
    histogram(f"{_PREFIX}emit_duration_seconds", "For how long emit held its caller.", _DURATIONS),
)
_of_registry: "WeakKeyDictionary[CollectorRegistry, PublisherMetrics]" = WeakKeyDictionary()


class Waiting(NamedTuple):
    """What waits with one publisher.

    Args:
        events: in its spools.
        size: their bytes.
        age: of the oldest, in seconds.
        left: how many spools it leaves as they are.
    """

    events: int
    size: int
    age: float
    left: int


class PublisherMetrics:
    """The metrics of the catalogue, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._metrics: dict[str, Any] = {
            each.name.removeprefix(_PREFIX): _kept(each, registry) for each in PUBLISHER
        }
        self._waiting: dict[object, Waiting] = {}
        self._delivered = self._metrics["delivered_total"].inc
        self._duration = self._metrics["emit_duration_seconds"].observe
        self._emitted: dict[str, Callable[[], None]] = {
            each: self._metrics["emitted_total"].labels(each).inc for each in EventType
        }

    @classmethod
    def of(cls, registry: CollectorRegistry) -> "PublisherMetrics":
        """Those of this registry: a second publisher of the process counts in the same."""
        found = _of_registry.get(registry)
        if found is None:
            found = _of_registry[registry] = cls(registry)
        return found

    def emitted(self, draft: Draft, seconds: float) -> None:
        """Emit took an event and held its caller for so long."""
        self._emitted[draft.event_type]()
        self._duration(seconds)
        for path, fields in draft.dropped.items():
            self._metrics["dropped_fields_total"].labels(path).inc(fields)

    def rejected(self, error: PublisherError) -> None:
        """Emit raised this."""
        self._metrics["rejected_total"].labels(type(error).__name__).inc()

    def delivered(self, events: int) -> None:
        """Kafka has these."""
        self._delivered(events)

    def failed(self, reason: str, events: int) -> None:
        """Kafka refused these."""
        self._metrics["failed_total"].labels(reason).inc(events)

    def adopted(self, events: int) -> None:
        """Taken over from the dead."""
        self._metrics["adopted_total"].inc(events)

    def corrupt(self) -> None:
        """A damaged spool was met."""
        self._metrics["corrupt_spools_total"].inc()

    def backlog(self, publisher: object, waiting: Waiting) -> None:
        """What waits with this publisher now."""
        self._waiting[publisher] = waiting
        self._sum_up()

    def closed(self, publisher: object) -> None:
        """Nothing waits with it any more, but in its files."""
        self._waiting.pop(publisher, None)
        self._sum_up()

    def disown(self, publisher: object) -> None:
        """In a forked child, where no lock can be waited for: what waits with it is the parent's."""
        self._waiting.pop(publisher, None)

    def _sum_up(self) -> None:
        all_ = list(self._waiting.values())  # in one step: other publishers' threads come here too
        self._metrics["spool_events"].set(sum(each.events for each in all_))
        self._metrics["spool_bytes"].set(sum(each.size for each in all_))
        self._metrics["oldest_event_age_seconds"].set(max((each.age for each in all_), default=0.0))
        self._metrics["left_spools"].set(sum(each.left for each in all_))


def _kept(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    match metric.kind:
        case Kind.COUNTER:
            return Counter(metric.name, metric.help, metric.labels, registry=registry)
        case Kind.GAUGE:
            return Gauge(metric.name, metric.help, metric.labels, registry=registry)
        case Kind.HISTOGRAM:
            return Histogram(
                metric.name, metric.help, metric.labels, registry=registry, buckets=metric.bounds
            )
