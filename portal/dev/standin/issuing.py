"""Makes tokens: opaque or JWT access tokens, refresh tokens, ID tokens."""

import base64
import hashlib
from typing import Any

from portal.dev.standin.client import Client
from portal.dev.standin.opaque import new_token
from portal.dev.standin.state import Authorization, State


def issue(
    authorization: Authorization,
    client: Client,
    *,
    grant: str,
    state: State,
    refreshable: bool = False,
) -> dict[str, Any]:
    """The answer of the token endpoint; *grant* as in the names of the client's lifespans."""
    config = state.config
    lifetime = client.lifespan(grant, "access_token", config.ttl_access_token)
    access = _access_token(authorization, client, lifetime=lifetime, state=state)
    kept = state.keep_token("access", access, authorization, lifetime=lifetime)
    answer: dict[str, Any] = {
        "access_token": access,
        "expires_in": int((kept.expires_at or 0) - state.now()),
    }
    if "openid" in authorization.scope and authorization.id_claims:
        id_lifetime = client.lifespan(grant, "id_token", config.ttl_id_token)
        answer["id_token"] = _id_token(authorization, access, lifetime=id_lifetime, state=state)
    if refreshable:
        answer["refresh_token"] = _refresh_token(authorization, client, grant=grant, state=state)
    return answer | {"scope": " ".join(authorization.scope), "token_type": "bearer"}


def may_refresh(authorization: Authorization, client: Client) -> bool:
    """Whether there is a refresh token: registered for it, and granted it."""
    return client.may_use("refresh_token") and _asks_offline(authorization.scope)


def _asks_offline(scope: tuple[str, ...]) -> bool:
    return not {"offline", "offline_access"}.isdisjoint(scope)


def _refresh_token(
    authorization: Authorization, client: Client, *, grant: str, state: State
) -> str:
    token = new_token("rt", state.random)
    default = state.config.ttl_refresh_token
    lifetime = client.lifespan(grant, "refresh_token", default)
    state.keep_token("refresh", token, authorization, lifetime=None if lifetime < 0 else lifetime)
    return token


def _access_token(
    authorization: Authorization, client: Client, *, lifetime: float, state: State
) -> str:
    strategy = client.access_token_strategy or state.config.access_token_strategy
    if strategy == "opaque":
        return new_token("at", state.random)
    now = state.seconds()
    return state.access_token_key.sign(
        {
            "aud": list(authorization.audience),
            "client_id": authorization.client_id,
            "exp": round(state.now() + lifetime),
            "ext": authorization.extra,
            "iat": now,
            "iss": state.config.public_url,
            "jti": state.uuid(),
            "nbf": now,
            "scp": list(authorization.scope),
            "sub": authorization.subject,
        }
    )


def _id_token(authorization: Authorization, access: str, *, lifetime: float, state: State) -> str:
    now = state.seconds()
    half = hashlib.sha256(access.encode()).digest()[:16]
    return state.id_token_key.sign(
        authorization.id_claims
        | {
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
            "exp": round(now + lifetime),
            "iat": now,
            "jti": state.uuid(),
        }
    )
