"""No way on without a second factor: whoever has none sets one up here and now, then goes on."""

from typing import Final

from portal.factors import FactorError, passkeys, recovery, totp
from portal.factors.changes import ACCOUNT_CHANGED, Settle
from portal.factors.standing import Standing
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.login.finishing import go_on
from portal.login.forms import EnrolForm
from portal.login.pages import CodesPage, EnrolPage
from portal.login.progress import Progress, find, go_on_alone
from portal.login.stepping import Outcome, arrive, place_of, problem_of, take
from portal.revocations import try_now
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import Revocation, User
from portal.throttle import Refused

NOTHING: Final = N_("Please type the code that the app shows, or choose a passkey.")


async def ask(challenge: str, next_path: str, *, visitor: Visitor, services: Services) -> Outcome:
    """Offer what can be set up."""
    progress = await arrive("enrol", challenge, next_path, visitor=visitor, services=services)
    if not isinstance(progress, Progress):
        return progress
    return _page(progress, visitor, services)


async def ask_again(form: EnrolForm, *, visitor: Visitor, services: Services) -> Outcome:
    """The same with a fresh token, because the old one does not fit; nothing is looked at."""
    progress = await arrive(
        "enrol", form.login_challenge, form.next, visitor=visitor, services=services
    )
    if not isinstance(progress, Progress):
        return progress
    return _page(progress, visitor, services, form, Refused(visitor.why_stale, 403))


async def decide(form: EnrolForm, *, visitor: Visitor, services: Services) -> Outcome:
    """Set up what was sent, and show recovery codes once; from there, without either, go on."""
    shows_codes = bool(form.credential or form.sealed)
    progress = await take("enrol", form, visitor=visitor, services=services, stays=shows_codes)
    if not isinstance(progress, Progress):
        return progress
    if progress.step is None:  # set up by the same form before: its page was loaded again
        return CodesPage(**place_of(progress))
    alone = _GoOnAlone(progress, visitor, services)
    try:
        codes = await _set_up(progress, form, alone, visitor, services)
    except FactorError as exc:
        return await _refused(progress, form, str(exc), visitor, services)
    if codes is None:
        return _page(progress, visitor, services, form, Refused(_(NOTHING), 422))
    await alone.carry_out()
    place = place_of(progress)
    heading = recovery.heading(services.settings.site_name, place["account"], visitor.now)
    return CodesPage(**place, codes=codes, heading=heading)


class _GoOnAlone:
    """What settles it: of all sign-ins this one alone goes on, if it still lacks a factor."""

    def __init__(self, begun: Progress, visitor: Visitor, services: Services) -> None:
        self._begun = begun
        self._visitor = visitor
        self._services = services
        self._revocation: Revocation | None = None

    async def __call__(self, rows: Rows, before: User, proof: tuple[str, ...]) -> None:
        now = await find(
            rows, self._begun.errand, visitor=self._visitor, services=self._services, lock=True
        )
        if now is None or now.step != "enrol" or now.user.subject != before.subject:
            raise FactorError(_(ACCOUNT_CHANGED))
        self._revocation = await go_on_alone(rows, now, proof, visitor=self._visitor)

    async def carry_out(self) -> None:
        """Tell Ory, now or by the outbox; the end of this sign-in looks whether that was done."""
        if self._revocation is not None:
            await try_now(self._revocation, self._services)


async def _set_up(
    progress: Progress, form: EnrolForm, alone: Settle, visitor: Visitor, services: Services
) -> tuple[str, ...] | None:
    """The recovery codes that come with it; ``None``: nothing was sent."""
    if form.credential:
        passkey = await passkeys.register(
            services,
            progress.user,
            credential=form.credential,
            challenge=passkeys.challenge_of(form.form_token),
            name=form.name,
            visitor=visitor,
            settle=alone,
        )
        return passkey.codes
    if not form.sealed or not form.code.strip():
        return None
    app = await totp.confirm(
        services,
        progress.user,
        sealed=form.sealed,
        code=form.code,
        name=form.name,
        visitor=visitor,
        settle=alone,
    )
    return app.codes


async def _refused(
    progress: Progress, form: EnrolForm, problem: str, visitor: Visitor, services: Services
) -> Outcome:
    """The form again; where it is not what comes next any more, whatever does."""
    async with services.store.reading() as rows:
        now = await find(rows, progress.errand, visitor=visitor, services=services)
    if now is None or now.step != "enrol" or now.user.subject != progress.user.subject:
        return await go_on(progress.errand, visitor=visitor, services=services)
    return _page(progress, visitor, services, form, Refused(problem, 422))


def _page(
    progress: Progress,
    visitor: Visitor,
    services: Services,
    form: EnrolForm | None = None,
    refused: Refused | None = None,
) -> EnrolPage:
    setup = None
    if form is not None and form.sealed:
        try:
            setup = totp.resume(progress.user, form.sealed, services, now=visitor.now)
        except FactorError:
            setup = None
    options = None
    if passkeys.offered(services.settings):
        options = passkeys.creation_options(progress.user, Standing(), settings=services.settings)
    return EnrolPage(
        **place_of(progress),
        **problem_of(refused),
        setup=setup or totp.begin(progress.user, services, now=visitor.now),
        passkey_options=options,
        error_at="passkey" if form is not None and form.credential else "totp",
    )
