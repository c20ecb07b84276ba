"""What has to be read again and must not lie open in the database: sealed with the portal's keys.

AES-256-GCM (NIST SP 800-38D) under a key made from ``SECRET_KEY``. The first key seals, all open;
a sealed text names its key, so that it can be sealed anew before a key is dropped.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.settings import Secret

NONCE_BYTES: Final = 12
KEY_ID_LENGTH: Final = 8


class UnsealableError(Exception):
    """The text was sealed with a key that is gone, for another purpose, or was changed."""


class Sealer:
    """Seals texts, each for one purpose: what was sealed for another one does not open."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        derived = [hashlib.sha256(b"seal:" + key.reveal().encode()).digest() for key in keys]
        self._keys = {hashlib.sha256(key).hexdigest()[:KEY_ID_LENGTH]: key for key in derived}
        self.key_id: Final = next(iter(self._keys))
        """Of the key that seals; a sealed text begins with it."""

    def seal(self, text: str, purpose: str) -> str:
        """Seal *text*; the same text is sealed differently each time."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self._keys[self.key_id]).encrypt(nonce, text.encode(), purpose.encode())
        return f"{self.key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, purpose: str) -> str:
        """Give back what :meth:`seal` was given, or raise :class:`UnsealableError`."""
        key_id, _, packed = sealed.partition(".")
        try:
            raw = base64.b64decode(packed.encode("ascii"), altchars=b"-_", validate=True)
            text = AESGCM(self._keys[key_id]).decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose.encode()
            )
        except (KeyError, ValueError, InvalidTag) as exc:
            raise UnsealableError("this cannot be opened with the keys of this portal") from exc
        return text.decode()

    def is_outdated(self, sealed: str) -> bool:
        """Whether it should be sealed anew, with the first key."""
        return not sealed.startswith(f"{self.key_id}.")
