"""Look into a JWT, or check it as an app does."""

import base64
import json
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.contract.driver import Ory


def claims(token: str) -> dict[str, Any]:
    """The payload, unchecked."""
    return _part(token, 1)


def header(token: str) -> dict[str, Any]:
    return _part(token, 0)


def verified(ory: Ory, token: str) -> dict[str, Any]:
    """The payload, after its signature was checked with Ory's published keys."""
    keys = ory.public("GET", "/.well-known/jwks.json").json()
    return dict(jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"]).claims)


def _part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    return dict(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))
