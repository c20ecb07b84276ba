"""``/error``: where Ory sends a browser that it cannot send back to the app (hydra-contract 6)."""

from typing import Any, Final

from litestar import Response, get

from portal import logs
from portal.apps import clean_name
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.web.inputs import AnyRequest, query
from portal.web.pages import ProblemPage
from portal.web.respond import respond
from portal.web.visit import visit

WORDS: Final = {
    "invalid_client": N_(
        "The sign-in service does not know the app that sent you here, or the app gave an address "
        "that it is not registered for. Only the app's makers can put that right: please tell "
        "them."
    ),
    "invalid_request": N_(
        "The app's request is incomplete, or gives an address that the app is not registered for. "
        "Only the app's makers can put that right: please tell them."
    ),
    "invalid_scope": N_(
        "The app asked for a permission that it is not registered for. Only the app's makers can "
        "put that right: please tell them."
    ),
    "unsupported_response_type": N_(
        "The app asked for a kind of answer that it may not have. Only the app's makers can put "
        "that right: please tell them."
    ),
    "request_unauthorized": N_(
        "The request was too old when it came back. Start again at the app."
    ),
    "request_forbidden": N_(
        "Your browser did not bring back the cookie that belongs to this request. Another tab of "
        "the same app may have replaced it, or cookies are blocked. Start again at the app, in one "
        "tab."
    ),
    "access_denied": N_("The request was denied. If that was not you, start again at the app."),
    "login_required": N_(
        "The app asked not to bother you, but you are not signed in. Start again at the app."
    ),
    "consent_required": N_(
        "The app asked not to bother you, but it needs your permission. Start again at the app."
    ),
    "server_error": N_(
        "The sign-in service had a problem. Wait a moment, then start again at the app."
    ),
    "temporarily_unavailable": N_(
        "The sign-in service is busy. Wait a moment, then start again at the app."
    ),
}
UNKNOWN: Final = N_(
    "The app's request could not be completed. Go back to the app and start again there."
)
MAX_CODE: Final = 60


@get("/error", sync_to_thread=False)
def show_ory_error(request: AnyRequest) -> Response[Any]:
    """Own words for known codes; nothing of the address is shown but the code, as text."""
    visit(request)  # which knows the language
    asked = query(request)
    code = clean_name(asked.get("error", ""))[:MAX_CODE]
    told = clean_name(asked.get("error_description", ""))
    logs.step("ory.error_shown", reason=code, error=told)
    page = ProblemPage(
        status=400,
        title=_("The app could not be connected"),
        message=_(WORDS.get(code, UNKNOWN)),
        code=code or None,
        reference=request.scope["state"].get("request_id", ""),
    )
    return respond(request, page)
