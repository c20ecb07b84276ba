"""The login step: may the browser's session do, and was the page's answer a fitting one?"""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from portal.dev.standin import cookies
from portal.dev.standin.authorization import AuthorizeRequest, is_trusted_redirect
from portal.dev.standin.errors import (
    ACCESS_DENIED,
    CONSENT_REQUIRED,
    INVALID_REQUEST,
    LOGIN_REQUIRED,
    REQUEST_FORBIDDEN,
    REQUEST_UNAUTHORIZED,
    SERVER_ERROR,
    OAuthError,
    unrecognizable,
)
from portal.dev.standin.flow import Flow
from portal.dev.standin.http import Fields, Request, Response, redirect, set_query
from portal.dev.standin.keys import TokenUnreadableError
from portal.dev.standin.sealing import SealBrokenError
from portal.dev.standin.state import LoginSession, State

CHALLENGE, VERIFIER = "login challenge", "login verifier"


class CsrfCookie:
    """A random value in the browser and in the flow: who starts a step must be who ends it."""

    def __init__(self, state: State, name: str) -> None:
        self._state, self._name = state, name

    def set(self, value: str) -> tuple[str, str]:
        sealed = self._state.sealer.seal(self._name, value)
        lifetime = self._state.config.ttl_login_consent_request
        return cookies.make(self._name, sealed, now=self._state.now(), max_age=lifetime)

    def check(self, request: Request, expected: str) -> None:
        sealed = request.cookies.get(self._name, "")
        if not sealed:
            raise REQUEST_FORBIDDEN("No CSRF value available in the session cookie.")
        try:
            value = self._state.sealer.open(self._name, sealed, str)
        except SealBrokenError:
            raise REQUEST_FORBIDDEN("CSRF session cookie could not be decoded.") from None
        if value != expected:
            raise REQUEST_FORBIDDEN(
                "The CSRF value from the token does not match the CSRF value from the data store."
            )


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A login that was accepted and fits; *headers* are the cookies that come with it."""

    flow: Flow
    headers: tuple[tuple[str, str], ...]


class RefusedError(Exception):
    """An OAuth error that also changes the browser's cookies."""

    def __init__(self, error: OAuthError, *headers: tuple[str, str]) -> None:
        super().__init__(error.name)
        self.error, self.headers = error, headers


def current_session(request: Request, state: State) -> LoginSession | None:
    """The session that the browser's cookie names, if it is still remembered."""
    session_id = session_id_of(request, state)
    return state.find_remembered(session_id) if session_id else None


def session_id_of(request: Request, state: State) -> str:
    """The session that the cookie names, remembered or not; empty without one."""
    try:
        sealed = request.cookies.get(cookies.SESSION, "")
        return state.sealer.open(cookies.SESSION, sealed, str)
    except SealBrokenError:
        return ""


def end_cookie(state: State) -> tuple[str, str]:
    """Sign the browser out."""
    return cookies.clear(cookies.SESSION, state.sealer.seal(cookies.SESSION, ""))


def hint_claims(hint: str, state: State) -> dict[str, Any]:
    """The claims of an ``id_token_hint``, which may have expired."""
    try:
        return state.id_token_key.read(hint)
    except TokenUnreadableError as exc:
        raise INVALID_REQUEST(str(exc)) from None


def start(asked: AuthorizeRequest, request: Request, state: State) -> Response:
    """Send the browser to the login page, or the app an error where nobody may be asked."""
    session = _usable_session(asked, request, state)
    if "none" in asked.prompt and session is None:
        raise LOGIN_REQUIRED(
            "Prompt 'none' was requested, but no existing login session was found."
        )
    flow = _new_flow(asked, request, session, state)
    wants_registration = "registration" in asked.prompt and state.config.registration_url
    at = wants_registration or state.config.login_url
    return ask(flow, at=at, state=state)


def ask(flow: Flow, *, at: str, state: State) -> Response:
    """To the login page *at*, with the cookie that proves who went there."""
    if not state.profile.keeps_query_of_login_url:
        at = at.partition("?")[0]
    csrf = CsrfCookie(state, cookies.csrf("login", flow.client_id))
    challenge = state.sealer.seal(CHALLENGE, flow)
    return redirect(set_query(at, login_challenge=challenge)).adding(csrf.set(flow.login_csrf))


def _usable_session(asked: AuthorizeRequest, request: Request, state: State) -> LoginSession | None:
    """The browser's session, where prompt, max_age and hint leave it standing."""
    forcing = {"login", "select_account"} if state.profile.knows_select_account else {"login"}
    if forcing & set(asked.prompt):
        return None
    session = current_session(request, state)
    if session is None:
        return None
    max_age = _whole_number(asked.form.get("max_age"))
    if max_age is not None and 0 <= max_age < state.now() - session.authenticated_at:
        if "none" in asked.prompt:
            raise LOGIN_REQUIRED(
                "Request failed because prompt is set to 'none' and authentication time reached "
                "'max_age'."
            )
        return None
    hint = asked.form.get("id_token_hint")
    if hint and _hinted_subject(hint_claims(hint, state)) != session.subject:
        raise LOGIN_REQUIRED(
            "Request failed because subject claim from id_token_hint does not match subject from "
            "authentication session."
        )
    return session


def _whole_number(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise unrecognizable() from None


def _hinted_subject(claims: dict[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise INVALID_REQUEST(
            "Failed to validate OpenID Connect request because provided id token from "
            "id_token_hint does not have a subject."
        )
    return subject


def _new_flow(
    asked: AuthorizeRequest, request: Request, session: LoginSession | None, state: State
) -> Flow:
    query = f"?{request.query_string}" if request.query_string else ""
    return Flow(
        id=state.hex_id(),
        requested_at=state.seconds(),
        request_url=f"{state.config.public_url}/oauth2/auth{query}",
        client=asked.client.stored().snapshot(device=state.profile.has_device_flow),
        requested_scope=asked.scope,
        requested_audience=asked.audience,
        oidc_context=_oidc_context(asked.form, state),
        session_id=session.id if session else state.uuid(),
        login_csrf=state.hex_id(),
        login_skip=session is not None,
        subject=session.subject if session else "",
        authenticated_at=session.authenticated_at if session else None,
    )


def _oidc_context(form: Fields, state: State) -> dict[str, Any]:
    hint = form.get("id_token_hint")
    context = {
        "acr_values": form.words("acr_values"),
        "display": form.get("display"),
        "id_token_hint_claims": hint_claims(hint, state) if hint else {},
        "login_hint": form.get("login_hint"),
        "ui_locales": form.words("ui_locales"),
    }
    return {name: value for name, value in context.items() if value}


def verify(asked: AuthorizeRequest, request: Request, verifier: str, state: State) -> Signed:
    """What the browser brings back from the login page; it may bring it again until the TTL."""
    try:
        flow = state.sealer.open(VERIFIER, verifier, Flow)
    except SealBrokenError:
        raise ACCESS_DENIED("The login verifier is invalid.") from None
    if flow.login_error is not None:
        raise rejection(flow.login_error)
    if state.has_expired(flow.requested_at):
        raise REQUEST_UNAUTHORIZED("The login request has expired. Please try again.")
    CsrfCookie(state, cookies.csrf("login", flow.client_id)).check(request, flow.login_csrf)
    if flow.is_device:
        return Signed(flow=flow, headers=_remember(flow, request, state))
    try:
        _check_prompt(asked, flow, state)
    except OAuthError as exc:
        if exc.name != "login_required":
            raise
        _end_session(request, state)
        raise RefusedError(exc, end_cookie(state)) from None
    return Signed(flow=flow, headers=_remember(flow, request, state))


def rejection(said: dict[str, Any]) -> OAuthError:
    """What the login or consent page has said instead of yes."""
    return OAuthError(
        said["error"],
        said["error_description"],
        status=said["status_code"],
        hint=said["error_hint"],
    )


def _end_session(request: Request, state: State) -> None:
    session_id = session_id_of(request, state)
    is_gone = bool(session_id) and session_id not in state.login_sessions
    if is_gone and state.profile.stumbles_over_gone_sessions:
        raise RefusedError(unrecognizable(), end_cookie(state))
    if session_id:
        state.delete_login_session(session_id)


def _remember(flow: Flow, request: Request, state: State) -> tuple[tuple[str, str], ...]:
    """Write the session down, and set, end or leave the browser's cookie."""
    headers: list[tuple[str, str]] = []
    if not flow.login_skip:
        state.login_sessions[flow.session_id] = LoginSession(
            id=flow.session_id,
            subject=flow.subject,
            authenticated_at=flow.authenticated_at or 0,
            remembered=flow.remember,
        )
        if not flow.remember:
            _end_session(request, state)
            headers.append(end_cookie(state))
    if flow.remember and (not flow.login_skip or flow.extend_session_lifespan):
        sealed = state.sealer.seal(cookies.SESSION, flow.session_id)
        lifetime = _cookie_lifetime(flow, state)
        headers.append(cookies.make(cookies.SESSION, sealed, now=state.now(), max_age=lifetime))
    return tuple(headers)


def _cookie_lifetime(flow: Flow, state: State) -> int | None:
    if flow.remember_for > 0:
        return flow.remember_for
    longest = state.config.ttl_authentication_session
    return longest if state.profile.session_cookie_has_lifetime else None


def _check_prompt(asked: AuthorizeRequest, flow: Flow, state: State) -> None:
    """After the page's answer everything is looked at again (OpenID Connect Core, 3.1.2.1)."""
    prompt, at = asked.prompt, flow.authenticated_at or 0
    if asked.client.is_public and "none" in prompt and not is_trusted_redirect(asked.redirect_uri):
        raise CONSENT_REQUIRED(
            "OAuth 2.0 Client is marked public and redirect uri is not considered secure (https "
            'missing), but "prompt=none" was requested.'
        )
    known = {"login", "none", "consent", "registration"}
    if state.profile.knows_select_account:
        known.add("select_account")
    if set(prompt) - known:
        raise INVALID_REQUEST(f"Used unknown value '[{' '.join(prompt)}]' for prompt parameter")
    if "none" in prompt and len(prompt) > 1:
        raise INVALID_REQUEST(
            "Parameter 'prompt' was set to 'none', but contains other values as well which is not "
            "allowed."
        )
    if at > state.now() + 5:
        raise SERVER_ERROR()
    _check_times(asked, flow, prompt, at)
    hint = asked.form.get("id_token_hint")
    if hint and _hinted_subject(hint_claims(hint, state)) != flow.subject:
        raise LOGIN_REQUIRED(
            "Failed to validate OpenID Connect request because the subject from provided id token "
            "from id_token_hint does not match the current session's subject."
        )


def _check_times(asked: AuthorizeRequest, flow: Flow, prompt: list[str], at: int) -> None:
    try:
        max_age = int(asked.form.get("max_age"))
    except ValueError:
        max_age = 0
    if 0 < max_age < flow.requested_at - at:
        raise LOGIN_REQUIRED()
    if "none" in prompt and at > flow.requested_at:
        raise LOGIN_REQUIRED(
            "Failed to validate OpenID Connect request because prompt was set to 'none' but "
            "auth_time happened after the authorization request was registered, indicating that "
            "the user was logged in during this request which is not allowed."
        )
    if "login" in prompt and at < flow.requested_at:
        raise LOGIN_REQUIRED(
            "Failed to validate OpenID Connect request because prompt was set to 'login' but "
            "auth_time happened before the authorization request was registered, indicating that "
            "the user was not re-authenticated which is forbidden."
        )


def as_new_consent(flow: Flow, *, skip: bool, state: State) -> Flow:
    """The flow at its consent step; each time a consent of its own, and still the same flow."""
    return replace(
        flow, consent_skip=skip, consent_csrf=state.hex_id(), consent_request_id=state.uuid()
    )
