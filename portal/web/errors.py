"""Every exception that can reach the edge of a request, and the page a person sees for it.

Each says what happened in plain words and what to do next, with *Start again* where the app's
request is known.
"""

from typing import Any

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

Words = tuple[int, str, str]
AWAY: Words = (
    503,
    "Please try again in a moment",
    "A service that we need does not answer right now. What you chose may have to be chosen again.",
)
NONSENSE: Words = (
    502,
    "Something does not fit together",
    "A service that we need gave an answer that we cannot use. We have been told about it.",
)
LINKS: dict[type[DecisionError], Words] = {
    LinkExpiredError: (
        410,
        "This link has expired",
        "For your safety a sign-in request is only good for a short while. Start again at the app.",
    ),
    LinkUnknownError: (
        404,
        "This link is not valid",
        "It may have been cut off or changed on the way. Go back to the app and start again there.",
    ),
    DeviceLinkExpiredError: (
        410,
        "This page has expired",
        "For your safety it is only good for a short while. Start again with the code that your "
        "device shows now.",
    ),
    DeviceLinkUnknownError: (
        404,
        "This link is not valid",
        "It may have been cut off or changed on the way. Start again at the address that your "
        "device shows.",
    ),
    AlreadyDecidedError: (
        410,
        "This has been completed already",
        "You have answered this request before. If the app did not let you in, start again there.",
    ),
    OppositeDecisionError: (
        409,
        "You have answered this differently before",
        "Your first answer counts. To answer differently, start again at the app.",
    ),
    StaleSignInError: (
        410,
        "Please sign in again",
        "Your account changed, or was signed out, since you signed in. Sign in once more to go on.",
    ),
    UnusableRequestError: (
        400,
        "The app's request cannot be used",
        "The app sent its request in a way that loses it. Please tell the app's makers.",
    ),
}
STATUS: dict[int, tuple[str, str]] = {
    403: (
        "This is not for you",
        "Your account may not see this page. Log out to sign in with another one.",
    ),
    404: ("There is no such page", "The address may have been typed wrongly."),
    405: ("This cannot be done here", "The address is right, but not for what was sent to it."),
    408: ("That took too long", "Your browser stopped sending half-way. Please try again."),
    413: ("That is too much", "What was sent is larger than any form of ours."),
    415: ("That is not a form", "What was sent is nothing that a page of ours sends."),
    431: ("That is too much", "Your browser sent more along with the request than we accept."),
}


def problem(request: AnyRequest, words: Words, **more: Any) -> Response[Any]:
    """A page for *words*: status, title and message."""
    status, title, message = words
    reference = request.scope["state"].get("request_id", "")
    page = ProblemPage(status=status, title=title, message=message, reference=reference, **more)
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
    words = (503, "Many people are signing in right now", "Please try again in a few seconds.")
    return problem(request, words, retry=True, retry_after=exc.retry_after)


def on_hostile_input(request: AnyRequest, exc: HostileInputError) -> Response[Any]:
    """Something that no form or link of ours sends."""
    logs.step("input.refused", reason=str(exc))
    return problem(request, (400, "We cannot use what was sent", str(exc)))


def on_unrequested(request: AnyRequest, _: UnrequestedError) -> Response[Any]:
    """A form that was changed on its way."""
    logs.step("input.refused", reason="an answer that was not offered")
    message = "The form holds an answer that this portal did not offer. Nothing was allowed."
    return problem(request, (400, "We cannot use what was sent", message))


def on_unsupported_form(request: AnyRequest, _: UnsupportedFormError) -> Response[Any]:
    """A body of another type than a form's."""
    return problem(request, (415, *STATUS[415]))


def on_not_signed_in(request: AnyRequest, exc: NotSignedInError) -> Response[Any]:
    """Somebody has to sign in to the portal first."""
    return respond(request, GoTo(exc.next_path))


def on_not_there(request: AnyRequest, _: NotThereError) -> Response[Any]:
    """The same page as for an address that leads nowhere."""
    return problem(request, (404, *STATUS[404]))


def on_not_allowed(request: AnyRequest, _: NotAllowedError) -> Response[Any]:
    """Who administered when the request began and does no longer: as if they never had."""
    logs.step("request.refused", reason="no administrator any more")
    person: Person = request.scope["state"]["person"]
    return problem(request, (403, *STATUS[403]), account=person.user.email)


def on_http_error(request: AnyRequest, exc: HTTPException) -> Response[Any]:
    """What Litestar itself refuses: unknown paths, wrong methods, missing roles."""
    status = exc.status_code
    if status >= 500:
        return on_defect(request, exc)
    title, message = STATUS.get(status, ("That did not work", "The request cannot be answered."))
    person: Person | None = request.scope["state"].get("person") if status == 403 else None
    account = person.user.email if person else None
    return problem(request, (status, title, message), account=account)


def on_defect(request: AnyRequest, exc: Exception) -> Response[Any]:
    """A mistake of ours: logged with its traceback, shown without anything of it."""
    logs.alarm("request.failed", exc=exc)
    words = (
        500,
        "Something went wrong here",
        "It is our mistake, not yours. We have been told about it.",
    )
    return problem(request, words, retry=True)


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
