"""``portal theme``: does a brand leave every page whole?"""

import secrets

import msgspec
import rich_click as click

from portal import i18n
from portal.cli.common import explained, format_option, print_document, print_rows, progress
from portal.settings import OPTIONS, Settings, read_environment

COLUMNS = {"page": "Page", "where": "Where", "problem": "Problem", "advice": "What to do"}


@click.group()
def theme() -> None:
    """Your brand on the pages: docs/theming.md.

    $ PORTAL_COLOURS=accent=#0a7d4f PORTAL_TEMPLATE_DIR=theme portal theme check
    """


@theme.command()
@format_option
@click.option(
    "--language",
    "languages",
    type=click.Choice(tuple(i18n.NAMES)),
    multiple=True,
    default=("en", "de", "ar"),
    show_default=True,
    help="Check the pages in this language. Can be given several times.",
)
@click.pass_context
def check(ctx: click.Context, *, output: str, languages: tuple[str, ...]) -> None:
    """Render every page with your brand and your templates, and say what breaks.

    It reads the settings of the portal (PORTAL_COLOURS, PORTAL_LOGO_FILE, PORTAL_TEMPLATE_DIR and
    the others), and needs neither Ory nor a database. Found are errors of templates, with their
    line; what others rely on and is missing; what browsers will block here; data that becomes
    HTML; HTML that is not sound; files and blocks that replace nothing; and colours that people
    cannot tell apart, with one that would do. Exit codes: 0 nothing, 1 something was found.

    For example:

    $ PORTAL_COLOURS=accent=#7fd4ff portal theme check

    $ portal theme check --language en --language ja

    $ portal theme check --format json | jq '.[] | select(.kind == "contrast")'
    """
    from portal.cli.theming.checking import examine  # noqa: PLC0415 - loads every page
    from portal.samples import SAMPLES  # noqa: PLC0415 - likewise

    settings, spoken = _settings(), tuple(dict.fromkeys(languages))
    with progress() as tell:
        findings = examine(settings, SAMPLES, tell=tell, languages=spoken)
    if output == "table":
        print_rows([finding.row() for finding in findings], COLUMNS, output=output, empty="")
        click.echo(_summary(len(SAMPLES), len(findings), spoken), err=True)
    else:
        print_document(msgspec.to_builtins(findings), output)
    if findings:
        ctx.exit(1)


@theme.command(name="list")
@format_option
def list_templates(*, output: str) -> None:
    """List the templates that a file of the same name in PORTAL_TEMPLATE_DIR replaces.

    With each stands what it extends, and the blocks that one of yours fills if it extends it in
    turn.

    For example:

    $ portal theme list | grep login/
    """
    from portal.cli.theming.templates import blocks_of, our_templates  # noqa: PLC0415 - as above
    from portal.web.templating import environment  # noqa: PLC0415 - as above

    env = environment(msgspec.structs.replace(_settings(), template_dir=None))
    rows = []
    for name in our_templates(env):
        extends, blocks = blocks_of(name, env)
        rows.append({"template": name, "extends": extends, "blocks": blocks})
    columns = {"template": "Template", "extends": "Extends", "blocks": "Blocks"}
    print_rows(rows, columns, output=output, empty="")


def _settings() -> Settings:
    """A theme is made on a machine that has no key; nothing is signed here."""
    with explained():
        env = read_environment()
        names = [n for name in OPTIONS["secret_keys"].names for n in (name, f"{name}_FILE")]
        if not any(env.get(name, "").strip() for name in names):
            env |= {names[0]: secrets.token_urlsafe(48)}
        return Settings.from_env(env)


def _summary(pages: int, findings: int, languages: tuple[str, ...]) -> str:
    rendered = f"{pages} samples of pages rendered in {', '.join(languages)}"
    if not findings:
        return f"{rendered}: nothing breaks."
    return f"{rendered}: {findings} things to mend."
