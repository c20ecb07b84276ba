"""``python -m portal.dev.standin``: serve both sides of a stand-in until interrupted."""

import argparse
import asyncio
import signal
import sys
from contextlib import ExitStack
from dataclasses import fields
from socket import socket
from typing import Any, Final

from portal.dev.serving import LOOPBACK, ListenError, Site, listen, port_of, serving
from portal.dev.standin.app import create_standin
from portal.dev.standin.config import ConfigError, StandInConfig

_EXAMPLE: Final = """example:
  python -m portal.dev.standin --portal-url http://127.0.0.1:3000 \\
      --public-port 4444 --admin-port 4445 --profile 26 --ttl-login-consent-request 60
"""
_OURS: Final = frozenset(("portal_url", "host", "public_port", "admin_port"))
_LISTS: Final = frozenset(("supported_scope", "supported_claims"))


def parser() -> argparse.ArgumentParser:
    """A flag for each field of the configuration."""
    made = argparse.ArgumentParser(
        prog="python -m portal.dev.standin",
        description="A stand-in for Ory Hydra, for development only, on loopback only.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--portal-url", required=True, help="the portal, whose pages are asked")
    made.add_argument("--host", default=LOOPBACK, help="a loopback address (default: %(default)s)")
    made.add_argument("--public-port", type=int, default=4444, help="default: %(default)s; 0: any")
    made.add_argument("--admin-port", type=int, default=4445, help="default: %(default)s; 0: any")
    for field in fields(StandInConfig):
        made.add_argument(
            f"--{field.name.replace('_', '-')}", **_options(field.name, field.default)
        )
    return made


def _options(name: str, default: Any) -> dict[str, Any]:
    if name in _LISTS:
        return {"metavar": "NAME,NAME", "help": f"default: {','.join(default)}"}
    if name.startswith("ttl_"):
        return {"type": int, "metavar": "SECONDS", "help": f"default: {default}"}
    if name in {"public_url", "admin_url"}:
        return {"metavar": "URL", "help": "default: where it listens"}
    if name.endswith("_url"):
        return {"metavar": "URL", "help": "default: the portal's"}
    return {"help": f"default: {default}" if default else "default: none"}


def main(arguments: list[str]) -> int:
    """The exit code: 2 for what cannot be, said in one line."""
    said = vars(parser().parse_args(arguments))
    try:
        with ExitStack() as opened:
            sockets = [
                opened.enter_context(listen(port, said["host"]))
                for port in (said["public_port"], said["admin_port"])
            ]
            config = _config(said, [port_of(bound) for bound in sockets])
            asyncio.run(_serve(config, sockets))
    except (ListenError, ConfigError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0


def _config(said: dict[str, Any], ports: list[int]) -> StandInConfig:
    host = f"[{said['host']}]" if ":" in said["host"] else said["host"]
    given: dict[str, Any] = {
        "public_url": f"http://{host}:{ports[0]}",
        "admin_url": f"http://{host}:{ports[1]}",
    }
    for name, value in said.items():
        if value is not None and name not in _OURS:
            given[name] = tuple(filter(None, value.split(","))) if name in _LISTS else value
    return StandInConfig.for_portal(said["portal_url"], **given)


async def _serve(config: StandInConfig, sockets: list[socket]) -> None:
    standin = create_standin(config)
    apps = (standin.public, standin.admin)
    sites = [Site(app, bound) for app, bound in zip(apps, sockets, strict=True)]
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with serving(*sites):
        sys.stdout.write(
            f"Stand-in for Ory (development only, profile {config.profile}): "
            f"public {config.public_url}, admin {config.admin_url}\n"
        )
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
