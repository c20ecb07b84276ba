"""What an administrator looks for in the audit trail, as the address has it."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Final
from urllib.parse import urlencode

import msgspec

from portal.admin.audit_pages import GROUPS, WORDS
from portal.admin.export import Format
from portal.admin.searching import (
    NO_ORDER,
    pack,
    require_right,
    too_long,
    too_many_apps,
    too_many_people,
    unpack,
)
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.store import AuditSearch, GrantSearch, Rows
from portal.store.audit import Position
from portal.web.inputs import HostileInputError

PATH: Final = "/admin/audit"
EXPORT: Final = "/admin/audit/export"
TERMS: Final = ("actor", "user", "client", "what", "since", "until")
"""What narrows; ``order`` and ``after`` do not."""
LABELS: Final = {
    "actor": N_("Who did it"),
    "user": N_("Whose account"),
    "client": N_("App"),
    "what": N_("What"),
    "since": N_("From day"),
    "until": N_("To day"),
    "order": N_("Order"),
}
"""How the form calls them."""
ORDERS: Final = {"newest": N_("Newest first"), "oldest": N_("Oldest first")}
NO_ACTION: Final = N_("Nothing of this name happens here. Choose one from the list.")
NO_DATE: Final = N_("There is no such day. Write it like this: 2026-12-31.")
BACKWARDS: Final = N_("The last day is before the first one, so there is nothing between them.")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A search as it was typed, and which page of it. :func:`problems` tells whether it can be
    searched for; :func:`read_wanted` makes no other.
    """

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
    def ordered(self) -> str:
        """Its order by name."""
        return self.order or "newest"

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
        moment, (event_id,) = unpack(self.after, order=self.ordered, keys=1)
        return moment, event_id

    def url(self, **changed: str) -> str:
        """Where it is answered from the start, relative to the portal's prefix."""
        members = self.terms | {"order": "oldest" if self.oldest_first else ""} | changed
        query = urlencode({name: value for name, value in members.items() if value})
        return f"{PATH}?{query}" if query else PATH

    def url_from(self, place: Position) -> str:
        """The same from *place* on."""
        return self.url(after=pack(self.ordered, *place))

    def url_of_export(self, format_: Format) -> str:
        """The same as a file, which begins with the oldest."""
        return f"{EXPORT}?{urlencode({'format': format_} | self.terms)}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search means today."""

    search: AuditSearch
    cautions: tuple[str, ...] = ()
    """What it leaves out, because too much fits what was typed."""


def as_typed(asked: Mapping[str, str]) -> Wanted:
    """The search of an address, right or not; what else is in *asked* is somebody else's."""
    return Wanted(**{name: asked.get(name, "").strip() for name in Wanted.__struct_fields__})


def problems(wanted: Wanted) -> dict[str, str]:
    """Why it cannot be searched for, by field; to be looked up where it is shown."""
    found = too_long(wanted.terms)
    if wanted.what and wanted.what not in GROUPS and wanted.what not in WORDS:
        found["what"] = NO_ACTION
    for name in ("since", "until"):
        text = getattr(wanted, name)
        if text and find_day(text) is None:
            found[name] = NO_DATE
    if wanted.order and wanted.order not in ORDERS:
        found["order"] = NO_ORDER
        return found
    try:
        wanted.position()
    except HostileInputError as exc:
        found["after"] = str(exc)
    return found


def read_wanted(asked: Mapping[str, str]) -> Wanted:
    """The search of an address, if it is one."""
    wanted = as_typed(asked)
    require_right(problems(wanted))
    return wanted


async def resolve(rows: Rows, wanted: Wanted) -> Found:
    """Find whom and what *wanted* means, by ids."""
    cautions = [_(BACKWARDS)] if wanted.backwards else []
    since, until = find_day(wanted.since), find_day(wanted.until)

    async def people(typed: str) -> tuple[str, ...] | None:
        found = await rows.grant_index.select(GrantSearch(user=typed))
        if found.more_users:
            cautions.append(too_many_people(typed))
        return found.selection.subjects

    apps = await rows.grant_index.select(GrantSearch(client=wanted.client))
    if apps.more_clients:
        cautions.append(too_many_apps(wanted.client))
    client_ids = apps.selection.client_ids
    if client_ids is not None and not apps.more_clients:
        client_ids = tuple(dict.fromkeys((*client_ids, wanted.client)))  # nobody need have it
    return Found(
        search=AuditSearch(
            actions=_actions(wanted.what),
            actors=await people(wanted.actor),
            subjects=await people(wanted.user),
            client_ids=client_ids,
            since=datetime.combine(since, time.min, UTC) if since else None,
            until=datetime.combine(until, time.max, UTC) if until else None,
        ),
        cautions=tuple(cautions),
    )


def _actions(what: str) -> tuple[str, ...] | None:
    if not what:
        return None
    return GROUPS[what][1] if what in GROUPS else (what,)


def find_day(text: str) -> date | None:
    """The day that *text* names, if there is one."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
