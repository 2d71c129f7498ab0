"""What a stopped partition means, in words: for logs, readiness, `status` and `verify`."""

from classwaves_warehouse.checkpoint import StopReason

_REMEDY = (
    "Restore the log, or run `ingestor partitions acknowledge` to go on where it parted from what "
    "is stored."
)


def explain_stop(reason: StopReason, position: int, end: int) -> str:
    """Why a partition is stopped, and what to do.

    Args:
        reason: as its owner found or recorded it.
        position: the next offset to store.
        end: the log's high watermark.
    """
    match reason:
        case StopReason.LOG_ENDS_BELOW_POSITION:
            return (
                f"the log ends at offset {end}, below position {position}: the brokers lost "
                f"messages that are stored. {_REMEDY}"
            )
        case StopReason.LOG_LOST_ITS_TAIL:
            return (
                f"the brokers lost messages before position {position}, which are stored, and "
                f"wrote others in their place. {_REMEDY}"
            )
        case StopReason.CORRUPT_BATCH:
            return (
                f"the batch at or after offset {position} is corrupt on the broker. Restore the "
                "log, or delete the records up to the next batch (kafka-delete-records), which "
                "then count as expired."
            )
        case StopReason.MOST_MESSAGES_BAD:
            return (
                f"most messages at offset {position} and after cannot be decoded. They stay in the "
                "topic. Fix the producer, or deploy a consumer that supports its messages; then "
                "run `ingestor dead-letters release` to dead-letter those that are still bad."
            )
