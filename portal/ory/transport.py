"""httpx's API over connections of our own: a third of its CPU, fewer habits to switch off.

:class:`Transport` puts a request into bytes and makes an answer of what comes back.
:class:`DirectClient` is an ``httpx.AsyncClient`` that hands a finished request to its transport and
does nothing else: no cookie jar shared by all users, no redirects, no authentication, no log line
with the whole address in it. Why: ADR-0009.
"""

from typing import Any, Final

import httpx

from portal.ory.connections import Connections

_FIT: Final = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
"""What a line of a head may hold (RFC 9110 section 5.5): nothing that ends it."""


class Transport(httpx.AsyncBaseTransport):
    """Sends every request to the one origin of *connections*, which it owns."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        method = request.method.encode("ascii")
        lines = [method + b" " + request.url.raw_path + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in request.headers.raw]
        if b"".join(lines).translate(None, _FIT):
            raise httpx.LocalProtocolError("a character that no head may hold")
        message = b"\r\n".join(lines) + b"\r\n\r\n" + request.content
        status, headers, body = await self._connections.exchange(method, message)
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    async def aclose(self) -> None:
        await self._connections.aclose()


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
