"""The keys that sign: one for ID tokens, one for access tokens, as Hydra has."""

import uuid
from functools import cached_property
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeyParameters, RSAKey

_BITS: Final = 2048
_ALGORITHM: Final = "RS256"


class TokenUnreadableError(Exception):
    """Not a token that this stand-in has signed; the text is Go's."""


class SigningKey:
    """Made when it is first needed, so that a stand-in starts at once."""

    @cached_property
    def _key(self) -> RSAKey:
        parameters: KeyParameters = {"use": "sig", "alg": _ALGORITHM, "kid": str(uuid.uuid4())}
        return RSAKey.generate_key(_BITS, parameters)

    def sign(self, claims: dict[str, Any]) -> str:
        header = {"alg": _ALGORITHM, "kid": self._key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self._key, algorithms=[_ALGORITHM])

    def public(self) -> dict[str, Any]:
        return dict(self._key.as_dict(private=False))

    def read(self, token: str) -> dict[str, Any]:
        """The claims of a token of ours; an expired one is as good as any."""
        if token.count(".") != 2:
            raise TokenUnreadableError("go-jose/go-jose: compact JWS format must have three parts")
        try:
            return dict(jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims)
        except (JoseError, ValueError):
            words = "go-jose/go-jose: error in cryptographic primitive"
            raise TokenUnreadableError(words) from None
