"""What one authorization request asks for; flags and the form on the page end here."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

MAX_TEXT: Final = 2_000
PROMPTS: Final = ("none", "login", "consent", "select_account", "registration")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_MAX_AGE: Final = 10 * 365 * 86_400


class AskedError(ValueError):
    """A value that cannot be asked for; the message says which and why, in one line."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The parameters of an authorization request that somebody may choose.

    What is a list on the wire (``prompt``, ``acr_values``, ``ui_locales``) has spaces, as there.
    """

    scope: tuple[str, ...] = ("openid", "offline")
    audience: tuple[str, ...] = ()
    prompt: str = ""
    max_age: int | None = None
    acr_values: str = ""
    login_hint: str = ""
    ui_locales: str = ""
    claims: str = ""

    def __post_init__(self) -> None:
        for name in self.scope:
            if not _SCOPE.fullmatch(name):
                raise AskedError(f"scope: {name!r} is not the name of a scope.")
        for name in self.prompt.split():
            if name not in PROMPTS:
                raise AskedError(f"prompt: {name!r} is none of {', '.join(PROMPTS)}.")
        if self.max_age is not None and not 0 <= self.max_age <= _MAX_AGE:
            raise AskedError("max_age: must be a number of seconds, 0 or more.")
        if self.claims:
            _require_object(self.claims)
        for parameter, value in self.parameters().items():
            if len(value) > MAX_TEXT or not value.isprintable():
                raise AskedError(f"{parameter}: too long, or not printable.")

    def parameters(self) -> dict[str, str]:
        """Write them as they are sent; what was not chosen is left out."""
        found = {
            "scope": " ".join(self.scope),
            "audience": " ".join(self.audience),
            "prompt": self.prompt,
            "max_age": "" if self.max_age is None else str(self.max_age),
            "acr_values": self.acr_values,
            "login_hint": self.login_hint,
            "ui_locales": self.ui_locales,
            "claims": self.claims,
        }
        return {name: value for name, value in found.items() if value}


def parse_max_age(text: str) -> int | None:
    """Read a number of seconds; nothing, and Ory's ``-1``, mean that it is not asked for."""
    text = text.strip()
    if text in ("", "-1"):
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise AskedError("max_age: must be a number of seconds, 0 or more.")
    return int(text)


def _require_object(text: str) -> None:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise AskedError("claims: is not JSON.") from exc
    if not isinstance(found, dict) or not set(found) <= {"userinfo", "id_token"}:
        raise AskedError(
            'claims: must be an object with "userinfo" or "id_token", such as '
            '{"id_token": {"email": null}}.'
        )
