"""Every exception that can reach the edge of a request, and the page a person sees for it.

Each says what happened in plain words and what to do next, with *Start again* where the app's
request is known.
"""

from typing import Any, Final

from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from portal import logs
from portal.acting import NotAllowedError
from portal.decisions import (
    AlreadyDecidedError,
    DecisionError,
    DeviceLinkExpiredError,
    DeviceLinkUnknownError,
    LinkExpiredError,
    LinkUnknownError,
    OppositeDecisionError,
    StaleSignInError,
    UnrequestedError,
    UnusableRequestError,
)
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.ory.errors import (
    ChallengeExpiredError,
    ChallengeUnknownError,
    ChallengeUsedError,
    OryError,
    OryKeyError,
    OryUnavailableError,
)
from portal.page import GoTo, NotThereError
from portal.passwords import OverloadedError
from portal.store import StoreError, UnstorableValueError
from portal.web.inputs import AnyRequest, HostileInputError, UnsupportedFormError
from portal.web.pages import ProblemPage
from portal.web.respond import respond
from portal.web.session import NotSignedInError, Person
from portal.web.visit import visit

Words = tuple[int, str, str]
"""Status, title and message; as English text that :func:`problem` looks up."""
AWAY: Words = (
    503,
    N_("Please try again in a moment"),
    N_(
        "A service that we need does not answer right now. Wait a moment, then try again. What you "
        "chose may have to be chosen once more."
    ),
)
NONSENSE: Words = (
    502,
    N_("Something does not fit together"),
    N_(
        "A service that we need gave an answer that we cannot use. You need not do anything: the "
        "people who run this site have been told. Please come back later."
    ),
)
BUSY: Words = (
    503,
    N_("Many people are signing in right now"),
    N_("Please try again in a few seconds."),
)
DEFECT: Words = (
    500,
    N_("Something went wrong here"),
    N_(
        "It is our mistake, not yours, and the people who run this site have been told. You can "
        "try again; if that does not help, come back later."
    ),
)
UNUSABLE: Final = N_("We cannot use what was sent")
UNREQUESTED: Words = (
    400,
    UNUSABLE,
    N_("The form holds an answer that this portal did not offer. Nothing was allowed."),
)
LINKS: dict[type[DecisionError], Words] = {
    LinkExpiredError: (
        410,
        N_("This link has expired"),
        N_(
            "For your safety a sign-in request is only good for a short while. Start again at the "
            "app."
        ),
    ),
    LinkUnknownError: (
        404,
        N_("This link is not valid"),
        N_(
            "It may have been cut off or changed on the way. Go back to the app and start again "
            "there."
        ),
    ),
    DeviceLinkExpiredError: (
        410,
        N_("This page has expired"),
        N_(
            "For your safety it is only good for a short while. Start again with the code that "
            "your device shows now."
        ),
    ),
    DeviceLinkUnknownError: (
        404,
        N_("This link is not valid"),
        N_(
            "It may have been cut off or changed on the way. Start again at the address that your "
            "device shows."
        ),
    ),
    AlreadyDecidedError: (
        410,
        N_("This has been completed already"),
        N_(
            "You have answered this request before. If the app did not let you in, start again "
            "there."
        ),
    ),
    OppositeDecisionError: (
        409,
        N_("You have answered this differently before"),
        N_("Your first answer counts. To answer differently, start again at the app."),
    ),
    StaleSignInError: (
        410,
        N_("Please sign in again"),
        N_(
            "Your account changed, or was signed out, since you signed in. Sign in once more to "
            "go on."
        ),
    ),
    UnusableRequestError: (
        400,
        N_("The app's request cannot be used"),
        N_(
            "The details of the app's request got lost on the way, because of how the app sent it. "
            "Only the app's makers can put that right: please tell them."
        ),
    ),
}
STATUS: dict[int, tuple[str, str]] = {
    403: (
        N_("This is not for you"),
        N_("Your account may not see this page. Sign out to sign in with another one."),
    ),
    404: (
        N_("There is no such page"),
        N_("The address may have been typed wrongly, or the page is gone."),
    ),
    405: (
        N_("This cannot be done here"),
        N_("The address is right, but not for what was sent to it."),
    ),
    408: (
        N_("That took too long"),
        N_("Your browser stopped sending half-way. Please try again."),
    ),
    413: (
        N_("That is too much"),
        N_("What was sent is larger than any form of ours."),
    ),
    415: (
        N_("That is not a form"),
        N_("That cannot have come from a page of this site."),
    ),
    431: (
        N_("That is too much"),
        N_("Your browser sent more along with the request than we accept."),
    ),
}
OTHER: Final = (N_("That did not work"), N_("The request cannot be answered."))


def problem(request: AnyRequest, words: Words, **more: Any) -> Response[Any]:
    """A page for *words*, in the language of whoever asks."""
    visit(request)  # which knows it
    status, title, message = words
    page = ProblemPage(
        status=status,
        title=_(title),
        message=_(message),
        reference=request.scope["state"].get("request_id", ""),
        **more,
    )
    return respond(request, page)


def on_decision_error(request: AnyRequest, exc: DecisionError) -> Response[Any]:
    """A challenge that cannot be decided."""
    logs.step("request.refused", reason=type(exc).__name__)
    return problem(request, LINKS[type(exc)], start_again=exc.start_again)


def on_ory_error(request: AnyRequest, exc: OryError) -> Response[Any]:
    """Ory away, its key refused, or an answer that makes no sense."""
    if isinstance(exc, OryUnavailableError):
        logs.problem("ory.unavailable", error=str(exc))
        return problem(request, AWAY, retry=True, retry_after=exc.retry_after or 5)
    if isinstance(exc, OryKeyError):
        logs.alarm("ory.key_refused", error=str(exc))
        return problem(request, AWAY, retry=True, retry_after=30)
    if isinstance(exc, ChallengeExpiredError | ChallengeUsedError):
        return problem(request, LINKS[LinkExpiredError])
    if isinstance(exc, ChallengeUnknownError):
        return problem(request, LINKS[LinkUnknownError])
    logs.alarm("ory.nonsense", reason=type(exc).__name__, error=str(exc))
    return problem(request, NONSENSE)


def on_store_error(request: AnyRequest, exc: StoreError) -> Response[Any]:
    """The database away, full or locked; the unit of work was rolled back."""
    if isinstance(exc, UnstorableValueError):  # nothing of a browser's gets this far
        logs.alarm("ory.nonsense", reason=type(exc).__name__)
        return problem(request, NONSENSE)
    logs.alarm("store.failed", reason=type(exc).__name__, error=str(exc))
    return problem(request, AWAY, retry=True, retry_after=5)


def on_overload(request: AnyRequest, exc: OverloadedError) -> Response[Any]:
    """More sign-ins than the processors can check."""
    logs.problem("passwords.overloaded")
    return problem(request, BUSY, retry=True, retry_after=exc.retry_after)


def on_hostile_input(request: AnyRequest, exc: HostileInputError) -> Response[Any]:
    """Something that no form or link of ours sends."""
    logs.step("input.refused", reason=str(exc))
    return problem(request, (400, UNUSABLE, str(exc)))


def on_unrequested(request: AnyRequest, __: UnrequestedError) -> Response[Any]:
    """A form that was changed on its way."""
    logs.step("input.refused", reason="an answer that was not offered")
    return problem(request, UNREQUESTED)


def on_unsupported_form(request: AnyRequest, __: UnsupportedFormError) -> Response[Any]:
    """A body of another type than a form's."""
    return problem(request, (415, *STATUS[415]))


def on_not_signed_in(request: AnyRequest, exc: NotSignedInError) -> Response[Any]:
    """Somebody has to sign in to the portal first."""
    return respond(request, GoTo(exc.next_path))


def on_not_there(request: AnyRequest, __: NotThereError) -> Response[Any]:
    """The same page as for an address that leads nowhere."""
    return problem(request, (404, *STATUS[404]))


def on_not_allowed(request: AnyRequest, __: NotAllowedError) -> Response[Any]:
    """Who administered when the request began and does no longer: as if they never had."""
    logs.step("request.refused", reason="no administrator any more")
    person: Person = request.scope["state"]["person"]
    return problem(request, (403, *STATUS[403]), account=person.user.email)


def on_http_error(request: AnyRequest, exc: HTTPException) -> Response[Any]:
    """What Litestar itself refuses: unknown paths, wrong methods, missing roles."""
    status = exc.status_code
    if status >= 500:
        return on_defect(request, exc)
    title, message = STATUS.get(status, OTHER)
    person: Person | None = request.scope["state"].get("person") if status == 403 else None
    account = person.user.email if person else None
    return problem(request, (status, title, message), account=account)


def on_defect(request: AnyRequest, exc: Exception) -> Response[Any]:
    """A mistake of ours: logged with its traceback, shown without anything of it."""
    logs.alarm("request.failed", exc=exc)
    return problem(request, DEFECT, retry=True)


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    DecisionError: on_decision_error,
    OryError: on_ory_error,
    StoreError: on_store_error,
    OverloadedError: on_overload,
    HostileInputError: on_hostile_input,
    UnrequestedError: on_unrequested,
    UnsupportedFormError: on_unsupported_form,
    NotSignedInError: on_not_signed_in,
    NotThereError: on_not_there,
    NotAllowedError: on_not_allowed,
    HTTPException: on_http_error,
    Exception: on_defect,
}
