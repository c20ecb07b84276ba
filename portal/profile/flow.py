"""What is kept about somebody: shown to them alone, and changed by them where it is theirs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from babel import Locale, UnknownLocaleError

from portal import logs
from portal.accounts.addresses import waiting_move
from portal.accounts.profile import InvalidProfileError, change_profile
from portal.claims.standard import FIELDS, ProfileField, flat, parse_profile
from portal.i18n import LANGUAGES, N_
from portal.i18n import gettext as _
from portal.page import GoTo
from portal.profile.forms import ProfileForm
from portal.profile.pages import FieldView, KnownView, LanguageView, ProfilePage, ReaderView
from portal.services import Services, Visitor
from portal.store.tables import GrantRecord, User

PATH: Final = "/account/profile"
NOTICES: Final = {
    "saved": N_("Saved. Apps that may see it are told the next time they ask."),
    "unchanged": N_("Nothing was changed."),
}
LOOK_BELOW: Final = N_("Nothing was saved, because something is not as it has to be:")
LANGUAGE: Final = "locale"
"""The claim that is also the language of these pages and of mails."""
LONGEST_NAME: Final = 40
_OUR_NAMES: Final = frozenset(one.name.casefold() for one in LANGUAGES)


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed is kept; *changed* are the claims that were others before."""

    changed: tuple[str, ...]

    @property
    def following(self) -> GoTo:
        """The page that says so."""
        return GoTo(f"{PATH}?notice={'saved' if self.changed else 'unchanged'}")

    @property
    def language_chosen(self) -> bool:
        """Whether they chose another language."""
        return LANGUAGE in self.changed


async def show(
    user: User,
    *,
    notice: str = "",
    now: datetime,
    posted: Mapping[str, str] | None = None,
    services: Services,
    error: str | None = None,
) -> ProfilePage:
    """What is kept about *user*; with what was *posted*, where the form was not taken."""
    async with services.store.reading() as rows:
        grants = await rows.grants.of_subject(user.subject)
        move = await waiting_move(rows, user, now=now)
    attributes = services.attributes
    known = attributes.defined(user.attributes)
    return ProfilePage(
        status=403 if error else 200,
        error=error,
        notice=_(NOTICES.get(notice, "")) or None,
        account=user.email,
        is_admin=user.admin,
        email=user.email,
        email_verified=user.email_verified,
        moving_to=move.to if move else None,
        fields=fields({name: str(text) for name, text in flat(user).items()}, posted or {}),
        known=tuple(
            KnownView(title=attributes.title(name), value=attributes.shown(name, value))
            for name, value in known.items()
            if attributes.attributes[name].visible
        ),
        readers=tuple(_readers(grants, services)),
    )


async def save(
    form: ProfileForm, user: User, *, visitor: Visitor, services: Services
) -> ProfilePage | Saved:
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
        page = await show(
            user, now=visitor.now, posted=posted, services=services, error=_(LOOK_BELOW)
        )
        return msgspec.structs.replace(page, status=422, fields=_told(page.fields, problems))
    if changed:
        logs.step("user.profile_changed", user=user.email)
    return Saved(changed=changed)


def fields(kept: Mapping[str, str], posted: Mapping[str, str]) -> tuple[FieldView, ...]:
    """What they may change, as it is *kept*, or as it was *posted*."""
    return tuple(
        FieldView(
            field=field,
            value=posted.get(field.name, kept.get(field.name, "")),
            languages=_languages(field, kept, posted),
        )
        for field in FIELDS
    )


def _languages(
    field: ProfileField, kept: Mapping[str, str], posted: Mapping[str, str]
) -> tuple[LanguageView, ...]:
    """What there is to choose: what the pages speak, and whatever else is kept or was posted."""
    if field.name != LANGUAGE:
        return ()
    found = {one.tag: LanguageView(tag=one.tag, name=one.name, lang=one.tag) for one in LANGUAGES}
    if tag := kept.get(LANGUAGE):
        found.setdefault(tag, LanguageView(tag=tag, name=_own_name(tag), lang=tag))
    if tag := posted.get(LANGUAGE):
        found.setdefault(tag, LanguageView(tag=tag, name=tag[:LONGEST_NAME]))
    return tuple(found.values())


def _own_name(tag: str) -> str:
    """What its speakers call the language; the tag where nobody knows, or where the name alone
    could be mistaken for one of ours.
    """
    try:
        name = Locale.parse(tag, sep="-").display_name or tag
    except (ValueError, UnknownLocaleError):
        return tag
    return tag if name.casefold() in _OUR_NAMES else name


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
