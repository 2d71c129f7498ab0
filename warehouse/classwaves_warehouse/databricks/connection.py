"""Connections by databricks-sql-connector: the only module that needs it."""

import logging
from typing import Any, Final
from urllib.parse import urlsplit

from databricks import sql
from databricks.sql.client import Connection

from classwaves_warehouse.databricks.service_principal import ServicePrincipal
from classwaves_warehouse.databricks.settings import DatabricksSettings

_SOCKET_SECONDS: Final = 60
"""The server answers or asks for patience within 5 s: a minute of silence is a lost reply."""

_STATEMENT_SECONDS: Final = 600
"""After so long the server itself ends a statement, so that none runs on for days behind our back."""


# The connector writes two lines a request at level info, and whole requests, which hold payloads, under "unsafe".
logging.getLogger("databricks.sql").setLevel(logging.WARNING)
logging.getLogger("databricks.sql.unsafe").disabled = True
# It warns of its older way of retrying with each connection.
logging.getLogger("databricks.sql.backend.thrift_backend").addFilter(
    lambda record: not record.getMessage().startswith("Legacy retry behavior")
)


def connect(settings: DatabricksSettings) -> Connection:
    """A session in the catalog of the settings, in UTC.

    Raises:
        databricks.sql.exc.Error: the warehouse could not be reached, or refused.
    """
    return sql.connect(**options(settings))


def options(settings: DatabricksSettings) -> dict[str, Any]:
    """What the connector is told."""
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
        "use_cloud_fetch": False,  # answers are short, and a pod need not reach the cloud's storage
        "_socket_timeout": _SOCKET_SECONDS,
        # By default the connector sends a statement again whose reply was lost, and says nothing of it. Its policy for
        # urllib3 cannot be told not to, and hides what a warehouse that is starting says; its older way does neither.
        "_enable_v3_retries": False,
        "_retry_stop_after_attempts_count": 1,
        # Should a release know that way no more, this ends its policy's patience before a first repeat.
        "_retry_stop_after_attempts_duration": 1,
        **_transport(settings),
        **_identity(settings, f"{url.scheme}://{url.netloc}"),
    }


def _transport(settings: DatabricksSettings) -> dict[str, Any]:
    url = urlsplit(settings.databricks_host)
    if url.scheme == "http":
        return {"_connection_uri": f"{settings.databricks_host}{settings.http_path}"}
    authorities = settings.databricks_ca_file
    return {"_port": url.port or 443} | (
        {"_tls_trusted_ca_file": str(authorities)} if authorities else {}
    )


def _identity(settings: DatabricksSettings, workspace: str) -> dict[str, Any]:
    if settings.databricks_token is not None:
        return {"access_token": settings.databricks_token}
    client_id, secret = settings.databricks_client_id or "", settings.databricks_client_secret or ""
    return {
        "credentials_provider": ServicePrincipal(
            workspace, client_id, secret, settings.databricks_ca_file
        )
    }
