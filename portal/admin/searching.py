"""What the searches of the admin pages share: words that are typed, and positions in a list.

Lists go on from the row that ended the page before; its keys are packed into the address, opaque to
people because they mean nothing to them.
"""

import base64
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from portal.admin.export import Format
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.store.grant_index import MOST_CLIENTS, MOST_USERS
from portal.web.inputs import HostileInputError, require_clean
from portal.writing import day

MAX_TERM: Final = 320
TOO_LONG: Final = N_("This is longer than anything there is to find. Type less of it.")
NO_ORDER: Final = N_("There is no such order. Choose one from the list.")
NO_PLACE: Final = N_("This address does not lead to a page of the list. Begin at the first page.")
EXPORTS: Final[dict[Format, str]] = {
    "csv": N_("Export as CSV"),
    "jsonl": N_("Export as JSON lines"),
}
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A list to choose one of in the search."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    """Values, and what they read."""
    chosen: str = ""

    @property
    def is_offered(self) -> bool:
        """Whether what is chosen is one of the list."""
        return any(self.chosen == value for value, _ in self.options)


def require_right(found: Mapping[str, str]) -> None:
    """Refuse a search that something was *found* to be wrong with."""
    for words in found.values():
        raise HostileInputError(words)


def too_long(terms: Mapping[str, str]) -> dict[str, str]:
    """Which of *terms* are longer than anything that could be found by them."""
    return {name: TOO_LONG for name, term in terms.items() if len(term) > MAX_TERM}


def require_short(terms: Collection[str]) -> None:
    """Refuse what is longer than anything that could be found by it."""
    if any(len(term) > MAX_TERM for term in terms):
        raise HostileInputError(TOO_LONG)


def pack(order: str, moment: datetime, *keys: str) -> str:
    """A position, which means something in *order* alone."""
    return base64.urlsafe_b64encode(msgspec.json.encode((order, moment, *keys))).decode()


def unpack(text: str, *, order: str, keys: int) -> tuple[datetime, list[str]]:
    """The position that :func:`pack` made, in *order* and of so many *keys*."""
    try:
        packed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        ordered, instant, *found = msgspec.json.decode(packed, type=list[str])
        moment = msgspec.convert(instant, _Instant).astimezone(UTC)
    except (ValueError, OverflowError, msgspec.DecodeError) as exc:
        raise HostileInputError(NO_PLACE) from exc
    require_clean(*found)
    if ordered != order or len(found) != keys:
        raise HostileInputError(NO_PLACE)
    return moment, found


def too_many_people(typed: str) -> str:
    """Say that *typed* means more people than are looked for."""
    return _(
        "More than {most} people fit “{typed}”; these are the first {most} by address. "
        "Type more of it."
    ).format(most=MOST_USERS, typed=typed)


def too_many_apps(typed: str) -> str:
    """Say that *typed* means more apps than are looked for."""
    return _(
        "More than {most} apps fit “{typed}”; these are the first {most} by name. Type more of it."
    ).format(most=MOST_CLIENTS, typed=typed)


def looked(until: datetime, *, back: bool, found: bool) -> str:
    """Say that a search stopped *until* a day; *back*: on its way to older ones."""
    if back:
        words = (
            _("Looked back until {day}; nothing else fits so far.")
            if found
            else _("Looked back until {day}; nothing fits so far.")
        )
    else:
        words = (
            _("Looked up to {day}; nothing else fits so far.")
            if found
            else _("Looked up to {day}; nothing fits so far.")
        )
    return words.format(day=day(until))


def export_links(url_of: Callable[[Format], str]) -> tuple[tuple[str, str], ...]:
    """The addresses of the same as a file, and what they read."""
    return tuple((url_of(format_), _(text)) for format_, text in EXPORTS.items())
