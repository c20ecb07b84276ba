"""What the server refuses before the portal sees it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import uvicorn

from portal.cli import protocol

Connect = Callable[
    [], AbstractAsyncContextManager[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def connect(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connect]:
    """A server with little patience."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 1.5)
    config = uvicorn.Config(hello, http=protocol.PROTOCOL, port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]

    @asynccontextmanager
    async def open_connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()

    yield open_connection
    server.should_exit = True
    await task


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the server hangs up."""
    try:
        async with asyncio.timeout(5):
            await reader.read()
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nA: "])
async def test_a_head_that_is_never_finished_is_hung_up_on(connect: Connect, start: bytes) -> None:
    async with connect() as (reader, writer):
        writer.write(start)
        assert await closed(reader)


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nA: "])
async def test_a_head_without_end_is_hung_up_on(
    connect: Connect, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 3600)
    async with connect() as (reader, writer):
        writer.write(start)
        hung_up = asyncio.create_task(closed(reader))
        for _ in range(100):
            if hung_up.done():
                break
            writer.write(b"a" * 8192)
            await asyncio.sleep(0.01)
        assert await hung_up


async def test_requests_that_follow_each_other_are_served(connect: Connect) -> None:
    async with connect() as (reader, writer):
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")


async def test_a_slow_body_is_not_the_servers_business(connect: Connect) -> None:
    async with connect() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        await asyncio.sleep(2)
        writer.write(b"cd")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
