"""Ory Network as far as one can have it without an account: a real Hydra behind the gateway."""

import os
import subprocess
from dataclasses import dataclass

from tests.hydra.server import HydraSettings
from tests.real.gateway import Gateway
from tests.real.hydra import RealHydra
from tests.real.portal import COMMAND, RealPortal


@dataclass(frozen=True, kw_only=True)
class OryNetwork(RealHydra):
    """Browsers and apps meet the gateway. The tests' own admin calls go past it."""

    gateway: Gateway

    @property
    def public_url(self) -> str:
        return self.gateway.url


def behind(gateway: Gateway, **settings: object) -> HydraSettings:
    """A Hydra that calls itself by the gateway's address, with the cookies of production."""
    address = {"URLS_SELF_ISSUER": gateway.url, "URLS_SELF_PUBLIC": gateway.url}
    return HydraSettings(
        public_port=gateway.ports[False],
        admin_port=gateway.ports[True],
        dev=False,
        extra=address | {"SERVE_TLS_ENABLED": "false"},
        **settings,  # type: ignore[arg-type]  # those of HydraSettings
    )


@dataclass(frozen=True, kw_only=True)
class NetworkPortal(RealPortal):
    """Told one address of Ory and a key, as the console of Ory Network gives them."""

    def environment(self) -> dict[str, str]:
        told = super().environment()
        del told["HYDRA_PUBLIC_URL"]
        if "ORY_SDK_URL" in self.settings:
            del told["HYDRA_ADMIN_URL"]
        return told

    def log_text(self) -> str:
        return self.log.read_text()

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        return subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment(),
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )


def command_lines() -> str:
    """The arguments of every program that runs here, as anybody with an account can list them."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "args="],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
    )
    return listed.stdout
