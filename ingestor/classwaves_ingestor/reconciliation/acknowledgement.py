"""What an operator lets go on: expired offsets, logs that lost their tail, and bad messages."""

from collections.abc import Sequence

from classwaves_ingestor.kafka.topics import watermarks
from classwaves_ingestor.reconciliation.balance import stop_reason
from classwaves_ingestor.reconciliation.snapshot import PartitionSnapshot, SnapshotReader
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import NO_MESSAGES, Checkpoint, Progress, StopReason
from classwaves_warehouse.interface import Stored

_LOST_TAIL = {StopReason.LOG_ENDS_BELOW_POSITION, StopReason.LOG_LOST_ITS_TAIL}
_GOES_ON = "partition {}: its consumer goes on already"


def acknowledge(reader: SnapshotReader) -> Sequence[str]:
    """Acknowledge every loss of a consumer group's topic; consumers may run meanwhile.

    Returns:
        A sentence for each acknowledged partition.

    Raises:
        TopicRecreated: the positions belong to another topic id.
        BrokerUnavailable, WarehouseUnavailable: a request failed; call again.
    """
    partitions = reader.read().partitions
    lines = []
    expired: dict[int, int] = {}
    for partition, each in partitions.items():
        if each.checkpoint is None:
            continue
        if each.balance.unacknowledged:
            expired[partition] = each.balance.expired
            lines.append(
                f"partition {partition}: {each.balance.unacknowledged} expired offsets are "
                "acknowledged"
            )
        if stop_reason(each.checkpoint, each.log) in _LOST_TAIL:
            lines.append(_rewind(reader, partition, each, each.checkpoint))
    if expired:
        reader.ledger.acknowledge_expired(expired)
    return lines


def release(reader: SnapshotReader) -> Sequence[str]:
    """Let partitions go on that stopped because most of their messages were bad.

    Returns:
        A sentence for each released partition.

    Raises:
        TopicRecreated: the positions belong to another topic id.
        BrokerUnavailable, WarehouseUnavailable: a request failed; call again.
    """
    stopped = {
        partition: each.position
        for partition, each in reader.ledger.checkpoints().items()
        if each.stopped is StopReason.MOST_MESSAGES_BAD
    }
    lines = []
    for partition, log in watermarks(reader.admin, reader.topic.name, list(stopped)).items():
        position = stopped[partition]
        progress = Progress(position, recent=NO_MESSAGES, released_until=log.high)
        reader.ledger.append(
            Batch(ROWS.empty_table()), {partition: position}, {partition: progress}
        )
        lines.append(
            f"partition {partition}: bad messages of offsets {position} to {log.high - 1} are "
            "dead-lettered"
        )
    return lines


def _rewind(
    reader: SnapshotReader, partition: int, snapshot: PartitionSnapshot, checkpoint: Checkpoint
) -> str:
    """Move a position back to where the log parted from what is stored."""
    parted = _first_of_newer_epoch(reader, partition, snapshot, checkpoint)
    progress = Progress(parted, superseded=range(parted, checkpoint.position))
    if not _commit(reader, partition, checkpoint.position, progress):
        return _GOES_ON.format(partition)
    return (
        f"partition {partition}: goes on at offset {parted}, where the log parted from what is "
        f"stored; {checkpoint.position - parted} offsets are read again"
    )


def _commit(reader: SnapshotReader, partition: int, position: int, progress: Progress) -> bool:
    """Commit progress without rows; return whether the position was still this one."""
    outcome = reader.ledger.append(
        Batch(ROWS.empty_table()), {partition: position}, {partition: progress}
    )
    return isinstance(outcome, Stored)


def _first_of_newer_epoch(
    reader: SnapshotReader, partition: int, snapshot: PartitionSnapshot, checkpoint: Checkpoint
) -> int:
    """The first offset below the position that a later leader wrote, or the end of the log.

    Leader epochs never fall along a log, so this is a binary search.
    """
    low, high = snapshot.log.low, min(snapshot.log.high, checkpoint.position)
    if checkpoint.leader_epoch is None:
        return high
    while low < high:
        middle = (low + high) // 2
        offsets = range(middle, snapshot.log.high)
        message = next(reader.reader.read(reader.topic.name, partition, offsets), None)
        epoch = None if message is None else message.leader_epoch()
        if epoch is not None and epoch <= checkpoint.leader_epoch:
            low = middle + 1
        else:
            high = middle
    return low
