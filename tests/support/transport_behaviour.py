"""The behaviour suite of `Transport`. A subclass adds the fixtures `transport` and `received`."""


def ignore_failure(*_):
    """The failure callback of events that are not expected to fail."""


class TransportBehaviour:
    def test_each_event_arrives_with_its_key_and_none_is_refused(self, transport, received):
        refused = []
        for number in range(20):
            transport.send(f"s{number}", b"%d" % number, transport.failure_callback(refused.append))
        assert transport.flush(30) == 0
        assert refused == []
        assert transport.delivered() == 20
        assert sorted(received(), key=lambda each: int(each[1])) == [
            (f"s{n}", b"%d" % n) for n in range(20)
        ]
        transport.close()

    def test_events_of_one_key_keep_their_order(self, transport, received):
        for number in range(200):
            transport.send(b"s", b"%d" % number, ignore_failure)
        assert transport.flush(30) == 0
        assert [int(value) for _, value in received()] == list(range(200))
        transport.close()

    def test_polling_is_enough_to_deliver(self, transport, received):
        transport.send("s", b"1", ignore_failure)
        while not transport.delivered():
            transport.poll()
        assert received() == [("s", b"1")]
        transport.close()

    def test_after_a_delivery_the_cluster_is_known(self, transport, received):
        transport.send("s", b"1", ignore_failure)
        assert transport.flush(30) == 0
        assert transport.cluster_id()
        transport.close()

    def test_a_flush_without_events_returns_zero(self, transport, received):
        assert transport.flush(30) == 0
        transport.close()
