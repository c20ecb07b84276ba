"""No way on without a second factor: whoever has none sets one up here and now, then goes on."""

from typing import Final

from portal.factors import FactorError, passkeys, recovery, totp
from portal.factors.levels import HARDWARE_KEY, ONE_TIME_CODE, PRESENCE, SOFTWARE_KEY
from portal.factors.standing import Standing
from portal.login.authentication import Refused
from portal.login.finishing import go_on
from portal.login.forms import EnrolForm
from portal.login.pages import CodesPage, EnrolPage
from portal.login.progress import Progress, find, prove
from portal.login.stepping import Outcome, arrive, place_of, problem_of, take
from portal.services import Services, Visitor

NOTHING: Final = "Please type the code that the app shows, or choose a passkey."


async def ask(challenge: str, next_path: str, *, visitor: Visitor, services: Services) -> Outcome:
    """Offer what can be set up."""
    progress = await arrive("enrol", challenge, next_path, visitor=visitor, services=services)
    if not isinstance(progress, Progress):
        return progress
    return _page(progress, services)


async def ask_again(form: EnrolForm, *, visitor: Visitor, services: Services) -> Outcome:
    """The same with a fresh token, because the old one does not fit; nothing is looked at."""
    progress = await arrive(
        "enrol", form.login_challenge, form.next, visitor=visitor, services=services
    )
    if not isinstance(progress, Progress):
        return progress
    return _page(progress, services, form, Refused(visitor.why_stale, 403))


async def decide(form: EnrolForm, *, visitor: Visitor, services: Services) -> Outcome:
    """Set up what was sent, and show recovery codes once; from there, without either, go on."""
    shows_codes = bool(form.credential or form.sealed)
    progress = await take("enrol", form, visitor=visitor, services=services, stays=shows_codes)
    if not isinstance(progress, Progress):
        return progress
    if progress.step is None:  # set up by the same form before: its page was loaded again
        return CodesPage(**place_of(progress))
    try:
        proof = await _set_up(progress, form, visitor, services)
    except FactorError as exc:
        return _page(progress, services, form, Refused(str(exc), 422))
    if proof is None:
        return _page(progress, services, form, Refused(NOTHING, 422))
    codes = await recovery.make_first(services, progress.user, visitor=visitor)
    async with services.store.writing() as rows:
        now = await find(rows, progress.errand, visitor=visitor, services=services, lock=True)
        if now is None or now.user.subject != progress.user.subject:
            return await _too_late(progress, visitor, services)
        await prove(rows, now, proof, visitor=visitor)
    return CodesPage(**place_of(progress), codes=codes)


async def _set_up(
    progress: Progress, form: EnrolForm, visitor: Visitor, services: Services
) -> tuple[str, ...] | None:
    """What it proves that this works; ``None``: nothing was sent."""
    if form.credential:
        passkey = await passkeys.register(
            services,
            progress.user,
            credential=form.credential,
            challenge=passkeys.challenge_of(form.form_token),
            name=form.name,
            visitor=visitor,
        )
        return (SOFTWARE_KEY if passkey.backed_up else HARDWARE_KEY, PRESENCE)
    if not form.sealed or not form.code.strip():
        return None
    await totp.confirm(
        services,
        progress.user,
        sealed=form.sealed,
        code=form.code,
        name=form.name,
        visitor=visitor,
    )
    return (ONE_TIME_CODE,)


def _page(
    progress: Progress,
    services: Services,
    form: EnrolForm | None = None,
    refused: Refused | None = None,
) -> EnrolPage:
    setup = None
    if form is not None and form.sealed:
        try:
            setup = totp.resume(progress.user, form.sealed, services)
        except FactorError:
            setup = None
    options = None
    if passkeys.offered(services.settings):
        options = passkeys.creation_options(progress.user, Standing(), settings=services.settings)
    return EnrolPage(
        **place_of(progress),
        **problem_of(refused),
        setup=setup or totp.begin(progress.user, services),
        passkey_options=options,
        error_at="passkey" if form is not None and form.credential else "totp",
    )


async def _too_late(progress: Progress, visitor: Visitor, services: Services) -> Outcome:
    return await go_on(progress.errand, visitor=visitor, services=services)
