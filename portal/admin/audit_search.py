"""What an administrator looks for in the audit trail, as the address has it."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, Final
from urllib.parse import urlencode

import msgspec

from portal.admin.audit_pages import GROUPS, WORDS
from portal.store import AuditSearch, GrantSearch, Rows
from portal.store.audit import Position
from portal.store.grant_index import MOST_CLIENTS, MOST_USERS
from portal.web.inputs import HostileInputError, require_clean

PATH: Final = "/admin/audit"
EXPORT: Final = "/admin/audit/export"
MAX_TERM: Final = 320
TERMS: Final = ("actor", "user", "client", "what", "since", "until")
"""What narrows; ``order`` and ``after`` do not."""
ORDERS: Final = {"newest": "Newest first", "oldest": "Oldest first"}
TOO_LONG: Final = "The search is longer than anything there is to find."
NO_ACTION: Final = "The address names something that never happens here. Choose one of the list."
NO_DATE: Final = "The address names a day that there is not. Days read 2026-12-31."
NO_ORDER: Final = "The address names an order that there is not. Choose one of the list."
NO_PLACE: Final = "The address does not lead to a page of this list."
BACKWARDS: Final = "The last day is before the first one, so there is nothing between them."
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A search as it was typed, and which page of it: made by :func:`read_wanted` alone."""

    actor: str = ""
    """Who did it: a subject, an address or its beginning, ``cli`` or ``system``."""
    user: str = ""
    """Whose account it was about: the same of a person."""
    client: str = ""
    what: str = ""
    """An action, or the name of a group of them."""
    since: str = ""
    """A day, from its beginning; ``until``: to its end. UTC."""
    until: str = ""
    order: str = ""
    after: str = ""
    """Where the page before ended: opaque to people, because it means nothing to them."""

    @property
    def terms(self) -> dict[str, str]:
        """What narrows it."""
        return {name: value for name in TERMS if (value := getattr(self, name))}

    @property
    def oldest_first(self) -> bool:
        """How the results are ordered."""
        return self.order == "oldest"

    @property
    def backwards(self) -> bool:
        """Whether it ends before it begins; days are written so that they sort."""
        return bool(self.since and self.until) and self.until < self.since

    def position(self) -> Position | None:
        """Where to go on."""
        if not self.after:
            return None
        place = _unpacked(self.after)
        if place.order != (self.order or "newest"):
            raise HostileInputError(NO_PLACE)
        return place.moment.astimezone(UTC), place.id

    def url(self, **changed: str) -> str:
        """Where it is answered from the start, relative to the portal's prefix."""
        members = self.terms | {"order": "oldest" if self.oldest_first else ""} | changed
        query = urlencode({name: value for name, value in members.items() if value})
        return f"{PATH}?{query}" if query else PATH

    def url_from(self, place: Position) -> str:
        """The same from *place* on."""
        packed = msgspec.json.encode(_Place(self.order or "newest", *place))
        return self.url(after=base64.urlsafe_b64encode(packed).decode())

    def url_of_export(self, format_: str) -> str:
        """The same as a file, which begins with the oldest."""
        return f"{EXPORT}?{urlencode({'format': format_} | self.terms)}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search means today."""

    search: AuditSearch
    cautions: tuple[str, ...] = ()
    """What it leaves out, because too much fits what was typed."""


def read_wanted(asked: Mapping[str, str]) -> Wanted:
    """The search of an address; what else is in *asked* is somebody else's."""
    wanted = Wanted(**{name: asked.get(name, "").strip() for name in Wanted.__struct_fields__})
    if any(len(term) > MAX_TERM for term in wanted.terms.values()):
        raise HostileInputError(TOO_LONG)
    if wanted.what and wanted.what not in GROUPS and wanted.what not in WORDS:
        raise HostileInputError(NO_ACTION)
    if wanted.order and wanted.order not in ORDERS:
        raise HostileInputError(NO_ORDER)
    for text in (wanted.since, wanted.until):
        if text:
            _day(text)
    wanted.position()
    return wanted


async def resolve(rows: Rows, wanted: Wanted) -> Found:
    """Find whom and what *wanted* means, by ids."""
    cautions = [BACKWARDS] if wanted.backwards else []

    async def people(typed: str) -> tuple[str, ...] | None:
        found = await rows.grant_index.select(GrantSearch(user=typed))
        if found.more_users:
            cautions.append(_too_many(MOST_USERS, "people", typed, "address"))
        return found.selection.subjects

    apps = await rows.grant_index.select(GrantSearch(client=wanted.client))
    if apps.more_clients:
        cautions.append(_too_many(MOST_CLIENTS, "apps", wanted.client, "name"))
    client_ids = apps.selection.client_ids
    if client_ids is not None and not apps.more_clients:
        client_ids = tuple(dict.fromkeys((*client_ids, wanted.client)))  # nobody need have it
    return Found(
        search=AuditSearch(
            actions=_actions(wanted.what),
            actors=await people(wanted.actor),
            subjects=await people(wanted.user),
            client_ids=client_ids,
            since=datetime.combine(_day(wanted.since), time.min, UTC) if wanted.since else None,
            until=datetime.combine(_day(wanted.until), time.max, UTC) if wanted.until else None,
        ),
        cautions=tuple(cautions),
    )


def _actions(what: str) -> tuple[str, ...] | None:
    if not what:
        return None
    return GROUPS[what][1] if what in GROUPS else (what,)


def _too_many(most: int, things: str, typed: str, key: str) -> str:
    return (
        f"More than {most} {things} fit “{typed}”; these are the first {most} by {key}. "
        "Type more of it."
    )


def _day(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError as exc:
        raise HostileInputError(NO_DATE) from exc
    raise HostileInputError(NO_DATE)


class _Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    order: str
    moment: Annotated[datetime, msgspec.Meta(tz=True)]
    id: str


def _unpacked(text: str) -> _Place:
    try:
        packed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        place = msgspec.json.decode(packed, type=_Place)
        require_clean(place.id)
        place.moment.astimezone(UTC)
    except (ValueError, OverflowError, msgspec.DecodeError) as exc:
        raise HostileInputError(NO_PLACE) from exc
    return place
