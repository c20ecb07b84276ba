"""What the steps after the first one have in common."""

from typing import TypedDict

from portal import i18n
from portal.apps import AppView
from portal.decisions import with_sign_in
from portal.login.errand import Errand, open_errand
from portal.login.finishing import Ready, go_on, repeat
from portal.login.flow import give_up, reject
from portal.login.forms import StepForm
from portal.login.pages import StepPage
from portal.login.progress import Progress, Step, find
from portal.ory.models import RedirectTo
from portal.page import GoTo
from portal.services import Services, Visitor
from portal.throttle import Refused

Outcome = StepPage | RedirectTo | GoTo | Ready


class Place(TypedDict):
    """What every step's page is told: see :class:`StepPage`."""

    challenge: str | None
    next_path: str | None
    app: AppView | None
    is_device: bool
    account: str | None
    switch_url: str | None


class Problem(TypedDict):
    """How a page says that the step was not taken."""

    error: str | None
    status: int
    retry_after: int | None


def place_of(progress: Progress) -> Place:
    """Where in a sign-in a page stands. Whose it is, only a browser is told that has proved it."""
    app = progress.errand.app
    again = with_sign_in(app.request.request_url) if app and app.request.skip else None
    return Place(
        challenge=progress.errand.challenge or None,
        next_path=progress.errand.next_path or None,
        app=app.view() if app else None,
        is_device=app is not None and app.parameters.is_device,
        account=progress.user.email if progress.is_theirs else None,
        switch_url=again,
    )


def problem_of(refused: Refused | None) -> Problem:
    """Nothing, on a page that is shown for the first time."""
    if refused is None:
        return Problem(error=None, status=200, retry_after=None)
    return Problem(error=refused.error, status=refused.status, retry_after=refused.retry_after)


async def arrive(
    step: Step, challenge: str, next_path: str, *, visitor: Visitor, services: Services
) -> Progress | RedirectTo | GoTo | Ready:
    """The sign-in whose *step* a browser opens; or where it should be instead."""
    errand = await open_errand(challenge, next_path, visitor=visitor, services=services)
    if _is_over(errand):
        return GoTo(errand.path("/login"))
    async with services.store.reading() as rows:
        progress = await find(rows, errand, visitor=visitor, services=services)
    _speak_to(progress)
    if progress is not None and progress.step == step:
        return progress
    return await go_on(errand, visitor=visitor, services=services)


async def take(
    step: Step, form: StepForm, *, visitor: Visitor, services: Services, stays: bool = False
) -> Progress | RedirectTo | GoTo | Ready:
    """The sign-in whose *step* was sent; or what follows where it was taken already, or may not
    be. One that *stays* is answered here also where nothing is missing any more.
    """
    errand = await open_errand(form.login_challenge, form.next, visitor=visitor, services=services)
    again = await repeat(errand, form.form_token, visitor=visitor, services=services)
    if again is not None:
        return again
    if form.action == "reject":
        if errand.app is None:
            await give_up(errand, visitor=visitor, services=services)
            return GoTo("/")
        return await reject(errand.app, visitor=visitor, services=services)
    if _is_over(errand):
        return GoTo(errand.path("/login"))
    async with services.store.reading() as rows:
        progress = await find(rows, errand, visitor=visitor, services=services)
    _speak_to(progress)
    if progress is not None and (progress.step == step or (stays and progress.step is None)):
        return progress
    return await go_on(errand, visitor=visitor, services=services, form_token=form.form_token)


def _is_over(errand: Errand) -> bool:
    """A person has decided; the page that the challenge leads to says so, or Ory is told again."""
    return errand.app is not None and errand.app.flow.state == "decided"


def _speak_to(progress: Progress | None) -> None:
    """In the language of whoever signs in, where this browser may know who that is."""
    if progress is not None and progress.is_theirs:
        i18n.heed_person(progress.user.profile.get("locale"))
