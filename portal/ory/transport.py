"""httpx's API over aiohttp's connections: half the CPU of a call, fewer habits to switch off.

:class:`AiohttpTransport` moves bytes and translates errors. :class:`DirectClient` is an
``httpx.AsyncClient`` that hands a finished request to its transport and does nothing else: no
cookie jar shared by all users, no redirects, no authentication, no log line with the whole address
in it. Why: ADR-0009.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import httpx
from yarl import URL


class CertificateError(httpx.ConnectError):
    """Somebody answers, but not one whom we were told to trust; the name tells operators so."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends requests as they are through *session*, which it owns.

    The session must know no proxies and no cookies, and leave bodies packed:
    :func:`portal.ory.connect.open_client` makes such a one.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with _httpx_errors(request):
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=request.content or None,
                allow_redirects=False,
            )
        return httpx.Response(
            answer.status, headers=answer.raw_headers, stream=_Body(answer, request)
        )

    async def aclose(self) -> None:
        await self._session.close()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._answer, self._request = answer, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors(self._request):
            async for chunk in self._answer.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        """Give the connection back if the body was read to its end, else close it."""
        self._answer.close()


@contextlib.contextmanager
def _httpx_errors(request: httpx.Request) -> Iterator[None]:
    """Only names of errors are carried over: aiohttp's texts hold the address."""
    try:
        yield
    except aiohttp.ClientSSLError as exc:
        raise CertificateError(type(exc).__name__, request=request) from None
    except aiohttp.ClientConnectorError as exc:
        raise httpx.ConnectError(type(exc).__name__, request=request) from None
    except aiohttp.ServerDisconnectedError as exc:
        raise httpx.ReadError(type(exc).__name__, request=request) from None
    except TimeoutError as exc:
        raise httpx.ConnectTimeout(type(exc).__name__, request=request) from None
    except (aiohttp.ClientOSError, ConnectionError) as exc:
        raise httpx.ReadError(type(exc).__name__, request=request) from None
    except aiohttp.ClientError as exc:
        raise httpx.RemoteProtocolError(type(exc).__name__, request=request) from None


class DirectClient(httpx.AsyncClient):
    """An httpx client without the layers between ``send`` and the transport."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__(transport=transport, trust_env=False)
        self._direct = transport

    async def send(
        self, request: httpx.Request, *, stream: bool = False, **_: Any
    ) -> httpx.Response:
        response = await self._direct.handle_async_request(request)
        response.request = request
        if not stream:
            await response.aread()
        return response
