"""What a `Transport` promises. A subclass gives the fixtures `transport` and `received`."""


class TransportBehaviour:
    def test_each_event_is_settled_once_and_arrives_with_its_key(self, transport, received):
        settled = []
        for number in range(20):
            transport.send(f"s{number}", b"%d" % number, settled.append)
        assert transport.flush(30) == 0
        assert settled == [None] * 20
        assert sorted(received(), key=lambda each: int(each[1])) == [(f"s{n}", b"%d" % n) for n in range(20)]
        transport.close()

    def test_events_of_one_key_keep_their_order(self, transport, received):
        for number in range(200):
            transport.send(b"s", b"%d" % number, lambda failure: None)
        assert transport.flush(30) == 0
        assert [int(value) for _, value in received()] == list(range(200))
        transport.close()

    def test_nothing_is_told_before_somebody_asks(self, transport, received):
        settled = []
        transport.send("s", b"1", settled.append)
        assert settled == []
        while not settled:
            transport.poll()
        transport.close()

    def test_nothing_waits_where_nothing_was_sent(self, transport, received):
        assert transport.flush(30) == 0
        transport.close()
