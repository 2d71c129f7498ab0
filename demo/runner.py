"""Runs a plan: producers send, processes are killed, consumers store every message."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

from demo.display import Display, Report, open_display
from demo.environment import Environment
from demo.errors import NotDrained, ProcessDied
from demo.fault_injector import FaultInjector
from demo.faults import Target
from demo.freshness import FreshnessPoller, NewRows, Outages
from demo.ledger_poller import LedgerPoller
from demo.monitor import Monitor, scrape
from demo.processes import (
    Broker,
    Network,
    Pod,
    Processes,
    consumers,
    plain_producers,
    publishers,
    write_targets,
)
from demo.readings import History, Reading, State
from demo.settings import Plan
from local.kafka import Kafka

_START_DELAY_SECONDS = 4.0  # for producers to generate their day
_TICK_SECONDS = 0.1
_READY_SECONDS = 60.0
_STALLED_SECONDS = 90.0
_STOP_SECONDS = 30.0
_TARGETS: Mapping[str, Target] = {"c": Target.CONSUMER, "p": Target.PRODUCER, "b": Target.BROKER}
_QUIT = "q"


def run_plan(
    environment: Environment,
    plan: Plan,
    kafka: Kafka,
    report: Report,
    *,
    new_rows: NewRows,
    network: Network | None,
    every: float,
) -> None:
    """Run a plan to its end. No process of it remains, whatever happens.

    Args:
        environment: with existing topics and tables.
        plan: what to run.
        kafka: the broker.
        report: receives the progress.
        new_rows: of the table.
        network: between the broker and its clients; None if it cannot be cut.
        every: seconds between two readings.

    Raises:
        ProcessDied: a process ended unexpectedly.
        NotDrained: producers or consumers did not finish.
        StartError: the broker did not start again.
    """
    with ExitStack() as stack:
        report.announce(f"{plan.consumers} consumers start, each a process of `ingestor run`.")
        consuming = [stack.enter_context(pod) for pod in consumers(environment, plan.consumers)]
        _wait_until_ready(consuming)
        begins_at = time.time() + _START_DELAY_SECONDS
        processes = Processes(
            consuming,
            publishers(environment, plan, begins_at),
            plain_producers(environment, plan, begins_at),
        )
        write_targets(environment.targets, processes.observable)
        for pod in processes.producers:
            stack.enter_context(pod)
        report.announce(
            f"{len(processes.publishers)} producers start with the SDK and {len(processes.plain)} "
            "without it: these use confluent-kafka and JSON, one of them partitions by CRC32."
        )
        ledger_poller, broker = LedgerPoller(environment.settings), Broker(kafka)
        outages = Outages()
        begins = datetime.fromtimestamp(begins_at, UTC)
        display = stack.enter_context(open_display(report, broker.product, begins, plan.seconds))
        injector = FaultInjector(processes, broker, network, plan.faults, display.announce)
        runner = Runner(
            seconds=plan.seconds,
            begins_at=begins_at,
            processes=processes,
            injector=injector,
            monitor=Monitor(processes, broker, ledger_poller, FreshnessPoller(new_rows, outages)),
            outages=outages,
            display=display,
            every=every,
        )
        runner.run()
        _drain(runner, ledger_poller)
        _wait_until_ready(consuming)  # a consumer that just restarted does not handle SIGTERM yet
        for pod in consuming:
            pod.terminate()
        for pod in consuming:
            pod.wait(_STOP_SECONDS)
        display.announce("Every message is stored. The consumers ended cleanly after SIGTERM.")
        faults = ", ".join(f"{name}: {count}" for name, count in injector.counts.items())
        display.announce(f"Faults: {faults or 'none'}.")


class Runner:
    """Runs the producers' day: injects faults, takes readings, handles keys.

    Args:
        seconds: how long producers send.
        begins_at: Unix time of their start.
        processes: all pods.
        injector: kills and restarts them.
        monitor: takes the readings.
        outages: get the times of the faults.
        display: receives announcements and readings, and returns keys.
        every: seconds between two readings.
    """

    def __init__(
        self,
        *,
        seconds: float,
        begins_at: float,
        processes: Processes,
        injector: FaultInjector,
        monitor: Monitor,
        outages: Outages,
        display: Display,
        every: float,
    ) -> None:
        self._seconds = seconds
        self._begins_at = begins_at
        self._processes = processes
        self._injector = injector
        self._monitor = monitor
        self._outages = outages
        self._display = display
        self._every = every
        self._history = History()

    def run(self) -> None:
        """Return when all producers have ended and the broker has all their messages.

        Raises:
            ProcessDied: a process ended unexpectedly.
            NotDrained: the producers do not finish.
            StartError: the broker did not start again.
        """
        poll_at = self._begins_at
        ending = False
        sending = _Progress()
        while not (self._injector.finished and all(pod.ended for pod in self._processes.producers)):
            now = time.time()
            since = now - self._begins_at
            if not ending and (since >= self._seconds or self._handle_key(since)):
                ending = True
                self._end(cut_short=since < self._seconds)
            if not ending:
                self._injector.run_due(since)
            if self._injector.active:
                self._outages.begin(now)
            if now >= poll_at:
                stalled = sending.has_stalled_at(self.poll().sent)
                poll_at = now + self._every
                if ending and stalled:
                    raise NotDrained(
                        "The producers have not ended, and the broker has got no message from them "
                        f"for {_STALLED_SECONDS:.0f} s."
                    )
            time.sleep(_TICK_SECONDS)
        self._check()
        self._display.announce(
            "The day is over: the producers have ended, and the broker has all their messages."
        )

    def poll(self) -> Reading:
        """Take a reading and display it.

        Raises:
            ProcessDied: a process ended unexpectedly.
        """
        self._check()
        reading = self._monitor.read()
        if reading.undisturbed and not self._injector.active:
            self._outages.end(time.time())
        self._history.add(reading)
        self._display.show(self._history)
        return reading

    def _handle_key(self, since: float) -> bool:
        """Handle a pressed key; return whether it ends the day."""
        key = self._display.key()
        if key in _TARGETS:
            self._injector.kill_now(_TARGETS[key], since)
        return key == _QUIT

    def _end(self, *, cut_short: bool) -> None:
        self._injector.restart_all()
        if not cut_short:
            return
        self._display.announce("The day is cut short: the producers get SIGTERM.")
        # A restarted producer adopts its predecessor's spool before it handles SIGTERM.
        while any(pod.state is State.SILENT for pod in self.poll().publishers):
            time.sleep(_TICK_SECONDS)
        for pod in self._processes.producers:
            pod.terminate()

    def _check(self) -> None:
        for pod in (*self._processes.consumers, *self._processes.producers):
            pod.check()


def _wait_until_ready(pods: Sequence[Pod]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    for pod in pods:
        while not _is_ready(pod):
            pod.check()
            if time.monotonic() > deadline:
                raise ProcessDied(
                    f"{pod.name} was not ready within {_READY_SECONDS:.0f} s: see its log."
                )
            time.sleep(0.1)


def _is_ready(pod: Pod) -> bool:
    assert pod.port is not None, f"{pod.name} serves no probes"
    scraped = scrape(pod.port)
    return scraped is not None and not scraped.unready


class _Progress:
    """Notices that a number no longer changes."""

    def __init__(self) -> None:
        self._latest: int | None = None
        self._since = time.monotonic()

    def has_stalled_at(self, number: int) -> bool:
        """Whether the number has been this one for `_STALLED_SECONDS`."""
        now = time.monotonic()
        if number != self._latest:
            self._latest, self._since = number, now
        return now - self._since > _STALLED_SECONDS


def _drain(runner: Runner, ledger_poller: LedgerPoller) -> None:
    """Wait until the ledger's positions reach the ends of all partitions, which no longer grow."""
    ends = ledger_poller.ends()
    storing = _Progress()
    while behind := sum(
        max(ends[partition] - at, 0) for partition, at in runner.poll().ledger.positions.items()
    ):
        if storing.has_stalled_at(behind):
            raise NotDrained(
                f"{behind} messages are not stored, without progress for {_STALLED_SECONDS:.0f} s."
            )
        time.sleep(1)
