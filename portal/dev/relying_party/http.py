"""Calls to Ory: bounded in time and size, never redirected, without cookies or proxies.

An error's text names the address and what to do, and never repeats what was sent.
"""

import asyncio
import json
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from portal.dev.relying_party.config import ConfigError, RelyingPartyConfig
from portal.dev.relying_party.words import one_line

MOST_BYTES: Final = 1024 * 1024
SECONDS: Final = 10.0
"""For one whole call; httpx counts only the time between two bytes."""
SECONDS_TO_CONNECT: Final = 5.0


class ProviderError(Exception):
    """Ory does not answer, or not as it should; the message is one line with what to do."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer that was read to its end."""

    status: int
    media_type: str
    location: str | None
    body: bytes

    def json_object(self) -> dict[str, Any] | None:
        """The document in it; None if it is no JSON object."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


class Http:
    """Connections to Ory, opened when the first one is needed."""

    def __init__(
        self, config: RelyingPartyConfig, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._config = config
        self._transport = transport
        self._opened: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Hang up."""
        if self._opened is not None:
            await self._opened.aclose()
            self._opened = None

    async def call(self, method: str, url: str, **more: Any) -> Answer:
        """Ask once; *more* is as for httpx."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._read(method, url, **more)
        except TimeoutError as exc:
            raise ProviderError(f"{place(url)} did not answer within {SECONDS:.0f} s.") from exc
        except ConfigError:
            raise
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise ProviderError(_unreachable(url, exc)) from exc

    async def _read(self, method: str, url: str, **more: Any) -> Answer:
        async with self._client().stream(method, url, **more) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise ProviderError(f"{place(url)} answers with more than 1 MiB.")
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        location = response.headers.get("location") if response.is_redirect else None
        return Answer(
            status=response.status_code,
            media_type=media_type,
            location=location,
            body=bytes(body),
        )

    def _client(self) -> httpx.AsyncClient:
        if self._opened is None:
            self._opened = httpx.AsyncClient(
                transport=self._transport,
                verify=self._config.tls(),
                timeout=SECONDS_TO_CONNECT,
                follow_redirects=False,
                trust_env=False,
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    "User-Agent": "portal-perform",
                },
            )
            self._opened.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        return self._opened


def place(url: str) -> str:
    """An address without anything in it that might be secret."""
    parts = urlsplit(url)
    return one_line(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", 200)


def _unreachable(url: str, exc: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(exc):
        return (
            f"the certificate of {place(url)} is not trusted: --ca-file names the authority that "
            "signed it (--skip-tls-verify trusts anybody)."
        )
    name = type(exc).__name__
    return f"{place(url)} does not answer ({name}). Check the address, and that it runs."
