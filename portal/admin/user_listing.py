"""The results of a search among all people, in the words of the page."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from portal.admin.searching import Choice
from portal.admin.user_pages import UserRowView, UsersPage
from portal.admin.user_search import ORDERS, STATES, Wanted
from portal.admin.wording import counted
from portal.services import Services
from portal.store.tables import User
from portal.throttle import locked

PAGE: Final = 50


async def list_users(
    services: Services, wanted: Wanted, *, admin: User, now: datetime, notice: str | None
) -> UsersPage:
    """A page of what *wanted* means, and how many that is altogether."""
    async with services.store.reading() as rows:
        found = await rows.user_index.page(
            wanted.search, order=wanted.ordered, after=wanted.position(), limit=PAGE
        )
        total, exact = await rows.user_index.count(wanted.search)
        protected = await rows.user_index.protected(tuple(u.subject for u in found.users))
        waiting = await locked(rows, [u.email for u in found.users], now=now.timestamp())
    return UsersPage(
        account=admin.email,
        who=wanted.who,
        choices=_choices(wanted),
        searched=bool(wanted.who.strip() or wanted.state),
        rows=tuple(row_view(user, protected=protected, waiting=waiting) for user in found.users),
        total_text=_total(total, exact=exact, wanted=wanted),
        next_url=wanted.url_from(found.next) if found.next else None,
        first_url=wanted.url() if wanted.after else None,
        can_invite=services.settings.has_mail,
        notice=notice,
    )


def row_view(
    user: User, *, protected: Collection[str] = (), waiting: Collection[str] = ()
) -> UserRowView:
    """*user* as administrators see them; *protected* by subject, *waiting* by address."""
    return UserRowView(
        subject=user.subject,
        email=user.email,
        name=user.name,
        admin=user.admin,
        disabled=user.disabled_at is not None,
        unverified=not user.email_verified,
        expired=user.password_expired,
        locked=user.email in waiting,
        protected=user.subject in protected,
        created=user.created_at,
    )


def _total(total: int, *, exact: bool, wanted: Wanted) -> str:
    order = "Addresses that begin so, then names" if wanted.who.strip() else ORDERS[wanted.ordered]
    if not total:
        return "Nobody."
    people = counted(total, "person", "people") if exact else f"About {_roughly(total)} people"
    return f"{people}. {order}."


def _roughly(number: int) -> str:
    """Two digits are all that an estimate is worth."""
    rounded = round(number, 2 - len(str(number)))
    return f"{rounded / 1e6:,g} million" if rounded >= 1e6 else f"{rounded:,}"


def _choices(wanted: Wanted) -> tuple[Choice, ...]:
    return (
        Choice(name="state", label="State", options=tuple(STATES.items()), chosen=wanted.state),
        Choice(name="order", label="Order", options=tuple(ORDERS.items()), chosen=wanted.ordered),
    )
