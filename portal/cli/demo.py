"""``portal demo``: Ory's stand-in, the portal and an app to click through, in one process."""

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import rich_click as click
from click.core import ParameterSource

from portal.cli.demoing.plan import FLAGS, HydraUrl, Part, Plan, the_hydra
from portal.cli.demoing.signals import ended_in_order
from portal.cli.refusal import Refusal
from portal.dev.serving import is_loopback

STARTED_HERE: Final = ("public_port", "admin_port")
RUNNING: Final = ("public_url", "yes")
"""Flags that make sense only if Ory is started here, or only if it runs already."""
PORT: Final = click.IntRange(0, 65_535)
RUN: Final = "portal.cli.demoing.running"
"""Loaded once signals are looked after: it takes a second."""


@click.command()
@click.option("--port", type=PORT, default=3000, show_default=True, help="The portal. 0: any free.")
@click.option("--client-port", type=PORT, default=5555, show_default=True, help="The local client.")
@click.option("--public-port", type=PORT, default=4444, show_default=True, help="Ory's public API.")
@click.option("--admin-port", type=PORT, default=4445, show_default=True, help="Ory's admin API.")
@click.option(
    "--profile",
    type=click.Choice(["2.3", "26"]),
    default="2.3",
    show_default=True,
    help="Which Hydra the stand-in is like; 26 has the device flow.",
)
@click.option(
    "--hydra",
    metavar="URL|BINARY",
    help="A real Ory instead of the stand-in: its admin API, or a Hydra program to start.",
)
@click.option("--public-url", help="Ory's public address.", show_default="HYDRA_PUBLIC_URL")
@click.option("--yes", is_flag=True, help="Register the app also at an Ory on another machine.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the database and the logs here.",
    show_default="a temporary directory",
)
@click.option(
    "--open/--no-open",
    "opening",
    default=None,
    help="Open the browser.",
    show_default="at a terminal",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Print where everything is as a page to read, or as one line of JSON.",
)
@click.pass_context
def demo(ctx: click.Context, /, **given: Any) -> None:
    """See it all: a stand-in for Ory, the portal, and an app that signs people in with it.

    Everything is made anew, listens on this machine only and is gone after Ctrl-C. What you have
    configured is neither read nor touched. With the address of an Ory (--hydra URL) alone, the
    settings that say how to reach one are read: HYDRA_PUBLIC_URL, ORY_API_KEY, PORTAL_ORY_CA_FILE
    and MOCK_TLS_TERMINATION. For example:

    $ portal demo

    $ portal demo --profile 26 --port 8000 --no-open

    $ portal demo --hydra ~/go/bin/hydra

    $ ORY_API_KEY=… portal demo --hydra https://my-slug.projects.oryapis.com --yes

    $ portal demo --format json --port 0 --client-port 0 --public-port 0 --admin-port 0

    Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 it could not start, or a part of it ended; 2 wrong
    usage.
    """
    with ended_in_order() as signals:
        hydra = the_hydra(given["hydra"], given["public_url"])
        _refuse_what_means_nothing(ctx, hydra)
        if isinstance(hydra, HydraUrl) and not (is_loopback(hydra.host) or given["yes"]):
            raise Refusal(
                f"{hydra.host} is not this machine, and an app would be registered there for as "
                "long as the demo runs. Add --yes if you mean it."
            )
        plan = Plan(
            ports={
                "portal": given["port"],
                "client": given["client_port"],
                "public": given["public_port"],
                "admin": given["admin_port"],
            },
            profile=given["profile"],
            hydra=hydra,
            data_dir=given["data_dir"],
            opening=_opening(given),
            output=given["output"],
        )
        _refuse_one_port_twice(plan.own_ports)
        import_module(RUN).run_demo(plan, signals)


def _opening(given: Mapping[str, Any]) -> bool:
    if given["opening"] is None:
        return sys.stdout.isatty() and given["output"] == "text"
    return bool(given["opening"])


def _refuse_what_means_nothing(ctx: click.Context, hydra: HydraUrl | Path | None) -> None:
    """A flag that would be ignored is a misunderstanding; better to hear of it."""
    if isinstance(hydra, HydraUrl):
        meaningless = dict.fromkeys(STARTED_HERE, "is about an Ory that the demo starts")
    else:
        meaningless = dict.fromkeys(RUNNING, "goes with --hydra and an address")
    if hydra is not None:
        meaningless["profile"] = "is about the stand-in"
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if name in meaningless and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} {meaningless[name]}.")


def _refuse_one_port_twice(ports: Mapping[Part, int]) -> None:
    seen: dict[int, str] = {}
    for part, port in ports.items():
        if port and port in seen:
            raise click.UsageError(f"{seen[port]} and {FLAGS[part]} are the same port.")
        seen[port] = FLAGS[part]
