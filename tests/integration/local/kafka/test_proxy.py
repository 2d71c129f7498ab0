import socket
import threading

import pytest

from local.kafka.free_port import free_port
from local.kafka.proxy import TcpProxy


@pytest.fixture
def echo():
    """A server on localhost that answers with what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection):
            with connection:
                while content := connection.recv(65_536):
                    connection.sendall(content)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def exchange(connection, content):
    connection.sendall(content)
    received = b""
    while len(received) < len(content):
        part = connection.recv(65_536)
        if not part:
            raise ConnectionError
        received += part
    return received


def test_bytes_pass_both_ways(echo):
    content = b"x" * 1_000_000
    with TcpProxy(echo) as proxy, connect(proxy.port) as one, connect(proxy.port) as other:
        assert exchange(one, content) == content
        assert exchange(other, b"y") == b"y"


def test_a_cut_resets_connections_and_refuses_new_ones_until_it_heals(echo):
    with TcpProxy(echo) as proxy, connect(proxy.port) as before:
        exchange(before, b"1")
        proxy.cut()
        with pytest.raises(ConnectionError):
            exchange(before, b"2")
        with connect(proxy.port) as during, pytest.raises(ConnectionError):
            exchange(during, b"3")
        proxy.heal()
        with connect(proxy.port) as after:
            assert exchange(after, b"4") == b"4"


def test_a_target_that_does_not_listen_is_a_reset_connection():
    with (
        TcpProxy(free_port()) as proxy,
        connect(proxy.port) as client,
        pytest.raises(ConnectionError),
    ):
        exchange(client, b"1")


def test_a_client_that_leaves_ends_its_connection_to_the_target(echo):
    with TcpProxy(echo) as proxy:
        for _ in range(20):
            with connect(proxy.port) as client:
                exchange(client, b"1")
        with connect(proxy.port) as client:
            assert exchange(client, b"2") == b"2"
