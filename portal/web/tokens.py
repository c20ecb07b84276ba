"""Form tokens: proof that a form was shown by this portal, to this browser, for this purpose.

A token is bound to the anonymous browser cookie, to the portal session if there is one, to the
form's purpose and to its challenge, and is good for as long as a challenge can be. Nothing is
stored. Each rendering has another text, so that compression cannot be used to guess it.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from portal.settings import Secret

NONCE_BYTES = 9
TIME_BYTES = 6


class FormTokens:
    """Makes and checks form tokens with a list of keys: the first signs, all verify."""

    def __init__(self, keys: Sequence[Secret], *, lifetime: int) -> None:
        self._keys = [hashlib.sha256(b"form:" + key.reveal().encode()).digest() for key in keys]
        self._lifetime = lifetime

    def make(self, *bound: str, now: float) -> str:
        """A fresh token for the parties and purposes in *bound*."""
        head = secrets.token_bytes(NONCE_BYTES) + int(now).to_bytes(TIME_BYTES, "big")
        return base64.urlsafe_b64encode(head + self._mac(self._keys[0], head, bound)).decode()

    def fits(self, token: str, *bound: str, now: float) -> bool:
        """Whether *token* was made for exactly *bound*, and not too long ago."""
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            return False
        head, mac = raw[: NONCE_BYTES + TIME_BYTES], raw[NONCE_BYTES + TIME_BYTES :]
        made = int.from_bytes(head[NONCE_BYTES:], "big")
        if not -60 <= now - made <= self._lifetime:
            return False
        matches = [hmac.compare_digest(self._mac(key, head, bound), mac) for key in self._keys]
        return any(matches)

    @staticmethod
    def _mac(key: bytes, head: bytes, bound: Sequence[str]) -> bytes:
        text = b"\x00".join(part.encode() for part in bound)
        return hmac.digest(key, head + b"\x00" + text, "sha256")
