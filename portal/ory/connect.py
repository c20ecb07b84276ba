"""From settings to an open :class:`OryAdmin`: connections, certificates, key.

async with open_client(settings) as ory:
    request = await ory.get_login_request(challenge)
"""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from portal.ory.admin import OryAdmin
from portal.ory.calls import Observer
from portal.ory.connections import Connections
from portal.ory.transport import DirectClient, Transport
from portal.settings import Settings, SettingsError


@asynccontextmanager
async def open_client(
    settings: Settings,
    *,
    observe: Observer | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[OryAdmin]:
    """Ory's admin API as configured; its connections live as long as the context.

    *transport* takes the place of the connections.
    """
    if settings.hydra_admin_url is None:
        raise SettingsError(
            (
                "HYDRA_ADMIN_URL: missing, it says where Ory's admin API is. For example: "
                "HYDRA_ADMIN_URL=http://127.0.0.1:4445",
            )
        )
    async with DirectClient(transport or Transport(_connections(settings))) as http:
        yield OryAdmin(
            http,
            base_url=settings.hydra_admin_url,
            public_url=settings.hydra_public_url,
            api_key=_key_of(settings),
            budget=settings.ory_timeout,
            forwarded_proto=settings.mock_tls_termination,
            observe=observe,
        )


def tls_context(base_url: str, ca_file: Path | None) -> ssl.SSLContext | None:
    """Trust the one CA that is named, else the usual ones; None for plain http (it takes 40 ms)."""
    if not base_url.startswith("https:"):
        return None
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as exc:  # ssl.SSLError is one
        raise SettingsError((f"PORTAL_ORY_CA_FILE: cannot be read: {exc}.",)) from exc


class KeyFile:
    """An API key in a file, read again whenever the file has changed.

    While the file is away, as it is for a moment when a secret is replaced, the last key holds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._key: str | None = None

    def __repr__(self) -> str:
        return f"KeyFile({str(self._path)!r})"

    def __call__(self) -> str | None:
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_ino, found.st_size)
            if seen != self._seen:
                self._key, self._seen = self._path.read_text().strip() or None, seen
        except (OSError, UnicodeDecodeError):
            return self._key
        return self._key


def _key_of(settings: Settings) -> Callable[[], str | None]:
    if settings.ory_api_key_file is not None:
        return KeyFile(settings.ory_api_key_file)
    key = settings.ory_api_key
    return lambda: key.reveal() if key is not None else None


def _connections(settings: Settings) -> Connections:
    """Open none yet."""
    url = httpx.URL(str(settings.hydra_admin_url))
    tls = tls_context(str(url), settings.ory_ca_file)
    return Connections(url.raw_host.decode("ascii"), url.port or (443 if tls else 80), tls)
