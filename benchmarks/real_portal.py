"""The portal as a process of its own, for benchmarks: with people in it, and Ory's stand-in."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from portal.dev.serving import Site, listen, port_of, serving
from portal.dev.standin import StandInConfig, create_standin
from portal.store import Store, schema
from portal.store.tables import User

PASSWORD = "seven tame herons in a row"  # noqa: S105 - opens nothing but what is made here
KEPT = ("PATH", "HOME", "TMPDIR", "LANG")
START_SECONDS = 30
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Served:
    """A portal that answers."""

    url: str
    pid: int

    def cpu(self) -> float:
        """Seconds of processors that it used so far, all its threads together."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        used = fields.split()
        return (int(used[11]) + int(used[12])) / TICK

    def memory(self) -> float:
        """Its resident memory, in MB."""
        pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def serve(
    directory: Path, admin_url: str, settings: Mapping[str, str], port: int
) -> Iterator[Served]:
    """Run ``portal serve`` on the database that :func:`fill` made in *directory*."""
    url = f"http://localhost:{port}"
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "HYDRA_ADMIN_URL": admin_url,
        "BASE_URL": url,
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{directory / 'portal.db'}",
        "PORTAL_DATA_DIR": str(directory),
        "PORTAL_LOG_FORMAT": "json",
        "PORTAL_TRUSTED_PROXIES": "127.0.0.1",
        **settings,
    }
    command = (sys.executable, "-m", "portal", "serve")
    with (directory / "portal.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=directory, start_new_session=True
        )
    try:
        _wait_for(port, process)
        yield Served(url, process.pid)
    finally:
        process.terminate()
        process.wait(START_SECONDS)


async def fill(directory: Path, hashes: Mapping[str, str | None], **fields: Any) -> None:
    """Make a database with a person for each address in *hashes*."""
    await fill_database(f"sqlite:///{directory / 'portal.db'}", hashes, **fields)


async def fill_database(url: str, hashes: Mapping[str, str | None], **fields: Any) -> None:
    """As :func:`fill`, in the database that *url* names."""
    schema.upgrade(url)
    store, now = Store(url), datetime.now(UTC)
    async with store.writing() as rows:
        for number, (email, stored) in enumerate(hashes.items()):
            user = User(
                subject=f"subject-{number}",
                email=email,
                password_hash=stored,
                created_at=now,
                updated_at=now,
                **fields.get(email, {}),
            )
            await rows.users.add(user)
    await store.dispose()


@contextlib.asynccontextmanager
async def standin(portal_url: str) -> AsyncIterator[tuple[str, str]]:
    """Ory's stand-in in this process: its admin and its public address."""
    admin, public = listen(0), listen(0)
    admin_url, public_url = (f"http://127.0.0.1:{port_of(bound)}" for bound in (admin, public))
    config = StandInConfig.for_portal(portal_url, public_url=public_url, admin_url=admin_url)
    made = create_standin(config)
    async with serving(Site(made.public, public), Site(made.admin, admin)):
        yield admin_url, public_url


async def register_app(http: aiohttp.ClientSession, admin_url: str) -> str:
    """Register an app: its id."""
    wanted = {
        "grant_types": ["authorization_code"],
        "scope": "openid",
        "redirect_uris": ["http://127.0.0.1:5555/callback"],
    }
    async with http.post(f"{admin_url}/admin/clients", json=wanted) as answer:
        return str((await answer.json())["client_id"])


async def challenge(http: aiohttp.ClientSession, public_url: str, client_id: str) -> str:
    """What an app's request of somebody's sign-in becomes."""
    asked = {
        "client_id": client_id,
        "redirect_uri": "http://127.0.0.1:5555/callback",
        "response_type": "code",
        "scope": "openid",
        "state": "a-state-of-the-app",
    }
    url = f"{public_url}/oauth2/auth"
    async with http.get(url, params=asked, allow_redirects=False) as answer:
        return parse_qs(urlsplit(answer.headers["Location"]).query)["login_challenge"][0]


@dataclass
class Form:
    """A sign-in form that was shown to one browser, to be posted any number of times."""

    token: str
    cookie: str
    challenge: str = ""

    @classmethod
    async def open(
        cls, http: aiohttp.ClientSession, portal: Served, challenge: str = "", address: str = ""
    ) -> "Form":
        """Load the page as a browser does."""
        params = {"login_challenge": challenge} if challenge else {}
        headers = {"X-Forwarded-For": address} if address else {}
        async with http.get(f"{portal.url}/login", params=params, headers=headers) as answer:
            html = await answer.text()
            cookie = "; ".join(f"{c.key}={c.value}" for c in answer.cookies.values())
        marked = html.partition('name="form_token"')[2]
        return cls(marked.partition('value="')[2].partition('"')[0], cookie, challenge)

    async def post(
        self,
        http: aiohttp.ClientSession,
        portal: Served,
        email: str,
        password: str = PASSWORD,
        address: str = "",
    ) -> tuple[int, float, int]:
        """Sign in: status, seconds, and after how many more to come back."""
        data = {"action": "accept", "form_token": self.token, "email": email, "password": password}
        if self.challenge:
            data["login_challenge"] = self.challenge
        headers = {"Cookie": self.cookie}
        if address:
            headers["X-Forwarded-For"] = address
        started = time.perf_counter()
        async with http.post(
            f"{portal.url}/login", data=data, headers=headers, allow_redirects=False
        ) as answer:
            await answer.read()
            took = time.perf_counter() - started
            return answer.status, took, int(answer.headers.get("Retry-After", 0))


def browser() -> aiohttp.ClientSession:
    """A client that keeps no cookies and opens as many connections as it is asked to."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
    )


def told(good: bool, words: str) -> bool:  # noqa: FBT001 - what is told
    """Print a verdict."""
    print(f"{'ok  ' if good else 'MISS'}  {words}")
    return good


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    bound = listen(0)
    try:
        return port_of(bound)
    finally:
        bound.close()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the portal did not start; see portal.log") from None
            time.sleep(0.1)
        else:
            return
