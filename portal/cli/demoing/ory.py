"""Where Ory is: the stand-in here, a Hydra that is started here, or one that runs already."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.cli.demoing.binary import running_hydra
from portal.cli.demoing.plan import HydraUrl, Part, Plan
from portal.dev.serving import LOOPBACK, Site, port_of, serving
from portal.dev.standin import StandInConfig, create_standin


@dataclass(frozen=True, kw_only=True)
class Ory:
    """Its two sides, how the portal is told of it, and what may end by itself."""

    public_url: str
    admin_url: str
    about: str
    settings: Mapping[str, str] = field(default_factory=dict)
    alive: Mapping[asyncio.Task[Any], str] = field(default_factory=dict)
    """Tasks that end only when this Ory has, with what to call it."""
    runs_here: bool = True


@asynccontextmanager
async def opened_ory(
    plan: Plan, doors: Mapping[Part, socket.socket], *, portal_url: str, directory: Path
) -> AsyncIterator[Ory]:
    """The Ory of the *plan*, for as long as the context lasts."""
    if isinstance(plan.hydra, HydraUrl):
        yield Ory(
            public_url=plan.hydra.public_url,
            admin_url=plan.hydra.admin_url,
            about="your own",
            settings=plan.hydra.settings,
            runs_here=False,
        )
        return
    here = _started_here if isinstance(plan.hydra, Path) else _standin
    async with here(plan, doors, portal_url, directory) as ory:
        yield ory


@asynccontextmanager
async def _standin(
    plan: Plan, doors: Mapping[Part, socket.socket], portal_url: str, _: Path
) -> AsyncIterator[Ory]:
    public_url, admin_url = (_url(doors[part]) for part in ("public", "admin"))
    config = StandInConfig.for_portal(
        portal_url, public_url=public_url, admin_url=admin_url, profile=plan.profile
    )
    standin = create_standin(config)
    sites = Site(standin.public, doors["public"]), Site(standin.admin, doors["admin"])
    async with serving(*sites) as tasks:
        yield Ory(
            public_url=public_url,
            admin_url=admin_url,
            about=f"a stand-in for development, like Hydra {plan.profile}",
            alive=dict.fromkeys(tasks, "The stand-in for Ory"),
        )


@asynccontextmanager
async def _started_here(
    plan: Plan, doors: Mapping[Part, socket.socket], portal_url: str, directory: Path
) -> AsyncIterator[Ory]:
    assert isinstance(plan.hydra, Path)  # noqa: S101 - opened_ory has looked
    urls = {part: _url(doors[part]) for part in ("public", "admin")}
    ports = {part: port_of(doors[part]) for part in ("public", "admin")}
    for part in ("public", "admin"):
        doors[part].close()  # from here on they are Hydra's
    async with running_hydra(
        plan.hydra,
        portal_url=portal_url,
        public_port=ports["public"],
        admin_port=ports["admin"],
        directory=directory,
    ) as process:
        ended = asyncio.create_task(process.wait())
        try:
            yield Ory(
                public_url=urls["public"],
                admin_url=urls["admin"],
                about=f"Hydra, {plan.hydra}",
                alive={ended: "Hydra"},
            )
        finally:
            ended.cancel()


def _url(bound: socket.socket) -> str:
    return f"http://{LOOPBACK}:{port_of(bound)}"
