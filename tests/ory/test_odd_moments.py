"""Words that come at the wrong time, or without an end: from Ory, and from browsers."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import uvicorn

from portal.cli.protocol import HEAD_LIMIT, PatientProtocol
from portal.ory.connections import LARGEST_HEAD, Connections

GET = b"GET /here HTTP/1.1\r\nHost: ory.test\r\n\r\n"
YES = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server in a thread of its own, so that it goes on while the loop is busy: its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listening.accept()
                with line, contextlib.suppress(OSError):
                    answer(line)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@contextlib.asynccontextmanager
async def connected(answer: Callable[[socket.socket], None]) -> AsyncIterator[Connections]:
    with serving(answer) as port:
        made = Connections("127.0.0.1", port, None)
        try:
            yield made
        finally:
            await made.aclose()


async def test_word_that_an_idle_connection_ends_is_not_the_answer_to_the_next_request() -> None:
    """408, as balancers say it before they close; here while the loop is busy for a moment."""

    def answer(line: socket.socket) -> None:
        line.recv(9999)
        line.sendall(YES)
        time.sleep(0.05)
        line.sendall(b"HTTP/1.1 408 Request Time-out\r\nConnection: close\r\n\r\n")

    async with connected(answer) as to_ory:
        assert (await to_ory.exchange(b"GET", GET))[0] == 200
        time.sleep(0.15)  # noqa: ASYNC251 - the loop sleeps, and the server does not
        assert (await to_ory.exchange(b"GET", GET))[0] == 200


async def test_a_connection_with_a_request_half_sent_is_not_used_again() -> None:
    def answer(line: socket.socket) -> None:
        line.recv(100)
        line.sendall(YES)
        time.sleep(0.5)

    body = b"x" * 8_000_000
    request = b"PUT /here HTTP/1.1\r\nHost: ory.test\r\nContent-Length: 8000000\r\n\r\n" + body
    async with connected(answer) as to_ory:
        assert (await to_ory.exchange(b"PUT", request))[0] == 200
        assert not to_ory._idle


async def test_what_follows_a_body_is_no_header() -> None:
    """RFC 9110, 6.5.1: trailers are not merged into headers unless their definition says so."""

    def answer(line: socket.socket) -> None:
        line.recv(9999)
        line.sendall(CHUNKED + b"Content-Encoding: gzip\r\nRetry-After: 1\r\n\r\n")

    async with connected(answer) as to_ory:
        _, headers, _ = await to_ory.exchange(b"GET", GET)
    assert [name.lower() for name, _ in headers] == [b"transfer-encoding"]


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(CHUNKED + b"x: ", id="trailer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=", id="extension"),
    ],
)
async def test_what_is_neither_head_nor_body_ends_too(begin: bytes) -> None:
    sent = 0

    def answer(line: socket.socket) -> None:
        nonlocal sent
        line.recv(9999)
        line.sendall(begin)
        while sent < 16_000_000:
            sent += line.send(b"y" * 16_384)
        time.sleep(3)

    async with connected(answer) as to_ory:
        with pytest.raises(Exception):  # noqa: B017, PT011 - whichever: how much was read counts
            async with asyncio.timeout(2):
                await to_ory.exchange(b"GET", GET)
    assert sent < 8_000_000 + LARGEST_HEAD, "all of it was taken in"


@pytest.mark.parametrize("line", [b"a: b\r\n" * 2000, b"y" * 12_000], ids=["many", "one"])
async def test_what_follows_a_browsers_body_does_not_fill_the_portal(line: bytes) -> None:
    """24 MB of trailers are 450 MB here; nobody has to be signed in for it."""
    made: list[PatientProtocol] = []

    class Seen(PatientProtocol):
        def connection_made(self, transport: object) -> None:
            made.append(self)
            super().connection_made(transport)

    async def app(scope: object, receive: Callable, send: Callable) -> None:
        while (await receive()).get("more_body"):
            pass

    config = uvicorn.Config(app, http=Seen, port=0, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    running = asyncio.ensure_future(server.serve())
    while not server.started:  # noqa: ASYNC110 - it sends no event
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        writer.write(b"x: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(4 * HEAD_LIMIT // len(line)):
                writer.write(line)
                await writer.drain()
            await asyncio.sleep(0.1)
        kept = sum(len(name) + len(value) for name, value in made[0].headers)
        assert made[0].transport.is_closing(), f"still listening, with {kept} bytes of headers"
    finally:
        writer.close()
        server.should_exit = server.force_exit = True
        await running
