"""``portal db``: the schema of the database, by Alembic from inside the package."""

import rich_click as click

from portal.cli.common import explained, load_settings
from portal.cli.refusal import Refusal
from portal.logs import scrub
from portal.store import StoreUnavailableError, schema
from portal.store.revision import is_at_head

wait_option = click.option(
    "--wait",
    type=click.FloatRange(0, 600),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for a database that is not up yet.",
)


def wait_for_database(url: str, seconds: float) -> None:
    """Wait for a server that is not up yet, and say so; a file comes up by itself or not at all."""
    if url.startswith("sqlite"):
        return
    try:
        schema.wait_until_reachable(url, seconds=0)
    except StoreUnavailableError as exc:
        if not seconds:
            raise
        click.echo(f"portal: waiting up to {seconds:g} s, because {scrub(str(exc))}", err=True)
        schema.wait_until_reachable(url, seconds=seconds)


@click.group()
def db() -> None:
    """Create and upgrade the database that DATABASE_URL names."""


@db.command()
@wait_option
def upgrade(wait: float) -> None:
    """Bring the database up to date; an empty one gets its tables.

    Several may do this at once. For example:

    $ DATABASE_URL=postgresql://portal@localhost/portal portal db upgrade
    """
    with explained():
        settings = load_settings()
        wait_for_database(settings.database_url, wait)
        schema.upgrade(settings.database_url)
        click.echo(f"The database is up to date ({schema.head()}).")


@db.command()
def current() -> None:
    """Print the revision of the database.

    For example:

    $ portal db current
    """
    with explained():
        revision = schema.current(load_settings().database_url)
    click.echo(f"{revision or 'none'}{' (up to date)' if revision == schema.head() else ''}")


@db.command()
def check() -> None:
    """Exit with 0 if the database is up to date, else with 1.

    For example:

    $ portal db check && portal serve
    """
    with explained():
        revision = schema.current(load_settings().database_url)
        if not is_at_head(revision):
            raise Refusal(
                f"the database is at revision {revision or 'none'}, this version needs "
                f"{schema.head()}. Run: portal db upgrade"
            )
    click.echo("The database is up to date.")
