"""What is kept about somebody: shown to them alone, and changed by them where it is theirs."""

from collections.abc import Mapping
from typing import Final

import msgspec

from portal import logs
from portal.accounts.profile import InvalidProfileError, change_profile
from portal.claims.standard import FIELDS, flat, parse_profile
from portal.page import GoTo
from portal.profile.forms import ProfileForm
from portal.profile.pages import FieldView, KnownView, ProfilePage, ReaderView
from portal.services import Services, Visitor
from portal.store.tables import GrantRecord, User

PATH: Final = "/account/profile"
NOTICES: Final = {
    "saved": "Saved. Apps that may see it are told the next time they ask.",
    "unchanged": "Nothing was changed.",
}
LOOK_BELOW: Final = "Nothing was saved: something below is not as it has to be."


async def show(
    user: User,
    *,
    notice: str = "",
    posted: Mapping[str, str] | None = None,
    services: Services,
    error: str | None = None,
) -> ProfilePage:
    """What is kept about *user*; with what was *posted*, where the form was not taken."""
    async with services.store.reading() as rows:
        grants = await rows.grants.of_subject(user.subject)
    attributes = services.attributes
    known = attributes.defined(user.attributes)
    return ProfilePage(
        status=403 if error else 200,
        error=error,
        notice=NOTICES.get(notice),
        account=user.email,
        is_admin=user.admin,
        email=user.email,
        email_verified=user.email_verified,
        fields=_fields({name: str(text) for name, text in flat(user).items()} | dict(posted or {})),
        known=tuple(
            KnownView(title=attributes.title(name), value=attributes.shown(name, value))
            for name, value in known.items()
            if attributes.attributes[name].visible
        ),
        readers=tuple(_readers(grants, services)),
    )


async def save(
    form: ProfileForm, user: User, *, visitor: Visitor, services: Services
) -> ProfilePage | GoTo:
    """Keep all of what was typed, or nothing."""
    posted = form.posted()
    values, problems = parse_profile(posted)
    changed: tuple[str, ...] = ()
    if not problems:
        try:
            changed = await change_profile(
                services,
                user.subject,
                values=values,
                actor=user.subject,
                now=visitor.now,
                origin=visitor.origin,
            )
        except InvalidProfileError as exc:
            problems = exc.problems
    if problems:
        page = await show(user, posted=posted, services=services, error=LOOK_BELOW)
        return msgspec.structs.replace(page, status=422, fields=_told(page.fields, problems))
    if changed:
        logs.step("user.profile_changed", user=user.email)
    return GoTo(f"{PATH}?notice={'saved' if changed else 'unchanged'}")


def _fields(values: Mapping[str, str]) -> tuple[FieldView, ...]:
    return tuple(FieldView(field=field, value=values.get(field.name, "")) for field in FIELDS)


def _told(fields: tuple[FieldView, ...], problems: Mapping[str, str]) -> tuple[FieldView, ...]:
    return tuple(
        msgspec.structs.replace(each, problem=problems.get(each.field.name)) for each in fields
    )


def _readers(grants: tuple[GrantRecord, ...], services: Services) -> list[ReaderView]:
    """Which apps are told something, and by which permission."""
    catalog = services.catalog
    found = []
    for grant in grants:
        telling = [scope for scope in grant.scopes if catalog.claims_of(scope)]
        if grant.revoked_at is None and telling:
            titles = tuple(catalog.describe(scope).title for scope in telling)
            found.append(ReaderView(app=grant.client_name, permissions=titles))
    return found
