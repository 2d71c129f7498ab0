import json
from datetime import UTC, datetime

from bench.consumer_log import CommitLog, owned_partitions


def entry(second, message, **fields):
    return (
        json.dumps({"time": f"2025-09-15T08:00:{second:02}.000Z", "message": message, **fields})
        + "\n"
    )


LOG = [
    "a line of another program\n",
    entry(1, "a message", partitions=[0, 1]),
    entry(3, "Committed", rows=10, positions={"0": 10}),
    entry(4, "a message", partitions=[2]),
    entry(5, "Committed", rows=30, positions={"0": 30, "1": 10}),
    entry(6, "Committed", rows=0, positions={"1": 12}),
    '{"time": "2025-09-15T08:00:0',
]


def test_a_log_tells_from_the_first_grant_to_the_last_commit():
    commits = CommitLog.read(LOG)
    assert commits == CommitLog(
        assigned_at=datetime(2025, 9, 15, 8, 0, 1, tzinfo=UTC),
        last=datetime(2025, 9, 15, 8, 0, 6, tzinfo=UTC),
        rows=(10, 30),
        stored=42,
    )
    assert commits.seconds == 5
    assert commits.median_rows == 20


def test_a_log_without_a_commit_tells_nothing():
    assert CommitLog.read(LOG[:2]) is None


def test_a_consumer_owns_what_it_was_assigned_and_not_revoked():
    log = [
        entry(1, "Partitions assigned", partitions=[0, 1, 2]),
        entry(2, "Partitions revoked", partitions=[1]),
        entry(3, "Partitions assigned", partitions=[4]),
        '{"message": "Partitions ass',
    ]
    assert owned_partitions(log) == {0, 2, 4}
