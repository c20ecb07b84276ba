"""The results of a search among everybody's grants, in the words of the page."""

from datetime import datetime
from typing import Final

from portal.admin.grant_pages import (
    ALLOWED,
    ORDER_WORDS,
    STATES,
    USED,
    GrantRowView,
    GrantsPage,
)
from portal.admin.grant_search import Wanted
from portal.admin.searching import Choice, export_links, too_many
from portal.admin.wording import counted
from portal.grants import Policy, remembered_until, remembers, remembers_something, state_of
from portal.services import Services
from portal.store import GrantRow
from portal.store.grant_index import (
    MOST_CLIENTS,
    MOST_USERS,
    GrantPage,
    Order,
    Selected,
    Tally,
)
from portal.store.grants import LIVING
from portal.store.tables import User

PAGE: Final = 50
NEXT: Final[dict[Order, str]] = {
    "newest": "Show older ones",
    "oldest": "Show newer ones",
    "used": "Show those used before",
    "unused": "Show those used later",
}
EXPORT: Final = "/admin/grants/export"
REMOVE_ALL: Final = "/admin/grants/revoke-all"


async def list_grants(
    services: Services, wanted: Wanted, *, admin: User, now: datetime, notice: str | None
) -> GrantsPage:
    """A page of what *wanted* means, and how much that is altogether."""
    place, order = wanted.position(), wanted.ordered
    async with services.store.reading() as rows:
        selected = await rows.grant_index.select(wanted.search(now))
        found = await rows.grant_index.page(
            selected.selection, order=order, after=place, limit=PAGE
        )
        tally = await rows.grant_index.tally(selected.selection)
        policies = await rows.policies.of_clients(row.grant.client_id for row in found.rows)
    shown = tuple(
        row_view(row, Policy.of(policies.get(row.grant.client_id)), now) for row in found.rows
    )
    removable = wanted.narrowed and selected.whole and any(row.state in LIVING for row in shown)
    return GrantsPage(
        account=admin.email,
        user=wanted.user,
        client=wanted.client,
        scope=wanted.scope,
        choices=_choices(wanted),
        searched=wanted.narrowed,
        rows=shown,
        total_text=f"{total(tally)}. {ORDER_WORDS[order]}.",
        cautions=(*unmeant(selected, wanted), *_looked(found, order)),
        next_url=wanted.following(found.next).url() if found.next else None,
        next_text=NEXT[order] if found.looked_until is None else "Look further",
        first_url=wanted.first().url() if wanted.after else None,
        export_urls=_exports(wanted) if shown and selected.whole else (),
        remove_all_url=wanted.url_of_all(REMOVE_ALL) if removable else None,
        back=wanted.query,
        notice=notice,
    )


def row_view(row: GrantRow, policy: Policy, now: datetime) -> GrantRowView:
    """*row* as administrators see it."""
    grant, state = row.grant, state_of(row.grant, policy, now=now)
    return GrantRowView(
        subject=grant.subject,
        email=row.email,
        client_id=grant.client_id,
        app_name=grant.client_name,
        permissions=tuple(grant.scopes),
        since=grant.granted_at,
        last_used=grant.last_accept_at,
        expires=remembered_until(grant, policy),
        remembered=remembers_something(grant) and remembers(grant, policy, now=now),
        ended=grant.revoked_at,
        verified=policy.verified,
        state=state,
        state_text=STATES[state],
    )


def total(tally: Tally) -> str:
    """How much there is; an estimate is told as one."""
    if not tally.exact:
        return f"About {_roughly(tally.grants)} entries"
    if tally.grants <= 1:
        return "1 entry" if tally.grants else "Nothing"
    return (
        f"{tally.grants:,} entries: {counted(tally.people, 'person', 'people')}, "
        f"{counted(tally.apps, 'app', 'apps')}"
    )


def unmeant(selected: Selected, wanted: Wanted) -> tuple[str, ...]:
    """What was typed and is left out, because it means too many."""
    said = []
    if selected.more_users:
        said.append(too_many(MOST_USERS, "people", typed=wanted.user, key="address"))
    if selected.more_clients:
        said.append(too_many(MOST_CLIENTS, "apps", typed=wanted.client, key="name"))
    return tuple(said)


def _looked(found: GrantPage, order: Order) -> tuple[str, ...]:
    if found.looked_until is None:
        return ()
    day = f"{found.looked_until:%-d %B %Y}"
    way = f"Looked back until {day}" if order in ("newest", "used") else f"Looked up to {day}"
    return (f"{way}; nothing {'else ' if found.rows else ''}fits so far.",)


def _choices(wanted: Wanted) -> tuple[Choice, ...]:
    return (
        Choice(
            name="state",
            label="State",
            options=(("", "Any"), *STATES.items()),
            chosen=wanted.state,
        ),
        Choice(name="allowed", label="Allowed", options=ALLOWED, chosen=wanted.allowed),
        Choice(name="used", label="Used", options=USED, chosen=wanted.used),
        Choice(
            name="order",
            label="Order",
            options=(("", "Automatic"), *ORDER_WORDS.items()),
            chosen=wanted.order,
        ),
    )


def _exports(wanted: Wanted) -> tuple[tuple[str, str], ...]:
    return export_links(lambda format_: wanted.url_of_all(EXPORT, format=format_))


def _roughly(number: int) -> str:
    """Two digits are all that an estimate is worth."""
    rounded = round(number, 2 - len(str(number)))
    return f"{rounded / 1e6:,g} million" if rounded >= 1e6 else f"{rounded:,}"
