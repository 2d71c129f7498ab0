"""Which incarnation of a topic there is now: a topic deleted and created again has another id."""

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient

from classwaves_ingestor.topics.admin import SECONDS, answer
from classwaves_ingestor.topics.description import MOCK_CLUSTER, is_mock, topic_id_text


class Incarnation:
    """Asks for one topic's id, as often as is wanted.

    Args:
        admin: of the cluster that has the topic.
        topic: its name.
    """

    def __init__(self, admin: AdminClient, topic: str) -> None:
        self._admin = admin
        self._topic = topic
        self._mock: bool | None = None

    def topic_id(self) -> str:
        """The id now.

        Raises:
            TopicMissing, BrokerUnavailable, BrokerRefused: it cannot be told.
        """
        if self._mock is None:
            self._mock = is_mock(self._admin)
        if self._mock:
            return MOCK_CLUSTER
        described = self._admin.describe_topics(
            TopicCollection([self._topic]), request_timeout=SECONDS
        )
        return topic_id_text(
            str(answer(described[self._topic], f"the id of topic {self._topic}").topic_id)
        )
