"""An Ory as a process, by its name: ``hydra``, or the stand-in in one of its profiles."""

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tests.hydra import build
from tests.hydra.server import HydraSettings, running, running_hydra, wait_for

REAL = "hydra"
STANDIN = "standin-"
"""And the profile after it."""


def program_of(name: str) -> Path:
    """What runs: Hydra's binary, or the Python that has the stand-in as a module."""
    if name != REAL:
        return Path(sys.executable)
    found = build.find_hydra()
    assert found is not None, build.HOW_TO_GET
    return found


def running_ory(name: str, settings: HydraSettings) -> AbstractContextManager[HydraSettings]:
    """Serve until left."""
    if name == REAL:
        return running_hydra(settings)
    return running_standin(settings, profile=name.removeprefix(STANDIN))


@contextlib.contextmanager
def running_standin(settings: HydraSettings, *, profile: str) -> Iterator[HydraSettings]:
    """``python -m portal.dev.standin``, as anybody would start it.

    Of what Hydra is told by *extra* it takes the lifetimes; the rest it has as it should be.
    """
    lifetimes = [
        f"--{name.lower().replace('_', '-')}={value.removesuffix('s')}"
        for name, value in settings.extra.items()
        if name.startswith("TTL_")
    ]
    command = [
        *(sys.executable, "-m", "portal.dev.standin", "--portal-url", settings.portal_url),
        *("--public-port", str(settings.public_port), "--admin-port", str(settings.admin_port)),
        *("--profile", profile, *lifetimes),
    ]
    with running(command, env=os.environ, log=settings.log) as process:
        for url in (settings.public_url, settings.admin_url):
            wait_for(f"{url}/health/ready", process, log=settings.log)
        yield settings
