"""The command line. Sub-commands are loaded when they are used: ``--help`` answers at once."""

from importlib import import_module
from importlib.metadata import version
from typing import Final

import rich_click as click

from portal.cli.refusal import Refusal

COMMANDS: Final = {
    "serve": ("portal.cli.serve:serve", "Run the portal."),
    "db": ("portal.cli.db:db", "Create and upgrade the database."),
    "users": ("portal.cli.users:users", "People who can sign in."),
    "clients": ("portal.cli.clients:clients", "Apps that are registered at Ory."),
}
"""Name, where it is, and its line in ``portal --help``."""


class LazyGroup(click.RichGroup):
    """A group that knows of its commands only a line each, until one is called."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a refusal is one line on standard error and exit code 1."""
        try:
            return super().invoke(ctx)
        except Refusal as exc:
            click.echo(f"portal: {exc}", err=True)
            ctx.exit(1)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            module, _, attribute = COMMANDS[name][0].partition(":")
            command = getattr(import_module(module), attribute)
        return name, command, rest


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
