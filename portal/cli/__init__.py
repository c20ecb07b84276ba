"""The command line. Sub-commands are loaded when they are used: ``--help`` answers at once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Final

import rich_click as click
from click.exceptions import NoArgsIsHelpError

from portal.cli.refusal import Refusal

COMMANDS: Final = {
    "serve": ("portal.cli.serve:serve", "Run the portal."),
    "demo": ("portal.cli.demo:demo", "See it all: Ory's stand-in, the portal and an app."),
    "db": ("portal.cli.db:db", "Create and upgrade the database."),
    "users": ("portal.cli.users:users", "People who can sign in."),
    "calibrate": ("portal.cli.calibrate:calibrate", "Parameters of password hashes for here."),
    "clients": ("portal.cli.clients:clients", "Apps that are registered at Ory."),
    "grants": ("portal.cli.grants:grants", "What people let apps do."),
    "audit": ("portal.cli.audit:audit", "Who did what, when and from where."),
    "perform": ("portal.cli.perform:perform", "A local OAuth2 client to try a flow with."),
    "theme": ("portal.cli.theme:theme", "Your brand on the pages."),
    "ory-config": ("portal.cli.ory_config:ory_config", "Tell Ory where the portal's pages are."),
    "doctor": ("portal.cli.doctor:doctor", "Check everything that a sign-in needs."),
}
"""Name, where it is, and its line in ``portal --help``."""


class LazyGroup(click.RichGroup):
    """A group that knows of its commands only a line each, until one is called."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _in_one_line(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        with _in_one_line(ctx):
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            # the metrics library reads it while it is imported; `serve` sets one for its workers
            os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
            module, _, attribute = COMMANDS[name][0].partition(":")
            command = getattr(import_module(module), attribute)
        return name, command, rest


@contextmanager
def _in_one_line(ctx: click.Context) -> Iterator[None]:
    """Say what is wrong, and what to do, on standard error: exit code 1, or 2 for wrong usage."""
    try:
        yield
    except Refusal as exc:
        click.echo(f"portal: {exc}", err=True)
        ctx.exit(1)
    except NoArgsIsHelpError:
        raise
    except click.UsageError as exc:
        words, command = " ".join(exc.format_message().split()), exc.ctx or ctx
        stop = "" if words.endswith((".", "?", ")")) else "."
        click.echo(f"portal: {words}{stop} See: {command.command_path} --help", err=True)
        ctx.exit(exc.exit_code)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings come from the environment and from .env: docs/configuration.md.",
)
@click.version_option(version("hydra-consent-portal"), prog_name="portal")
def main() -> None:
    """Login and consent pages in front of Ory Hydra or Ory Network.

    First steps:

    $ portal db upgrade

    $ portal users create ann@example.org

    $ portal serve
    """


for _name, (_, _line) in COMMANDS.items():
    main.add_command(click.RichCommand(name=_name, help=_line))
