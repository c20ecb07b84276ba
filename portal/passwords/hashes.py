"""Stored hashes, of this portal and of others: what they are, what they cost, whether a password
is theirs.

What is understood is what `docs/passwords.md` lists. Nothing is verified that costs more than
:mod:`portal.passwords.costs` allows.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection
from typing import Any, Final

import argon2
import bcrypt
import msgspec

from portal.passwords.costs import Cost, scrypt

MAX_HASH: Final = 2_048
"""Characters. The longest that anybody stores has a few hundred."""
UNKNOWN_KIND: Final = "?"
"""What stands in the database where :func:`kind_of` knows none."""
_BCRYPT_BYTES: Final = 72
"""All that bcrypt ever looked at; whoever made the hash cut the rest off, so it is cut off here."""
_PEPPERED: Final = re.compile(r"pepper:([A-Za-z0-9_-]{1,16}):(\$argon2id\$.+)", re.ASCII)
_ARGON2: Final = re.compile(
    r"(?:argon2)?\$(argon2(?:id|i|d))(?:\$v=(16|19))?\$m=([0-9]{1,10}),t=([0-9]{1,10}),"
    r"p=([0-9]{1,5})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)",
    re.ASCII,
)
_BCRYPT: Final = re.compile(
    r"(bcrypt\$|bcrypt_sha256\$)?(\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53})", re.ASCII
)
_DJANGO_PBKDF2: Final = re.compile(
    r"pbkdf2_(sha1|sha256|sha512)\$([0-9]{1,10})\$([^$]{1,256})\$([A-Za-z0-9+/]+=*)", re.ASCII
)
_DJANGO_SCRYPT: Final = re.compile(
    r"scrypt\$([0-9]{1,10})\$([^$]{1,256})\$([0-9]{1,5})\$([0-9]{1,5})\$([A-Za-z0-9+/]+=*)",
    re.ASCII,
)
_PHC_PBKDF2: Final = re.compile(
    r"\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?([0-9]{1,10})(?:,l=([0-9]{1,5}))?"
    r"\$([A-Za-z0-9+/.]+=*)\$([A-Za-z0-9+/.]+=*)",
    re.ASCII,
)
_PHC_SCRYPT: Final = re.compile(
    r"\$scrypt\$ln=([0-9]{1,10}),r=([0-9]{1,5}),p=([0-9]{1,5})"
    r"\$([A-Za-z0-9+/.]+=*)\$([A-Za-z0-9+/.]+=*)",
    re.ASCII,
)


class UnusableHashError(ValueError):
    """A hash that nobody could sign in with here; the message says why, without the hash."""


class StoredHash(msgspec.Struct, frozen=True, kw_only=True):
    """A stored hash that can be verified."""

    cost: Cost
    matches: Callable[[bytes], bool]
    """One run of the algorithm. Raises ValueError for a hash that is damaged."""
    phc: str | None = None
    """An argon2 hash as argon2-cffi reads it."""
    pepper: str | None = None
    """The name of the pepper that it was made with."""

    @property
    def takes_typed(self) -> bool:
        """Whether the password is compared as it was typed: other systems do not compose it, but
        for argon2 nobody can tell whose hash it is.
        """
        return self.phc is None


def read(stored_hash: str) -> StoredHash:
    """Understand a stored hash; :class:`UnusableHashError` for what is none or costs too much."""
    if len(stored_hash) > MAX_HASH:
        raise UnusableHashError("the hash is too long for one")
    try:
        found = _read(stored_hash)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as exc:
        if isinstance(exc, UnusableHashError):
            raise
        raise UnusableHashError("the hash is damaged") from exc
    if found is None:
        raise UnusableHashError("this kind of hash is not known; see docs/passwords.md")
    return found


def kind_of(stored_hash: str) -> str | None:
    """Name algorithm and parameters of *stored_hash*, in at most 64 characters; what costs alike is
    called alike. ``None`` for what cannot be verified.
    """
    try:
        return read(stored_hash).cost.kind
    except UnusableHashError:
        return None


def check_foreign(stored_hash: str, *, peppers: Collection[str] = ()) -> str:
    """Name the kind of a hash that shall be stored, or raise :class:`UnusableHashError`: it is no
    hash, costs more than this machine should bear, or needs a pepper that is not one of *peppers*.
    """
    found = read(stored_hash)
    if found.cost.is_absurd:
        raise UnusableHashError("verifying this hash would cost too much")
    if found.pepper is not None and found.pepper not in peppers:
        raise UnusableHashError("the hash needs a pepper that is not configured here")
    return found.cost.kind


def with_pepper(phc: str, pepper: str | None) -> str:
    """Make the text to store of an own hash: it says which pepper it needs."""
    return phc if pepper is None else f"pepper:{pepper}:{phc}"


def _read(text: str) -> StoredHash | None:
    if found := _PEPPERED.fullmatch(text):
        return msgspec.structs.replace(_argon2(found[2]), pepper=found[1])
    if text.startswith(("$argon2", "argon2$")):
        return _argon2(text)
    for pattern, understand in _FORMATS:
        if found := pattern.fullmatch(text):
            return understand(found)
    return _keycloak(text) if text.startswith("{") else None


def _argon2(text: str) -> StoredHash:
    found = _ARGON2.fullmatch(text)
    if found is None:
        raise UnusableHashError("the hash is damaged")
    salt, tag = found[6], found[7]
    well_made = 8 <= len(_unpacked(salt)) <= 64 and 12 <= len(_unpacked(tag)) <= 64
    if not well_made or any(_packed(_unpacked(part)) != part for part in (salt, tag)):
        raise UnusableHashError("the hash is damaged")
    phc = text[text.index("$") :]
    memory, passes, lanes = (int(found[group]) for group in (3, 4, 5))

    def matches(password: bytes) -> bool:
        try:
            return _VERIFIER.verify(phc, password)
        except argon2.exceptions.VerifyMismatchError:
            return False
        except argon2.exceptions.VerificationError as exc:
            raise UnusableHashError("the hash is damaged") from exc

    cost = Cost(found[1], {"m": memory, "t": passes, "p": lanes})
    return StoredHash(cost=cost, matches=matches, phc=phc)


def _bcrypt(found: re.Match[str]) -> StoredHash:
    text, hashed = found[2], found[1] == "bcrypt_sha256$"

    def matches(password: bytes) -> bool:
        if hashed:  # as Django does, so that every byte counts
            password = hashlib.sha256(password).hexdigest().encode()
        return bcrypt.checkpw(password[:_BCRYPT_BYTES], text.encode())

    return StoredHash(cost=Cost("bcrypt", {"c": int(found[3])}), matches=matches)


def _django_pbkdf2(found: re.Match[str]) -> StoredHash:
    return _pbkdf2(found[1], int(found[2]), found[3].encode(), _unpacked(found[4]))


def _django_scrypt(found: re.Match[str]) -> StoredHash:
    numbers = {"n": int(found[1]), "r": int(found[3]), "p": int(found[4])}
    return _scrypt(numbers, found[2].encode(), _unpacked(found[5]))


def _phc_pbkdf2(found: re.Match[str]) -> StoredHash:
    key = _unpacked(found[5])
    if found[3] is not None and int(found[3]) != len(key):
        raise UnusableHashError("the hash is damaged")
    return _pbkdf2(found[1] or "sha1", int(found[2]), _unpacked(found[4]), key)


def _phc_scrypt(found: re.Match[str]) -> StoredHash:
    logarithm = int(found[1])
    n = 2**logarithm if logarithm < 64 else logarithm  # Ory writes N itself there
    numbers = {"n": n, "r": int(found[2]), "p": int(found[3])}
    return _scrypt(numbers, _unpacked(found[4]), _unpacked(found[5]))


def _pbkdf2(digest: str, iterations: int, salt: bytes, key: bytes) -> StoredHash:
    _check_sizes(salt, key)
    blocks = -(-len(key) // hashlib.new(digest).digest_size)

    def matches(password: bytes) -> bool:
        made = hashlib.pbkdf2_hmac(digest, password, salt, iterations, len(key))
        return hmac.compare_digest(made, key)

    cost = Cost(f"pbkdf2-{digest}", {"i": iterations, "b": blocks})
    return StoredHash(cost=cost, matches=matches)


def _scrypt(numbers: dict[str, int], salt: bytes, key: bytes) -> StoredHash:
    _check_sizes(salt, key)

    def matches(password: bytes) -> bool:
        return hmac.compare_digest(scrypt(password, salt, numbers, len(key)), key)

    return StoredHash(cost=Cost("scrypt", numbers), matches=matches)


def _keycloak(text: str) -> StoredHash | None:
    """A password credential as Keycloak exports it: one object, or two texts of JSON in one."""
    document: Any = json.loads(text)
    fields = dict(document)
    for part in ("credentialData", "secretData"):
        if part in fields:
            inner = fields.pop(part)
            fields |= json.loads(inner) if isinstance(inner, str) else inner
    algorithm = fields["algorithm"]
    if algorithm == "argon2":
        return _argon2(_keycloak_argon2(fields))
    digest = {
        "pbkdf2": "sha1",
        "pbkdf2-sha256": "sha256",
        "pbkdf2-sha512": "sha512",
    }.get(algorithm)
    iterations = fields["hashIterations"]
    if digest is None or not isinstance(iterations, int):
        return None
    return _pbkdf2(digest, iterations, _unpacked(fields["salt"]), _unpacked(fields["value"]))


def _keycloak_argon2(fields: dict[str, Any]) -> str:
    more = {name: values[0] for name, values in fields["additionalParameters"].items()}
    version = {"1.0": 16, "1.3": 19}[more.get("version", "1.3")]
    salt, tag = _packed(_unpacked(fields["salt"])), _packed(_unpacked(fields["value"]))
    numbers = f"m={more['memory']},t={fields['hashIterations']},p={more['parallelism']}"
    return f"$argon2{more['type']}$v={version}${numbers}${salt}${tag}"


def _check_sizes(salt: bytes, key: bytes) -> None:
    if not 16 <= len(key) <= 512 or not 1 <= len(salt) <= 256:
        raise UnusableHashError("the hash is damaged")


def _unpacked(text: str) -> bytes:
    """Decode base64, padded or not, also with the dots of passlib."""
    bare = text.rstrip("=").replace(".", "+")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error as exc:
        raise UnusableHashError("the hash is damaged") from exc


def _packed(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


_FORMATS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], StoredHash]], ...]] = (
    (_BCRYPT, _bcrypt),
    (_DJANGO_PBKDF2, _django_pbkdf2),
    (_DJANGO_SCRYPT, _django_scrypt),
    (_PHC_PBKDF2, _phc_pbkdf2),
    (_PHC_SCRYPT, _phc_scrypt),
)
_VERIFIER: Final = argon2.PasswordHasher()
"""Parameters are those of each hash that it verifies."""
