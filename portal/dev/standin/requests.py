"""The admin API of login and consent requests: read a snapshot, seal the next one.

Nothing is kept here: the same challenge can be read, accepted and rejected until its time is over.
"""

from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from portal.dev.standin import consent, login
from portal.dev.standin.bodies import AcceptConsent, AcceptLogin, BodyError, Reject, read
from portal.dev.standin.errors import (
    CHALLENGE_UNKNOWN,
    INVALID_REQUEST,
    REQUEST_UNAUTHORIZED,
    unrecognizable,
)
from portal.dev.standin.flow import Flow
from portal.dev.standin.http import Request, Response, answer, set_query
from portal.dev.standin.sealing import SealBrokenError
from portal.dev.standin.state import State

Kind = Literal["login", "consent"]
L = TypeVar("L", AcceptLogin, Reject)
C = TypeVar("C", AcceptConsent, Reject)


class Requests:
    """Answers the login and consent pages."""

    def __init__(self, state: State) -> None:
        self._state = state

    # --- login

    def get_login(self, request: Request) -> Response:
        challenge = challenge_of(request, "login")
        return answer(login_document(self._open("login", challenge), challenge))

    def accept_login(self, request: Request) -> Response:
        challenge = challenge_of(request, "login")
        body = self._read_login_body(request, AcceptLogin)
        if not body.subject:
            raise INVALID_REQUEST("Field 'subject' must not be empty.")
        flow = self._open("login", challenge)
        if flow.subject and body.subject != flow.subject:
            return answer({"redirect_to": set_query(flow.request_url, prompt="login")})
        decided = replace(
            flow,
            subject=body.subject,
            authenticated_at=flow.authenticated_at if flow.login_skip else self._state.seconds(),
            remember=body.remember or flow.login_skip,
            remember_for=body.remember_for,
            extend_session_lifespan=body.extend_session_lifespan,
            acr=body.acr,
            amr=body.amr,
            context=body.context,
        )
        return self._on_with_login(decided)

    def reject_login(self, request: Request) -> Response:
        challenge = challenge_of(request, "login")
        body = self._read_login_body(request, Reject)
        flow = self._open("login", challenge)
        error = body.document("login request denied")
        return self._on_with_login(replace(flow, login_error=error))

    def _on_with_login(self, flow: Flow) -> Response:
        verifier = self._state.sealer.seal(login.VERIFIER, flow)
        return answer({"redirect_to": set_query(flow.request_url, login_verifier=verifier)})

    def _read_login_body(self, request: Request, kind: type[L]) -> L:
        try:
            return read(request, kind, strict=self._state.profile.strict_bodies)
        except BodyError as exc:
            raise INVALID_REQUEST(f"Unable to decode body because: {exc}") from None

    # --- consent

    def get_consent(self, request: Request) -> Response:
        challenge = challenge_of(request, "consent")
        flow = self._open("consent", challenge)
        return answer(consent_document(flow, challenge, state=self._state))

    def accept_consent(self, request: Request) -> Response:
        challenge = challenge_of(request, "consent")
        body = self._read_consent_body(request, AcceptConsent)
        flow = self._open("consent", challenge)
        decided = replace(
            flow,
            grant_scope=body.grant_scope,
            grant_audience=body.grant_access_token_audience,
            consent_remember=body.remember and not flow.consent_skip,
            consent_remember_for=body.remember_for,
            access_token_claims=body.session.access_token,
            id_token_claims=body.session.id_token,
            context=flow.context if body.context is None else body.context,
            handled_at=self._state.timestamp(),
        )
        return self._on_with_consent(decided)

    def reject_consent(self, request: Request) -> Response:
        challenge = challenge_of(request, "consent")
        body = self._read_consent_body(request, Reject)
        flow = self._open("consent", challenge)
        error = body.document("consent request denied")
        return self._on_with_consent(
            replace(flow, consent_error=error, handled_at=self._state.timestamp())
        )

    def _on_with_consent(self, flow: Flow) -> Response:
        verifier = self._state.sealer.seal(consent.VERIFIER, flow)
        return answer({"redirect_to": set_query(flow.request_url, consent_verifier=verifier)})

    def _read_consent_body(self, request: Request, kind: type[C]) -> C:
        try:
            return read(request, kind, strict=self._state.profile.strict_bodies)
        except BodyError:
            raise unrecognizable(400) from None

    def _open(self, kind: Kind, challenge: str) -> Flow:
        """The snapshot of that kind, while its time is not over."""
        sort = login.CHALLENGE if kind == "login" else consent.CHALLENGE
        try:
            flow = self._state.sealer.open(sort, challenge, Flow)
        except SealBrokenError:
            raise CHALLENGE_UNKNOWN() from None
        if self._state.has_expired(flow.requested_at):
            raise REQUEST_UNAUTHORIZED(f"The {kind} request has expired, please try again.")
        return flow


def challenge_of(request: Request, kind: str) -> str:
    """The challenge in the query; it may also be called just that."""
    challenge = request.query.get(f"{kind}_challenge") or request.query.get("challenge")
    if not challenge:
        raise INVALID_REQUEST("Query parameter 'challenge' is not defined but should have been.")
    return challenge


def login_document(flow: Flow, challenge: str) -> dict[str, Any]:
    """As the login page reads it."""
    return {
        "challenge": challenge,
        "requested_scope": flow.requested_scope,
        "requested_access_token_audience": flow.requested_audience,
        "skip": flow.login_skip,
        "subject": flow.subject,
        "oidc_context": flow.oidc_context,
        "client": flow.client,
        "request_url": flow.request_url,
        "session_id": flow.session_id,
    }


def consent_document(
    flow: Flow, challenge: str, *, state: State, login_session_id: str | None = None
) -> dict[str, Any]:
    """*login_session_id* where it is no longer the flow's own."""
    named = {"challenge": challenge}
    if state.profile.consent_request_ids:
        named["consent_request_id"] = flow.consent_request_id
    return named | {
        "requested_scope": flow.requested_scope,
        "requested_access_token_audience": flow.requested_audience,
        "skip": flow.consent_skip,
        "subject": flow.subject,
        "oidc_context": flow.oidc_context,
        "client": flow.client,
        "request_url": flow.request_url,
        "login_challenge": flow.id,
        "login_session_id": flow.session_id if login_session_id is None else login_session_id,
        "acr": flow.acr,
        "amr": flow.amr,
        "context": flow.context,
    }
