"""What a publisher counts. The catalogue is the one place where a metric is named; docs/publisher.md lists the same."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from classwaves_schemas.envelope import EventType
from ingestor.producer.draft import Draft
from ingestor.producer.errors import PublisherError


class Metric(NamedTuple):
    """One metric: `kind` is Prometheus's."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()


CATALOGUE = (
    Metric("ingestor_publisher_emitted_total", "counter", "Events that emit has taken.", ("event_type",)),
    Metric("ingestor_publisher_rejected_total", "counter", "Events that emit refused by raising an error.", ("error",)),
    Metric("ingestor_publisher_dropped_fields_total", "counter", "Fields left out, by declared path.", ("path",)),
    Metric("ingestor_publisher_delivered_total", "counter", "Events that all replicas have."),
    Metric(
        "ingestor_publisher_failed_total",
        "counter",
        "Deliveries that Kafka refused: tried again from the spool, lost if the event was not durable.",
        ("reason",),
    ),
    Metric("ingestor_publisher_adopted_total", "counter", "Events taken over from processes that died."),
    Metric("ingestor_publisher_corrupt_spools_total", "counter", "Spools that were damaged and set aside."),
    Metric("ingestor_publisher_spool_events", "gauge", "Events that wait in the spools for Kafka."),
    Metric("ingestor_publisher_spool_bytes", "gauge", "Bytes of these events."),
    Metric("ingestor_publisher_oldest_event_age_seconds", "gauge", "Since when the oldest event waits; 0 if none."),
    Metric("ingestor_publisher_emit_duration_seconds", "histogram", "How long emit held its caller."),
)
_PREFIX = "ingestor_publisher_"
_DURATIONS = (25e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 5e-3, 25e-3, 0.1, 0.5, 2.5)
_KINDS: dict[str, Callable[..., Any]] = {
    "counter": Counter,
    "gauge": Gauge,
    "histogram": partial(Histogram, buckets=_DURATIONS),
}
_of_registry: "WeakKeyDictionary[CollectorRegistry, PublisherMetrics]" = WeakKeyDictionary()


class PublisherMetrics:
    """The metrics of the catalogue, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._metrics: dict[str, Any] = {
            each.name.removeprefix(_PREFIX): _KINDS[each.kind](each.name, each.meaning, each.labels, registry=registry)
            for each in CATALOGUE
        }
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

    def backlog(self, events: int, size: int, age: float) -> None:
        """What waits: how many events, their bytes, and the age of the oldest in seconds."""
        self._metrics["spool_events"].set(events)
        self._metrics["spool_bytes"].set(size)
        self._metrics["oldest_event_age_seconds"].set(age)
