"""The device flow (RFC 8628), which 26 alone has.

Its errors reach the browser as plain JSON, as Hydra's do: nobody is there to be redirected to.
"""

from dataclasses import replace as replaced
from typing import Any, Final

from msgspec.structs import replace

from portal.dev.standin import consent, cookies, login
from portal.dev.standin.authorization import AuthorizeRequest
from portal.dev.standin.bodies import AcceptDevice, BodyError, read
from portal.dev.standin.client_authentication import authenticate
from portal.dev.standin.errors import (
    ACCESS_DENIED,
    CHALLENGE_UNKNOWN,
    INVALID_CLIENT,
    INVALID_REQUEST,
    REQUEST_UNAUTHORIZED,
    UNAUTHORIZED_CLIENT,
    OAuthError,
)
from portal.dev.standin.flow import DeviceFlow, Flow
from portal.dev.standin.http import (
    Request,
    Response,
    answer,
    redirect,
    refusal,
    set_query,
    token_answer,
)
from portal.dev.standin.login import CsrfCookie
from portal.dev.standin.requests import challenge_of
from portal.dev.standin.scopes import STRATEGIES, check_audience, check_scopes
from portal.dev.standin.sealing import SealBrokenError
from portal.dev.standin.state import DeviceRequest, State
from portal.dev.standin.tokens import DEVICE_GRANT

PATH: Final = "/oauth2/device/verify"
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZbcdfghjkmnpqrstvwxz23456789"
_LENGTH: Final = 8
_INTERVAL: Final = 5
_CHALLENGE, _VERIFIER = "device challenge", "device verifier"


class Device:
    """Answers devices, browsers, and the page where the code is typed in."""

    def __init__(self, state: State) -> None:
        self._state = state

    def authorize(self, request: Request) -> Response:
        """The device's first step: its two codes."""
        try:
            return token_answer(self._authorize(request))
        except OAuthError as exc:
            return token_answer(exc.document(), exc.status)

    def _authorize(self, request: Request) -> dict[str, Any]:
        if not request.post:
            raise INVALID_REQUEST("The POST body can not be empty.")
        client = authenticate(request, self._state)
        if not client.may_use(DEVICE_GRANT):
            raise UNAUTHORIZED_CLIENT(
                f"The requested OAuth 2.0 Client does not have the '{DEVICE_GRANT}' grant."
            )
        scope, audience = request.post.words("scope"), request.post.words("audience")
        check_scopes(STRATEGIES[self._state.config.scope_strategy], client.scopes, scope)
        check_audience(client.audience, audience)
        lifetime = self._state.config.ttl_device_user_code
        waiting = DeviceRequest(
            id=self._state.uuid(),
            client_id=client.client_id,
            user_code=self._state.text(_LENGTH, _LETTERS),
            scope=tuple(dict.fromkeys(scope)),
            audience=tuple(dict.fromkeys(audience)),
            expires_at=self._state.now() + lifetime,
        )
        code = f"ory_dc_{self._state.random(32).hex()}"
        self._state.device_requests[code] = waiting
        at = f"{self._state.config.public_url}{PATH}"
        return {
            "device_code": code,
            "user_code": waiting.user_code,
            "verification_uri": at,
            "verification_uri_complete": set_query(at, user_code=waiting.user_code),
            "expires_in": lifetime,
            "interval": _INTERVAL,
            "Header": None,
        }

    def verify(self, request: Request) -> Response:
        """The browser's address: to the page for codes, and back here after each of three pages."""
        try:
            return self._verify(request)
        except login.RefusedError as exc:
            return refusal(exc.error).adding(*exc.headers)
        except OAuthError as exc:
            return refusal(exc)

    def _verify(self, request: Request) -> Response:
        query = request.query
        if query.get("consent_verifier"):
            return self._finish(request, query.get("consent_verifier"))
        if query.get("login_verifier"):
            asked = AuthorizeRequest(request)
            signed = login.verify(asked, request, query.get("login_verifier"), self._state)
            skip = consent.may_skip_device(signed.flow, self._state)
            return consent.ask(signed.flow, skip=skip, state=self._state).after(*signed.headers)
        if query.get("device_verifier"):
            return self._ask_login(request, query.get("device_verifier"))
        return self._ask_code(query.get("user_code"))

    def _ask_code(self, user_code: str) -> Response:
        flow = DeviceFlow(requested_at=self._state.seconds(), csrf=self._state.hex_id())
        challenge = self._state.sealer.seal(_CHALLENGE, flow)
        named = {"user_code": user_code} if user_code else {}
        at = self._state.config.device_verification_url
        csrf = CsrfCookie(self._state, cookies.DEVICE_CSRF)
        return redirect(set_query(at, device_challenge=challenge, **named)).adding(
            csrf.set(flow.csrf)
        )

    def accept(self, request: Request) -> Response:
        """The page's answer: which code was typed in. It has to be right to the letter."""
        challenge = challenge_of(request, "device")
        try:
            typed = read(request, AcceptDevice, strict=False).user_code
        except BodyError as exc:
            raise INVALID_REQUEST(f"Unable to decode body because: {exc}") from None
        if not typed:
            raise INVALID_REQUEST("Field 'user_code' must not be empty.")
        flow = self._open(_CHALLENGE, challenge)
        waiting = self._find_waiting(typed)
        if waiting is None:
            raise INVALID_REQUEST("The 'user_code' session could not be found or has expired.")
        verifier = self._state.sealer.seal(_VERIFIER, replace(flow, request=waiting.id))
        at = f"{self._state.config.public_url}{PATH}"
        onward = set_query(at, device_verifier=verifier, client_id=waiting.client_id)
        return answer({"redirect_to": onward})

    def _open(self, kind: str, sealed: str) -> DeviceFlow:
        try:
            flow = self._state.sealer.open(kind, sealed, DeviceFlow)
        except SealBrokenError:
            raise CHALLENGE_UNKNOWN() from None
        if self._state.has_expired(flow.requested_at):
            raise REQUEST_UNAUTHORIZED("The device request has expired, please try again.")
        return flow

    def _find_waiting(self, user_code: str) -> DeviceRequest | None:
        for waiting in self._state.device_requests.values():
            if waiting.user_code == user_code and self._still_waits(waiting):
                return waiting
        return None

    def _still_waits(self, waiting: DeviceRequest) -> bool:
        return waiting.authorization is None and waiting.expires_at > self._state.now()

    def _by_id(self, request_id: str) -> DeviceRequest:
        for waiting in self._state.device_requests.values():
            if waiting.id == request_id and self._still_waits(waiting):
                return waiting
        raise ACCESS_DENIED("The device verifier has already been used, or has expired.")

    def _ask_login(self, request: Request, verifier: str) -> Response:
        try:
            device = self._open(_VERIFIER, verifier)
        except OAuthError as exc:
            if exc.status != 404:
                raise
            raise ACCESS_DENIED("The device verifier is invalid.") from None
        CsrfCookie(self._state, cookies.DEVICE_CSRF).check(request, device.csrf)
        waiting = self._by_id(device.request)
        client = self._state.find_client(waiting.client_id)
        if client is None:
            raise INVALID_CLIENT("The requested OAuth 2.0 Client does not exist.")
        session = login.current_session(request, self._state)
        masked = set_query(
            f"{self._state.config.public_url}{PATH}", client_id=client.client_id, user_code="****"
        )
        flow = Flow(
            id=self._state.hex_id(),
            requested_at=self._state.seconds(),
            request_url=masked,
            client=client.stored().snapshot(device=True),
            requested_scope=list(waiting.scope),
            requested_audience=list(waiting.audience),
            oidc_context=None,
            session_id=session.id if session else self._state.uuid(),
            login_csrf=self._state.hex_id(),
            login_skip=session is not None,
            subject=session.subject if session else "",
            authenticated_at=session.authenticated_at if session else None,
            device_request=waiting.id,
        )
        return login.ask(flow, at=self._state.config.login_url, state=self._state)

    def _finish(self, request: Request, verifier: str) -> Response:
        given = consent.verify(request, verifier, self._state)
        waiting = self._by_id(given.flow.device_request)
        authorization = consent.authorize(given, AuthorizeRequest(request), self._state)
        waiting.authorization = replaced(authorization, redirect_uri="")
        at = self._state.config.device_success_url
        return redirect(set_query(at, client_id=waiting.client_id))
