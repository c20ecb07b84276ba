"""Snapshots that travel through browsers and pages: nobody can read, change or confuse them.

As Hydra does it: JSON, packed, encrypted; what kind of snapshot it is is part of the seal.
"""

import base64
import binascii
import zlib
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

T = TypeVar("T")

_NONCE: Final = 12
_MOST: Final = 1024 * 1024


class SealBrokenError(Exception):
    """Not ours, not whole, or of another kind."""


class Sealer:
    """Seals with a key of its own: another stand-in, or this one restarted, opens nothing."""

    def __init__(self, *, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._cipher = ChaCha20Poly1305(random(32))

    def seal(self, kind: str, document: object) -> str:
        """As long as Hydra's, because the same is in it."""
        plain = zlib.compress(msgspec.json.encode(document), 9)
        nonce = self._random(_NONCE)
        return base64.urlsafe_b64encode(
            nonce + self._cipher.encrypt(nonce, plain, kind.encode())
        ).decode()

    def open(self, kind: str, sealed: str, document: type[T]) -> T:
        """The snapshot; raises ``SealBrokenError`` for anything that :meth:`seal` did not make."""
        try:
            raw = base64.b64decode(sealed.encode("ascii"), altchars=b"-_", validate=True)
            plain = self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], kind.encode())
            return msgspec.json.decode(_unpack(plain), type=document)
        except (InvalidTag, ValueError, binascii.Error, zlib.error, msgspec.MsgspecError):
            raise SealBrokenError(kind) from None


def _unpack(packed: bytes) -> bytes:
    return zlib.decompressobj().decompress(packed, _MOST)
