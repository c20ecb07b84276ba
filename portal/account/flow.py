"""What a person changes of the apps that they connected: one is removed, brought back, left less.

Everything is theirs alone: it is looked for under their own subject, and anybody else's does not
exist. What is decided is committed before Ory is told.
"""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

import msgspec

from portal import logs
from portal.account.forms import AppForm, ChangeForm
from portal.account.pages import AppPage, AppsPage, ChangePage, DisconnectPage
from portal.account.view import (
    Case,
    app_page,
    apps_page,
    change_page,
    disconnect_page,
    fingerprint,
    needs,
)
from portal.decisions import UnrequestedError
from portal.grants import NARROWED, Policy, narrowed_to, revoke
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import GoTo, NotThereError
from portal.revocations import remove_access, try_now
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import Revocation, User

HOME: Final = "/account/apps"
NOTICES: Final = {
    "removed": N_("Access was removed. What the app had received does not work any more."),
    "pending": N_("Access is being removed. It may take a few minutes until the app notices."),
    "restored": N_("Undone: the app has its access again, as before."),
    "late": N_("Too late to undo: the access is removed already. The app can ask you again."),
    "connected": N_("There is nothing to undo: the app is connected."),
    "narrowed": N_(
        "Saved. The app has to get its access again. For more than this it has to ask you."
    ),
    "narrowing": N_("Saved. It may take a few minutes until the app notices."),
    "unchanged": N_("Nothing was changed."),
    "gone": N_("Nothing was changed: the app has no access any more."),
}
CHANGED_MEANWHILE: Final = N_(
    "What this app has was changed meanwhile. Nothing was saved: look at it again."
)


async def show(
    user: User, *, notice: str = "", visitor: Visitor, services: Services, error: str | None = None
) -> AppsPage:
    """The apps that *user* connected. Without *error*, which is why a form in it was refused, all
    is well.
    """
    async with services.store.reading() as rows:
        grants = await rows.grants.of_subject(user.subject)
        policies = await rows.policies.of_clients(grant.client_id for grant in grants)
        pending = await rows.revocations.pending_of(user.subject)
    cases = [
        Case(
            grant=grant,
            policy=Policy.of(policies.get(grant.client_id)),
            pending=tuple(r for r in pending if r.client_id in (None, grant.client_id)),
            user=user,
            attributes=services.attributes,
            now=visitor.now,
        )
        for grant in grants
    ]
    page = apps_page(user, cases, services.catalog, notice=_(NOTICES.get(notice, "")) or None)
    if error is not None:
        return msgspec.structs.replace(page, status=403, error=error)
    return page


async def show_one(user: User, client_id: str, *, visitor: Visitor, services: Services) -> AppPage:
    """What has become of one app, for its place in the list."""
    return app_page(await _read(user, client_id, visitor, services), services.catalog)


async def ask(
    user: User, client_id: str, *, visitor: Visitor, services: Services, error: str | None = None
) -> DisconnectPage:
    """The question before an app loses its access."""
    case = await _read(user, client_id, visitor, services)
    return disconnect_page(case, services.catalog, error=error)


async def disconnect(form: AppForm, user: User, *, visitor: Visitor, services: Services) -> GoTo:
    """Take the app's access away: here at once; at Ory when nobody has undone it, or else at once
    or as soon as it can be reached.
    """
    case = await _read(user, form.client_id, visitor, services)
    undo_for = timedelta(seconds=services.settings.undo_for)
    done = await remove_access(
        services,
        grant=case.grant,
        user=user.email,
        actor=user.subject,
        reason="user",
        visitor=visitor,
        undo_for=undo_for,
    )
    if undo_for:
        return GoTo(HOME)  # where the app itself says so
    return GoTo(f"{HOME}?notice={'removed' if done else 'pending'}")


async def undo(form: AppForm, user: User, *, visitor: Visitor, services: Services) -> GoTo:
    """Give the app its access back as it was, if Ory has not been told yet.

    The person is locked before the pair, so that nobody is shut out while this gives back what they
    had.
    """
    async with services.store.writing() as rows:
        still = await rows.users.find(user.subject, lock=True)
        case = await _find(rows, user, form.client_id, visitor, services, lock=True)
        outcome = "late"
        if case.grant.revoked_at is None:
            outcome = "connected"
        elif _counts(still, user) and await _bring_back(rows, case, visitor):
            outcome = "restored"
    if outcome == "restored":
        logs.step("grant.restored", user=user.email, app=case.grant.client_name)
    return GoTo(f"{HOME}?notice={outcome}")


async def ask_what_to_leave(
    user: User, client_id: str, *, visitor: Visitor, services: Services
) -> ChangePage | GoTo:
    """The question what of its permissions an app is left."""
    case = await _read(user, client_id, visitor, services)
    if case.grant.revoked_at is not None:
        return GoTo(f"{HOME}?notice=gone")
    return change_page(case, services.catalog)


async def ask_again(
    form: ChangeForm, user: User, *, visitor: Visitor, services: Services
) -> ChangePage | GoTo:
    """The same question with what was typed, because the form's token does not fit."""
    case = await _read(user, form.client_id, visitor, services)
    if case.grant.revoked_at is not None:
        return GoTo(f"{HOME}?notice=gone")
    return _form_again(case, form, services, status=403, error=visitor.why_stale)


async def narrow(
    form: ChangeForm, user: User, *, visitor: Visitor, services: Services
) -> ChangePage | GoTo:
    """Leave the app what is still ticked, and let the tokens die that carry the rest.

    There is no undo: who unticked too much is asked by the app for it the next time.
    """
    async with services.store.writing() as rows:
        case = await _find(rows, user, form.client_id, visitor, services, lock=True)
        answer = _judged(case, form, services)
        if answer is not None:
            return answer
        revocation = await _leave(rows, case, form, visitor)
    logs.step("grant.narrowed", user=user.email, app=case.grant.client_name)
    done = await try_now(revocation, services)
    return GoTo(f"{HOME}?notice={'narrowed' if done else 'narrowing'}")


def _judged(case: Case, form: ChangeForm, services: Services) -> ChangePage | GoTo | None:
    """What speaks against saving *form*; ``None``: nothing."""
    grant = case.grant
    if grant.revoked_at is not None:
        return GoTo(f"{HOME}?notice=gone")
    if form.seen != fingerprint(grant):
        return change_page(case, services.catalog, status=409, error=_(CHANGED_MEANWHILE))
    for kept, had in ((form.grant_scope, grant.scopes), (form.grant_audience, grant.audience)):
        if len(set(kept)) < len(kept) or not set(kept) <= set(had):
            raise UnrequestedError
    if not (form.grant_scope if grant.scopes else form.grant_audience):
        return GoTo(f"{HOME}/disconnect?{urlencode({'client_id': grant.client_id})}")
    if set(form.grant_scope) == set(grant.scopes) and set(form.grant_audience) == set(
        grant.audience
    ):
        return GoTo(f"{HOME}?notice=unchanged")
    missing = [s for s in grant.scopes if s in case.policy.required_scopes]
    missing = [scope for scope in missing if scope not in form.grant_scope]
    if missing:
        error = needs(case, missing, services.catalog)
        return _form_again(case, form, services, status=422, error=error)
    return None


def _form_again(
    case: Case, form: ChangeForm, services: Services, *, status: int, error: str
) -> ChangePage:
    return change_page(
        case,
        services.catalog,
        scopes=form.grant_scope,
        audience=form.grant_audience,
        status=status,
        error=error,
    )


async def _bring_back(rows: Rows, case: Case, visitor: Visitor) -> bool:
    """Whether the deletion was still waiting. While the pair is locked nothing else ends it."""
    waiting, grant = case.waiting, case.grant
    if waiting is None or not await rows.revocations.take_back(waiting):
        return False
    pair = (grant.subject, grant.client_id)
    narrowed = await rows.revocations.was_asked(*pair, reason=NARROWED, after=grant.last_accept_at)
    await rows.grants.restore(
        *pair, revoked_at=waiting.revoked_at, reason=NARROWED if narrowed else None
    )
    await rows.audit.add(
        "grant.restored",
        at=visitor.now,
        actor=grant.subject,
        subject=grant.subject,
        client_id=grant.client_id,
        detail={"app": grant.client_name, "scopes": grant.scopes},
        origin=visitor.origin,
    )
    return True


async def _leave(rows: Rows, case: Case, form: ChangeForm, visitor: Visitor) -> Revocation:
    """Write down what is left; the deletion runs before anything is given anew."""
    before = case.grant
    revocation = await revoke(
        rows,
        subject=before.subject,
        client_id=before.client_id,
        reason=NARROWED,
        now=visitor.now,
    )
    after = narrowed_to(before, form.grant_scope, form.grant_audience)
    await rows.grants.save(after)
    await rows.audit.add(
        "grant.narrowed",
        at=visitor.now,
        actor=before.subject,
        subject=before.subject,
        client_id=before.client_id,
        detail={
            "app": before.client_name,
            "before": {"scopes": before.scopes, "audience": before.audience},
            "after": {"scopes": after.scopes, "audience": after.audience},
        },
        origin=visitor.origin,
    )
    return revocation


async def _read(user: User, client_id: str, visitor: Visitor, services: Services) -> Case:
    async with services.store.reading() as rows:
        return await _find(rows, user, client_id, visitor, services)


async def _find(
    rows: Rows,
    user: User,
    client_id: str,
    visitor: Visitor,
    services: Services,
    *,
    lock: bool = False,
) -> Case:
    """The person's own grant; anybody else's does not exist."""
    grant = await rows.grants.find(user.subject, client_id, lock=lock)
    if grant is None:
        raise NotThereError
    return Case(
        grant=grant,
        policy=Policy.of(await rows.policies.find(client_id)),
        pending=await rows.revocations.pending_for(user.subject, client_id, logins=False),
        user=user,
        attributes=services.attributes,
        now=visitor.now,
    )


def _counts(still: User | None, user: User) -> bool:
    """Whether *user* is signed in by a sign-in that still counts."""
    return still is not None and still.disabled_at is None and still.epoch == user.epoch
