"""Settings of the SQL warehouse: its address, its catalog and the credentials."""

import re
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    FilePath,
    PositiveFloat,
    StringConstraints,
    model_validator,
)

from classwaves_runtime.settings import Settings

_LOCAL = {"localhost", "127.0.0.1"}


def _url(host: str) -> str:
    url = urlsplit(host if re.match(r"https?://", host) else f"https://{host}")
    if not url.hostname or url.path not in {"", "/"} or url.query or url.username:
        raise ValueError("is not a host, with or without https:// before it")
    if url.scheme == "http" and url.hostname not in _LOCAL:
        raise ValueError(
            "is plain http, which would show the token to the network; only localhost may be"
        )
    return f"{url.scheme}://{url.netloc}"


class DatabricksSettings(Settings):
    """Settings with which a process connects to its SQL warehouse.

    The credentials are a token, or a service principal's client id and secret (OAuth machine to
    machine).
    """

    help_heading: ClassVar[str] = "Environment variables of a databricks: warehouse"

    databricks_host: Annotated[str, AfterValidator(_url)] = Field(
        description="the workspace, as adb-1.2.example.net"
    )
    databricks_warehouse_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+$")] = Field(
        description="the id of a SQL warehouse"
    )
    databricks_catalog: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,255}$")] = (
        Field(default="classwaves", description="a catalog's name")
    )
    databricks_token: str | None = Field(
        default=None, repr=False, description="a personal access token"
    )
    databricks_client_id: str | None = Field(
        default=None, description="a service principal's application id"
    )
    databricks_client_secret: str | None = Field(
        default=None, repr=False, description="its OAuth secret"
    )
    databricks_ca_file: FilePath | None = Field(
        default=None, description="a file of authorities to trust for TLS"
    )
    databricks_warming_seconds: PositiveFloat = Field(
        default=600.0, description="seconds that a stopped warehouse may take to start"
    )

    @model_validator(mode="after")
    def _one_kind_of_credentials(self) -> Self:
        principal = [self.databricks_client_id, self.databricks_client_secret]
        complete, absent = None not in principal, principal == [None, None]
        if not (complete if self.databricks_token is None else absent):
            raise ValueError(
                "set either DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET"
            )
        return self

    @property
    def on_this_machine(self) -> bool:
        """Whether the warehouse is a local endpoint instead of a workspace."""
        return urlsplit(self.databricks_host).hostname in _LOCAL

    @property
    def http_path(self) -> str:
        """The path of the warehouse's endpoint."""
        return f"/sql/1.0/warehouses/{self.databricks_warehouse_id}"
