"""The second factor, for whoever has one: a passkey, a code of an app, or a recovery code.

A try is counted before its code is looked at, in the same unit, and a code is used up in the unit
that remembers what it proved. Where a passkey came first, it is a password that stands beside it.
"""

from typing import Final

from portal import logs
from portal.accounts.reauthentication import check_own_password
from portal.factors import FactorError, guesses, passkeys, recovery, totp
from portal.factors.levels import ONE_TIME_CODE, PASSWORD
from portal.factors.standing import Standing, standing_of
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.login.finishing import go_on
from portal.login.forms import FactorForm
from portal.login.pages import FactorPage, Field
from portal.login.progress import Progress, find, prove
from portal.login.stepping import Outcome, arrive, place_of, problem_of, take
from portal.services import Services, Visitor
from portal.store import Rows
from portal.throttle import Refused, told_to_wait

WRONG_CODE: Final = N_("This code is not right, or was used already. Please type the next one.")
WRONG_RECOVERY_CODE: Final = N_("This is none of your recovery codes, or it was used already.")
NOTHING: Final = N_("Please type the code, or choose another way.")


async def ask(challenge: str, next_path: str, *, visitor: Visitor, services: Services) -> Outcome:
    """Show what the person can prove it by."""
    progress = await arrive("factor", challenge, next_path, visitor=visitor, services=services)
    if not isinstance(progress, Progress):
        return progress
    return await _page(progress, None, services)


async def ask_again(form: FactorForm, *, visitor: Visitor, services: Services) -> Outcome:
    """The same with a fresh token, because the old one does not fit; nothing is looked at."""
    progress = await arrive(
        "factor", form.login_challenge, form.next, visitor=visitor, services=services
    )
    if not isinstance(progress, Progress):
        return progress
    return await _page(progress, Refused(visitor.why_stale, 403), services, form)


async def decide(form: FactorForm, *, visitor: Visitor, services: Services) -> Outcome:
    """Look at what was sent, and go on if it proves something."""
    progress = await take("factor", form, visitor=visitor, services=services)
    if not isinstance(progress, Progress):
        return progress
    if form.credential:
        refused = await _by_passkey(progress, form, visitor, services)
    elif form.password:
        refused = await _by_password(progress, form, visitor, services)
    elif form.code.strip():
        refused = await _by_code(progress, form, visitor, services)
    elif form.recovery_code.strip():
        refused = await _by_recovery_code(progress, form, visitor, services)
    else:
        refused = Refused(_(NOTHING), 422)
    if refused is not None:
        return await _page(progress, refused, services, form)
    return await go_on(
        progress.errand, visitor=visitor, services=services, form_token=form.form_token
    )


async def _by_code(
    begun: Progress, form: FactorForm, visitor: Visitor, services: Services
) -> Refused | None:
    async with services.store.writing() as rows:
        progress = await _same(rows, begun, visitor, services)
        if progress is None:
            return None
        refused = await _admit(rows, progress, visitor)
        if refused is not None:
            return refused
        subject, sealer = progress.user.subject, services.sealer
        is_right = await totp.check(rows, sealer, subject, form.code, now=visitor.now)
        return await _judge(rows, progress, WRONG_CODE, visitor, is_right=is_right)


async def _by_recovery_code(
    begun: Progress, form: FactorForm, visitor: Visitor, services: Services
) -> Refused | None:
    """Its hash is made between two units, in the queue that passwords have: before anything is
    counted there is a place in it, and nothing is hashed that was not counted.
    """
    with services.passwords.reserve() as place:
        async with services.store.writing() as rows:
            progress = await _same(rows, begun, visitor, services)
            if progress is None:
                return None
            refused = await _admit(rows, progress, visitor)
            if refused is not None:
                return refused
        subject = progress.user.subject
        code_hash = await recovery.hashed(
            services.passwords, subject, form.recovery_code, place=place
        )
    async with services.store.writing() as rows:
        progress = await _same(rows, begun, visitor, services)
        if progress is None:
            return None
        is_right = await recovery.use(rows, subject, code_hash, at=visitor.now)
        return await _judge(rows, progress, WRONG_RECOVERY_CODE, visitor, is_right=is_right)


async def _same(
    rows: Rows, begun: Progress, visitor: Visitor, services: Services
) -> Progress | None:
    """The sign-in, locked, if a factor is what it still lacks. ``None``: another tab was faster, or
    somebody else signs in there; what follows is seen next.
    """
    progress = await find(rows, begun.errand, visitor=visitor, services=services, lock=True)
    if progress is None or progress.step != "factor":
        return None
    return progress if progress.user.subject == begun.user.subject else None


async def _admit(rows: Rows, progress: Progress, visitor: Visitor) -> Refused | None:
    wait = await guesses.admit(
        rows,
        progress.user.subject,
        browser_hash=visitor.browser_hash,
        now=visitor.now.timestamp(),
    )
    if not wait:
        return None
    logs.step("login.throttled", origin=visitor.origin.address)
    return told_to_wait(wait)


async def _judge(
    rows: Rows, progress: Progress, wrong: str, visitor: Visitor, *, is_right: bool
) -> Refused | None:
    if not is_right:
        await note_failure(rows, progress, "code", visitor)
        return Refused(_(wrong), 401)
    await guesses.forgive(rows, progress.user.subject, browser_hash=visitor.browser_hash)
    await prove(rows, progress, (ONE_TIME_CODE,), visitor=visitor)
    return None


async def _by_passkey(
    progress: Progress, form: FactorForm, visitor: Visitor, services: Services
) -> Refused | None:
    try:
        assertion = await passkeys.verify(
            services,
            credential=form.credential,
            challenge=passkeys.challenge_of(form.form_token),
            visitor=visitor,
            subject=progress.user.subject,
        )
    except FactorError as exc:
        async with services.store.writing() as rows:
            await note_failure(rows, progress, "passkey", visitor)
        return Refused(str(exc), 401)
    await _prove(progress, assertion.amr, visitor, services)
    return None


async def _by_password(
    progress: Progress, form: FactorForm, visitor: Visitor, services: Services
) -> Refused | None:
    refused = await check_own_password(services, progress.user, form.password, visitor=visitor)
    if refused is not None:
        status = 429 if refused.status == 429 else 401
        return Refused(refused.error, status, retry_after=refused.retry_after)
    await _prove(progress, (PASSWORD,), visitor, services)
    return None


async def _prove(
    begun: Progress, proof: tuple[str, ...], visitor: Visitor, services: Services
) -> None:
    async with services.store.writing() as rows:
        progress = await find(rows, begun.errand, visitor=visitor, services=services, lock=True)
        if progress is not None and progress.user.subject == begun.user.subject:
            await prove(rows, progress, proof, visitor=visitor)


async def note_failure(rows: Rows, progress: Progress, kind: str, visitor: Visitor) -> None:
    """Somebody who has the password, or the browser, could not prove the rest."""
    logs.step("login.factor_failed", origin=visitor.origin.address)
    await rows.audit.add(
        "login.factor_failed",
        at=visitor.now,
        actor=None,
        subject=progress.user.subject,
        client_id=progress.errand.client_id or None,
        detail={"kind": kind},
        origin=visitor.origin,
    )


async def _page(
    progress: Progress,
    refused: Refused | None,
    services: Services,
    form: FactorForm | None = None,
) -> FactorPage:
    async with services.store.reading() as rows:
        standing = await standing_of(rows, progress.user.subject)
    needs_password = PASSWORD not in progress.amr and progress.user.password_hash is not None
    offered = passkeys.offered(services.settings)
    return FactorPage(
        **place_of(progress),
        **problem_of(refused),
        has_totp=bool(standing.totp) and not needs_password,
        passkey_options=_options(progress, standing, services) if offered else None,
        passkey_unusable=bool(standing.passkeys) and not offered,
        codes_left=0 if needs_password else standing.codes_left,
        needs_password=needs_password,
        error_at=_error_at(form),
    )


def _options(progress: Progress, standing: Standing, services: Services) -> str | None:
    """Which passkeys they have, a browser is told that has proved whose sign-in it is."""
    if not standing.passkeys:
        return None
    allow = standing.passkeys if progress.is_theirs else ()
    return passkeys.request_options(settings=services.settings, allow=allow)


def _error_at(form: FactorForm | None) -> Field:
    if form is None or form.code:
        return "code"
    if form.credential:
        return "passkey"
    return "password" if form.password else "recovery_code"
