"""Deleted records, and a consumer group whose committed offsets are wrong or deleted."""

from itertools import islice

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from tests.support.mixture import mixture


def stop(consumer) -> None:
    consumer.terminate()
    assert consumer.ended() == 0


def test_records_deleted_before_they_were_read_are_expired_and_the_rest_is_stored(
    scenario,
):
    traffic, messages = scenario.traffic(), mixture(seed=71, repeats=0, bad=0)
    consumer = scenario.consumer()
    for partition in range(4):
        traffic.send(islice(messages, 50), partition)
    scenario.wait_until_stored()
    stop(consumer)
    for partition in range(4):
        traffic.send(islice(messages, 50), partition)
    limit = TopicPartition(scenario.topic, 0, 80)
    scenario.admin.delete_records([limit])[limit].result()
    code, found = scenario.verify()
    assert (code, found["total"]["missing"], found["total"]["expired"]) == (1, 0, 30)
    assert [each["offsets"] for each in found["findings"]] == [[[50, 79]]]

    consumer = scenario.consumer()
    scenario.wait_until_stored()
    assert "Retention deleted offsets [50, 80) of partition 0" in consumer.log.read_text()
    assert scenario.stored().total() == 400 - 30
    code, found = scenario.verify()
    assert (code, found["total"]["missing"], found["total"]["expired"]) == (1, 0, 30)
    assert scenario.acknowledge() == "partition 0: 30 expired offsets are acknowledged\n"
    assert scenario.verify()[0] == 0
    traffic.send(islice(messages, 50), 0)
    scenario.wait_until_stored()
    code, found = scenario.verify()
    assert (code, found["total"]["stored"]) == (0, 400 - 30 + 50)


def test_records_deleted_under_a_running_consumer_are_expired_and_the_rest_is_stored(
    scenario,
):
    traffic, messages = scenario.traffic(), mixture(seed=73, repeats=0, bad=0)
    consumer = scenario.consumer()
    traffic.send(islice(messages, 50), 0)
    scenario.wait_until_stored()
    consumer.freeze()
    traffic.send(islice(messages, 2_000), 0)
    limit = TopicPartition(scenario.topic, 0, 2_000)
    scenario.admin.delete_records([limit])[limit].result()
    consumer.thaw()
    scenario.wait_until_stored()
    code, found = scenario.verify()
    # Messages that were fetched before the deletion still arrive.
    expired = found["total"]["expired"]
    assert (code, found["total"]["missing"], found["total"]["kafka_holes"]) == (1, 0, 0)
    assert 0 < expired <= 1_950
    assert scenario.stored().total() == 2_050 - expired


def test_the_committed_offsets_of_the_group_have_no_effect(scenario):
    traffic, messages = scenario.traffic(), mixture(seed=72)
    for wrong in (None, 0, 7, 10**6):
        consumer = scenario.consumer()
        traffic.send(islice(messages, 200))
        scenario.wait_until_stored()
        stop(consumer)
        if wrong is None:
            scenario.admin.delete_consumer_groups([scenario.topic])[scenario.topic].result()
        else:
            offsets = [TopicPartition(scenario.topic, partition, wrong) for partition in range(4)]
            group = ConsumerGroupTopicPartitions(scenario.topic, offsets)
            scenario.admin.alter_consumer_group_offsets([group])[scenario.topic].result()
        traffic.send(islice(messages, 100))
    scenario.consumer()
    scenario.wait_until_stored()
    scenario.prove()
