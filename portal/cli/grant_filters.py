"""The flags that say which grants are meant, read and found in the store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec
import rich_click as click

from portal.cli.common import subject_of
from portal.settings.reading import seconds
from portal.store import GrantSearch, Store
from portal.store.grant_index import Selected
from portal.store.tables import GRANT_STATES

F = TypeVar("F", bound=Callable[..., Any])


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed to say which grants are meant."""

    subject: str | None = None
    user: str | None = None
    client: str | None = None
    scope: str | None = None
    state: str | None = None
    allowed_before: datetime | None = None
    allowed_after: datetime | None = None
    used_before: datetime | None = None
    used_after: datetime | None = None

    @property
    def words(self) -> dict[str, str]:
        """Those that were given, as texts."""
        given = msgspec.structs.asdict(self)
        return {name: str(value) for name, value in given.items() if value is not None}


class Moment(click.ParamType[datetime]):
    """A date, an instant, or how long ago."""

    name = "date or duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read what was typed; midnight and UTC where nothing else is said."""
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(value)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        except ValueError:
            pass
        try:
            return datetime.now(UTC) - timedelta(seconds=seconds(value))
        except (ValueError, OverflowError):
            problem = f"{value!r} is neither a date such as 2026-11-24 nor a duration such as 90d."
            self.fail(problem, param, ctx)


MOMENT: Final = Moment()
FILTERS: Final = (
    click.option("--subject", metavar="S", help="Of this subject exactly."),
    click.option("--user", metavar="EMAIL", help="Of the user with this address."),
    click.option("--client", metavar="ID", help="To this app: its id, or a part of id or name."),
    click.option("--scope", metavar='"A B"', help="With all of these scopes."),
    click.option("--state", type=click.Choice(GRANT_STATES), help="In this state."),
    click.option("--allowed-before", type=MOMENT, help="Allowed until then: 2026-11-24, or 90d."),
    click.option("--allowed-after", type=MOMENT, help="Allowed from then on."),
    click.option("--used-before", type=MOMENT, help="Last used until then."),
    click.option("--used-after", type=MOMENT, help="Last used from then on."),
)
ONE_PERSON: Final = FILTERS[:2]


def filtered(command: F) -> F:
    """Give *command* the flags that say which grants are meant."""
    for option in reversed(FILTERS):
        command = option(command)
    return command


def read_filters(given: dict[str, Any]) -> Filters:
    """Read the flags. An empty one is a variable of a script that was not set, and means nobody
    rather than everybody.
    """
    for name, value in given.items():
        if isinstance(value, str) and not value.strip():
            raise click.UsageError(f"--{name} is empty.")
    return Filters(**given)


async def select(store: Store, filters: Filters) -> Selected:
    """Find which grants the flags mean. A user is one person exactly, not the beginning of some."""
    subject = await subject_of(store, user=filters.user, subject=filters.subject)
    search = GrantSearch(
        client=filters.client or "",
        scope=filters.scope or "",
        state=filters.state or "",
        allowed_since=filters.allowed_after,
        allowed_until=filters.allowed_before,
        used_since=filters.used_after,
        used_until=filters.used_before,
    )
    async with store.reading() as rows:
        selected = await rows.grant_index.select(search)
    if subject is None:
        return selected
    selection = msgspec.structs.replace(selected.selection, subjects=(subject,))
    return msgspec.structs.replace(selected, selection=selection)
