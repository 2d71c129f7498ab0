"""OAuth machine to machine: a service principal's tokens, renewed by the connector's own source."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from databricks.sql.auth.authenticators import CredentialsProvider
from databricks.sql.auth.oauth import ClientCredentialsTokenSource
from databricks.sql.common.http_utils import detect_and_parse_proxy
from urllib3 import PoolManager, ProxyManager

_TIMEOUT_SECONDS: Final = 30.0


class ServicePrincipal(CredentialsProvider):
    """What the connector calls a credentials provider.

    Args:
        workspace: its URL, which is where tokens are made.
        client_id, secret: of the service principal.
        authorities: a file of authorities to trust instead of the system's.
    """

    def __init__(
        self, workspace: str, client_id: str, secret: str, authorities: Path | None = None
    ) -> None:
        trust = ssl.create_default_context(cafile=authorities and str(authorities))
        self._source = ClientCredentialsTokenSource(
            token_url=f"{workspace}/oidc/v1/token",
            client_id=client_id,
            client_secret=secret,
            http_client=_pools(workspace, trust),
            extra_params={"scope": "all-apis"},
        )

    def auth_type(self) -> str:
        """The name under which the connector knows this."""
        return "oauth-m2m"

    def __call__(self, *_: object, **__: object) -> Callable[[], dict[str, str]]:
        """What makes the headers of each request."""
        return self._headers

    def _headers(self) -> dict[str, str]:
        token = self._source.get_token()
        return {"Authorization": f"{token.token_type} {token.access_token}"}


def _pools(workspace: str, trust: ssl.SSLContext) -> PoolManager:
    """Connections to where tokens are made, by the way on which the connector sends statements."""
    url = urlsplit(workspace)
    proxy, headers = detect_and_parse_proxy(url.scheme, url.hostname)
    if proxy is None:
        return PoolManager(ssl_context=trust, timeout=_TIMEOUT_SECONDS)
    return ProxyManager(proxy, proxy_headers=headers, ssl_context=trust, timeout=_TIMEOUT_SECONDS)
