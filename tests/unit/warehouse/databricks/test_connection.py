import json
import logging
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
import pytest

from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.databricks.connection import ServicePrincipal, connector_options
from classwaves_warehouse.databricks.session import SOCKET_SECONDS
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from classwaves_warehouse.errors import WarehouseRefused


def settings_with(**changes):
    given = {
        "DATABRICKS_HOST": "adb.example.net",
        "DATABRICKS_WAREHOUSE_ID": "abc",
        "DATABRICKS_TOKEN": "t",
        **changes,
    }
    return DatabricksSettings.from_environment(
        {name: value for name, value in given.items() if value}
    )


def options_with(**changes):
    return connector_options(settings_with(**changes), SOCKET_SECONDS)


def test_the_connector_neither_repeats_statements_nor_sends_telemetry():
    found = options_with()
    assert found["_enable_v3_retries"] is False
    assert (
        found["_retry_stop_after_attempts_count"]
        == found["_retry_stop_after_attempts_duration"]
        == 1
    )
    assert found["enable_telemetry"] is False
    assert found["session_configuration"]["TIMEZONE"] == "UTC"


def test_a_workspace_is_connected_over_tls_with_the_systems_authorities_or_a_given_one(
    tmp_path,
):
    assert options_with()["server_hostname"] == "adb.example.net"
    assert options_with()["_port"] == 443
    assert "_tls_trusted_ca_file" not in options_with()
    (tmp_path / "ca.pem").touch()
    given = options_with(
        DATABRICKS_HOST="https://localhost:18443", DATABRICKS_CA_FILE=str(tmp_path / "ca.pem")
    )
    assert given["_port"] == 18443
    assert given["_tls_trusted_ca_file"] == str(tmp_path / "ca.pem")


def test_an_endpoint_on_this_machine_may_use_plain_http():
    found = options_with(DATABRICKS_HOST="http://localhost:8080")
    assert found["_connection_uri"] == "http://localhost:8080/sql/1.0/warehouses/abc"


def test_a_service_principal_replaces_a_token():
    found = options_with(
        DATABRICKS_TOKEN=None, DATABRICKS_CLIENT_ID="app", DATABRICKS_CLIENT_SECRET="s"
    )
    assert "access_token" not in found
    assert found["credentials_provider"].auth_type() == "oauth-m2m"


@pytest.fixture
def workspace():
    """Issues tokens as a workspace does; the first two have already expired."""
    requests = []

    class Tokens(BaseHTTPRequestHandler):
        def do_POST(self):
            requests.append(
                (self.path, self.rfile.read(int(self.headers["Content-Length"])).decode())
            )
            if "client_id=stranger" in requests[-1][1]:
                self.send_error(401, "invalid_client")
                return
            expires = 1 if len(requests) < 3 else 2**40
            token = jwt.encode({"exp": expires, "n": len(requests)}, "k" * 32)
            answer = json.dumps(
                {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Tokens)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_principals_token_is_requested_once_and_again_after_it_has_expired(workspace):
    url, requests = workspace
    headers = ServicePrincipal(url, "app", "s&cret")()
    tokens = [headers()["Authorization"] for _ in range(4)]
    assert len(set(tokens)) == len(requests) == 3
    assert all(token.startswith("Bearer ") for token in tokens)
    path, form = requests[0]
    assert path == "/oidc/v1/token"
    assert (
        form == "grant_type=client_credentials&client_id=app&client_secret=s%26cret&scope=all-apis"
    )


def test_a_principal_that_the_workspace_does_not_know_is_refused(workspace):
    url, _ = workspace
    wrong = {"DATABRICKS_HOST": url, "DATABRICKS_TOKEN": None, "DATABRICKS_CLIENT_ID": "stranger"}
    settings = settings_with(**wrong, DATABRICKS_CLIENT_SECRET="s")
    with pytest.raises(
        WarehouseRefused, match=r"Failed to get token: 401.*Check DATABRICKS_HOST.*credentials"
    ):
        DatabricksWarehouse(settings, RetryPolicy(attempts=1)).tables.check()


def test_tokens_are_requested_through_the_proxy_of_the_environment(workspace, monkeypatch):
    url, requests = workspace
    monkeypatch.setenv("http_proxy", url)
    monkeypatch.setenv("no_proxy", "")
    ServicePrincipal("http://workspace.example", "app", "s")()()
    assert requests[0][0] == "http://workspace.example/oidc/v1/token"


def test_an_invalid_file_of_authorities_fails_at_once(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        ServicePrincipal("https://localhost", "app", "s", tmp_path / "ca.pem")


def test_the_connector_writes_no_payloads_to_a_log(caplog):
    caplog.set_level("DEBUG")
    logging.getLogger("databricks.sql.unsafe").debug("Sending request: Maya")
    assert "Maya" not in caplog.text
