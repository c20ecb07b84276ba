"""HTTP/1.1 to one origin: connections that are kept, used again, and closed when in doubt.

RFC 9112; httptools reads the answers, aiohappyeyeballs chooses among addresses (RFC 8305). Why not
a client library: ADR-0009.
"""

import asyncio
import socket
import ssl
from collections import deque
from typing import Final, cast

import aiohappyeyeballs
import httptools
import httpx
from aiohappyeyeballs import AddrInfoType

from portal.sockets import has_something_to_read

LARGEST_ANSWER: Final = 1024 * 1024
"""Bytes; of a larger body only so much arrives that its size is seen."""
LARGEST_HEAD: Final = 64 * 1024
CONNECT_WITHIN: Final = 1.0
"""Seconds, from the first address to TLS; of an address that swallows packets nobody hears sooner,
so there is no second try."""
ADDRESSES_FOR: Final = 10.0
"""Seconds for which a name is not looked up again."""
SECOND_ADDRESS_AFTER: Final = 0.25
MOST_CONNECTIONS: Final = 100
IDLE_FOR: Final = 30.0
"""Seconds; shorter than Hydra's own patience (its default is two minutes) and that of usual
balancers."""
_REPEATABLE: Final = frozenset((b"GET", b"PUT", b"DELETE"))
Headers = list[tuple[bytes, bytes]]


class CertificateError(httpx.ConnectError):
    """Somebody answers, but not one whom we were told to trust; the name tells operators so."""


class StaleError(Exception):
    """A kept connection was closed before it gave a byte of an answer."""


class Connection(asyncio.Protocol):
    """One connection, one exchange at a time.

    It survives an exchange only if that went by the book: whatever is left over, cut short or said
    unasked closes it, so that no answer is taken for that of another request.
    """

    def __init__(self) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._answer: _Answer | None = None

    @property
    def usable(self) -> bool:
        """Whether another exchange may begin: nothing was left unsent, and nothing said unasked,
        not even what the loop has not heard yet.
        """
        transport = self._transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size():
            return False
        return not has_something_to_read(transport.get_extra_info("socket").fileno())

    async def exchange(self, message: bytes) -> tuple[int, Headers, bytes]:
        """Send a request; return status, headers and body of its answer.

        Raises:
            StaleError: the connection ended before anything was heard.
            httpx.TransportError: it ended too soon, or what was heard is not HTTP.

        """
        assert self._transport is not None  # noqa: S101 - made by the loop before anybody has it
        self._answer = answer = _Answer()
        self._transport.write(message)
        try:
            await answer.complete
        except BaseException:
            self.abort()
            raise
        finally:
            self._answer = None
        if not answer.may_be_followed:
            self.abort()
        return answer.status, answer.headers, bytes(answer.body)

    def abort(self) -> None:
        """Close at once; what was not sent yet is dropped."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # TCP and TLS are; uvloop's by shape

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.abort()  # nobody asked
        else:
            self._answer.feed(data)

    def eof_received(self) -> None:
        if self._answer is not None:
            self._answer.end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None:
            self._answer.end(exc)
        if not self.closed.done():
            self.closed.set_result(None)


class _Answer:
    """What is heard of one answer; httptools calls the ``on_`` methods."""

    def __init__(self) -> None:
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.status = 0
        self.headers: Headers = []
        self.body = bytearray()
        self.may_be_followed = False
        """Whether the connection is good for another exchange."""
        self._parser = httptools.HttpResponseParser(self)
        self._heard = self._head = 0
        self._in_head = True
        self._ends_with_connection = False
        self._left_over = False

    def feed(self, data: bytes) -> None:
        self._heard += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._left_over = True
            self._fail(httpx.RemoteProtocolError("not HTTP"))
        no_body = self._heard - len(self.body)
        if self._head > LARGEST_HEAD or no_body > 2 * LARGEST_HEAD:
            self._fail(httpx.RemoteProtocolError("an endless head, or one behind the body"))
        if self._left_over:
            self.may_be_followed = False

    def end(self, exc: Exception | None) -> None:
        """No more will come."""
        if self._ends_with_connection and not self._in_head and exc is None:
            self._succeed()
        elif not self._heard:
            self._fail(StaleError())
        else:
            self._fail(httpx.RemoteProtocolError("cut short"))

    def on_message_begin(self) -> None:
        self._left_over = self.complete.done()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        if self._in_head and not self._left_over:  # what follows a body is no header
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._left_over:
            return
        self.status = self._parser.get_status_code()
        self._in_head = False
        framed = (b"content-length", b"transfer-encoding")
        self._ends_with_connection = not any(name.lower() in framed for name, _ in self.headers)

    def on_body(self, body: bytes) -> None:
        if self._left_over:
            return
        self.body += body
        if len(self.body) > LARGEST_ANSWER:
            self._left_over = True
            self._succeed()

    def on_message_complete(self) -> None:
        if self._left_over:
            return
        if self.status < 200:  # RFC 9110 section 15.2: the answer itself is still to come
            self.headers, self._in_head, self._heard = [], True, 1
            return
        self.may_be_followed = self._parser.should_keep_alive()
        self._succeed()

    def _succeed(self) -> None:
        if not self.complete.done():
            self.complete.set_result(None)

    def _fail(self, exc: Exception) -> None:
        if not self.complete.done():
            self.complete.set_exception(exc)


class Connections:
    """All connections to *host* and *port*; over TLS where a context is given."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._addresses: list[AddrInfoType] = []
        self._addresses_until = 0.0
        self._turns = asyncio.Semaphore(MOST_CONNECTIONS)
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()

    async def exchange(self, method: bytes, message: bytes) -> tuple[int, Headers, bytes]:
        """Send *message*, a whole request of *method*, over a kept connection or a new one.

        A connection that turns out to have been closed while it was idle goes unnoticed, except by
        a method that must not be sent twice.

        Raises:
            httpx.TransportError: nobody answers, or not HTTP. No text tells the address.

        """
        async with self._turns:
            kept = self._kept()
            try:
                if kept is not None:
                    try:
                        return await self._exchange(kept, message)
                    except StaleError:
                        if method not in _REPEATABLE:
                            raise
                return await self._exchange(await self._connect(), message)
            except StaleError:
                raise httpx.ReadError("closed without an answer") from None

    async def aclose(self) -> None:
        """Close all, and wait until they are."""
        closed = [connection.closed for connection in self._open]
        for connection in tuple(self._open):
            connection.abort()
        if closed:
            await asyncio.wait(closed, timeout=CONNECT_WITHIN)

    async def _exchange(self, connection: Connection, message: bytes) -> tuple[int, Headers, bytes]:
        answer = await connection.exchange(message)
        if connection.usable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.abort()
        return answer

    def _kept(self) -> Connection | None:
        """The one that was used last: those below it were idle for longer."""
        too_old = asyncio.get_running_loop().time() - IDLE_FOR
        while self._idle and self._idle[0].idle_since < too_old:
            self._idle.popleft().abort()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.abort()
        return None

    async def _connect(self) -> Connection:
        try:
            addresses = await self._look_up()
            async with asyncio.timeout(CONNECT_WITHIN):
                connection = await self._open_one(addresses)
        except TimeoutError:
            raise httpx.ConnectTimeout("no connection in time") from None
        except ssl.SSLError as exc:
            raise CertificateError(type(exc).__name__) from None
        except OSError as exc:
            raise httpx.ConnectError(type(exc).__name__) from None
        self._open.add(connection)
        connection.closed.add_done_callback(lambda _: self._forget(connection))
        return connection

    async def _look_up(self) -> list[AddrInfoType]:
        """Ory's addresses; a name server may take as long as the whole call."""
        loop = asyncio.get_running_loop()
        if not self._addresses or loop.time() > self._addresses_until:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._addresses = [*found]
            self._addresses_until = loop.time() + ADDRESSES_FOR
        return list(self._addresses)

    async def _open_one(self, addresses: list[AddrInfoType]) -> Connection:
        loop = asyncio.get_running_loop()
        sock = await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=SECOND_ADDRESS_AFTER
        )
        try:
            _, connection = await loop.create_connection(
                Connection,
                sock=sock,
                ssl=self._tls,
                server_hostname=self._host if self._tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return connection

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
