"""Connections to Ory: what an exchange may leave behind, on asyncio's loop and on uvloop's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from portal.ory import connections
from portal.ory.connections import Connections
from portal.ory.transport import Transport
from tests.doubles.loopback import Loopback, hang, http_bytes, raw, says

GET = b"GET /here HTTP/1.1\r\nHost: ory.test\r\n\r\n"
POST = b"POST /here HTTP/1.1\r\nHost: ory.test\r\nContent-Length: 0\r\n\r\n"
YES = says(200, {"it": "is"})


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@asynccontextmanager
async def connected(server: Loopback) -> AsyncIterator[Connections]:
    async with server.running():
        made = Connections("127.0.0.1", int(server.url.rpartition(":")[2]), None)
        try:
            yield made
        finally:
            await made.aclose()


async def test_one_connection_serves_many_exchanges() -> None:
    server = Loopback(YES)
    async with connected(server) as to_ory:
        answers = [await to_ory.exchange(b"GET", GET) for _ in range(3)]
    status, headers, body = answers[-1]
    assert (status, body) == (200, b'{"it": "is"}')
    assert (b"content-type", b"application/json") in headers
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_exchanges_at_one_time_have_a_connection_each_up_to_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 4)
    server = Loopback(YES)
    async with connected(server) as to_ory:
        await asyncio.gather(*(to_ory.exchange(b"GET", GET) for _ in range(40)))
    assert 1 < server.connections <= 4
    assert len(server.requests) == 40


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http_bytes(200, b"mine") + http_bytes(200, b"yours"), id="two answers"),
        pytest.param(http_bytes(200, b"mine") + b"rubbish", id="rubbish behind it"),
        pytest.param(http_bytes(200, b"mine", connection="close"), id="told to close"),
    ],
)
async def test_nothing_that_is_left_over_reaches_the_next_exchange(answer: bytes) -> None:
    server = Loopback(raw(answer), YES)
    async with connected(server) as to_ory:
        assert (await to_ory.exchange(b"GET", GET))[2] == b"mine"
        assert (await to_ory.exchange(b"GET", GET))[2] == b'{"it": "is"}'
    assert server.connections == 2


async def test_what_is_said_unasked_ends_the_connection() -> None:
    async def answer_and_go_on(writer: asyncio.StreamWriter) -> None:
        await YES(writer)
        await asyncio.sleep(0.05)
        writer.write(http_bytes(200, b"for nobody"))

    server = Loopback(answer_and_go_on, YES)
    async with connected(server) as to_ory:
        await to_ory.exchange(b"GET", GET)
        await asyncio.sleep(0.2)
        assert (await to_ory.exchange(b"GET", GET))[2] == b'{"it": "is"}'
    assert server.connections == 2


async def test_word_that_the_answer_will_come_is_not_the_answer() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + http_bytes(200, b"mine")
    server = Loopback(raw(early))
    async with connected(server) as to_ory:
        await to_ory.exchange(b"GET", GET)
        status, headers, body = await to_ory.exchange(b"GET", GET)
    assert (status, body) == (200, b"mine")
    assert b"link" not in dict(headers)
    assert server.connections == 1


async def test_a_body_may_end_with_its_connection() -> None:
    server = Loopback(raw(b"HTTP/1.1 200 OK\r\n\r\nall of it", then_close=True))
    async with connected(server) as to_ory:
        assert (await to_ory.exchange(b"GET", GET))[2] == b"all of it"


async def test_a_body_in_chunks_is_put_together() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nall\r\n3\r\n it\r\n0\r\n\r\n"
    )
    server = Loopback(raw(chunked))
    async with connected(server) as to_ory:
        for _ in range(2):
            assert (await to_ory.exchange(b"GET", GET))[2] == b"all it"
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        http_bytes(200, b"mine", transfer_encoding="chunked"),
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nmine!",
        b"HTTP/1.1 200 OK\r\ncontent-length: +4\r\n\r\nmine",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nmine",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na b: c\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
        b"HTTP/9.9 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000,
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(20_000)) + b"\r\n",
    ],
)
async def test_an_answer_in_doubt_is_no_answer(answer: bytes) -> None:
    server = Loopback(raw(answer, then_close=True))
    async with connected(server) as to_ory:
        with pytest.raises(httpx.RemoteProtocolError):
            await to_ory.exchange(b"GET", GET)


async def test_a_connection_closed_while_idle_goes_unnoticed_but_a_post_is_not_sent_twice() -> None:
    async def take_one_more_and_hang_up(writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = Loopback(YES, take_one_more_and_hang_up, YES, take_one_more_and_hang_up, YES)
    async with connected(server) as to_ory:
        for _ in range(2):
            assert (await to_ory.exchange(b"GET", GET))[0] == 200
        with pytest.raises(httpx.ReadError):
            await to_ory.exchange(b"POST", POST)
    assert [head.partition(" ")[0] for head in server.requests] == ["GET", "GET", "GET", "POST"]


async def test_a_connection_is_not_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Loopback(YES)
    async with connected(server) as to_ory:
        await asyncio.gather(*(to_ory.exchange(b"GET", GET) for _ in range(3)))
        opened = server.connections
        monkeypatch.setattr(connections, "IDLE_FOR", 0.02)
        await asyncio.sleep(0.1)
        await to_ory.exchange(b"GET", GET)
    assert server.connections == opened + 1


async def test_closing_ends_an_exchange_too() -> None:
    asked = asyncio.Event()

    async def take_and_hang(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await hang(writer)

    server = Loopback(take_and_hang)
    async with server.running():
        to_ory = Connections("127.0.0.1", int(server.url.rpartition(":")[2]), None)
        waiting = asyncio.ensure_future(to_ory.exchange(b"GET", GET))
        await asked.wait()
        await to_ory.aclose()
        with pytest.raises(httpx.TransportError):
            await waiting


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://ory.test/", {"Authorization": "Bearer a\r\nX-Injected: yes"}),
        ("http://ory.test/", {"Authorization": "Bearer a\nX-Injected: yes"}),
        ("http://ory.test/", {"Authorization": "Bearer a\x00"}),
    ],
)
async def test_no_line_is_smuggled_into_a_request(url: str, headers: dict[str, str]) -> None:
    server = Loopback(YES)
    async with connected(server) as to_ory:
        with pytest.raises(httpx.LocalProtocolError):
            await Transport(to_ory).handle_async_request(httpx.Request("GET", url, headers=headers))
    assert server.requests == []
