"""The results of a search among all people, in the words of the page."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from portal.admin.searching import Choice
from portal.admin.user_pages import UserRowView, UsersPage
from portal.admin.user_search import ORDERS, STATES, Wanted
from portal.admin.wording import people_in_words
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.services import Services
from portal.store.tables import User
from portal.throttle import locked
from portal.writing import roughly

PAGE: Final = 50
FOUND_ORDER: Final = N_("Addresses that begin so, then names")


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
    order = FOUND_ORDER if wanted.who.strip() else ORDERS[wanted.ordered]
    if not total:
        return _("Nobody.")
    about = _("About {number} people")
    people = people_in_words(total) if exact else about.format(number=roughly(total))
    return _("{found}. {order}.").format(found=people, order=_(order))


def _choices(wanted: Wanted) -> tuple[Choice, ...]:
    return (
        Choice(name="state", label=_("State"), options=_options(STATES), chosen=wanted.state),
        Choice(name="order", label=_("Order"), options=_options(ORDERS), chosen=wanted.ordered),
    )


def _options(texts: Mapping[Any, str]) -> tuple[tuple[str, str], ...]:
    return tuple((value, _(text)) for value, text in texts.items())
