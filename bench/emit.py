"""`python -m bench.emit`: what emit costs its caller, with the broker up, away and hanging."""

import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from prometheus_client import CollectorRegistry

from ingestor.producer import AsyncEventPublisher, EventPublisher, PublisherSettings
from localkafka import KRaftBroker

EVENTS = int(os.environ.get("EMIT_EVENTS", "100000"))
ASYNC_EVENTS = EVENTS // 5
_LOOK_SECONDS = 0.0005
_TOPIC = "bench-emit"
_SESSIONS = [f"3d9f1c52-5d0e-4d7e-a2f7-{number:012x}" for number in range(50)]
_TEACHER = "9a0e1f7f-0b9f-4c11-9d0f-1f0e0a534f7b"
_PAYLOAD = {"readyGroupsAtStart": 4, "startedWithoutReadyGroups": False, "readinessRatio": 1.0}
_BROKER: dict[str, tuple[Callable[[KRaftBroker], None], Callable[[KRaftBroker], None]]] = {
    "up": (lambda _: None, lambda _: None),
    "away": (KRaftBroker.kill, KRaftBroker.start),
    "hanging": (KRaftBroker.pause, KRaftBroker.resume),
}


@contextmanager
def _settings(broker: KRaftBroker, folder: Path) -> Iterator[PublisherSettings]:
    with tempfile.TemporaryDirectory(dir=folder) as spools:
        yield PublisherSettings.from_environment(
            {
                "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
                "SESSION_EVENTS_TOPIC": _TOPIC,
                "SPOOL_FOLDER": spools,
                "KAFKA_QUEUE_BUFFERING_MAX_MESSAGES": str(10 * EVENTS),
                "KAFKA_QUEUE_BUFFERING_MAX_KBYTES": str(EVENTS * 10),
            }
        )


def _sync(settings: PublisherSettings, *, durable: bool, pause: float) -> str:
    publisher = EventPublisher(settings, component="bench", registry=CollectorRegistry())
    durations = []
    burned = time.thread_time()
    try:
        for number in range(EVENTS if not pause else EVENTS // 10):
            session = _SESSIONS[number % len(_SESSIONS)]
            began = time.perf_counter()
            publisher.emit("started", session_id=session, teacher_id=_TEACHER, payload=_PAYLOAD, durable=durable)
            durations.append(time.perf_counter() - began)
            if pause:
                time.sleep(pause)
        burned = time.thread_time() - burned
    finally:
        left = publisher.close(0)
    rate, cost = len(durations) / sum(durations), burned / len(durations) * 1e6
    return f"{rate:>9,.0f}/s  {_percentiles(durations)}  CPU {cost:>4.1f} µs a call  {left:>7,} left"


async def _watch(holds: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_LOOK_SECONDS)
        holds.append(max(0.0, time.perf_counter() - began - _LOOK_SECONDS))


async def _idle() -> str:
    """What the machine itself holds a loop up."""
    holds: list[float] = []
    watching = asyncio.create_task(_watch(holds))
    await asyncio.sleep(3)
    watching.cancel()
    return f"loop held {_percentiles(holds)}"


async def _async(settings: PublisherSettings) -> str:
    publisher = AsyncEventPublisher(settings, component="bench", registry=CollectorRegistry())
    holds: list[float] = []

    async def emit(number: int) -> None:
        for _ in range(ASYNC_EVENTS // 20):
            await publisher.emit("started", session_id=_SESSIONS[number], teacher_id=_TEACHER, payload=_PAYLOAD)

    watching = asyncio.create_task(_watch(holds))
    began = time.perf_counter()
    await asyncio.gather(*(emit(number) for number in range(20)))
    took = time.perf_counter() - began
    watching.cancel()
    left = await publisher.close(0)
    return f"{ASYNC_EVENTS / took:>9,.0f}/s  loop held {_percentiles(holds)}  {left:>7,} left"


def _percentiles(durations: list[float]) -> str:
    ordered = sorted(durations)
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    figures = [f"{name} {ordered[int(len(ordered) * share)] * 1e6:>6,.0f}" for name, share in shares.items()]
    return "  ".join([*figures, f"max {ordered[-1] * 1e6:>8,.0f} µs"])


def main() -> None:
    """Print one line for each way to emit and state of the broker."""
    folder = Path(os.environ.get("EMIT_FOLDER", tempfile.gettempdir()))
    print(f"{EVENTS:,} events of about 450 bytes, one thread, {_TOPIC} with 6 partitions, spool in {folder}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    with KRaftBroker.create() as broker:
        print(f"asyncio, no publisher  {asyncio.run(_idle())}", flush=True)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        admin.create_topics([NewTopic(_TOPIC, 6, 1)])[_TOPIC].result()
        for state, (enter, leave) in _BROKER.items():
            for name, run in _RUNS.items():
                with _settings(broker, folder) as settings:
                    enter(broker)
                    try:
                        print(f"{name:<22} broker {state:<8} {run(settings)}", flush=True)
                    finally:
                        leave(broker)


_RUNS: dict[str, Callable[[PublisherSettings], str]] = {
    "durable": lambda settings: _sync(settings, durable=True, pause=0),
    "durable, 1 a ms": lambda settings: _sync(settings, durable=True, pause=0.001),
    "not durable": lambda settings: _sync(settings, durable=False, pause=0),
    "asyncio, 20 tasks": lambda settings: asyncio.run(_async(settings)),
}


if __name__ == "__main__":
    main()
