"""Events of the audit trail in the words of the page."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Final, TypeGuard

import msgspec

from portal.admin.audit_pages import (
    ACTORS,
    GROUPS,
    NOBODY,
    WORDS,
    AuditPage,
    EventPage,
    EventRowView,
)
from portal.admin.audit_search import LABELS as LABELS_OF_FORM
from portal.admin.audit_search import ORDERS, Wanted, find_day, resolve
from portal.admin.search_pages import Chip, what_is_wrong
from portal.admin.searching import Choice, export_links, looked
from portal.grants import in_words, span_in_words
from portal.i18n import N_, ngettext
from portal.i18n import gettext as _
from portal.page import NotThereError
from portal.services import Services
from portal.store import Rows
from portal.store.tables import AuditEvent, User
from portal.writing import day, listed, moment, number

PAGE: Final = 50
MAX_NOTE: Final = 200
MOST_SECONDS: Final = 10**9
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
PRESETS: Final = ((N_("Today"), 0), (N_("Last 7 days"), 6), (N_("Last 30 days"), 29))
LABELS: Final = {
    "reason": N_("Reason"),
    "device": N_("On a device"),
    "admin": N_("As an administrator"),
    "fields": N_("What changed"),
    "grants": N_("People who had it connected"),
    "verified": N_("Verified by the organisation"),
    "required_scopes": N_("Cannot be left out"),
    "required_acr": N_("Asks for a second factor"),
    "changed": N_("What changed"),
    "removed": N_("What was removed"),
    "email": N_("Address"),
    "matched": N_("Entries found"),
    "revoked": N_("Entries removed"),
    "dry_run": N_("Compared without changing anything"),
    "checked": N_("People compared"),
    "found": N_("Differences"),
    "search": N_("Search"),
    "format": N_("Format"),
    "expires_at": N_("Ended"),
}
"""Members of an event's detail that are told in the list; the rest is on the event's own page."""


async def list_events(
    services: Services, wanted: Wanted, *, admin: User, now: datetime
) -> AuditPage:
    """A page of what *wanted* means."""
    async with services.store.reading() as rows:
        means = await resolve(rows, wanted)
        found = await rows.audit.list_page(
            means.search, after=wanted.position(), limit=PAGE, oldest_first=wanted.oldest_first
        )
        emails = await emails_of(rows, found.events)
        apps = await app_names_of(rows, found.events)
    whole = found.events and not means.cautions
    stopped: tuple[str, ...] = ()
    if found.looked_until is not None:
        stopped = (
            looked(found.looked_until, back=not wanted.oldest_first, found=bool(found.events)),
        )
    further = _("Show newer ones") if wanted.oldest_first else _("Show older ones")
    return _page(
        wanted,
        admin=admin,
        searched=bool(wanted.terms),
        rows=tuple(row_view(event, emails, apps) for event in found.events),
        total_text=_("{found}. {order}.").format(
            found=_counted(len(found.events), more=found.next is not None),
            order=_(ORDERS[wanted.ordered]),
        ),
        cautions=(*means.cautions, *stopped),
        presets=_presets(wanted, now),
        next_url=wanted.url_from(found.next) if found.next else None,
        next_text=_("Look further") if stopped else further,
        export_urls=export_links(wanted.url_of_export) if whole else (),
    )


def refuse(wanted: Wanted, found: Mapping[str, str], *, admin: User) -> AuditPage:
    """The form as it came, with what is wrong with it."""
    return _page(wanted, admin=admin, **what_is_wrong(found, LABELS_OF_FORM))


def _page(wanted: Wanted, *, admin: User, **more: Any) -> AuditPage:
    orders = tuple((name, _(words)) for name, words in ORDERS.items())
    how_ordered = LABELS_OF_FORM["order"]
    return AuditPage(
        account=admin.email,
        actor=wanted.actor,
        user=wanted.user,
        client=wanted.client,
        what=wanted.what,
        since=wanted.since,
        until=wanted.until,
        order=Choice(
            name="order",
            label=_(how_ordered),
            options=orders,
            chosen=wanted.ordered,
        ),
        chips=tuple(_chips(wanted)),
        first_url=wanted.url() if wanted.after else None,
        **more,
    )


async def show_event(services: Services, event_id: str, *, admin: User) -> EventPage:
    """One event, or :class:`NotThereError`."""
    async with services.store.reading() as rows:
        event = await rows.audit.find(event_id)
        if event is None:
            raise NotThereError
        emails = await emails_of(rows, [event])
        apps = await app_names_of(rows, [event])
    detail = msgspec.json.format(msgspec.json.encode(event.detail, order="sorted"), indent=2)
    row = row_view(event, emails, apps)
    return EventPage(account=admin.email, row=row, detail=detail.decode())


def row_view(
    event: AuditEvent, emails: Mapping[str, str], apps: Mapping[str, str] = MappingProxyType({})
) -> EventRowView:
    """*event* as administrators see it; what is in its detail is believed to be anything. An app
    is called as the event noted it, else as it is in *apps*, by its id.
    """
    person = event.actor if event.actor not in (None, *ACTORS) else None
    app = event.detail.get("app")
    return EventRowView(
        id=event.id,
        at=event.occurred_at,
        action=event.action,
        actor=person,
        actor_text=_who(event.actor, emails),
        subject=event.subject,
        email=emails.get(event.subject or ""),
        client_id=event.client_id,
        app_name=app
        if isinstance(app, str) and app
        else apps.get(event.client_id or "", event.client_id),
        permissions=_permissions(event.detail),
        notes=tuple(_notes(event.detail)),
        address=event.address,
        user_agent=event.user_agent,
    )


async def emails_of(rows: Rows, events: Iterable[AuditEvent]) -> dict[str, str]:
    """Of whom *events* name, in one query."""
    people = {person for event in events for person in (event.actor, event.subject) if person}
    return await rows.users.emails_of(people - set(ACTORS))


async def app_names_of(rows: Rows, events: Iterable[AuditEvent]) -> dict[str, str]:
    """Of the apps that *events* name and that are remembered here, in one query; Ory is not
    asked.
    """
    return await rows.grant_index.client_names(
        {event.client_id for event in events if event.client_id is not None}
    )


def _who(actor: str | None, emails: Mapping[str, str]) -> str:
    if actor is None:
        return _(NOBODY)
    return _(ACTORS.get(actor, "")) or emails.get(actor) or _("Unknown person")


def _permissions(detail: Mapping[str, Any]) -> tuple[str, ...]:
    after = detail.get("after")
    return tuple(_texts(after if isinstance(after, dict) else detail, "scopes"))


def _notes(detail: Mapping[str, Any]) -> Iterable[str]:
    if remember_for := detail.get("remember_for"):
        yield _lasting(remember_for)[:MAX_NOTE]
    if longest := detail.get("longest_grant"):
        span = span_in_words(timedelta(seconds=longest)) if _is_span(longest) else str(longest)
        yield _("Remembered for at most {span}").format(span=span)[:MAX_NOTE]
    taken = _taken(detail)
    if taken:
        yield _("Taken away: {permissions}").format(permissions=listed(taken, "unit"))[:MAX_NOTE]
    for name, label in LABELS.items():
        value = detail.get(name)
        if value is True:
            yield _(label)
        elif value or (value == 0 and value is not False):
            said = _said(value)
            yield _told(_(label), said)[:MAX_NOTE]


def _taken(detail: Mapping[str, Any]) -> list[str]:
    """What a narrowing took away."""
    before, after = detail.get("before"), detail.get("after")
    return [
        one
        for kind in ("scopes", "audience")
        for one in _texts(before, kind)
        if one not in _texts(after, kind)
    ]


def _texts(holder: object, name: str) -> list[str]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return list(map(str, found)) if isinstance(found, list) else []


def _lasting(value: object) -> str:
    if value == "once":
        return _("This time only")
    if value == "always":
        return _("Until it is removed")
    if _is_span(value):
        words = in_words(timedelta(seconds=value))
        return words[:1].upper() + words[1:]
    return str(value)


def _is_span(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and 0 < value < MOST_SECONDS


def _told(label: str, said: str) -> str:
    return _("{label}: {value}").format(label=label, value=said)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return listed(
            _told(_(WORDS.get(name, str(name))), _said(one)) for name, one in value.items()
        )
    if isinstance(value, list):
        return listed(map(_said, value), "unit")
    return number(value) if isinstance(value, int) else _readable(str(value))


def _readable(text: str) -> str:
    """An instant as people write it; any other text as it is."""
    if not _INSTANT.match(text):
        return text
    try:
        return moment(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return text


def _presets(wanted: Wanted, now: datetime) -> tuple[tuple[str, str], ...]:
    since = ((text, f"{now - timedelta(days=days):%Y-%m-%d}") for text, days in PRESETS)
    some = [(wanted.url(since=first, until=""), _(text)) for text, first in since]
    every = (wanted.url(since="", until=""), _("Any time"))
    return (*some, every) if wanted.since or wanted.until else tuple(some)


def _chips(wanted: Wanted) -> Iterable[Chip]:
    for name, value in wanted.terms.items():
        text = value
        if name == "what":
            text = _(GROUPS[value][0]) if value in GROUPS else _(WORDS.get(value, value))
        elif (on := find_day(value)) and name in ("since", "until"):
            text = day(datetime.combine(on, time.min, UTC))
        yield Chip(label=_(LABELS_OF_FORM[name]), text=text, url=wanted.url(**{name: ""}))


def _counted(shown: int, *, more: bool) -> str:
    if not shown:
        return _("Nothing so far") if more else _("Nothing")
    words = (
        ngettext("{count} event, and there are more", "{count} events, and there are more", shown)
        if more
        else ngettext("{count} event", "{count} events", shown)
    )
    return words.format(count=number(shown))
