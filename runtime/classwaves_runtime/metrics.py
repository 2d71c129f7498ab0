"""Metrics: a catalogue declares them, and `Meters` keeps their values in a Prometheus registry.

    COMMITS = counter("ingestor_commits_total", "Commits that landed.")
    meters = Meters([COMMITS], registry)
    meters.count(COMMITS)

`page` renders a catalogue as documentation. Names follow Prometheus: base units, and counters end
in _total. No label may have a value per user, session or school.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class Kind(StrEnum):
    """The type of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """A declared metric.

    Args:
        bounds: a histogram's upper bounds, ascending, without +Inf.
    """

    kind: Kind
    name: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


def counter(name: str, help_: str, *labels: str) -> Metric:
    """Declare a counter; its name ends in _total."""
    return Metric(Kind.COUNTER, name, help_, labels)


def gauge(name: str, help_: str, *labels: str) -> Metric:
    """Declare a gauge."""
    return Metric(Kind.GAUGE, name, help_, labels)


def histogram(name: str, help_: str, bounds: Sequence[float]) -> Metric:
    """Declare a histogram with these upper bounds."""
    return Metric(Kind.HISTOGRAM, name, help_, bounds=tuple(bounds))


class Meters:
    """The values of the metrics of a catalogue. Thread-safe.

    Args:
        catalogue: the declared metrics.
        registry: collects them for a scrape.
    """

    def __init__(self, catalogue: Iterable[Metric], registry: CollectorRegistry) -> None:
        self._counters: dict[Metric, Counter] = {}
        self._gauges: dict[Metric, Gauge] = {}
        self._histograms: dict[Metric, _Histogram] = {}
        for metric in catalogue:
            match metric.kind:
                case Kind.COUNTER:
                    self._counters[metric] = Counter(
                        metric.name, metric.help, metric.labels, registry=registry
                    )
                case Kind.GAUGE:
                    self._gauges[metric] = Gauge(
                        metric.name, metric.help, metric.labels, registry=registry
                    )
                case Kind.HISTOGRAM:
                    self._histograms[metric] = _Histogram(metric)
                    registry.register(self._histograms[metric])

    def count(self, metric: Metric, amount: float = 1, *labels: object) -> None:
        """Add to a counter."""
        counted = self._counters[metric]
        (counted.labels(*labels) if labels else counted).inc(amount)

    def set(self, metric: Metric, value: float, *labels: object) -> None:
        """Set a gauge."""
        measured = self._gauges[metric]
        (measured.labels(*labels) if labels else measured).set(value)

    def forget(self, metric: Metric, *labels: object) -> None:
        """Remove the series of a gauge with these labels."""
        self._gauges[metric].remove(*labels)

    def observe(self, metric: Metric, value: float) -> None:
        """Count one value in a histogram."""
        self.observe_many(
            metric,
            [int(bucket == bisect_left(metric.bounds, value)) for bucket in _buckets(metric)],
            value,
        )

    def observe_many(self, metric: Metric, counts: Sequence[int], total: float) -> None:
        """Count many values in a histogram.

        Args:
            metric: a histogram.
            counts: the number of values per bound, and last the number above all bounds.
            total: the sum of the values.
        """
        self._histograms[metric].add(counts, total)


def page(title: str, catalogue: Iterable[Metric]) -> str:
    """Render a catalogue as a Markdown page."""
    rows = [
        f"| `{metric.name}` | {metric.kind} | {_label_names(metric)} | {metric.help} |"
        for metric in catalogue
    ]
    return "\n".join(
        [f"# {title}", "", "| metric | kind | labels | meaning |", "|---|---|---|---|", *rows, ""]
    )


def _label_names(metric: Metric) -> str:
    return ", ".join(f"`{label}`" for label in metric.labels)


def _buckets(metric: Metric) -> range:
    return range(len(metric.bounds) + 1)


class _Histogram(Collector):
    """A histogram that takes counts: a batch of 50,000 values costs as much as one value."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._lock = Lock()
        self._counts = [0] * (len(metric.bounds) + 1)
        self._total = 0.0

    def add(self, counts: Sequence[int], total: float) -> None:
        with self._lock:
            self._counts = [old + new for old, new in zip(self._counts, counts, strict=True)]
            self._total += total

    def collect(self) -> Iterable[HistogramMetricFamily]:
        with self._lock:
            cumulative, total = list(accumulate(self._counts)), self._total
        bounds = [*map(str, self._metric.bounds), "+Inf"]
        yield HistogramMetricFamily(
            self._metric.name,
            self._metric.help,
            buckets=list(zip(bounds, cumulative, strict=True)),
            sum_value=total,
        )

    def describe(self) -> Iterable[HistogramMetricFamily]:
        yield HistogramMetricFamily(self._metric.name, self._metric.help)
