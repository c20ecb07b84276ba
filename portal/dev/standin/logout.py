"""Logout: asked for by an app or at Ory itself, confirmed by a page, told to the apps."""

import uuid
from datetime import UTC, datetime
from typing import Any

from portal.dev.standin import backchannel, pages
from portal.dev.standin.authorization import to_error_page
from portal.dev.standin.client import Client
from portal.dev.standin.errors import (
    CHALLENGE_UNKNOWN,
    INVALID_REQUEST,
    NOT_FOUND,
    REQUEST_UNAUTHORIZED,
    OAuthError,
)
from portal.dev.standin.flow import LogoutFlow
from portal.dev.standin.http import (
    Request,
    Response,
    answer,
    no_content,
    page,
    redirect,
    set_query,
)
from portal.dev.standin.login import current_session, end_cookie, hint_claims
from portal.dev.standin.sealing import SealBrokenError
from portal.dev.standin.state import State

_CHALLENGE, _VERIFIER = "logout challenge", "logout verifier"


class Logout:
    """Both sides of it: ``/oauth2/sessions/logout``, and the admin API of its requests."""

    def __init__(self, state: State) -> None:
        self._state = state

    # --- the browser's side

    def __call__(self, request: Request) -> Response:
        try:
            verifier = request.query.get("logout_verifier")
            return self._complete(request, verifier) if verifier else self._start(request)
        except OAuthError as exc:
            return to_error_page(exc, self._state)

    def _start(self, request: Request) -> Response:
        hint = request.form.get("id_token_hint")
        return self._start_for_app(request, hint) if hint else self._start_at_ory(request)

    def _start_at_ory(self, request: Request) -> Response:
        for name in ("state", "post_logout_redirect_uri"):
            if request.form.get(name):
                raise INVALID_REQUEST(
                    f"Logout failed because query parameter {name} is set but id_token_hint is "
                    "missing."
                )
        at = self._state.config.post_logout_redirect_url
        session = current_session(request, self._state)
        if session is None:
            return redirect(at)
        return self._ask(request, subject=session.subject, session_id=session.id, redirect_to=at)

    def _start_for_app(self, request: Request, hint: str) -> Response:
        claims = hint_claims(hint, self._state)
        session_id = _claim(claims, "sid")
        _claim(claims, "sub")
        client = self._client_of(claims)
        at = self._target(request, client)
        session = self._state.find_remembered(session_id)
        if session is None:
            return redirect(at)
        return self._ask(
            request, subject=session.subject, session_id=session_id, redirect_to=at, client=client
        )

    def _client_of(self, claims: dict[str, Any]) -> Client:
        for audience in claims.get("aud", []):
            client = self._state.find_client(audience)
            if client:
                return client
        raise INVALID_REQUEST(
            "Logout failed because none of the listed audiences is a registered OAuth 2.0 Client."
        )

    def _target(self, request: Request, client: Client) -> str:
        wanted = request.form.get("post_logout_redirect_uri")
        if not wanted:
            return self._state.config.post_logout_redirect_url
        if wanted not in client.post_logout_redirect_uris:
            raise INVALID_REQUEST(
                "Logout failed because query parameter post_logout_redirect_uri is not a "
                "whitelisted as a post_logout_redirect_uri for the client."
            )
        said = request.form.get("state")
        return set_query(wanted, state=said) if said else wanted

    def _ask(
        self,
        request: Request,
        *,
        subject: str,
        session_id: str,
        redirect_to: str,
        client: Client | None = None,
    ) -> Response:
        now, stored = self._state.seconds(), self._state.profile.stores_logout_requests
        dated = client is None or not stored  # 2.3 puts no date on what an app asked for
        device = self._state.profile.has_device_flow
        flow = LogoutFlow(
            id=self._state.uuid(),
            verifier=self._state.uuid(),
            subject=subject,
            session_id=session_id,
            request_url=request.target,
            client=client.snapshot(device=device) if client else None,
            rp_initiated=client is not None,
            redirect_to=redirect_to,
            requested_at=now if dated else None,
            expires_at=now + self._state.config.ttl_login_consent_request if dated else None,
        )
        if stored:
            self._state.logouts[flow.id] = flow
            challenge = flow.id
        else:
            challenge = self._state.sealer.seal(_CHALLENGE, flow)
        return redirect(set_query(self._state.config.logout_url, logout_challenge=challenge))

    def _complete(self, request: Request, verifier: str) -> Response:
        flow = self._verified(verifier)
        if not flow.rp_initiated:
            session = current_session(request, self._state)
            if session is None or session.subject != flow.subject:
                return redirect(flow.redirect_to)
        frames = self._frames(flow)
        self.sign_out(flow.subject, flow.session_id)
        self._state.delete_login_session(flow.session_id)
        if frames:
            html = pages.front_channel(target=flow.redirect_to, frames=frames)
            return page(html).adding(end_cookie(self._state))
        return redirect(flow.redirect_to).adding(end_cookie(self._state))

    def _verified(self, verifier: str) -> LogoutFlow:
        if self._state.profile.stores_logout_requests:
            accepted = (f for f in self._state.logouts.values() if f.accepted and not f.rejected)
            flow = next((f for f in accepted if f.verifier == verifier), None)
        else:
            flow = self._unsealed(_VERIFIER, verifier)
        if flow is None:
            raise CHALLENGE_UNKNOWN()
        flow.used = True
        if flow.expires_at is not None and flow.expires_at < self._state.now():
            raise REQUEST_UNAUTHORIZED("The logout request has expired, please try again.")
        return flow

    def _frames(self, flow: LogoutFlow) -> list[str]:
        session = {"iss": self._state.config.public_url, "sid": flow.session_id}
        uris = (c.frontchannel_logout_uri for c in self._clients_of(flow.subject, flow.session_id))
        return [set_query(uri, **session) for uri in uris if uri]

    def sign_out(self, subject: str, session_id: str) -> None:
        """Tell the apps that took part in the session, and wait for none of them."""
        calls = [
            (
                client.backchannel_logout_uri,
                backchannel.logout_token(client, session_id, self._state),
            )
            for client in self._clients_of(subject, session_id)
            if backchannel.may_call(client.backchannel_logout_uri)
        ]
        if calls:
            self._state.spawn(backchannel.notify(calls))

    def _clients_of(self, subject: str, session_id: str) -> list[Client]:
        ids = {
            consent.flow.client_id
            for consent in self._state.consents.values()
            if consent.flow.subject == subject and consent.login_session_id == session_id
        }
        return [client for i in sorted(ids) if (client := self._state.find_client(i))]

    # --- the admin side

    def get(self, request: Request) -> Response:
        challenge = _challenge_of(request)
        flow = self._find(challenge)
        if flow.rejected:
            raise NOT_FOUND()
        if flow.used:
            return answer({"redirect_to": flow.request_url}, 410)
        return answer(
            {
                "challenge": challenge,
                "subject": flow.subject,
                "sid": flow.session_id,
                "request_url": flow.request_url,
                "rp_initiated": flow.rp_initiated,
                "expires_at": _moment(flow.expires_at),
                "requested_at": _moment(flow.requested_at),
                "client": flow.client,
            }
        )

    def accept(self, request: Request) -> Response:
        flow = self._find(_challenge_of(request))
        flow.accepted, flow.rejected = True, False
        verifier = flow.verifier
        if not self._state.profile.stores_logout_requests:
            verifier = self._state.sealer.seal(_VERIFIER, flow)
        at = f"{self._state.config.public_url}/oauth2/sessions/logout"
        return answer({"redirect_to": set_query(at, logout_verifier=verifier)})

    def reject(self, request: Request) -> Response:
        challenge = _challenge_of(request)
        if self._state.profile.stores_logout_requests and challenge not in self._state.logouts:
            raise CHALLENGE_UNKNOWN()
        flow = self._find(challenge)
        flow.accepted, flow.rejected = False, True
        return no_content()

    def _find(self, challenge: str) -> LogoutFlow:
        """The request: a row in 2.3; in 26 a snapshot, which a rejection leaves as it is."""
        if self._state.profile.stores_logout_requests:
            row = self._state.logouts.get(challenge)
            if row is None:
                raise NOT_FOUND()
            return row
        flow = self._unsealed(_CHALLENGE, challenge)
        if flow is None:
            if _is_uuid(challenge):  # taken for a row of an earlier release
                raise REQUEST_UNAUTHORIZED("The logout request has expired, please try again.")
            raise CHALLENGE_UNKNOWN()
        if flow.expires_at is not None and flow.expires_at < self._state.now():
            raise REQUEST_UNAUTHORIZED("The logout request has expired, please try again.")
        return flow

    def _unsealed(self, kind: str, sealed: str) -> LogoutFlow | None:
        try:
            return self._state.sealer.open(kind, sealed, LogoutFlow)
        except SealBrokenError:
            return None


def _challenge_of(request: Request) -> str:
    return request.query.get("logout_challenge") or request.query.get("challenge")


def _claim(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise INVALID_REQUEST(
            f"Logout failed because query parameter id_token_hint is missing {name} claim."
        )
    return value


def _moment(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
