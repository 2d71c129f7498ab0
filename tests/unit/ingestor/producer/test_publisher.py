import logging
import os
import signal
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import generate_latest

from classwaves_ingestor.producer import (
    EventPublisher,
    EventTooLarge,
    InvalidEvent,
    PublisherClosed,
    QueueFull,
    SpoolFull,
    SpoolUnavailable,
)
from classwaves_ingestor.producer.spool import Spool
from classwaves_ingestor.producer.transport import Failure
from tests.support.publishing import EVENT, QUICK, TOPIC, decode, sequences_by_source, settings
from tests.support.waiting import wait_until


@pytest.fixture
def publish(tmp_path, topic, registry):
    """Create publishers on one topic and spool folder, and close them at the end."""
    made = []

    def make(*, connect=topic.connect, policy=QUICK, **changes):
        made.append(
            EventPublisher(
                settings(**({"folder": tmp_path / "spool"} | changes)),
                component="test",
                registry=registry,
                connect=connect,
                policy=policy,
            )
        )
        return made[-1]

    yield make
    for publisher in made:
        publisher.close(0)


def spools(tmp_path):
    return sorted(each.name for each in (tmp_path / "spool").iterdir() if each.suffix == ".spool")


def test_an_emitted_event_is_in_the_topic_keyed_by_session_and_leaves_the_spool(
    publish, topic, tmp_path
):
    publisher = publish()
    ids = [
        publisher.emit("started", session_id=f"s{n % 3}", teacher_id="t", payload={})
        for n in range(50)
    ]
    assert publisher.flush(30) == 0
    assert [event["id"] for event in decode(topic.messages)] == ids
    assert all(
        key == event["session_id"]
        for (key, _), event in zip(topic.messages, decode(topic.messages), strict=True)
    )
    publisher.close()
    assert list((tmp_path / "spool").iterdir()) == []


def test_sequences_are_dense_for_each_session_and_refused_events_use_no_number(publish, topic):
    publisher = publish(max_event_bytes=1000)
    for number in range(20):
        publisher.emit(
            "started", session_id=f"s{number % 2}", teacher_id="t", durable=number % 3 > 0
        )
        with pytest.raises(InvalidEvent):
            publisher.emit("started", session_id=f"s{number % 2}", teacher_id="")
        with pytest.raises(
            EventTooLarge, match=r"A configured event has \d+ bytes; MAX_EVENT_BYTES is 1000"
        ):
            publisher.emit("configured", **EVENT, payload={"groupSizes": [1] * 1000})
    publisher.flush(30)
    assert all(
        sorted(each) == list(range(1, 11))
        for each in sequences_by_source(decode(topic.messages)).values()
    )


def test_a_repeat_keeps_its_given_id_and_time_and_gets_its_own_sequence(publish, topic):
    publisher = publish()
    for _ in range(2):
        publisher.emit(
            "started", **EVENT, event_id="e1", event_time=datetime(2025, 9, 15, tzinfo=UTC)
        )
    publisher.flush(30)
    first, second = decode(topic.messages)
    assert second == first | {"sequence": 2}


def test_events_of_many_threads_have_dense_sequences_in_topic_order(publish, topic):
    publisher = publish()

    def emit():
        for _ in range(50):
            publisher.emit("started", **EVENT)

    threads = [threading.Thread(target=emit) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    publisher.flush(30)
    assert [event["sequence"] for event in decode(topic.messages)] == list(range(1, 201))


def test_during_an_outage_events_wait_on_disk_and_then_arrive_once_in_order(publish, topic):
    topic.away = True
    publisher = publish()
    for _ in range(30):
        publisher.emit("started", **EVENT)
    assert publisher.flush(0.2) == 30
    topic.away = False
    assert publisher.flush(30) == 0
    assert [event["sequence"] for event in decode(topic.messages)] == list(range(1, 31))


def test_the_next_process_sends_the_events_of_the_last_one_before_its_own(publish, topic):
    topic.away = True
    left = publish()
    old = [left.emit("started", **EVENT) for _ in range(30)]
    assert left.close(0) == 30
    publisher = publish()
    new = [publisher.emit("ended", **EVENT) for _ in range(30)]
    topic.away = False
    assert publisher.flush(30) == 0
    assert [event["id"] for event in decode(topic.messages)] == old + new
    assert len(sequences_by_source(decode(topic.messages))) == 2


def test_own_events_are_sent_after_those_of_all_orphans(publish, topic, tmp_path):
    (tmp_path / "spool").mkdir()
    for number in range(5):
        orphan = Spool(tmp_path / "spool" / f"{number}.spool", 1000, TOPIC)
        orphan.append("s", b'{"id": %d}' % number, 1.0)
        orphan.close()
    topic.away = True
    publisher = publish(policy=replace(QUICK, adopted_at_once=1))
    own = publisher.emit("started", **EVENT)
    topic.away = False
    assert publisher.flush(30) == 0
    assert [event["id"] for event in decode(topic.messages)] == [0, 1, 2, 3, 4, own]


def test_a_running_sibling_sends_the_events_of_an_orphan(publish, topic, tmp_path):
    topic.away = True
    sibling, other = publish(), publish()
    other.emit("started", **EVENT)
    other.close(0)
    assert len(spools(tmp_path)) == 2
    topic.away = False
    wait_until(lambda: len(spools(tmp_path)) == 1, "the other's spool is gone")
    assert len(topic.messages) == 1
    sibling.close()


def test_at_the_limit_emit_raises_and_the_spool_keeps_its_events(publish, topic):
    topic.away = True
    publisher = publish(spool_max_bytes=1200)
    for _ in range(4):
        publisher.emit("started", **EVENT)
    with pytest.raises(SpoolFull, match="SPOOL_MAX_BYTES"):
        publisher.emit("started", **EVENT)
    topic.away = False
    assert publisher.flush(30) == 0
    publisher.emit("started", **EVENT)
    publisher.flush(30)
    assert [event["sequence"] for event in decode(topic.messages)] == list(range(1, 6))


def test_a_non_durable_event_bypasses_the_spool_and_is_refused_by_a_full_queue(publish, topic):
    topic.room = 3
    topic.away = True
    publisher = publish()
    for _ in range(3):
        publisher.emit("started", **EVENT, durable=False)
    with pytest.raises(QueueFull, match="emit fewer, or durably"):
        publisher.emit("started", **EVENT, durable=False)
    topic.away = False
    assert publisher.flush(30) == 0
    assert len(topic.messages) == 3


def test_a_failure_of_the_whole_batch_is_retried_from_the_spool_in_order(publish, topic):
    topic.failure = Failure("topic_authorization_failed")
    publisher = publish()
    for _ in range(20):
        publisher.emit("started", **EVENT)
    assert publisher.flush(0.2) == 20
    topic.failure = None
    assert publisher.flush(30) == 0
    assert [event["sequence"] for event in decode(topic.messages)] == list(range(1, 21))


def test_a_fatal_failure_opens_a_new_connection(publish, topic):
    connections = []
    topic.failure = Failure("_fatal", fatal=True)
    publisher = publish(connect=lambda: connections.append(topic) or topic)
    publisher.emit("started", **EVENT)
    publisher.flush(0.2)
    topic.failure = None
    assert publisher.flush(30) == 0
    assert len(connections) > 1


def test_a_fatal_failure_opens_a_new_connection_for_non_durable_events_too(publish, topic):
    connections = []
    publisher = publish(connect=lambda: connections.append(topic) or topic)
    topic.failure = Failure("_fatal", fatal=True)
    publisher.emit("started", **EVENT, durable=False)
    topic.failure = None
    before = len(connections)
    publisher.emit("ended", **EVENT, durable=False)
    assert publisher.flush(30) == 0
    assert len(connections) == before + 1
    assert [event["event_type"] for event in decode(topic.messages)] == ["ended"]


def test_an_event_that_kafka_refuses_stays_in_the_spool_and_blocks_no_other(
    publish, topic, tmp_path, registry
):
    topic.failure = Failure("msg_size_too_large", of_this_event=True)
    publisher = publish()
    publisher.emit("started", **EVENT)
    wait_until(
        lambda: registry.get_sample_value(
            "ingestor_publisher_failed_total", {"reason": "msg_size_too_large"}
        ),
        "Kafka refused it",
    )
    topic.failure = None
    publisher.emit("ended", **EVENT)
    wait_until(lambda: publisher.flush(0) == 1, "the next one is delivered")
    assert publisher.close(0) == 1
    assert len(spools(tmp_path)) == 1
    again = publish()
    wait_until(lambda: len(topic.messages) == 2, "what is left arrives")
    assert [event["sequence"] for event in decode(topic.messages)] == [2, 1]
    again.close()


def test_a_closed_publisher_refuses_events(publish):
    publisher = publish()
    publisher.close()
    assert publisher.close() == 0
    assert publisher.flush(1) == 0
    with pytest.raises(PublisherClosed):
        publisher.emit("started", **EVENT)


def test_a_with_block_closes_the_publisher(publish, topic):
    with publish() as publisher:
        publisher.emit("started", **EVENT)
    assert len(topic.messages) == 1


def test_a_folder_that_cannot_be_created_is_a_clear_error_and_the_service_continues(
    publish, topic, tmp_path, caplog
):
    (tmp_path / "file").touch()
    publisher = publish(folder=tmp_path / "file" / "spool")
    for _ in range(2):
        with pytest.raises(
            SpoolUnavailable, match=r"No spool can be created in .*spool .*check SPOOL_FOLDER"
        ):
            publisher.emit("started", **EVENT)
    publisher.emit("started", **EVENT, durable=False)
    assert publisher.flush(30) == 0
    assert [event["sequence"] for event in decode(topic.messages)] == [1]
    assert "Events cannot be spooled for now" in caplog.text


def test_a_folder_that_appears_later_is_used(publish, topic, tmp_path):
    (tmp_path / "file").touch()
    publisher = publish(
        folder=tmp_path / "file" / "spool", policy=replace(QUICK, create_retry_seconds=0.0)
    )
    (tmp_path / "file").unlink()
    publisher.emit("started", **EVENT)
    assert publisher.flush(30) == 0
    assert len(topic.messages) == 1


def test_a_spool_file_removed_while_in_use_is_sent_and_replaced(publish, topic, tmp_path):
    topic.away = True
    publisher = publish()
    publisher.emit("started", **EVENT)
    (name,) = spools(tmp_path)
    (tmp_path / "spool" / name).unlink()
    wait_until(lambda: not publisher._emitter._spools._own, "the loss is noticed")
    publisher.emit("ended", **EVENT)
    assert spools(tmp_path) != [name]
    topic.away = False
    assert publisher.flush(30) == 0
    assert len(topic.messages) == 2


def test_a_corrupt_orphan_is_set_aside_and_its_intact_events_are_sent(
    publish, topic, tmp_path, registry, caplog
):
    topic.away = True
    left = publish()
    ids = [left.emit("started", **EVENT) for _ in range(100)]
    left.close(0)
    (name,) = spools(tmp_path)
    with (tmp_path / "spool" / name).open("r+b") as file:
        file.seek(3 * 4096)
        file.write(os.urandom(2000))
    topic.away = False
    with publish() as publisher:
        wait_until(
            lambda: (
                (tmp_path / "spool" / name).with_suffix(".corrupt").exists()
                and len(spools(tmp_path)) == 1
            ),
            "the damaged spool is aside",
        )
        publisher.emit("ended", **EVENT)
    sent = [event["id"] for event in decode(topic.messages)]
    assert 50 < len(sent) < 101
    assert sent[:-1] == [each for each in ids if each in set(sent)]
    assert b"ingestor_publisher_corrupt_spools_total 1.0" in generate_latest(registry)
    assert "was set aside" in caplog.text


def test_an_orphan_that_cannot_be_opened_is_left_with_a_warning(publish, topic, tmp_path, caplog):
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "0.spool").mkdir()
    with publish() as publisher:
        publisher.emit("started", **EVENT)
    assert len(topic.messages) == 1
    assert "cannot be adopted for now" in caplog.text


def test_the_gauges_show_waiting_events(publish, topic, registry):
    topic.away = True
    publisher = publish()
    publisher.emit("started", **EVENT, payload={"x": 1})
    wait_until(
        lambda: registry.get_sample_value("ingestor_publisher_spool_events") == 1,
        "the gauge counts the event",
    )
    page = generate_latest(registry).decode()
    assert 'ingestor_publisher_emitted_total{event_type="started"} 1.0' in page
    assert 'ingestor_publisher_dropped_fields_total{path="payload"} 1.0' in page
    assert registry.get_sample_value("ingestor_publisher_oldest_event_age_seconds") > 0
    topic.away = False
    publisher.flush(30)
    assert registry.get_sample_value("ingestor_publisher_delivered_total") == 1


def test_two_publishers_of_a_process_share_their_metrics(publish, registry):
    first, second = publish(), publish()
    first.emit("started", **EVENT)
    second.emit("started", **EVENT)
    assert (
        registry.get_sample_value("ingestor_publisher_emitted_total", {"event_type": "started"})
        == 2
    )


def test_the_gauges_cover_all_open_publishers_of_a_process(publish, topic, registry):
    def waiting():
        return registry.get_sample_value("ingestor_publisher_spool_events")

    topic.away = True
    first, second = publish(), publish()
    first.emit("started", **EVENT)
    second.emit("started", **EVENT)
    wait_until(lambda: waiting() == 2, "both are counted")
    first.close(0)
    second.close(0)
    assert waiting() == 0


def test_a_forked_child_has_its_own_source_and_spool_and_exits_cleanly(publish, topic, tmp_path):
    topic.away = True
    publisher = publish()
    publisher.emit("started", **EVENT)
    child = os.fork()
    if child == 0:
        try:
            publisher.emit("ended", **EVENT)
            status = 0 if len(spools(tmp_path)) == 2 else 1
        except BaseException:
            logging.exception("in the child")
            status = 2
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    publisher.emit("ended", **EVENT)
    topic.away = False
    wait_until(lambda: len(topic.messages) == 3, "what is left arrives")
    assert sorted(sequences_by_source(decode(topic.messages)).values()) == [[1], [1, 2]]


def test_a_file_error_begins_a_new_source_so_no_sequence_is_used_twice(publish, topic):
    publisher = publish()
    publisher.emit("started", **EVENT)
    publisher.flush(30)
    spool = publisher._emitter._spools.own_spool()
    spool._writer.close()
    with pytest.raises(SpoolUnavailable):
        publisher.emit("started", **EVENT)
    publisher.emit("started", **EVENT)
    assert publisher.flush(30) == 0
    assert list(sequences_by_source(decode(topic.messages)).values()) == [[1], [1]]


@pytest.fixture
def interrupted(monkeypatch):
    """Make the next call of a method end with an exception, as from a signal handler."""

    def prepare(owner, method):
        def call(*arguments):
            monkeypatch.setattr(owner, method, original)
            original(*arguments)
            raise SystemExit

        original = getattr(owner, method)
        monkeypatch.setattr(owner, method, call)

    return prepare


class Interrupted:
    """A SQLite connection; a signal handler raises right after its first statement."""

    def __init__(self, connection):
        self.connection = connection
        self.calls = 0

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, *arguments):
        self.calls += 1
        cursor = self.connection.execute(*arguments)
        if self.calls == 1:
            raise SystemExit
        return cursor


@pytest.mark.parametrize("at", ["within append", "behind append"])
def test_an_emit_interrupted_by_a_signal_uses_no_sequence_twice_and_keeps_the_counts(
    publish, topic, registry, interrupted, at
):
    topic.away = True
    publisher = publish()
    publisher.emit("started", **EVENT)
    spool = publisher._emitter._spools.own_spool()
    if at == "within append":
        spool._writer = Interrupted(spool._writer)
    else:
        interrupted(spool, "append")
    with pytest.raises(SystemExit):
        publisher.emit("started", **EVENT)
    publisher.emit("started", **EVENT)
    assert publisher.flush(0) == 3
    topic.away = False
    assert publisher.flush(30) == 0
    assert list(sequences_by_source(decode(topic.messages)).values()) == [[1, 2], [1]]
    assert len(topic.messages) == 3
    wait_until(
        lambda: registry.get_sample_value("ingestor_publisher_spool_events") == 0,
        "the gauge is zero",
    )


def test_a_non_durable_emit_interrupted_by_a_signal_uses_no_sequence_twice(
    publish, topic, interrupted
):
    publisher = publish()
    interrupted(topic, "send")
    with pytest.raises(SystemExit):
        publisher.emit("started", **EVENT, durable=False)
    publisher.emit("started", **EVENT, durable=False)
    assert publisher.flush(30) == 0
    assert list(sequences_by_source(decode(topic.messages)).values()) == [[1], [1]]


def test_a_signal_handler_can_close_during_an_emit_and_the_next_process_sends_the_event(
    publish, tmp_path, monkeypatch
):
    publisher = publish()
    spool = publisher._emitter._spools.own_spool()
    execute = spool._writer.execute

    class Connection:
        def execute(self, *arguments):
            spool._writer = writer
            signal.raise_signal(signal.SIGUSR1)
            return execute(*arguments)

    writer, spool._writer = spool._writer, Connection()
    before = signal.signal(signal.SIGUSR1, lambda *_: publisher.close(0.1))
    try:
        publisher.emit("started", **EVENT)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert spool.events == 1
    assert spools(tmp_path) == [spool.path.name]
    with pytest.raises(PublisherClosed):
        publisher.emit("started", **EVENT)


class CallsBack:
    """A SQLite connection that calls a function before each statement with a text."""

    def __init__(self, connection, text, call):
        self.connection = connection
        self.text = text
        self.call = call

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, statement, *arguments):
        if self.text in statement:
            self.call()
        return self.connection.execute(statement, *arguments)


@pytest.mark.parametrize("durable", [True, False])
def test_an_emit_that_interrupts_another_one_has_its_own_source_and_spool(
    publish, topic, tmp_path, durable
):
    def interrupt():
        if len(spools(tmp_path)) < 3:
            publisher.emit("ended", **EVENT, durable=durable)
            for opened in publisher._emitter._spools.spools():
                own = opened.spool
                if not isinstance(own._writer, CallsBack):
                    own._writer = CallsBack(own._writer, "INSERT", interrupt)

    topic.away = True
    publisher = publish()
    spool = publisher._emitter._spools.own_spool()
    spool._writer = CallsBack(spool._writer, "INSERT", interrupt)
    for _ in range(3):
        publisher.emit("started", **EVENT)
    assert publisher.flush(0) == 6
    topic.away = False
    assert publisher.flush(30) == 0
    assert sorted(sequences_by_source(decode(topic.messages)).values()) == [[1], [1, 2], [1, 2, 3]]


def test_an_emit_passes_over_a_spool_in_which_its_thread_was_interrupted(publish, topic, tmp_path):
    topic.away = True
    publisher = publish()
    emitter = publisher._emitter
    spool = emitter._spools.own_spool()
    spool._writer = CallsBack(spool._writer, "INSERT", lambda: publisher.emit("ended", **EVENT))
    publisher.emit("started", **EVENT)
    emitter._spools.own_spool(1)._in_use = True
    publisher.emit("started", **EVENT)
    emitter._spools.own_spool(1)._in_use = False
    assert len(spools(tmp_path)) == 3
    assert publisher.flush(0) == 4
    topic.away = False
    assert publisher.flush(30) == 0
    assert sorted(sequences_by_source(decode(topic.messages)).values()) == [[1], [1], [1, 2]]


def test_a_finalizer_can_emit_while_delivered_events_are_removed(publish, topic):
    def finalize():
        if len(ids) < 4:
            ids.append(publisher.emit("ended", **EVENT))
            for opened in publisher._emitter._spools.spools():
                own = opened.spool
                if not isinstance(own._writer, CallsBack):
                    own._writer = CallsBack(own._writer, "DELETE", finalize)

    publisher, ids = publish(), []
    spool = publisher._emitter._spools.own_spool()
    spool._writer = CallsBack(spool._writer, "DELETE", finalize)
    ids.append(publisher.emit("started", **EVENT))
    wait_until(lambda: len(ids) == 4 and publisher.flush(0) == 0, "all are delivered")
    assert {event["id"] for event in decode(topic.messages)} == set(ids)


def test_a_finalizer_in_the_delivery_thread_can_close_the_publisher(publish, topic, tmp_path):
    topic.away = True
    publisher, closed = publish(), []
    publisher.emit("started", **EVENT)
    spool = publisher._emitter._spools.own_spool()
    delivery = publisher._emitter._delivery
    spool._reader = CallsBack(
        spool._reader, "minted", lambda: closed or closed.append(publisher.close(60))
    )
    wait_until(lambda: closed, "it is closed")
    assert closed == [1]
    wait_until(lambda: not delivery._thread.is_alive(), "the delivery ends")
    with pytest.raises(PublisherClosed):
        publisher.emit("started", **EVENT)


def test_at_the_end_of_the_interpreter_emit_and_close_wait_for_no_thread(
    publish, topic, tmp_path, monkeypatch
):
    topic.away = True
    publisher = publish()
    publisher.emit("started", **EVENT)
    numbering, free = publisher._emitter._numbering, threading.Event()
    holder = threading.Thread(target=lambda: numbering.acquire() and free.wait())
    holder.start()
    wait_until(lambda: not numbering.acquire(blocking=False), "another thread holds the lock")
    with monkeypatch.context() as ending:
        ending.setattr(sys, "is_finalizing", lambda: True)
        publisher.emit("ended", **EVENT)
        assert publisher.close(1e6) == 2
    free.set()
    holder.join()
    assert len(spools(tmp_path)) == 2


def test_a_fork_during_close_leaves_the_spools_to_the_next_process(publish, tmp_path, monkeypatch):
    monkeypatch.setattr("classwaves_ingestor.producer.emitter.FORK_SECONDS", 0.0)
    publisher = publish()
    emitter = publisher._emitter
    stop = emitter._delivery.stop
    monkeypatch.setattr(
        emitter._delivery,
        "stop",
        lambda seconds: stop(seconds) and emitter._delivery.fork_lock.acquire(),
    )
    assert publisher.close() == 0
    assert len(spools(tmp_path)) == 1


def test_a_signal_handler_can_emit_while_a_forked_child_starts(publish, topic):
    publisher = publish()
    first, publisher._emitter, start = publisher._emitter, None, publisher._start

    def interrupted():
        publisher._start = start
        publisher.emit("ended", **EVENT)
        return start()

    publisher._start = interrupted
    publisher.emit("started", **EVENT)
    assert publisher.flush(30) == 0
    assert list(sequences_by_source(decode(topic.messages)).values()) == [[1, 2]]
    first.close(0)


def test_a_spool_replaced_during_an_emit_is_no_error(publish, topic):
    publisher = publish()
    publisher.emit("started", **EVENT)
    publisher._emitter._spools.own_spool().seal()
    publisher._emitter._spools.retire(publisher._emitter._spools.own_spool())
    publisher.emit("started", **EVENT)
    assert publisher.flush(30) == 0
    assert list(sequences_by_source(decode(topic.messages)).values()) == [[1, 2]]


def test_a_large_file_is_replaced_once_it_is_empty(publish, topic, tmp_path, monkeypatch):
    monkeypatch.setattr("classwaves_ingestor.producer.spool._FILE_LARGE", 0)
    publisher = publish()
    before = spools(tmp_path)
    publisher.emit("started", **EVENT)
    wait_until(lambda: before[0] not in spools(tmp_path), "the file is gone")
    publisher.emit("started", **EVENT)
    assert publisher.flush(30) == 0
    assert [event["sequence"] for event in decode(topic.messages)] == [1, 2]


def test_delivery_waits_for_a_full_transport(publish, topic):
    topic.room = 2
    publisher = publish()
    for _ in range(20):
        publisher.emit("started", **EVENT)
    assert publisher.flush(30) == 0
    assert len(topic.messages) == 20


def test_delivery_survives_an_unexpected_error(publish, topic, monkeypatch, caplog):
    def surprise(*_):
        raise RuntimeError("surprise")

    publisher = publish()
    with monkeypatch.context() as broken:
        broken.setattr(topic, "send", surprise)
        publisher.emit("started", **EVENT)
        wait_until(lambda: "surprise" in caplog.text, "it is logged")
    publisher.emit("started", **EVENT)
    assert publisher.flush(30) == 0
    assert [event["sequence"] for event in decode(topic.messages)] == [1, 2]


def test_a_refused_non_durable_event_is_counted(publish, topic, registry):
    topic.failure = Failure("topic_authorization_failed")
    publisher = publish()
    publisher.emit("started", **EVENT, durable=False)
    assert publisher.flush(30) == 0
    labels = {"reason": "topic_authorization_failed"}
    assert registry.get_sample_value("ingestor_publisher_failed_total", labels) == 1
