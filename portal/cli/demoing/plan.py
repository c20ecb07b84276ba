"""What the demo was asked to be."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import rich_click as click

from portal.cli.addresses import NETWORK
from portal.cli.common import explained
from portal.cli.refusal import Refusal
from portal.settings import OPTIONS, read_environment, reading

OF_ORY: Final = ("ory_api_key", "ory_ca_file", "mock_tls_termination")
"""Settings that a real Ory is reached with; no others are taken from the environment."""
Part = Literal["portal", "client", "public", "admin"]
FLAGS: Final[Mapping[Part, str]] = {
    "portal": "--port",
    "client": "--client-port",
    "public": "--public-port",
    "admin": "--admin-port",
}


@dataclass(frozen=True, kw_only=True)
class HydraUrl:
    """A real Ory that runs already."""

    admin_url: str
    public_url: str
    settings: Mapping[str, str]
    """Its key and the like, under their variables' names."""

    @property
    def host(self) -> str:
        return urlsplit(self.admin_url).hostname or ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A port that is 0 becomes a free one."""

    ports: Mapping[Part, int]
    profile: Literal["2.3", "26"]
    hydra: HydraUrl | Path | None
    """A running Ory, a program to start, or the stand-in."""
    data_dir: Path | None
    opening: bool
    output: Literal["text", "json"]

    @property
    def own_ports(self) -> Mapping[Part, int]:
        """Those that the demo itself, or what it starts, will listen on."""
        if isinstance(self.hydra, HydraUrl):
            return {part: self.ports[part] for part in ("portal", "client")}
        return self.ports


def the_hydra(given: str | None, public_url: str | None) -> HydraUrl | Path | None:
    """Understand ``--hydra``."""
    if given is None:
        return None
    if "://" in given:
        return _running(given, public_url)
    found = shutil.which(given) or shutil.which(Path(given).expanduser())
    if found is None:
        what = "cannot be run" if Path(given).expanduser().exists() else "is not there"
        raise click.BadParameter(
            f"{given!r} {what}. Give the address of Ory's admin API, or a Hydra program.",
            param_hint="--hydra",
        )
    return Path(found).resolve()


def _running(given: str, public_url: str | None) -> HydraUrl:
    with explained():
        env = read_environment()
    admin = _url(given, "--hydra")
    public = public_url or env.get("HYDRA_PUBLIC_URL", "").strip()
    if not public and (urlsplit(admin).hostname or "").endswith(NETWORK):
        public = admin
    if not public:
        raise Refusal(
            "Ory's public address was not said. Add --public-url, or set HYDRA_PUBLIC_URL; "
            "Hydra's public port is usually 4444."
        )
    names = [name for field in OF_ORY for name in OPTIONS[field].names]
    names += [f"{name}_FILE" for name in OPTIONS["ory_api_key"].names]
    return HydraUrl(
        admin_url=admin,
        public_url=_url(public, "--public-url" if public_url else "HYDRA_PUBLIC_URL"),
        settings={name: env[name] for name in names if env.get(name, "").strip()},
    )


def _url(text: str, hint: str) -> str:
    try:
        return reading.admin_url(text)
    except ValueError as exc:
        raise click.BadParameter(f"{exc}.", param_hint=hint) from exc


def ignored_settings(plan: Plan) -> tuple[str, ...]:
    """What says where somebody's own Ory is, and does not count here.

    For an Ory that runs already the key may be in ``.env``, so that is read.
    """
    named = [name for name in OPTIONS["hydra_admin_url"].names if os.environ.get(name, "").strip()]
    if not isinstance(plan.hydra, HydraUrl) and Path(".env").is_file():
        named.append(".env")
    return tuple(named)
