"""Events of the audit trail in the words of the page."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from portal.admin.audit_pages import (
    ACTORS,
    NOBODY,
    WORDS,
    AuditPage,
    EventPage,
    EventRowView,
)
from portal.admin.audit_search import ORDERS, Wanted, resolve
from portal.admin.searching import Choice, export_links
from portal.grants import in_words
from portal.page import NotThereError
from portal.services import Services
from portal.store import Rows
from portal.store.tables import AuditEvent, User

PAGE: Final = 50
MAX_NOTE: Final = 200
MOST_SECONDS: Final = 10**9
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
PRESETS: Final = (("Today", 0), ("Last 7 days", 6), ("Last 30 days", 29))
LABELS: Final = {
    "reason": "Reason",
    "device": "On a device",
    "admin": "As an administrator",
    "fields": "Changed",
    "grants": "People who had it connected",
    "verified": "Verified by the organisation",
    "required_scopes": "Cannot be left out",
    "required_acr": "Asks for a second factor",
    "changed": "Changed",
    "removed": "Removed",
    "email": "Address",
    "matched": "Entries found",
    "revoked": "Entries removed",
    "dry_run": "Only looked",
    "checked": "People compared",
    "found": "Differences",
    "search": "Search",
    "format": "Format",
    "expires_at": "Ended",
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
    order = wanted.order or "newest"
    whole = found.events and not means.cautions
    looked: tuple[str, ...] = ()
    if found.looked_until is not None:
        way = "Looked up to" if wanted.oldest_first else "Looked back until"
        rest = "nothing else fits so far" if found.events else "nothing fits so far"
        looked = (f"{way} {found.looked_until:%-d %B %Y}; {rest}.",)
    further = "Show newer ones" if wanted.oldest_first else "Show older ones"
    return AuditPage(
        account=admin.email,
        actor=wanted.actor,
        user=wanted.user,
        client=wanted.client,
        what=wanted.what,
        since=wanted.since,
        until=wanted.until,
        order=Choice(name="order", label="Order", options=tuple(ORDERS.items()), chosen=order),
        searched=bool(wanted.terms),
        rows=tuple(row_view(event, emails) for event in found.events),
        total_text=f"{_counted(len(found.events), more=found.next is not None)}. {ORDERS[order]}.",
        cautions=(*means.cautions, *looked),
        presets=_presets(wanted, now),
        next_url=wanted.url_from(found.next) if found.next else None,
        next_text="Look further" if looked else further,
        first_url=wanted.url() if wanted.after else None,
        export_urls=export_links(wanted.url_of_export) if whole else (),
    )


async def show_event(services: Services, event_id: str, *, admin: User) -> EventPage:
    """One event, or :class:`NotThereError`."""
    async with services.store.reading() as rows:
        event = await rows.audit.find(event_id)
        if event is None:
            raise NotThereError
        emails = await emails_of(rows, [event])
    detail = msgspec.json.format(msgspec.json.encode(event.detail, order="sorted"), indent=2)
    return EventPage(account=admin.email, row=row_view(event, emails), detail=detail.decode())


def row_view(event: AuditEvent, emails: Mapping[str, str]) -> EventRowView:
    """*event* as administrators see it; what is in its detail is believed to be anything."""
    person = event.actor if event.actor not in (None, *ACTORS) else None
    app = event.detail.get("app")
    return EventRowView(
        id=event.id,
        at=event.occurred_at,
        action=event.action,
        words=WORDS.get(event.action, event.action),
        actor=person,
        actor_text=_who(event.actor, emails),
        subject=event.subject,
        email=emails.get(event.subject or ""),
        client_id=event.client_id,
        app_name=app if isinstance(app, str) and app else event.client_id,
        permissions=_permissions(event.detail),
        notes=tuple(_notes(event.detail)),
        address=event.address,
        user_agent=event.user_agent,
    )


async def emails_of(rows: Rows, events: Iterable[AuditEvent]) -> dict[str, str]:
    """Of whom *events* name, in one query."""
    people = {person for event in events for person in (event.actor, event.subject) if person}
    return await rows.users.emails_of(people - set(ACTORS))


def _who(actor: str | None, emails: Mapping[str, str]) -> str:
    if actor is None:
        return NOBODY
    return ACTORS.get(actor) or emails.get(actor) or "Unknown user"


def _permissions(detail: Mapping[str, Any]) -> tuple[str, ...]:
    after = detail.get("after")
    return tuple(_texts(after if isinstance(after, dict) else detail, "scopes"))


def _notes(detail: Mapping[str, Any]) -> Iterable[str]:
    if remember_for := detail.get("remember_for"):
        yield _lasting(remember_for)[:MAX_NOTE]
    if longest := detail.get("longest_grant"):
        yield f"Remembered at most {_lasting(longest).lower()}"[:MAX_NOTE]
    taken = _taken(detail)
    if taken:
        yield f"Taken away: {', '.join(taken)}"[:MAX_NOTE]
    for name, label in LABELS.items():
        value = detail.get(name)
        if value is True:
            yield label
        elif value or (value == 0 and value is not False):
            yield f"{label}: {_said(value)}"[:MAX_NOTE]


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
        return "This time only"
    if value == "always":
        return "Until it is removed"
    if isinstance(value, int) and 0 < value < MOST_SECONDS:
        return in_words(timedelta(seconds=value)).capitalize()
    return str(value)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{WORDS.get(name, name)} {_said(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return f"{value:,}" if isinstance(value, int) else _readable(str(value))


def _readable(text: str) -> str:
    """An instant as people write it; any other text as it is."""
    if not _INSTANT.match(text):
        return text
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%-d %B %Y, %H:%M} UTC"
    except (ValueError, OverflowError):
        return text


def _presets(wanted: Wanted, now: datetime) -> tuple[tuple[str, str], ...]:
    since = ((text, f"{now - timedelta(days=days):%Y-%m-%d}") for text, days in PRESETS)
    some = [(wanted.url(since=day, until=""), text) for text, day in since]
    every = (wanted.url(since="", until=""), "Any time")
    return (*some, every) if wanted.since or wanted.until else tuple(some)


def _counted(shown: int, *, more: bool) -> str:
    if not shown:
        return "Nothing so far" if more else "Nothing"
    words = "1 event" if shown == 1 else f"{shown} events"
    return f"{words}, and there are more" if more else words
