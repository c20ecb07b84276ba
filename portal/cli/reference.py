"""``docs/cli.md``, written from the commands: ``python -m portal.cli.reference > docs/cli.md``."""

import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Final

import rich_click as click

from portal.cli import COMMANDS

_HEAD: Final = """\
# Commands

Written by `python -m portal.cli.reference > docs/cli.md`; do not edit it by hand.

`portal` is the console script; `python -m portal` is the same. Results go to standard output,
everything else to standard error. Exit codes: 0 done, 1 refused (one line says why and what to
do), 2 wrong usage, 130 ended by Ctrl-C before it was done, 143 ended by SIGTERM. Passwords and
secrets are never arguments, because other users of a machine see those; but for
`perform --client-secret`, which is as in Ory's own command. `--client-secret-stdin` is the safe
way.
"""


def markdown() -> str:
    """Write the whole page."""
    parts = [_HEAD]
    for name, (where, _) in COMMANDS.items():
        module, _, attribute = where.partition(":")
        parts += _described(f"portal {name}", getattr(import_module(module), attribute), depth=2)
    return "\n".join(parts)


def _described(path: str, command: click.Command, *, depth: int) -> Iterator[str]:
    yield f"{'#' * depth} `{path}`\n"
    yield _prose(command.help or "")
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    if arguments:
        context = click.Context(command)
        yield f"Arguments: {' '.join(f'`{each.make_metavar(context)}`' for each in arguments)}\n"
    if options:
        yield "| option | meaning |\n| --- | --- |"
        yield "\n".join(map(_row, options)) + "\n"
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _described(f"{path} {name}", child, depth=depth + 1)


def _prose(text: str) -> str:
    """Keep paragraphs; lines that start with a dollar sign are typed at a shell."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    shown = (f"```console\n{p}\n```" if p.startswith("$ ") else p for p in paragraphs)
    return "\n\n".join(shown) + "\n"


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    default = option.show_default if isinstance(option.show_default, str) else None
    if option.show_default is True:
        default = str(option.default)
    about = " ".join(filter(None, [option.help, f"[default: {default}]" if default else ""]))
    return f"| {names} | {about.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    sys.stdout.write(markdown())
