"""What `emit` costs its caller: `python -m bench.emit`."""

import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from prometheus_client import CollectorRegistry

from bench.command import run_benchmark
from bench.measurement import conditions, record
from classwaves_ingestor.producer import (
    AsyncEventPublisher,
    EventPublisher,
    PublisherSettings,
    StartedFields,
)
from local.kafka import KRaftBroker

_TASKS = 20
_LOOK_SECONDS = 0.0005
_TOPIC = "bench-emit"
_LINE = "{:<22} {:<8} {:>8} {:>7} {:>7} {:>7} {:>8} {:>7} {:>6} {:>8}"
_SESSIONS = [f"3d9f1c52-5d0e-4d7e-a2f7-{number:012x}" for number in range(50)]
_TEACHER = "9a0e1f7f-0b9f-4c11-9d0f-1f0e0a534f7b"
_PAYLOAD: StartedFields = {
    "readyGroupsAtStart": 4,
    "startedWithoutReadyGroups": False,
    "readinessRatio": 1.0,
}
_BROKER: dict[str, tuple[Callable[[KRaftBroker], None], Callable[[KRaftBroker], None]]] = {
    "up": (lambda _: None, lambda _: None),
    "away": (KRaftBroker.kill, KRaftBroker.start),
    "hanging": (KRaftBroker.pause, KRaftBroker.resume),
}


@contextmanager
def _settings(broker: KRaftBroker, folder: Path, events: int) -> Iterator[PublisherSettings]:
    with tempfile.TemporaryDirectory(dir=folder) as spools:
        yield PublisherSettings.from_environment(
            {
                "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
                "SESSION_EVENTS_TOPIC": _TOPIC,
                "SPOOL_FOLDER": spools,
                "KAFKA_QUEUE_BUFFERING_MAX_MESSAGES": str(10 * events),
                "KAFKA_QUEUE_BUFFERING_MAX_KBYTES": str(events * 10),
            }
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What a way to emit costs in one state of the broker.

    Args:
        way, broker: which.
        per_second: calls that the caller got done, had it done nothing else; None where nothing was
            emitted.
        p50, p99, p999, longest: microseconds; of a call or, in asyncio, for how long the loop was
            held.
        ours: the longest hold without what the loop's thread waited for a processor; None but in
            asyncio.
        cpu: microseconds of the calling thread a call; None in asyncio.
        left: events that were not in Kafka when the last call returned.
    """

    way: str
    broker: str
    per_second: int | None
    p50: int
    p99: int
    p999: int
    longest: int
    ours: int | None = None
    cpu: float | None = None
    left: int | None = None


def _sync(
    way: str,
    state: str,
    settings: PublisherSettings,
    events: int,
    *,
    durable: bool,
    pause: float,
) -> Cost:
    publisher = EventPublisher(settings, component="bench", registry=CollectorRegistry())
    durations = []
    burned = time.thread_time()
    try:
        for number in range(events // 10 if pause else events):
            session = _SESSIONS[number % len(_SESSIONS)]
            began = time.perf_counter()
            publisher.emit(
                "started",
                session_id=session,
                teacher_id=_TEACHER,
                payload=_PAYLOAD,
                durable=durable,
            )
            durations.append(time.perf_counter() - began)
            if pause:
                time.sleep(pause)
        burned = time.thread_time() - burned
    finally:
        left = publisher.close(0)
    rate = round(len(durations) / sum(durations))
    return Cost(
        way,
        state,
        rate,
        *_percentiles(durations),
        cpu=round(burned / len(durations) * 1e6, 1),
        left=left,
    )


class _Holds:
    """How long the loop was blocked, in seconds: in all, and without waiting for a processor."""

    def __init__(self) -> None:
        self.all: list[float] = []
        self.ours: list[float] = []

    async def watch(self) -> None:
        """Measure until cancelled. Objects of imports are frozen, so no collection counts them."""
        gc.collect()
        gc.freeze()
        with Path("/proc/thread-self/schedstat").open("rb", buffering=0) as scheduling:
            while True:
                waited, began = _waited(scheduling), time.perf_counter()
                await asyncio.sleep(_LOOK_SECONDS)
                held = max(0.0, time.perf_counter() - began - _LOOK_SECONDS)
                self.all.append(held)
                self.ours.append(max(0.0, held - (_waited(scheduling) - waited)))

    def cost(
        self, way: str, state: str, per_second: int | None = None, left: int | None = None
    ) -> Cost:
        """What was seen."""
        ours = round(max(self.ours) * 1e6)
        return Cost(way, state, per_second, *_percentiles(self.all), ours=ours, left=left)


def _waited(scheduling: FileIO) -> float:
    scheduling.seek(0)
    return int(scheduling.readall().split()[1]) / 1e9


async def _idle() -> Cost:
    """What the machine itself holds a loop up."""
    holds = _Holds()
    display = asyncio.create_task(holds.watch())
    await asyncio.sleep(3)
    display.cancel()
    return holds.cost("asyncio, no publisher", "up")


async def _async(way: str, state: str, settings: PublisherSettings, events: int) -> Cost:
    publisher = AsyncEventPublisher(settings, component="bench", registry=CollectorRegistry())
    holds = _Holds()

    async def emit(number: int) -> None:
        for _ in range(events // _TASKS):
            await publisher.emit(
                "started", session_id=_SESSIONS[number], teacher_id=_TEACHER, payload=_PAYLOAD
            )

    display = asyncio.create_task(holds.watch())
    began = time.perf_counter()
    await asyncio.gather(*(emit(number) for number in range(_TASKS)))
    took = time.perf_counter() - began
    display.cancel()
    left = await publisher.close(0)
    return holds.cost(way, state, round(events / took), left)


def _percentiles(durations: list[float]) -> tuple[int, int, int, int]:
    ordered = [round(each * 1e6) for each in sorted(durations)]
    p50, p99, p999 = (ordered[int(len(ordered) * share)] for share in (0.5, 0.99, 0.999))
    return p50, p99, p999, ordered[-1]


def _costs(broker: KRaftBroker, folder: Path, events: int) -> Iterator[Cost]:
    yield asyncio.run(_idle())
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.create_topics([NewTopic(_TOPIC, 6, 1)])[_TOPIC].result()
    for state, (enter, leave) in _BROKER.items():
        for way, run in _RUNS.items():
            with _settings(broker, folder, events) as settings:
                enter(broker)
                try:
                    yield run(way, state, settings, events)
                finally:
                    leave(broker)


def main(
    events: Annotated[
        int, typer.Option(envvar="EMIT_EVENTS", min=1_000, help="Events to emit in each way.")
    ] = 100_000,
    folder: Annotated[
        Path | None,
        typer.Option(envvar="EMIT_FOLDER", help="Folder for spools. [default: a temporary one]"),
    ] = None,
) -> None:
    """Measure what emit costs its caller, with the broker up, away and hanging."""
    found = conditions() | {
        "events": f"{events:,} of about 450 bytes, one thread, 6 partitions, a local broker"
    }
    print(json.dumps(found))
    print(
        _LINE.format(
            "", "broker", "calls/s", "p50 us", "p99", "p99.9", "max", "ours", "CPU", "left"
        )
    )
    measured = []
    with KRaftBroker.create() as broker:
        for cost in _costs(broker, folder or Path(tempfile.gettempdir()), events):
            print(
                _LINE.format(*("" if each is None else each for each in astuple(cost))), flush=True
            )
            measured.append(asdict(cost))
    record("emit", found, {"costs": measured})


_RUNS: dict[str, Callable[[str, str, PublisherSettings, int], Cost]] = {
    "durable": partial(_sync, durable=True, pause=0),
    "durable, 1 a ms": partial(_sync, durable=True, pause=0.001),
    "not durable": partial(_sync, durable=False, pause=0),
    "asyncio, 20 tasks": lambda way, state, settings, events: asyncio.run(
        _async(way, state, settings, events // 5)
    ),
}


if __name__ == "__main__":
    run_benchmark(main)
