"""Spools of another topic or cluster in the same folder."""

import sqlite3

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import EventPublisher, MemoryTransport, SpoolUnavailable
from classwaves_ingestor.producer.salvage import salvage
from classwaves_ingestor.producer.spool import Spool
from classwaves_ingestor.producer.spool_file import OtherDestination
from classwaves_ingestor.producer.wal import wal_of
from tests.support.publishing import EVENT, QUICK, decode, settings
from tests.support.waiting import wait_until


class Service:
    """A publisher with its topic in memory."""

    def __init__(self, folder, topic_name, cluster):
        self.topic = MemoryTransport()
        self.topic.cluster = cluster
        self.registry = CollectorRegistry()
        self.publisher = EventPublisher(
            settings(folder, session_events_topic=topic_name),
            component="test",
            registry=self.registry,
            connect=self.topic.connect,
            policy=QUICK,
        )

    def emit(self, events=1):
        return [self.publisher.emit("started", **EVENT) for _ in range(events)]

    def sent(self):
        return [event["id"] for event in decode(self.topic.messages)]

    def left(self):
        return self.registry.get_sample_value("ingestor_publisher_left_spools")


@pytest.fixture
def start(tmp_path):
    """Start services on one spool folder."""
    started = []

    def start(topic_name="a", cluster="x"):
        started.append(Service(tmp_path, topic_name, cluster))
        return started[-1]

    yield start
    for service in started:
        service.publisher.close(0)


def leave(service, events=3):
    """End a service during an outage; return the ids of the events that it leaves."""
    service.topic.away = True
    ids = service.emit(events)
    service.publisher.close(0)
    return ids


def reasons(caplog):
    return [each.reason for each in caplog.records if hasattr(each, "reason")]


def test_events_of_another_topic_are_left_to_a_process_with_that_topic(start, tmp_path, caplog):
    ids = leave(start("a"))
    other = start("b")
    own = other.emit()
    assert other.publisher.flush(30) == 0
    wait_until(lambda: other.left() == 1, "the spool is counted")
    assert other.sent() == own
    (reason,) = reasons(caplog)
    (path,) = set(tmp_path.glob("*.spool")) - {other.publisher._emitter._spools.own_spool().path}
    assert f"The events in {path} belong to the topic a, and this process sends to b" in reason
    assert "SESSION_EVENTS_TOPIC=a" in reason
    right = start("a")
    wait_until(lambda: right.sent() == ids, "they are sent to their topic")
    wait_until(lambda: other.left() == 0, "no spool is left")
    assert other.sent() == own


def test_events_of_another_cluster_are_left_to_a_process_with_that_cluster(start, caplog):
    first = start(cluster="x")
    first.emit()
    assert first.publisher.flush(30) == 0
    ids = leave(first)
    other = start(cluster="y")
    own = other.emit()
    assert other.publisher.flush(30) == 0
    wait_until(lambda: other.left() == 1, "the spool is counted")
    assert other.sent() == own
    (reason,) = reasons(caplog)
    assert "belong to the Kafka cluster x" in reason
    assert "KAFKA_BOOTSTRAP_SERVERS names the cluster y" in reason
    right = start(cluster="x")
    wait_until(lambda: right.sent() == ids, "they are sent to their cluster")
    assert other.sent() == own


def test_a_cluster_that_changes_under_a_process_gets_none_of_its_events(start, caplog):
    service = start(cluster="x")
    service.emit()
    assert service.publisher.flush(30) == 0
    with service.publisher._emitter._delivery.fork_lock:  # not between a check and its batch
        service.topic.cluster = "y"
        ids = service.emit(3)
    wait_until(lambda: service.left() == 1, "the spool is counted")
    assert service.publisher.flush(0.2) == 3
    assert len(service.sent()) == 1
    assert len(reasons(caplog)) == 1
    service.topic.cluster = "x"
    ids += service.emit()
    assert service.publisher.flush(30) == 0
    assert service.sent()[1:] == ids


def test_events_with_a_cluster_wait_until_the_connected_cluster_is_known(start):
    first = start(cluster="x")
    first.emit()
    first.publisher.flush(30)
    ids = leave(first)
    service = start(cluster=None)
    ids += service.emit()
    assert service.publisher.flush(0.3) == 1
    assert service.sent() == []
    service.topic.cluster = "x"
    wait_until(lambda: service.sent() == ids, "all are sent in order")


def test_an_adopted_spool_is_given_back_once_the_cluster_turns_out_to_be_another(start, tmp_path):
    first = start(cluster="x")
    first.emit()
    first.publisher.flush(30)
    ids = leave(first)
    service = start(cluster=None)
    wait_until(lambda: len(service.publisher._emitter._spools.spools()) == 2, "it is adopted")
    service.topic.cluster = "y"
    wait_until(lambda: service.left() == 1, "it is given back")
    right = start(cluster="x")
    wait_until(lambda: right.sent() == ids, "they are sent to their cluster")
    assert service.sent() == []


def test_the_cluster_is_remembered_at_the_first_acknowledgement_not_at_the_connection(start):
    service = start(cluster="x")
    ids = leave(service)
    other = start(cluster="y")
    wait_until(lambda: other.sent() == ids, "they are sent")


def test_without_its_destination_a_spool_takes_on_that_of_its_process(start, tmp_path):
    ids = leave(start("a"))
    (path,) = tmp_path.glob("*.spool")
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM destination")
    connection.close()
    service = start("b")
    wait_until(lambda: service.sent() == ids, "they are sent")


def test_a_cluster_that_cannot_be_written_is_remembered_later(tmp_path):
    spool = Spool(tmp_path / "1.spool", 1000, "a")
    writer, spool._writer = spool._writer, sqlite3.connect(":memory:")
    spool.remember_cluster("x")
    assert spool.cluster_id is None
    spool._writer.close()
    spool._writer = writer
    spool.remember_cluster("x")
    spool.close()
    again = Spool(tmp_path / "1.spool", 1000, "a")
    assert again.cluster_id == "x"
    again.close()


@pytest.fixture
def damaged(tmp_path):
    """A spool of topic a and cluster x with one event, and a function that opens its rescue."""
    spool = Spool(tmp_path / "damaged", 1000, "a")
    spool.append("s", b"{}", 1.0)
    spool.remember_cluster("x")
    spool.close()
    return spool.path


def test_a_salvaged_spool_keeps_its_destination(damaged, tmp_path):
    assert salvage(damaged, tmp_path / "sound") == 1
    with pytest.raises(OtherDestination, match="belong to the topic a"):
        Spool(tmp_path / "sound", 1000, "b")
    spool = Spool(tmp_path / "sound", 1000, "a")
    assert spool.cluster_id == "x"
    spool.close()


def test_events_with_a_damaged_destination_are_sent_nowhere(damaged, tmp_path):
    with sqlite3.connect(damaged) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'destination'"
        ).fetchone()
    connection.close()
    with damaged.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    assert salvage(damaged, tmp_path / "sound") == 1
    with pytest.raises(SpoolUnavailable, match=r"The topic of the events in .* was damaged"):
        Spool(tmp_path / "sound", 1000, "a")


def test_a_damaged_log_of_another_topic_is_set_aside_and_sent_nowhere(start, tmp_path, caplog):
    living = Spool(tmp_path / "living", 10_000, "a")
    for number in range(20):
        living.append("s", b"%d" % number, 1.0)
    (tmp_path / "1.spool").write_bytes(living.path.read_bytes())
    log = bytearray(wal_of(living.path).read_bytes())
    log[-8000] ^= 0xFF
    wal_of(tmp_path / "1.spool").write_bytes(log)
    living.close()
    service = start("b")
    wait_until(lambda: service.left() == 1, "it is left")
    assert (tmp_path / "1.corrupt").exists()
    assert "was set aside" in caplog.text
    assert service.sent() == []
