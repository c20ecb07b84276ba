"""CPU of one call to Ory's admin API, per transport beneath httpx.

Starts a real Hydra in memory (HYDRA_BIN), opens one login request and fetches it again and again,
one call at a time. All candidates take turns in one run, round after round, so that a busy moment
of the machine hits all of them. CPU is that of this process, its threads included; Hydra's own is
not counted.

    make bench-ory
    HYDRA_BIN=/path/to/hydra python -m benchmarks.ory_transports --rounds 20 --calls 200
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
from aiohttp import ClientSession
from httpx_aiohttp import AiohttpTransport
from pyreqwest.client import ClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport

from portal.ory.admin import OryAdmin
from portal.ory.connect import open_client
from portal.settings import Settings

Call = Callable[[], Awaitable[int]]


@contextlib.contextmanager
def hydra(binary: str) -> Iterator[tuple[str, str]]:
    """Run a Hydra in memory; yield its admin and its public base."""
    admin, public = _free_port(), _free_port()
    environment = os.environ | {
        "DSN": "memory",
        "SQA_OPT_OUT": "true",
        "LOG_LEVEL": "error",
        "SERVE_ADMIN_HOST": "127.0.0.1",
        "SERVE_ADMIN_PORT": str(admin),
        "SERVE_PUBLIC_HOST": "127.0.0.1",
        "SERVE_PUBLIC_PORT": str(public),
        "URLS_SELF_ISSUER": f"http://127.0.0.1:{public}",
        "URLS_LOGIN": "http://127.0.0.1:3000/login",
        "URLS_CONSENT": "http://127.0.0.1:3000/consent",
        "SECRETS_SYSTEM": "only-for-measuring-0123456789",
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [binary, "serve", "all", "--dev"], env=environment, stdout=log, stderr=log
        )
        try:
            _wait_until_ready(f"http://127.0.0.1:{admin}", process)
            yield f"http://127.0.0.1:{admin}", f"http://127.0.0.1:{public}"
        finally:
            process.terminate()
            process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(admin: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            sys.exit("Hydra ended while starting.")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{admin}/health/ready", trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    sys.exit("Hydra did not become ready within 30 s.")


def open_login_request(admin: str, public: str) -> str:
    """Make a login request; return its address as the portal fetches it."""
    with httpx.Client(trust_env=False) as http:
        client = {
            "client_name": "Photos",
            "redirect_uris": ["http://127.0.0.1:5555/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": "openid offline profile email",
        }
        client_id = http.post(f"{admin}/admin/clients", json=client).json()["client_id"]
        query = {
            "client_id": client_id,
            "response_type": "code",
            "scope": "openid offline profile",
            "redirect_uri": client["redirect_uris"][0],
            "state": "a-state-that-is-long-enough",
        }
        location = http.get(f"{public}/oauth2/auth", params=query).headers["location"]
    challenge = parse_qs(urlsplit(location).query)["login_challenge"][0]
    return f"{admin}/admin/oauth2/auth/requests/login?login_challenge={challenge}"


def _through_client(client: httpx.AsyncClient, url: str) -> Call:
    async def call() -> int:
        async with client.stream("GET", url) as response:
            return len(await response.aread())

    return call


def _straight(transport: httpx.AsyncBaseTransport, url: str) -> Call:
    """Call the transport alone: what httpx's client adds on top becomes visible."""

    async def call() -> int:
        response = await transport.handle_async_request(httpx.Request("GET", url))
        return len(await response.aread())

    return call


@contextlib.asynccontextmanager
async def candidates(url: str) -> AsyncIterator[dict[str, Call]]:
    """Every candidate with one connection pool of its own."""
    timeout = timedelta(seconds=3)
    builder = ClientBuilder().no_proxy().follow_redirects(enable=False).timeout(timeout)
    bare = builder.build()
    rust = HttpxTransport(
        ClientBuilder().no_proxy().follow_redirects(enable=False).timeout(timeout).build()
    )

    async def bare_call() -> int:
        async with bare.get(url).build_streamed() as response:
            return len(await response.bytes())

    admin, _, challenge = url.replace("/admin/", " ", 1).partition(" ")
    challenge = challenge.partition("=")[2]

    async with contextlib.AsyncExitStack() as stack:
        ory = await stack.enter_async_context(
            open_client(Settings.from_env({"HYDRA_ADMIN_URL": admin}))
        )

        async def whole_call() -> int:
            await ory.get_login_request(challenge)
            return 0

        async def whole_call_stock() -> int:
            await ory_over_stock.get_login_request(challenge)
            return 0

        stock = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        ory_over_stock = OryAdmin(stock, base_url=admin, api_key=lambda: None)
        session = await stack.enter_async_context(ClientSession())
        aio = AiohttpTransport(client=session)
        over_aiohttp = httpx.AsyncClient(transport=aio, trust_env=False)
        over_rust = httpx.AsyncClient(transport=rust, trust_env=False)
        await stack.enter_async_context(over_aiohttp)
        await stack.enter_async_context(over_rust)
        await stack.enter_async_context(bare)
        yield {
            "httpx (stock)": _through_client(stock, url),
            "httpx over aiohttp": _through_client(over_aiohttp, url),
            "httpx over pyreqwest": _through_client(over_rust, url),
            "aiohttp transport, httpx.Request": _straight(aio, url),
            "pyreqwest transport, httpx.Request": _straight(rust, url),
            "pyreqwest alone": bare_call,
            "OryAdmin over httpx (stock)": whole_call_stock,
            "OryAdmin as the portal opens it": whole_call,
        }


async def measure(url: str, *, rounds: int, calls: int) -> dict[str, list[tuple[float, float]]]:
    """Per candidate and round: (CPU ms, wall ms) of one call."""
    async with candidates(url) as chosen:
        sizes = {await call() for call in chosen.values() for _ in range(20)} - {0}
        if len(sizes) != 1:
            sys.exit(f"The candidates read answers of different sizes: {sizes}")
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
        for _ in range(rounds):
            for name, call in chosen.items():
                cpu, wall = time.process_time(), time.perf_counter()
                for _ in range(calls):
                    await call()
                spent = time.process_time() - cpu, time.perf_counter() - wall
                figures[name].append((spent[0] * 1000 / calls, spent[1] * 1000 / calls))
        return figures


def summary(figures: dict[str, list[tuple[float, float]]]) -> list[dict[str, object]]:
    """Medians, spread and the ratio to the first candidate."""
    first = statistics.median(cpu for cpu, _ in next(iter(figures.values())))
    rows: list[dict[str, object]] = []
    for name, rounds in figures.items():
        cpu = sorted(cpu for cpu, _ in rounds)
        middle = statistics.median(cpu)
        wall = statistics.median(wall for _, wall in rounds)
        rows.append(
            {
                "transport": name,
                "cpu_ms": round(middle, 3),
                "lowest_highest": f"{cpu[0]:.3f}-{cpu[-1]:.3f}",
                "wall_ms": round(wall, 3),
                "ratio": round(middle / first, 2),
            }
        )
    return rows


def main() -> None:
    """Run and print a Markdown table, or one JSON line."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--hydra", default=os.environ.get("HYDRA_BIN", "hydra"))
    arguments.add_argument("--rounds", type=int, default=20)
    arguments.add_argument("--calls", type=int, default=200)
    arguments.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    chosen = arguments.parse_args()
    if chosen.loop == "uvloop":
        from uvloop import run  # noqa: PLC0415 - optional, as in the product
    else:
        run = asyncio.run
    with hydra(chosen.hydra) as (admin, public):
        url = open_login_request(admin, public)
        rows = summary(run(measure(url, rounds=chosen.rounds, calls=chosen.calls)))
    print("| transport | CPU ms | lowest-highest round | wall ms | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for row in rows:
        print("|", " | ".join(str(value) for value in row.values()), "|")
    if chosen.json:
        chosen.json.write_text(json.dumps(rows) + "\n")


if __name__ == "__main__":
    main()
