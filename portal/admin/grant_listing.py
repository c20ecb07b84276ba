"""The results of a search among everybody's grants, in the words of the page."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from portal.admin.grant_pages import (
    ALLOWED,
    LABELS,
    ORDER_LABEL,
    ORDER_WORDS,
    STATES,
    USED,
    GrantRowView,
    GrantsPage,
    term_in_words,
)
from portal.admin.grant_search import Wanted
from portal.admin.search_pages import Chip, what_is_wrong
from portal.admin.searching import (
    Choice,
    export_links,
    looked,
    too_many_apps,
    too_many_people,
)
from portal.admin.wording import apps_in_words, people_in_words
from portal.grants import Policy, remembered_until, remembers, remembers_something, state_of
from portal.i18n import N_, ngettext
from portal.i18n import gettext as _
from portal.services import Services
from portal.store import GrantRow
from portal.store.grant_index import (
    GrantPage,
    Order,
    Selected,
    Tally,
)
from portal.store.grants import LIVING
from portal.store.tables import User
from portal.writing import number, roughly

PAGE: Final = 50
NEXT: Final[dict[Order, str]] = {
    "newest": N_("Show older ones"),
    "oldest": N_("Show newer ones"),
    "used": N_("Show those used before"),
    "unused": N_("Show those used later"),
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
    return _page(
        wanted,
        admin=admin,
        searched=wanted.narrowed,
        rows=shown,
        total_text=_("{found}. {order}.").format(found=total(tally), order=_(ORDER_WORDS[order])),
        cautions=(*unmeant(selected, wanted), *_looked(found, order)),
        next_url=wanted.following(found.next).url() if found.next else None,
        next_text=_(NEXT[order]) if found.looked_until is None else _("Look further"),
        export_urls=_exports(wanted) if shown and selected.whole else (),
        remove_all_url=wanted.url_of_all(REMOVE_ALL) if removable else None,
        back=wanted.query,
        notice=notice,
    )


def refuse(wanted: Wanted, found: Mapping[str, str], *, admin: User) -> GrantsPage:
    """The form as it came, with what is wrong with it."""
    return _page(wanted, admin=admin, **what_is_wrong(found, LABELS | {"order": ORDER_LABEL}))


def _page(wanted: Wanted, *, admin: User, **more: Any) -> GrantsPage:
    return GrantsPage(
        account=admin.email,
        user=wanted.user,
        client=wanted.client,
        scope=wanted.scope,
        choices=_choices(wanted),
        chips=tuple(_chips(wanted)),
        first_url=wanted.first().url() if wanted.after else None,
        **more,
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
    )


def total(tally: Tally) -> str:
    """How much there is; an estimate is told as one."""
    if not tally.exact:
        return _("About {number} entries").format(number=roughly(tally.grants))
    if not tally.grants:
        return _("Nothing")
    entries = ngettext("{count} entry", "{count} entries", tally.grants).format(
        count=number(tally.grants)
    )
    if tally.grants == 1:
        return entries
    return _("{entries}: {people}, {apps}").format(
        entries=entries, people=people_in_words(tally.people), apps=apps_in_words(tally.apps)
    )


def unmeant(selected: Selected, wanted: Wanted) -> tuple[str, ...]:
    """What was typed and is left out, because it means too many."""
    said = []
    if selected.more_users:
        said.append(too_many_people(wanted.user))
    if selected.more_clients:
        said.append(too_many_apps(wanted.client))
    return tuple(said)


def _looked(found: GrantPage, order: Order) -> tuple[str, ...]:
    if found.looked_until is None:
        return ()
    return (looked(found.looked_until, back=order in ("newest", "used"), found=bool(found.rows)),)


def _choices(wanted: Wanted) -> tuple[Choice, ...]:
    states = (("", N_("Any")), *STATES.items())
    orders = (("", N_("Automatic")), *ORDER_WORDS.items())
    return (
        _choice("state", states, wanted),
        _choice("allowed", ALLOWED, wanted),
        _choice("used", USED, wanted),
        _choice("order", orders, wanted),
    )


def _choice(name: str, options: Iterable[tuple[str, str]], wanted: Wanted) -> Choice:
    return Choice(
        name=name,
        label=_(LABELS.get(name, ORDER_LABEL)),
        options=tuple((value, _(text)) for value, text in options),
        chosen=getattr(wanted, name),
    )


def _chips(wanted: Wanted) -> Iterable[Chip]:
    first = wanted.first()
    for name, value in wanted.terms.items():
        url = msgspec.structs.replace(first, **{name: ""}).url()
        yield Chip(label=_(LABELS[name]), text=term_in_words(name, value), url=url)


def _exports(wanted: Wanted) -> tuple[tuple[str, str], ...]:
    return export_links(lambda format_: wanted.url_of_all(EXPORT, format=format_))
