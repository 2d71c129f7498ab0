"""Connections by databricks-sql-connector: its options and the credentials of a service principal.

This is the only module that imports the connector, which is an optional dependency.
"""

import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from databricks import sql
from databricks.sql.auth.authenticators import CredentialsProvider
from databricks.sql.auth.oauth import ClientCredentialsTokenSource
from databricks.sql.client import Connection
from databricks.sql.common.http_utils import detect_and_parse_proxy
from urllib3 import PoolManager, ProxyManager

from classwaves_warehouse.databricks.session import SOCKET_SECONDS
from classwaves_warehouse.databricks.settings import DatabricksSettings

_STATEMENT_SECONDS: Final = 600
"""The server cancels a statement after this time, so that an abandoned one ends."""

_TOKEN_SECONDS: Final = 30.0
"""Timeout of a request for an OAuth token."""

# The connector logs two lines for each request at level INFO, and whole requests, which hold
# payloads, under "unsafe".
logging.getLogger("databricks.sql").setLevel(logging.WARNING)
logging.getLogger("databricks.sql.unsafe").disabled = True
# It warns about its legacy retries, which `connector_options` selects, at each connection.
logging.getLogger("databricks.sql.backend.thrift_backend").addFilter(
    lambda record: not record.getMessage().startswith("Legacy retry behavior")
)


def connect(settings: DatabricksSettings, socket_seconds: float = SOCKET_SECONDS) -> Connection:
    """Open a session in the catalog of the settings, in UTC.

    Args:
        settings: the warehouse and the credentials.
        socket_seconds: of silence after which a reply counts as lost.

    Raises:
        databricks.sql.exc.Error: the warehouse did not answer, or refused the session.
    """
    return sql.connect(**connector_options(settings, socket_seconds))


def connector_options(settings: DatabricksSettings, socket_seconds: float) -> dict[str, Any]:
    """The arguments of the connector's `connect`."""
    url = urlsplit(settings.databricks_host)
    return {
        "server_hostname": url.hostname,
        "http_path": settings.http_path,
        "catalog": settings.databricks_catalog,
        "session_configuration": {
            "TIMEZONE": "UTC",
            "ANSI_MODE": "true",
            "STATEMENT_TIMEOUT": str(_STATEMENT_SECONDS),
        },
        "user_agent_entry": "classwaves-ingestor",
        "enable_telemetry": False,
        # Results are small, and a pod may have no access to the cloud's object store.
        "use_cloud_fetch": False,
        "_socket_timeout": socket_seconds,
        # By default the connector silently repeats a statement whose reply was lost. Its urllib3
        # retry policy cannot be disabled, and it hides the messages of a starting warehouse. The
        # legacy retries with one attempt repeat nothing and hide nothing.
        "_enable_v3_retries": False,
        "_retry_stop_after_attempts_count": 1,
        # If a release drops the legacy retries, this stops the retry policy before a repeat.
        "_retry_stop_after_attempts_duration": 1,
        **_transport_options(settings),
        **_credential_options(settings, f"{url.scheme}://{url.netloc}"),
    }


class ServicePrincipal(CredentialsProvider):
    """OAuth machine-to-machine tokens, which the connector's own token source renews.

    Args:
        workspace: its URL, which issues the tokens.
        client_id: of the service principal.
        secret: of the service principal.
        ca_file: authorities to trust instead of the system's.
    """

    def __init__(
        self, workspace: str, client_id: str, secret: str, ca_file: Path | None = None
    ) -> None:
        tls = ssl.create_default_context(cafile=ca_file and str(ca_file))
        self._source = ClientCredentialsTokenSource(
            token_url=f"{workspace}/oidc/v1/token",
            client_id=client_id,
            client_secret=secret,
            http_client=_token_client(workspace, tls),
            extra_params={"scope": "all-apis"},
        )

    def auth_type(self) -> str:
        """The connector's name of this credentials provider."""
        return "oauth-m2m"

    def __call__(self, *_: object, **__: object) -> Callable[[], dict[str, str]]:
        """A function that returns the headers of a request."""
        return self._headers

    def _headers(self) -> dict[str, str]:
        token = self._source.get_token()
        return {"Authorization": f"{token.token_type} {token.access_token}"}


def _transport_options(settings: DatabricksSettings) -> dict[str, Any]:
    url = urlsplit(settings.databricks_host)
    if url.scheme == "http":
        return {"_connection_uri": f"{settings.databricks_host}{settings.http_path}"}
    ca_file = settings.databricks_ca_file
    return {"_port": url.port or 443} | ({"_tls_trusted_ca_file": str(ca_file)} if ca_file else {})


def _credential_options(settings: DatabricksSettings, workspace: str) -> dict[str, Any]:
    if settings.databricks_token is not None:
        return {"access_token": settings.databricks_token}
    client_id, secret = settings.databricks_client_id or "", settings.databricks_client_secret or ""
    return {
        "credentials_provider": ServicePrincipal(
            workspace, client_id, secret, settings.databricks_ca_file
        )
    }


def _token_client(workspace: str, tls: ssl.SSLContext) -> PoolManager:
    """An HTTP client for tokens that uses the same proxy as the connector's statements."""
    url = urlsplit(workspace)
    proxy, headers = detect_and_parse_proxy(url.scheme, url.hostname)
    if proxy is None:
        return PoolManager(ssl_context=tls, timeout=_TOKEN_SECONDS)
    return ProxyManager(proxy, proxy_headers=headers, ssl_context=tls, timeout=_TOKEN_SECONDS)
