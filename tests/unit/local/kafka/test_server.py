from local.kafka import container, server


def test_the_broker_listens_on_loopback_only():
    listeners = server.listeners(20001, 20002)["listeners"].split(",")
    assert [listener.split("://")[1] for listener in listeners] == [
        "127.0.0.1:20001",
        "127.0.0.1:20002",
    ]


def test_a_properties_file_has_one_setting_a_line():
    assert server.render({"a.b": "1", "c": "d"}) == "a.b=1\nc=d\n"


def test_a_container_gets_its_settings_as_variables():
    assert container.environment({"node.id": "1"}) == {"KAFKA_NODE_ID": "1"}
