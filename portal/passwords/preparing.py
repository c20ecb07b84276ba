"""The bytes of a password."""

import hmac
import unicodedata
from typing import Final

from portal.settings import Pepper

MAX_PASSWORD_BYTES: Final = 1_024


class PasswordTooLongError(ValueError):
    """Longer than any password that was ever accepted; nothing was hashed."""

    def __init__(self) -> None:
        super().__init__(f"a password has at most {MAX_PASSWORD_BYTES} bytes")


def prepare(password: str) -> bytes:
    """Bring the same typed password to the same bytes on every keyboard: NFC (RFC 8265, 4.2).

    Nothing else changes; NUL counts like any character. A lone surrogate, which no keyboard makes,
    is kept apart from every real character. What is too long is refused before it is hashed.
    """
    if len(password) > MAX_PASSWORD_BYTES * 3:  # NFC never makes a text three times shorter
        raise PasswordTooLongError
    prepared = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    if len(prepared) > MAX_PASSWORD_BYTES:
        raise PasswordTooLongError
    return prepared


def peppered(prepared: bytes, pepper: Pepper) -> bytes:
    """Mix in *pepper*: what comes out is worth nothing to whoever lacks its key."""
    return hmac.digest(pepper.key.reveal().encode(), prepared, "sha256")
