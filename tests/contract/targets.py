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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.contract.driver import DEVICE_DONE, DEVICE_UI, UI, Ory
from tests.hydra import build
from tests.hydra.server import HydraSettings
from tests.real.ory import REAL, STANDIN, program_of, running_ory

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
        return (pytest.mark.hydra,) if self.name == REAL else ()

    @contextlib.contextmanager
    def running(self, *, ttl: int, directory: Path, http: httpx.Client) -> Iterator[Ory]:
        """Serve on free loopback ports; challenges and user codes live for *ttl* seconds."""
        extra = {
            "TTL_LOGIN_CONSENT_REQUEST": f"{ttl}s",
            "TTL_DEVICE_USER_CODE": f"{min(ttl, DEVICE_TTL)}s",
            "URLS_DEVICE_VERIFICATION": DEVICE_UI,
            "URLS_DEVICE_SUCCESS": DEVICE_DONE,
        }
        settings = HydraSettings(
            bin=program_of(self.name),
            portal_url=UI,
            log=directory / f"{self.name}-{ttl}.log",
            extra=extra,
        )
        with running_ory(self.name, settings):
            found = profile_of(http, settings.public_url)
            assert found == self.profile, f"{self.name} was taken for {self.profile}, is {found}"
            yield Ory(
                profile=self.profile,
                public_url=settings.public_url,
                admin_url=settings.admin_url,
                closed=self.name != REAL,
                http=http,
            )


Start = Callable[[Target, int], Ory]
"""A server that runs, started when it is first asked for; with the lifetime of its challenges."""


def targets() -> list[Target]:
    """All of them, also those that this machine lacks: their marker tells."""
    standins = [Target(f"{STANDIN}{profile}", profile) for profile in PROFILES]
    return [*standins, Target(REAL, profile_of_binary())]


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
