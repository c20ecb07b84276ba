"""What a client asked for in its authorization request, as far as its address tells."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec

_AUTHORITY = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
DEVICE_PATH = "/oauth2/device/verify"
"""Where Ory's part of a device flow is, below its public base."""


def origin_of(address: str) -> str | None:
    """Scheme, host and port of an absolute http(s) address, as browsers compare them; else None.

    Anything that a browser might read otherwise than Python does (blanks, control characters,
    backslashes, user names, anything not ASCII) has no origin here, so it equals no origin either.
    """
    parts = _split(address)
    authority = _AUTHORITY.fullmatch(parts.netloc) if parts else None
    if parts is None or authority is None or parts.scheme not in _DEFAULT_PORTS:
        return None
    origin = f"{parts.scheme}://{authority['host'].lower()}"
    port = (authority["port"] or "").lstrip("0")
    return origin if port in ("", _DEFAULT_PORTS[parts.scheme]) else f"{origin}:{port}"


def _split(address: str) -> SplitResult | None:
    if not address.isascii() or not address.isprintable() or " " in address or "\\" in address:
        return None
    try:
        return urlsplit(address)
    except ValueError:
        return None


class AuthorizationParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of an authorization request that the portal has to honour itself.

    Ory merges the claims of a request object (``request=``, a JWT) over the query before it acts;
    it has verified the JWT, so here it is only decoded.
    """

    prompt: frozenset[str]
    acr_values: tuple[str, ...] = ()
    """What the sign-in should reach, one of them being enough (OpenID Connect Core, 3.1.2.1)."""
    redirect_uri: str | None
    has_query: bool
    """False: the client used POST, and Ory loses all parameters on the way back."""
    by_reference: bool
    """The parameters lie elsewhere (``request_uri``, or a JWT that only Ory can read).

    Their prompt cannot be known: take it for ``login``. Nor can their redirect URI.
    """
    is_device: bool
    """Then nothing else counts: a device sends no such request (RFC 8628), and whatever stands in
    the address was put there by whoever made the link.
    """

    @classmethod
    def of(cls, request_url: str) -> Self:
        parts = _split_leniently(request_url)
        if parts.path.endswith(DEVICE_PATH):
            return cls(
                prompt=frozenset(),
                redirect_uri=None,
                has_query=bool(parts.query),
                by_reference=False,
                is_device=True,
            )
        query = {name: values[0] for name, values in _query(parts.query).items()}
        claims = _claims_of(query["request"]) if "request" in query else {}
        merged = query | {name: str(value) for name, value in (claims or {}).items()}
        by_reference = "request_uri" in merged or claims is None
        return cls(
            prompt=frozenset(merged.get("prompt", "").split()),
            acr_values=tuple(merged.get("acr_values", "").split()),
            redirect_uri=None if by_reference else merged.get("redirect_uri") or None,
            has_query=bool(parts.query),
            by_reference=by_reference,
            is_device=False,
        )


def _split_leniently(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")


def _query(text: str) -> Mapping[str, list[str]]:
    return parse_qs(text, keep_blank_values=True, errors="replace")


def _claims_of(token: str) -> dict[str, Any] | None:
    """Decode a signed JWT without a look at its signature; None if it cannot be read."""
    pieces = token.split(".")
    if len(pieces) != 3:
        return None
    try:
        text = base64.urlsafe_b64decode(pieces[1] + "=" * (-len(pieces[1]) % 4))
        return msgspec.json.decode(text, type=dict[str, Any])
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError):
        return None
