"""What the searches of the admin pages share: words that are typed, and positions in a list.

Lists go on from the row that ended the page before; its keys are packed into the address, opaque to
people because they mean nothing to them.
"""

import base64
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from portal.admin.export import Format
from portal.web.inputs import HostileInputError, require_clean

MAX_TERM: Final = 320
TOO_LONG: Final = "The search is longer than anything there is to find."
NO_ORDER: Final = "The address names an order that there is not. Choose one of the list."
NO_PLACE: Final = "The address does not lead to a page of this list."
EXPORTS: Final[dict[Format, str]] = {"csv": "Export as CSV", "jsonl": "Export as JSON lines"}
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A list to choose one of in the search."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    """Values, and what they read."""
    chosen: str = ""


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


def too_many(most: int, things: str, *, typed: str, key: str) -> str:
    """Say that *typed* means more than are looked for."""
    return (
        f"More than {most} {things} fit “{typed}”; these are the first {most} by {key}. "
        "Type more of it."
    )


def export_links(url_of: Callable[[Format], str]) -> tuple[tuple[str, str], ...]:
    """The addresses of the same as a file, and what they read."""
    return tuple((url_of(format_), text) for format_, text in EXPORTS.items())
