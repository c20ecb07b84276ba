"""What a token is worth: introspection for the admin side, ``/userinfo`` for apps."""

from typing import Any, Final

from portal.dev.standin.errors import (
    INVALID_REQUEST,
    REQUEST_UNAUTHORIZED,
    OAuthError,
    unrecognizable,
)
from portal.dev.standin.http import (
    NO_CACHE,
    Request,
    Response,
    answer,
    no_content,
    refusal,
    to_json,
    token_answer,
)
from portal.dev.standin.scopes import STRATEGIES
from portal.dev.standin.state import State, Token

_NOT_TOLD: Final = frozenset(("nonce", "at_hash", "c_hash", "exp", "sid", "jti"))


class Introspection:
    """Looks tokens up; the signature of a JWT proves nothing here, only that it was not revoked."""

    def __init__(self, state: State) -> None:
        self._state = state

    def introspect(self, request: Request) -> Response:
        """RFC 7662."""
        if not request.post:
            error = INVALID_REQUEST("The POST body can not be empty.")
            return token_answer(error.document(), error.status)
        token = self._find_alive(request.post.get("token"))
        if token is None or not self._covers(token, request.post.words("scope")):
            return token_answer({"active": False})
        kind = ("content-type", "application/json;charset=UTF-8")
        return Response(headers=(NO_CACHE, kind), body=to_json(self._describe(token)))

    def _find_alive(self, value: str) -> Token | None:
        for found in (
            self._state.find_token("access", value),
            self._state.find_token("refresh", value),
        ):
            if found and self._state.is_alive(found):
                return found
        return None

    def _covers(self, token: Token, scope: list[str]) -> bool:
        covers = STRATEGIES[self._state.config.scope_strategy]
        return all(covers(token.authorization.scope, wanted) for wanted in scope)

    def _describe(self, token: Token) -> dict[str, Any]:
        of = token.authorization
        document = {
            "active": True,
            "scope": " ".join(of.scope),
            "client_id": of.client_id,
            "sub": of.subject,
            "exp": token.expires_at if token.expires_at is not None else -62135596800,
            "iat": token.issued_at,
            "nbf": token.issued_at,
            "aud": list(of.audience),
            "iss": self._state.config.public_url,
            "token_type": "Bearer",
            "token_use": "access_token" if token.kind == "access" else "refresh_token",
            "ext": of.extra,
        }
        return {n: v for n, v in document.items() if v or n not in {"scope", "ext"}}

    def userinfo(self, request: Request) -> Response:
        """Claims about the person (OpenID Connect Core, 5.3)."""
        value = request.bearer() or request.form.get("access_token")
        token = self._find_alive(value)
        if token is None:
            return _unauthorized(REQUEST_UNAUTHORIZED())
        if token.kind != "access":
            words = "Only access tokens are allowed in the authorization header."
            told = OAuthError("invalid_token", words, status=401)
            return refusal(unrecognizable(401)).adding(_challenge(told))
        client = self._state.find_client(token.authorization.client_id)
        claims = {n: v for n, v in token.authorization.id_claims.items() if n not in _NOT_TOLD}
        claims |= {"iss": self._state.config.public_url}
        claims |= {"aud": [token.authorization.client_id], "iat": token.issued_at}
        if client and client.userinfo_signed_response_alg == "RS256":
            signed = self._state.id_token_key.sign(claims | {"jti": self._state.uuid()})
            return Response(headers=(("content-type", "application/jwt"),), body=signed.encode())
        return answer(dict(sorted(claims.items())))

    def delete_tokens(self, request: Request) -> Response:
        """All access tokens of a client; its refresh tokens live on."""
        client_id = request.query.get("client_id")
        if not client_id:
            raise INVALID_REQUEST(
                "Query parameter 'client_id' is not defined but it should have been."
            )
        self._state.delete_access_tokens(client_id)
        return no_content()


def _unauthorized(error: OAuthError) -> Response:
    return refusal(error).adding(_challenge(error))


def _challenge(error: OAuthError) -> tuple[str, str]:
    words = f'Bearer error="{error.name}",error_description="{error.description}"'
    return "www-authenticate", words
