"""A passkey as the first step, and often the only one: no e-mail address, no password."""

import contextlib
from typing import Final

from portal import logs
from portal.factors import FactorError, guesses, passkeys
from portal.factors.levels import MULTIPLE
from portal.factors.passkeys import Assertion
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.login import progress as steps
from portal.login.errand import open_errand
from portal.login.finishing import Ready, go_on, repeat
from portal.login.flow import OTHER_ACCOUNT, is_other_account, show_again
from portal.login.forms import LoginForm, PasskeyForm
from portal.login.pages import LoginPage
from portal.ory.models import RedirectTo
from portal.page import GoTo
from portal.services import Services, Visitor
from portal.store.tables import User
from portal.throttle import WATCH, Refused, admit_network, forgive_network, told_to_wait

NOT_TAKEN: Final = N_(
    "This passkey does not open an account here. Choose another one, or sign in with your password."
)


async def decide(
    form: PasskeyForm, *, visitor: Visitor, services: Services, known_as: str | None = None
) -> LoginPage | RedirectTo | GoTo | Ready:
    """Sign in whoever the passkey belongs to. Why it is refused, nobody learns."""
    errand = await open_errand(form.login_challenge, form.next, visitor=visitor, services=services)
    again = await repeat(errand, form.form_token, visitor=visitor, services=services)
    if again is not None:
        return again
    app = errand.app
    if app is not None and (app.request.skip or app.flow.state == "decided"):
        return GoTo(errand.path("/login"))  # no form of ours belongs to it, or not any more
    found = await _admitted(form, visitor, services)
    if not isinstance(found, Refused) and app and is_other_account(app.request, found[0]):
        found = Refused(_(OTHER_ACCOUNT), 422)
    if isinstance(found, Refused):
        return await show_again(
            as_login_form(form), found, visitor=visitor, services=services, known_as=known_as
        )
    user, assertion = found
    async with services.store.writing() as rows:
        progress = await steps.begin(
            rows,
            errand,
            user,
            assertion.amr,
            remember=form.remember,
            visitor=visitor,
            services=services,
        )
        await steps.keep(rows, progress, visitor=visitor)
        if MULTIPLE in assertion.amr:
            await guesses.know(rows, user.subject, visitor.browser_hash, at=visitor.now)
    return await go_on(errand, visitor=visitor, services=services, form_token=form.form_token)


def as_login_form(form: PasskeyForm) -> LoginForm:
    """What the page keeps of it."""
    return LoginForm(
        action="accept",
        login_challenge=form.login_challenge,
        next=form.next,
        remember=form.remember,
    )


async def _admitted(
    form: PasskeyForm, visitor: Visitor, services: Services
) -> tuple[User, Assertion] | Refused:
    """Whose it is. Every try counts for its network as one with a password does, a success not."""
    async with services.store.writing() as rows:
        wait = await admit_network(rows, visitor.origin, now=visitor.now.timestamp())
    if wait:
        logs.step("login.throttled", origin=visitor.origin.address)
        WATCH.count("throttled")
        return told_to_wait(wait)
    found = await _whose(form, visitor, services)
    WATCH.count("succeeded" if found else "failed")
    if found is None:
        return Refused(_(NOT_TAKEN), 401)
    async with services.store.writing() as rows:
        await forgive_network(rows, visitor.origin)
    return found


async def _whose(
    form: PasskeyForm, visitor: Visitor, services: Services
) -> tuple[User, Assertion] | None:
    assertion, user = None, None
    with contextlib.suppress(FactorError):
        assertion = await passkeys.verify(
            services,
            credential=form.credential,
            challenge=passkeys.challenge_of(form.form_token),
            visitor=visitor,
        )
    if assertion is not None:
        async with services.store.reading() as rows:
            user = await rows.users.find(assertion.subject)
    if assertion is not None and user is not None and user.disabled_at is None:
        return user, assertion
    logs.step("login.failed", origin=visitor.origin.address, reason="passkey")
    async with services.store.writing() as rows:
        await rows.audit.add(
            "login.failed",
            at=visitor.now,
            actor=None,
            subject=user.subject if user else None,
            detail={"kind": "passkey"},
            origin=visitor.origin,
        )
    return None
