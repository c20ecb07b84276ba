"""One question over HTTP, bounded in time and size, and plain words for what went wrong.

No redirect is followed, no proxy of the environment is asked, no cookie is kept. The API key goes
along only where :meth:`Probe.get` is handed it.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import msgspec

SECONDS: Final = 5.0
"""For one whole answer."""
MOST_BYTES: Final = 256 * 1024
_CERTIFICATES: Final = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed",
    19: "its certificate comes from an authority that is not trusted here",
    20: "its certificate comes from an authority that is not trusted here",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
"""OpenSSL's numbers (X509_V_ERR_…)."""


class ProbeError(Exception):
    """Nobody answers, or not in a way that can be read; the message names why."""


class CertificateProblemError(ProbeError):
    """Somebody answers whom we cannot trust."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that was read to its end."""

    url: str
    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    """Each ``Set-Cookie`` line."""
    body: bytes
    asked_at: datetime
    answered_at: datetime

    def __repr__(self) -> str:
        return f"Answer({self.status})"

    @property
    def document(self) -> Any:
        """The JSON in it; None if it is none."""
        with suppress(ValueError, RecursionError):
            return json.loads(self.body)
        return None

    @property
    def location(self) -> str | None:
        """Where it redirects, as a whole address."""
        target = self.headers.get("location")
        if not 300 <= self.status < 400 or not target:
            return None
        with suppress(ValueError):
            return urljoin(self.url, target)
        return None

    @property
    def date(self) -> datetime | None:
        """The other side's clock."""
        with suppress(ValueError, TypeError):
            told = parsedate_to_datetime(self.headers.get("date", ""))
            return told if told.tzinfo else told.replace(tzinfo=UTC)
        return None


class Probe:
    """Asks; connections are opened when needed and closed by :meth:`aclose`."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._http = httpx.AsyncClient(
            verify=tls,
            trust_env=False,
            follow_redirects=False,
            timeout=SECONDS,
            headers={"Accept-Encoding": "identity", "User-Agent": "portal-doctor"},
        )
        self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask *url* once."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._read(url, headers or {})
        except TimeoutError:
            raise ProbeError(f"{place(url)} did not answer within {SECONDS:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise _explained(url, exc) from None

    async def _read(self, url: str, headers: Mapping[str, str]) -> Answer:
        asked_at = datetime.now(UTC)
        async with self._http.stream("GET", url, headers=dict(headers)) as response:
            answered_at = datetime.now(UTC)
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise ProbeError(f"{place(url)} answers with more than {MOST_BYTES} bytes")
        return Answer(
            url=url,
            status=response.status_code,
            headers=response.headers,
            cookies=tuple(response.headers.get_list("set-cookie")),
            body=bytes(body),
            asked_at=asked_at,
            answered_at=answered_at,
        )


def place(url: str) -> str:
    """An address without its query, which holds challenges."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "an address that cannot be read"


def query_of(url: str) -> dict[str, str]:
    """The first value of each parameter; none if the address cannot be read."""
    with suppress(ValueError):
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return {}


def _explained(url: str, exc: Exception) -> ProbeError:
    causes = list(_causes(exc))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = _CERTIFICATES.get(cause.verify_code, f"its certificate: {cause.verify_message}")
            return CertificateProblemError(f"{place(url)} is not trusted: {why}")
    return ProbeError(f"{place(url)} {_why(exc, causes)}")


def _why(exc: Exception, causes: list[BaseException]) -> str:
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "does not speak TLS; perhaps it is an http address"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "cannot be found: there is no host of this name"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "does not answer: nobody listens there"
    if isinstance(exc, httpx.TimeoutException):
        return "does not answer"
    if isinstance(exc, httpx.RemoteProtocolError):
        return "does not speak HTTP; perhaps it is an https address"
    return f"cannot be asked ({type(exc).__name__})"


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """An error and all that led to it."""
    left: list[BaseException] = [exc]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
