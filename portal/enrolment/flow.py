"""Setting up, naming and removing second factors, by whoever is signed in.

Everything is theirs alone: it is looked for under their own subject, and anybody else's does not
exist. Whatever changes how they sign in ends what was signed in before, but the session that asks.
"""

from typing import Any, Final, cast

import msgspec

from portal.accounts.own import GoOnAlone
from portal.enrolment.forms import AppForm, PasskeyForm, RemoveForm, RenameForm
from portal.enrolment.pages import (
    AddAppPage,
    AddPasskeyPage,
    AskForCodesPage,
    CodesPage,
    RemovePage,
    RenamePage,
)
from portal.factors import FactorError, changes, passkeys, recovery, totp
from portal.factors.changes import Kind
from portal.factors.naming import default_name
from portal.factors.standing import Standing, standing_of
from portal.i18n import N_, ngettext
from portal.i18n import gettext as _
from portal.page import GoTo, NotThereError, Page
from portal.services import Services, Visitor
from portal.store.tables import User

SECURITY: Final = "/account/security"
NO_CREDENTIAL: Final = N_(
    "Nothing was added: this browser did not make a passkey. It needs JavaScript for that."
)


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """A factor was added: what follows, and what was proved by it (``amr``)."""

    outcome: Page | GoTo
    proved: tuple[str, ...]


async def begin_passkey(
    user: User,
    *,
    name: str = "",
    visitor: Visitor,
    services: Services,
    status: int = 200,
    error: str | None = None,
) -> AddPasskeyPage:
    """The page that adds a passkey, where browsers make any."""
    if not passkeys.offered(services.settings):
        raise NotThereError
    standing = await _standing(user, services)
    return AddPasskeyPage(
        options=passkeys.creation_options(user, standing, settings=services.settings),
        name=name,
        suggested=default_name(passkeys.PASSKEY, visitor),
        status=status,
        error=error,
    )


async def add_passkey(
    form: PasskeyForm, user: User, *, session: str, visitor: Visitor, services: Services
) -> Added | AddPasskeyPage:
    """Keep the passkey, and let of all sign-ins the *session* alone go on."""
    if not passkeys.offered(services.settings):
        raise NotThereError
    if not form.credential:
        return await begin_passkey(
            user,
            name=form.name,
            visitor=visitor,
            services=services,
            status=422,
            error=_(NO_CREDENTIAL),
        )
    alone = GoOnAlone(session, visitor)
    try:
        added = await passkeys.register(
            services,
            user,
            credential=form.credential,
            challenge=passkeys.challenge_of(form.form_token),
            name=form.name,
            visitor=visitor,
            settle=alone,
        )
    except FactorError as exc:
        return await begin_passkey(
            user, name=form.name, visitor=visitor, services=services, status=422, error=str(exc)
        )
    return await _added(
        added, "passkey-added", alone, user=user, visitor=visitor, services=services
    )


def begin_app(
    user: User, *, visitor: Visitor, services: Services, form: AppForm | None = None
) -> AddAppPage:
    """The page that adds an authenticator app, with a new secret, or with that of *form*."""
    if form is not None:
        setup = totp.resume(user, form.sealed, services, now=visitor.now)
    else:
        setup = totp.begin(user, services, now=visitor.now)
    return AddAppPage(
        setup=setup,
        name=form.name if form else "",
        suggested=default_name(totp.APP, visitor),
    )


def app_again(
    form: AppForm, user: User, *, visitor: Visitor, services: Services, error: str
) -> AddAppPage:
    """The same page, because the form's token does not fit; the app need not be told anew."""
    try:
        page = begin_app(user, visitor=visitor, services=services, form=form)
    except FactorError:
        page = begin_app(user, visitor=visitor, services=services)
    return msgspec.structs.replace(page, status=403, error=error)


async def add_app(
    form: AppForm, user: User, *, session: str, visitor: Visitor, services: Services
) -> Added | AddAppPage:
    """Keep the app that made the code, and let of all sign-ins the *session* alone go on."""
    alone = GoOnAlone(session, visitor)
    try:
        page = begin_app(user, visitor=visitor, services=services, form=form)
    except FactorError as exc:  # no secret of ours: begin anew
        page = begin_app(user, visitor=visitor, services=services)
        return msgspec.structs.replace(page, status=422, error=str(exc))
    try:
        added = await totp.confirm(
            services,
            user,
            sealed=form.sealed,
            code=form.code,
            name=form.name,
            visitor=visitor,
            settle=alone,
        )
    except totp.WrongCodeError as exc:
        return msgspec.structs.replace(page, status=422, problem=str(exc))
    except FactorError as exc:
        return msgspec.structs.replace(page, status=422, error=str(exc))
    return await _added(added, "app-added", alone, user=user, visitor=visitor, services=services)


async def ask_for_codes(
    user: User, *, services: Services, status: int = 200, error: str | None = None
) -> AskForCodesPage:
    """The question whether to make new recovery codes, of somebody whom they would help."""
    standing = await _standing(user, services)
    if not standing.has_second_factor:
        raise NotThereError
    return AskForCodesPage(left=standing.codes_left, status=status, error=error)


async def make_codes(
    user: User, *, session: str, visitor: Visitor, services: Services
) -> CodesPage | AskForCodesPage:
    """New recovery codes, shown this once; the old ones end."""
    if not (await _standing(user, services)).has_second_factor:
        raise NotThereError
    alone = GoOnAlone(session, visitor)
    try:
        codes = await recovery.make_codes(services, user, visitor=visitor, settle=alone)
    except FactorError as exc:
        return await ask_for_codes(user, services=services, status=422, error=str(exc))
    await alone.carry_out(services)
    return CodesPage(codes=codes, heading=_heading(user, visitor, services))


async def ask_for_name(
    user: User,
    kind: str,
    factor_id: str,
    *,
    services: Services,
    typed: str | None = None,
    status: int = 200,
    problem: str | None = None,
    error: str | None = None,
) -> RenamePage:
    """The question what one of *user*'s factors shall be called."""
    factor = changes.find(await _standing(user, services), _kind(kind), factor_id)
    return RenamePage(
        kind=kind,
        factor_id=factor_id,
        name=factor.name,
        typed=factor.name if typed is None else typed,
        status=status,
        problem=problem,
        error=error,
    )


async def rename(
    form: RenameForm, user: User, *, visitor: Visitor, services: Services
) -> GoTo | RenamePage:
    """Give it that name."""
    try:
        await changes.rename(
            services, user, kind=form.kind, factor_id=form.id, name=form.name, visitor=visitor
        )
    except FactorError as exc:
        return await ask_for_name(
            user,
            form.kind,
            form.id,
            services=services,
            typed=form.name,
            status=422,
            problem=str(exc),
        )
    return GoTo(f"{SECURITY}?notice=factor-renamed")


async def ask_to_remove(
    user: User,
    kind: str,
    factor_id: str,
    *,
    services: Services,
    status: int = 200,
    error: str | None = None,
) -> RemovePage:
    """The question whether to remove one of *user*'s factors, with what is left then."""
    standing = await _standing(user, services)
    factor = changes.find(standing, _kind(kind), factor_id)
    blocked = changes.why_not(user, standing, factor, services)
    return RemovePage(
        kind=kind,
        factor_id=factor_id,
        name=factor.name,
        left=_ways(user, changes.without(standing, factor)),
        blocked=blocked,
        status=status,
        error=None if error == blocked else error,
    )


async def remove(
    form: RemoveForm, user: User, *, session: str, visitor: Visitor, services: Services
) -> GoTo | RemovePage:
    """Take it away, and let of all sign-ins the *session* alone go on."""
    alone = GoOnAlone(session, visitor)
    try:
        await changes.remove(
            services, user, kind=form.kind, factor_id=form.id, visitor=visitor, settle=alone
        )
    except FactorError as exc:
        return await ask_to_remove(
            user, form.kind, form.id, services=services, status=422, error=str(exc)
        )
    await alone.carry_out(services)
    return GoTo(f"{SECURITY}?notice=factor-removed")


def _ways(user: User, left: Standing) -> tuple[str, ...]:
    """How somebody signs in who has a password or not, and *left*."""
    keys, apps = len(left.passkeys), len(left.totp)
    password = user.password_hash is not None
    ways = []
    if keys:
        with_one = ngettext("With your passkey.", "With one of your {count} passkeys.", keys)
        ways.append(with_one.format(count=keys))
    if password and apps:
        ways.append(_("With your password and a code from your authenticator app."))
    if password and left.has_second_factor and left.codes_left:
        ways.append(_("With your password and a recovery code."))
    if password and not left.has_second_factor:
        ways.append(_("With your password alone. Your recovery codes end, too."))
    return tuple(ways)


async def _added(
    added: changes.Added[Any],
    notice: str,
    alone: GoOnAlone,
    *,
    user: User,
    visitor: Visitor,
    services: Services,
) -> Added:
    """What follows; whoever had no recovery codes is shown them now."""
    await alone.carry_out(services)
    outcome: Page | GoTo = GoTo(f"{SECURITY}?notice={notice}")
    if added.codes:
        outcome = CodesPage(
            codes=added.codes,
            heading=_heading(user, visitor, services),
            added=added.factor.name,
        )
    return Added(outcome=outcome, proved=added.proved)


def _heading(user: User, visitor: Visitor, services: Services) -> tuple[str, ...]:
    return recovery.heading(services.settings.site_name, user.email, visitor.now)


async def _standing(user: User, services: Services) -> Standing:
    async with services.store.reading() as rows:
        return await standing_of(rows, user.subject)


def _kind(kind: str) -> Kind:
    if kind not in ("passkey", "totp"):
        raise NotThereError
    return cast("Kind", kind)
