"""The servers that the contract is run against: the stand-in in both profiles, and real Hydra.

Which profile the real one has must be known while tests are collected, and collecting starts no
server. What the suite builds itself is 2.3. A binary that ``HYDRA_BIN`` names is asked for its own
commands: since it knows the device flow it has ``hydra perform device-code``, and such a Hydra
behaves as 26. When it runs, its discovery document must say the same (:func:`profile_of`), or every
test fails with that reason.
"""

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.contract.driver import DEVICE_DONE, DEVICE_UI, UI, Ory
from tests.hydra import build
from tests.hydra.server import HydraSettings, free_port, running, running_hydra, wait_for

PROFILES = ("2.3", "26")
LONG_TTL = 1800
SHORT_TTL = 4
DEVICE_TTL = 600


@dataclass(frozen=True)
class Target:
    """A server that can be started."""

    name: str
    profile: str

    @property
    def marks(self) -> tuple[pytest.MarkDecorator, ...]:
        return (pytest.mark.hydra,) if self.name == "hydra" else ()

    @contextlib.contextmanager
    def running(self, *, ttl: int, directory: Path, http: httpx.Client) -> Iterator[Ory]:
        """Serve on free loopback ports; challenges and user codes live for *ttl* seconds."""
        log = directory / f"{self.name}-{ttl}.log"
        start = (
            running_real
            if self.name == "hydra"
            else functools.partial(running_standin, profile=self.profile)
        )
        with start(ttl=ttl, log=log) as (public_url, admin_url):
            found = profile_of(http, public_url)
            assert found == self.profile, f"{self.name} was taken for {self.profile}, is {found}"
            yield Ory(
                profile=self.profile,
                public_url=public_url,
                admin_url=admin_url,
                closed=self.name != "hydra",
                http=http,
            )


Start = Callable[[Target, int], Ory]
"""A server that runs, started when it is first asked for; with the lifetime of its challenges."""


def targets() -> list[Target]:
    """All of them, also those that this machine lacks: their marker tells."""
    standins = [Target(f"standin-{profile}", profile) for profile in PROFILES]
    return [*standins, Target("hydra", profile_of_binary())]


@functools.cache
def profile_of_binary() -> str:
    """The profile of the real Hydra, by what its command offers; starts no server."""
    binary = build.find_hydra()
    if binary is None or not os.environ.get("HYDRA_BIN"):
        return "2.3"
    help_text = subprocess.run(
        [str(binary), "perform", "--help"], capture_output=True, text=True, check=False
    ).stdout
    return "26" if "device-code" in help_text else "2.3"


def profile_of(http: httpx.Client, public_url: str) -> str:
    """The profile of a server that runs: whether it announces the device flow."""
    discovery = http.get(f"{public_url}/.well-known/openid-configuration").json()
    return "26" if "device_authorization_endpoint" in discovery else "2.3"


@contextlib.contextmanager
def running_real(*, ttl: int, log: Path) -> Iterator[tuple[str, str]]:
    """Hydra, in memory: a test asks one thing after another, so it serves well."""
    binary = build.find_hydra()
    assert binary is not None, build.HOW_TO_GET
    extra = {
        "TTL_LOGIN_CONSENT_REQUEST": f"{ttl}s",
        "TTL_DEVICE_USER_CODE": f"{min(ttl, DEVICE_TTL)}s",
        "URLS_DEVICE_VERIFICATION": DEVICE_UI,
        "URLS_DEVICE_SUCCESS": DEVICE_DONE,
    }
    settings = HydraSettings(bin=binary, portal_url=UI, log=log, extra=extra)
    with running_hydra(settings):
        yield settings.public_url, settings.admin_url


@contextlib.contextmanager
def running_standin(*, ttl: int, log: Path, profile: str) -> Iterator[tuple[str, str]]:
    """``python -m portal.dev.standin``, as anybody would start it."""
    public_port, admin_port = free_port(), free_port()
    urls = tuple(f"http://127.0.0.1:{port}" for port in (public_port, admin_port))
    command = [
        *(sys.executable, "-m", "portal.dev.standin", "--portal-url", UI, "--profile", profile),
        *("--public-port", str(public_port), "--admin-port", str(admin_port)),
        *("--ttl-login-consent-request", str(ttl)),
        *("--ttl-device-user-code", str(min(ttl, DEVICE_TTL))),
    ]
    with running(command, env=os.environ, log=log) as process:
        for url in urls:
            wait_for(f"{url}/health/ready", process, log=log)
        yield urls[0], urls[1]
