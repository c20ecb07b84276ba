"""The checks of an ID token, each with its own words: what was found, and what it means.

A check that fails does not hide the next one, so that the page can list them all. The order is that
of OpenID Connect Core 3.1.3.7.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from portal.dev.relying_party.http import ProviderError
from portal.dev.relying_party.words import moment, one_line

LEEWAY: Final = 30
"""Seconds that the clocks of Ory and of this machine may differ."""
MAX_TOKEN: Final = 64 * 1024
MAX_SUBJECT: Final = 255
HASHES: Final = {
    **{
        f"{family}{bits}": f"sha{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)
    },
    "EdDSA": "sha512",
    "Ed25519": "sha512",
}
"""The signatures that are accepted, each with its hash: all of key pairs. ``none`` is no signature,
and HS256 would let anybody sign who knows the public key.
"""
KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
Claims = dict[str, Any]
Keys = Callable[..., Awaitable[KeySet]]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at, and what came of it."""

    name: str
    passed: bool | None
    """None: worth knowing, and no reason to refuse."""
    words: str


def passed(name: str, words: str) -> Check:
    """It is as it should be."""
    return Check(name=name, passed=True, words=words)


def failed(name: str, words: str) -> Check:
    """It is not, and nothing that came with it may be used."""
    return Check(name=name, passed=False, words=words)


def noted(name: str, words: str) -> Check:
    """It is worth knowing, and no reason to refuse."""
    return Check(name=name, passed=None, words=words)


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A JWT as anybody can read it, signed or not."""

    header: Claims
    claims: Claims


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the ID token has to agree with."""

    issuer: str
    client_id: str
    access_token: str
    nonce: str
    nonce_required: bool = True
    started_at: float = 0
    max_age: int | None = None
    fresh: bool = False
    """``prompt=login``: signed in after the request, not before."""
    subject: str | None = None
    """Who the first ID token of this flow was about."""
    acr_values: str = ""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """An ID token with all its checks."""

    decoded: Decoded | None
    checks: tuple[Check, ...]
    passed: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "passed", all(check.passed is not False for check in self.checks))


def decode(token: str) -> Decoded | None:
    """Read a JWT without believing it; None if it is none."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_TOKEN:
        return None
    header, claims = _json_part(parts[0]), _json_part(parts[1])
    return None if header is None or claims is None else Decoded(header=header, claims=claims)


async def verify(
    token: str, expected: Expected, *, keys: Keys, now: float | None = None
) -> Verified:
    """Judge an ID token; nothing in it may be used unless all checks passed."""
    decoded = decode(token)
    if decoded is None:
        words = "The ID token is no signed token (JWT) that can be read."
        return Verified(decoded=None, checks=(failed("form", words),))
    signature = await check_signature(token, decoded.header, keys=keys)
    now = time.time() if now is None else now
    return Verified(decoded=decoded, checks=(signature, *_claim_checks(decoded, expected, now=now)))


async def check_signature(token: str, header: Mapping[str, Any], *, keys: Keys) -> Check:
    """Verify the signature with Ory's published keys; if one is missing, they are read again."""
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in HASHES:
        said = one_line(str(algorithm), 40)
        return failed(
            "signature",
            f"It is signed with “{said}”, which proves nothing: anybody could have made it.",
        )
    try:
        key = _find(await keys(), kid, algorithm) or _find(await keys(again=True), kid, algorithm)
    except ProviderError as exc:
        return failed("signature", f"It cannot be checked: {exc}")
    if key is None:
        return failed("signature", "It names a key that Ory does not publish.")
    try:
        jwt.decode(token, key, algorithms=[algorithm])
    except (JoseError, ValueError) as exc:
        words = (
            f"It does not fit Ory's key ({type(exc).__name__}): the token was changed or forged."
        )
        return failed("signature", words)
    return passed("signature", f"Signed by Ory ({algorithm}) with a key that it publishes.")


def _find(keys: KeySet, kid: object, algorithm: str) -> Key | None:
    kind = KEY_TYPES[algorithm[:2]]
    fitting = [
        key
        for key in keys.keys
        if key.key_type == kind and key.as_dict().get("use", "sig") == "sig"
    ]
    if kid is None:
        return fitting[0] if len(fitting) == 1 else None
    return next((key for key in fitting if key.kid == kid), None)


def _claim_checks(decoded: Decoded, expected: Expected, *, now: float) -> Iterator[Check]:
    claims = decoded.claims
    yield _issuer(claims, expected)
    yield _subject(claims, expected)
    yield from _audience(claims, expected)
    yield from _times(claims, now)
    yield _nonce(claims, expected)
    yield _at_hash(decoded, expected)
    if expected.max_age is not None or expected.fresh:
        yield _auth_time(claims, expected, now)
    if expected.acr_values or "acr" in claims:
        yield _acr(claims, expected)


def _issuer(claims: Claims, expected: Expected) -> Check:
    found = claims.get("iss")
    if found == expected.issuer:
        return passed("iss", f"Issued by {expected.issuer}, as configured.")
    return failed("iss", f"Issued by {_shown(found)}, not by {expected.issuer}.")


def _subject(claims: Claims, expected: Expected) -> Check:
    found = claims.get("sub")
    if not isinstance(found, str) or not 0 < len(found) <= MAX_SUBJECT:
        return failed("sub", "It does not say who signed in (sub).")
    if expected.subject is not None and found != expected.subject:
        return failed("sub", f"It is about {_shown(found)}, but the first one was not.")
    same = ", as the first ID token" if expected.subject is not None else ""
    return passed("sub", f"About {_shown(found)}{same}.")


def _audience(claims: Claims, expected: Expected) -> Iterator[Check]:
    found = claims.get("aud")
    audience = [found] if isinstance(found, str) else found
    if not isinstance(audience, list) or expected.client_id not in audience:
        yield failed("aud", f"It is meant for {_shown(found)}, not for this client.")
        return
    yield passed("aud", "Meant for this client.")
    party = claims.get("azp")
    if party is None and len(audience) == 1:
        return
    if party == expected.client_id:
        yield passed("azp", "Asked for by this client.")
    else:
        words = f"It is for several clients, and asked for by {_shown(party)}, not by this one."
        yield failed("azp", words)


def _times(claims: Claims, now: float) -> Iterator[Check]:
    expires, issued = _number(claims.get("exp")), _number(claims.get("iat"))
    if expires is None:
        yield failed("exp", "It does not say until when it is valid (exp).")
    elif expires + LEEWAY <= now:
        yield failed("exp", f"It expired at {moment(expires)}.")
    else:
        yield passed("exp", f"Valid until {moment(expires)}.")
    if issued is None:
        yield failed("iat", "It does not say when it was issued (iat).")
    elif issued - LEEWAY > now:
        words = f"It was issued in the future, at {moment(issued)}: a clock is wrong."
        yield failed("iat", words)
    else:
        yield passed("iat", f"Issued at {moment(issued)}.")
    not_before = claims.get("nbf")
    if not_before is not None:
        number = _number(not_before)
        if number is None or number - LEEWAY > now:
            yield failed("nbf", "It is not valid yet.")


def _nonce(claims: Claims, expected: Expected) -> Check:
    found = claims.get("nonce")
    if found is None and not expected.nonce_required:
        return noted("nonce", "Has no nonce, and need not have one here.")
    if isinstance(found, str) and _same(found, expected.nonce):
        return passed("nonce", "Made for this very attempt (nonce).")
    words = "The nonce is not that of this attempt: the token belongs to another sign-in."
    return failed("nonce", words)


def _at_hash(decoded: Decoded, expected: Expected) -> Check:
    found, algorithm = decoded.claims.get("at_hash"), decoded.header.get("alg")
    if found is None:
        words = "Does not name its access token (at_hash), which OpenID Connect allows here."
        return noted("at_hash", words)
    name = HASHES.get(algorithm) if isinstance(algorithm, str) else None
    if name and isinstance(found, str):
        digest = hashlib.new(name, expected.access_token.encode()).digest()
        right = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
        if _same(found, right):
            return passed("at_hash", "Belongs to the access token beside it (at_hash).")
    return failed("at_hash", "It belongs to another access token (at_hash).")


def _auth_time(claims: Claims, expected: Expected, now: float) -> Check:
    found = _number(claims.get("auth_time"))
    if found is None:
        return failed("auth_time", "It does not say when the person signed in (auth_time).")
    if found - LEEWAY > now:
        return failed("auth_time", "The person signed in in the future: a clock is wrong.")
    oldest = expected.started_at - (0 if expected.fresh else expected.max_age or 0)
    asked = "prompt=login" if expected.fresh else f"max_age={expected.max_age}"
    if found + LEEWAY < oldest:
        words = f"Signed in at {moment(found)}, which is too long ago for {asked}."
        return failed("auth_time", words)
    return passed("auth_time", f"Signed in at {moment(found)}, as {asked} demands.")


def _acr(claims: Claims, expected: Expected) -> Check:
    found, wanted = claims.get("acr"), expected.acr_values.split()
    if not wanted:
        return noted("acr", f"The sign-in was of level {_shown(found)} (acr).")
    if found in wanted:
        return passed("acr", f"The sign-in was of level {_shown(found)}, as asked (acr).")
    words = f"The sign-in was of level {_shown(found)} (acr); asked was {expected.acr_values}, "
    return noted("acr", words + "which is a wish and no condition.")


def _same(one: str, other: str) -> bool:
    """Compare in constant time; JSON may hold halves of characters that UTF-8 cannot say."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


def _number(value: object) -> float | None:
    """A time in seconds; ``true`` is none, nor is infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e12 else None


def _shown(value: object) -> str:
    return "nobody (it is missing)" if value is None else f"“{one_line(str(value), 120)}”"


def _json_part(part: str) -> Claims | None:
    try:
        padded = part.encode("ascii") + b"=" * (-len(part) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
