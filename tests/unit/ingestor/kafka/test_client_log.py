import logging

from classwaves_ingestor.kafka.client_log import ClientLog


def test_connection_failures_are_logged_at_debug_and_other_lines_as_they_are(caplog):
    caplog.set_level(logging.DEBUG)
    client_log = ClientLog(logging.getLogger("test"))
    client_log.log(logging.ERROR, "%s [%s] %s", "FAIL", "client", "Connection refused")
    client_log.log(logging.WARNING, "%s [%s] %s", "MAXPOLL", "client", "poll interval exceeded")
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [
        (logging.DEBUG, "FAIL [client] Connection refused"),
        (logging.WARNING, "MAXPOLL [client] poll interval exceeded"),
    ]
