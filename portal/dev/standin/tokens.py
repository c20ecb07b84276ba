"""``/oauth2/token`` and ``/oauth2/revoke``."""

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any, Final

from portal.dev.standin.client import Client
from portal.dev.standin.client_authentication import authenticate
from portal.dev.standin.errors import (
    AUTHORIZATION_PENDING,
    EXPIRED_TOKEN,
    INVALID_CLIENT,
    INVALID_GRANT,
    INVALID_REQUEST,
    SCOPE_NOT_GRANTED,
    UNAUTHORIZED_CLIENT,
    OAuthError,
)
from portal.dev.standin.http import NO_STORE, Fields, Request, Response, token_answer
from portal.dev.standin.issuing import issue, may_refresh
from portal.dev.standin.scopes import STRATEGIES, check_audience, check_scopes
from portal.dev.standin.state import Authorization, State

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_VERIFIER: Final = re.compile(r"[\w.~-]*", re.ASCII)


class Tokens:
    """Answers clients."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._grants: dict[str, Callable[[Fields, Client], dict[str, Any]]] = {
            "authorization_code": self._redeem,
            "refresh_token": self._refresh,
            "client_credentials": self._own,
        }
        if state.profile.has_device_flow:
            self._grants[DEVICE_GRANT] = self._device

    def exchange(self, request: Request) -> Response:
        """The token endpoint (RFC 6749, 3.2)."""
        try:
            return token_answer(self._exchange(request))
        except OAuthError as exc:
            return token_answer(exc.document(), exc.status)

    def _exchange(self, request: Request) -> dict[str, Any]:
        form = request.post
        if not form:
            raise INVALID_REQUEST("The POST body can not be empty.")
        grant_type = form.get("grant_type")
        if not grant_type:
            raise INVALID_REQUEST("Request parameter 'grant_type' is missing")
        client = authenticate(request, self._state)
        grant = self._grants.get(grant_type)
        if grant is None:
            raise INVALID_REQUEST()
        if not client.may_use(grant_type):
            raise UNAUTHORIZED_CLIENT(
                f"The OAuth 2.0 Client is not allowed to use authorization grant '{grant_type}'."
            )
        return grant(form, client)

    def revoke(self, request: Request) -> Response:
        """RFC 7009; only a wrong client is told so."""
        try:
            if not request.post:
                raise INVALID_REQUEST()
            client = authenticate(request, self._state)
        except OAuthError as exc:
            kind = INVALID_CLIENT if exc.status == 401 else INVALID_REQUEST
            return token_answer(kind().document(), exc.status)
        value = request.post.get("token")
        for token in (
            self._state.find_token("refresh", value),
            self._state.find_token("access", value),
        ):
            if token and token.authorization.client_id == client.client_id:
                self._state.revoke_request(token.authorization.request_id)
        return Response(headers=NO_STORE)

    # --- grant types

    def _redeem(self, form: Fields, client: Client) -> dict[str, Any]:
        token = self._state.find_token("code", form.get("code"))
        if token is None:
            raise INVALID_GRANT()
        authorization = token.authorization
        if token.used:
            self._state.revoke_request(authorization.request_id)
            raise INVALID_GRANT("The authorization code has already been used.")
        if not self._state.is_alive(token):
            raise INVALID_GRANT()
        if authorization.client_id != client.client_id:
            raise INVALID_GRANT(
                "The OAuth 2.0 Client ID from this request does not match the one from the "
                "authorize request."
            )
        if authorization.redirect_uri not in {"", form.get("redirect_uri")}:
            raise INVALID_GRANT(
                'The "redirect_uri" from this request does not match the one from the authorize '
                "request."
            )
        challenge = "" if token.pkce_tried else authorization.code_challenge
        token.pkce_tried = True
        _check_verifier(challenge, authorization.code_challenge_method, form.get("code_verifier"))
        token.used = True
        return issue(
            authorization,
            client,
            grant="authorization_code",
            state=self._state,
            refreshable=may_refresh(authorization, client),
        )

    def _refresh(self, form: Fields, client: Client) -> dict[str, Any]:
        token = self._state.find_token("refresh", form.get("refresh_token"))
        if token is None:
            raise INVALID_GRANT("The refresh token is malformed or not valid.")
        authorization = token.authorization
        if token.used:
            self._state.revoke_request(authorization.request_id)
            raise INVALID_GRANT("The refresh token was already used.")
        if not self._state.is_alive(token):
            raise INVALID_GRANT("The refresh token expired.")
        if authorization.client_id != client.client_id:
            raise INVALID_GRANT(
                "The OAuth 2.0 Client ID from this request does not match the ID during the "
                "initial token issuance."
            )
        if not may_refresh(authorization, client):
            raise SCOPE_NOT_GRANTED(
                "The OAuth 2.0 Client was not granted scope offline or offline_access and may thus "
                "not perform the 'refresh_token' authorization grant."
            )
        check_scopes(self._covers, client.scopes, authorization.scope)
        check_audience(client.audience, authorization.audience)
        self._state.revoke_request(authorization.request_id)
        return issue(
            authorization, client, grant="refresh_token", state=self._state, refreshable=True
        )

    def _own(self, form: Fields, client: Client) -> dict[str, Any]:
        scope, audience = form.words("scope"), form.words("audience")
        check_scopes(self._covers, client.scopes, scope)
        check_audience(client.audience, audience)
        if client.is_public:
            raise INVALID_GRANT(
                "The OAuth 2.0 Client is marked as public and is thus not allowed to use "
                "authorization grant 'client_credentials'."
            )
        authorization = Authorization(
            request_id=self._state.uuid(),
            client_id=client.client_id,
            subject=client.client_id,
            scope=tuple(scope),
            audience=tuple(audience),
        )
        return issue(authorization, client, grant="client_credentials", state=self._state)

    def _device(self, form: Fields, client: Client) -> dict[str, Any]:
        waiting = self._state.device_requests.get(form.get("device_code"))
        if waiting is None or waiting.used or waiting.revoked:
            raise INVALID_GRANT()
        if waiting.client_id != client.client_id:
            raise INVALID_GRANT(
                "The OAuth 2.0 Client ID from this request does not match the one from the "
                "authorize request."
            )
        if waiting.expires_at < self._state.now():
            raise EXPIRED_TOKEN()
        if waiting.authorization is None:
            raise AUTHORIZATION_PENDING()
        waiting.used = True
        return issue(
            waiting.authorization,
            client,
            grant="device_authorization",
            state=self._state,
            refreshable=may_refresh(waiting.authorization, client),
        )

    def _covers(self, allowed: Any, scope: str) -> bool:
        return STRATEGIES[self._state.config.scope_strategy](allowed, scope)


def _check_verifier(challenge: str, method: str, verifier: str) -> None:
    """PKCE (RFC 7636, 4.6)."""
    if not challenge and not verifier:
        return
    if not challenge:
        raise INVALID_GRANT("Unable to find initial PKCE data tied to this request")
    if len(verifier) < 43:
        raise INVALID_GRANT("The PKCE code verifier must be at least 43 characters.")
    if len(verifier) > 128:
        raise INVALID_GRANT("The PKCE code verifier can not be longer than 128 characters.")
    if not _VERIFIER.fullmatch(verifier):
        raise INVALID_GRANT(
            "The PKCE code verifier must only contain [a-Z], [0-9], '-', '.', '_', '~'."
        )
    if _challenge_of(verifier, method) != challenge:
        raise INVALID_GRANT("The PKCE code challenge did not match the code verifier.")


def _challenge_of(verifier: str, method: str) -> str:
    if method != "S256":
        return verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
