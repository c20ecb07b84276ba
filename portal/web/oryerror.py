"""``/error``: where Ory sends a browser that it cannot send back to the app (hydra-contract 6)."""

from typing import Any, Final

from litestar import Response, get

from portal import logs
from portal.apps import clean_name
from portal.web.inputs import AnyRequest, query
from portal.web.pages import ProblemPage
from portal.web.respond import respond

WORDS: Final = {
    "invalid_client": (
        "The sign-in service does not know the app that sent you here, or the app gave an address"
        " that it is not registered for."
    ),
    "invalid_request": (
        "The app's request is incomplete, or gives an address that the app is not registered for."
    ),
    "invalid_scope": "The app asked for a permission that it is not registered for.",
    "unsupported_response_type": "The app asked for a kind of answer that it may not have.",
    "request_unauthorized": "The request was too old when it came back. Start again at the app.",
    "request_forbidden": (
        "Your browser did not bring back the cookie that belongs to this request. Another tab of"
        " the same app may have replaced it, or cookies are blocked. Start again at the app, in"
        " one tab."
    ),
    "access_denied": "The request was denied.",
    "login_required": "The app asked not to bother you, but you are not signed in.",
    "consent_required": "The app asked not to bother you, but it needs your permission.",
    "server_error": "The sign-in service had a problem. Please try again in a moment.",
    "temporarily_unavailable": "The sign-in service is busy. Please try again in a moment.",
}
UNKNOWN: Final = (
    "The app's request could not be completed. Go back to the app and start again there."
)
MAX_CODE: Final = 60


@get("/error", sync_to_thread=False)
def show_ory_error(request: AnyRequest) -> Response[Any]:
    """Own words for known codes; nothing of the address is shown but the code, as text."""
    asked = query(request)
    code = clean_name(asked.get("error", ""))[:MAX_CODE]
    told = clean_name(asked.get("error_description", ""))
    logs.step("ory.error_shown", reason=code, error=told)
    page = ProblemPage(
        status=400,
        title="The app could not be connected",
        message=WORDS.get(code, UNKNOWN),
        code=code or None,
        reference=request.scope["state"].get("request_id", ""),
    )
    return respond(request, page)
