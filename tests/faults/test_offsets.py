"""Offsets that are not what they were: deleted records, and a group whose own offsets are wrong or gone."""

from itertools import islice

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from tests.support.mixture import mixture


def stop(consumer) -> None:
    consumer.terminate()
    assert consumer.ended() == 0


def test_records_deleted_before_they_were_read_are_counted_as_holes_and_the_rest_is_stored(trial):
    traffic, messages = trial.traffic(), mixture(seed=71, repeats=0, bad=0)
    consumer = trial.consumer()
    for partition in range(4):
        traffic.send(islice(messages, 50), partition)
    trial.wait_until_stored()
    stop(consumer)
    for partition in range(4):
        traffic.send(islice(messages, 50), partition)
    place = TopicPartition(trial.topic, 0, 80)
    trial.admin.delete_records([place])[place].result()
    code, found = trial.verify()
    assert (code, found["total"]["missing"]) == (1, 30)
    assert [each["offsets"] for each in found["findings"]] == [[[50, 79]]]

    consumer = trial.consumer()
    trial.wait_until_stored()
    assert "offsets [50, 80) of partition 0 are gone" in consumer.log.read_text()
    assert trial.stored().total() == 400 - 30
    code, found = trial.verify()
    assert (code, found["total"]["missing"], found["total"]["kafka_holes"]) == (0, 0, 30)


def test_records_deleted_under_a_running_consumer_are_counted_as_holes_and_the_rest_is_stored(
    trial,
):
    traffic, messages = trial.traffic(), mixture(seed=73, repeats=0, bad=0)
    consumer = trial.consumer()
    traffic.send(islice(messages, 50), 0)
    trial.wait_until_stored()
    consumer.freeze()
    traffic.send(islice(messages, 2_000), 0)
    place = TopicPartition(trial.topic, 0, 2_000)
    trial.admin.delete_records([place])[place].result()
    consumer.thaw()
    trial.wait_until_stored()
    code, found = trial.verify()
    holes = found["total"][
        "kafka_holes"
    ]  # what was on its way before the records went still arrives
    assert (code, found["total"]["missing"]) == (0, 0)
    assert 0 < holes <= 1_950
    assert trial.stored().total() == 2_050 - holes


def test_the_offsets_of_the_group_decide_nothing(trial):
    traffic, messages = trial.traffic(), mixture(seed=72)
    for wrong in (None, 0, 7, 10**6):
        consumer = trial.consumer()
        traffic.send(islice(messages, 200))
        trial.wait_until_stored()
        stop(consumer)
        if wrong is None:
            trial.admin.delete_consumer_groups([trial.topic])[trial.topic].result()
        else:
            places = [TopicPartition(trial.topic, partition, wrong) for partition in range(4)]
            group = ConsumerGroupTopicPartitions(trial.topic, places)
            trial.admin.alter_consumer_group_offsets([group])[trial.topic].result()
        traffic.send(islice(messages, 100))
    trial.consumer()
    trial.wait_until_stored()
    trial.prove()
