"""One person, as administrators see them."""

import math
from datetime import UTC, datetime
from typing import Final

from portal.admin.audit_listing import app_names_of, emails_of
from portal.admin.audit_listing import row_view as event_view
from portal.admin.user_acts import ACTS, Known
from portal.admin.user_listing import row_view
from portal.admin.user_pages import FactorView, FactView, GonePage, PersonPage, PlaceView
from portal.claims import standard
from portal.factors.levels import is_enforced
from portal.factors.passkeys import offered
from portal.factors.standing import Standing, standing_of
from portal.i18n import N_, pgettext
from portal.i18n import gettext as _
from portal.page import NotThereError
from portal.services import Services, Visitor
from portal.sessions import Place, places
from portal.store import AuditSearch, Rows
from portal.store.tables import User
from portal.throttle import locked
from portal.writing import moment

EVENTS: Final = 10
KINDS: Final = {"passkey": N_("Passkey"), "totp": N_("Authenticator app")}


async def know(
    rows: Rows, services: Services, subject: str, *, admin: User, this: str | None, visitor: Visitor
) -> Known:
    """What there is to know of somebody, or :class:`NotThereError`. *this* is the hash of the
    session that asks.
    """
    user = await rows.users.find(subject)
    if user is None:
        raise NotThereError
    is_self = user.subject == admin.subject
    grants = await rows.grants.of_subject(subject)
    guarded = user.admin and user.disabled_at is None
    return Known(
        user=user,
        places=await places(
            rows,
            user,
            this=this if is_self else None,
            visitor=visitor,
            settings=services.settings,
        ),
        standing=await standing_of(rows, subject),
        apps=sum(grant.revoked_at is None for grant in grants),
        is_self=is_self,
        last_admin=guarded and not await rows.users.has_other_admin(subject),
        services=services,
    )


async def show_user(
    services: Services,
    subject: str,
    *,
    admin: User,
    this: str | None,
    visitor: Visitor,
    notice: str | None = None,
    error: str | None = None,
) -> PersonPage | GonePage:
    """The page of one person; of somebody who is gone, and known to the audit trail, that it is
    so.
    """
    async with services.store.reading() as rows:
        if await rows.users.find(subject) is None and await _is_known_to_audit(rows, subject):
            return GonePage(status=404, account=admin.email, subject=subject)
        known = await know(rows, services, subject, admin=admin, this=this, visitor=visitor)
        told = await rows.audit.list_page(
            AuditSearch(subjects=(subject,)), after=None, limit=EVENTS
        )
        emails = await emails_of(rows, told.events)
        apps = await app_names_of(rows, told.events)
        waiting = await locked(rows, [known.user.email], now=visitor.now.timestamp())
    user = known.user
    protected = (subject,) if known.standing.has_second_factor else ()
    catalog = services.attributes
    return PersonPage(
        status=403 if error else 200,
        account=admin.email,
        row=row_view(user, protected=protected, waiting=waiting),
        is_self=known.is_self,
        changed=user.updated_at,
        disabled_at=user.disabled_at,
        can_sign_in=_can_sign_in(known),
        password_text=_password(user),
        password_set=user.password_set_at if user.password_hash else None,
        waiting_text=_waiting(waiting.get(user.email)),
        factors=_factors(known.standing),
        codes_left=known.standing.codes_left,
        factor_needed=is_enforced(user, services.settings),
        places=tuple(_place(place, is_self=known.is_self) for place in known.places),
        apps=known.apps,
        profile=_profile(user),
        attributes=tuple(
            FactView(label=catalog.title(name), text=catalog.shown(name, user.attributes[name]))
            for name in catalog.attributes
            if name in user.attributes
        ),
        has_attributes=bool(catalog.attributes),
        events=tuple(event_view(event, emails, apps) for event in told.events),
        more_events=told.next is not None,
        acts=tuple(
            (name, _(act.words), act.danger) for name, act in ACTS.items() if act.fits(known)
        ),
        error=error,
        notice=notice,
    )


async def _is_known_to_audit(rows: Rows, subject: str) -> bool:
    if not subject:
        return False
    told = await rows.audit.list_page(AuditSearch(subjects=(subject,)), after=None, limit=1)
    return bool(told.events)


def _can_sign_in(known: Known) -> bool:
    """Whether there is anything to begin a sign-in with."""
    if known.user.password_hash is not None:
        return True
    return bool(known.standing.passkeys) and offered(known.services.settings)


def _password(user: User) -> str:
    if user.password_hash is None:
        return _("None: this person cannot sign in with one")
    if user.password_expired:
        return _("A new one is demanded at the next sign-in")
    return pgettext("password", "Set")


def _waiting(until: float | None) -> str | None:
    if until is None:
        return None
    if math.isinf(until):
        return _("Has to wait after many wrong passwords, until you lift it")
    over = moment(datetime.fromtimestamp(until, UTC))
    return _("Has to wait after wrong passwords, until {moment}").format(moment=over)


def _factors(standing: Standing) -> tuple[FactorView, ...]:
    return tuple(
        FactorView(
            kind=_(KINDS[kind]), name=found.name, added=found.created_at, used=found.last_used_at
        )
        for kind, some in (("passkey", standing.passkeys), ("totp", standing.totp))
        for found in some
    )


def _place(place: Place, *, is_self: bool) -> PlaceView:
    return PlaceView(
        kind=place.kind,
        handle=place.handle,
        browser=place.browser,
        address=place.address,
        since=place.since,
        used=place.last_used,
        is_here=place.is_here and is_self,
        ending=place.ending,
        can_be_ended=place.kind == "portal" or (place.can_be_told and not place.ending),
    )


def _profile(user: User) -> tuple[FactView, ...]:
    values = standard.flat(user)
    labels = {field.name: field.label for field in standard.FIELDS}
    return tuple(
        FactView(label=labels.get(name, name), text=standard.text_of(value))
        for name, value in values.items()
    )
