"""Where partitions begin and end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # exported all the same
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.topics.admin import SECONDS, answer, metadata


@dataclass(frozen=True, slots=True)
class Watermarks:
    """The first offset that the broker still has, and the next one that it will give."""

    low: int
    high: int


def watermarks(
    admin: AdminClient, topic: str, partitions: Sequence[int]
) -> Mapping[int, Watermarks]:
    """The watermarks of these partitions.

    Raises:
        BrokerUnavailable, BrokerRefused, TopicMissing: the cluster did not tell.
    """
    low = _offsets(admin, topic, partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    high = _offsets(admin, topic, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    return {partition: Watermarks(low[partition], high[partition]) for partition in partitions}


# A partition whose leader is just being elected has no answer yet.
@retry(
    retry=retry_if_exception_type(BrokerUnavailable),
    stop=stop_after_delay(SECONDS),
    wait=wait_fixed(0.25),
    reraise=True,
)
def _offsets(
    admin: AdminClient, topic: str, partitions: Sequence[int], spec: OffsetSpec
) -> dict[int, int]:
    if not partitions:
        return {}
    asked = {TopicPartition(topic, partition): spec for partition in partitions}
    metadata(admin, topic)  # the client asks leaders that it remembers; partitions may be newer
    told = admin.list_offsets(asked, request_timeout=SECONDS)
    return {
        place.partition: answer(future, f"the watermarks of topic {topic}").offset
        for place, future in told.items()
    }
