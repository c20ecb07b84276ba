"""Hydra's cookies, as with ``--dev``: the session, and one per client against forged steps."""

import zlib
from email.utils import formatdate
from typing import Final

SESSION: Final = "ory_hydra_session_dev"
DEVICE_CSRF: Final = "ory_hydra_device_csrf_dev"
_LAST: Final = 253402300799
"""The last second that a date can say."""


def csrf(step: str, client_id: str) -> str:
    """The name for *step* ``login`` or ``consent``: one per client, so two open flows collide."""
    return f"ory_hydra_{step}_csrf_dev_{zlib.crc32(client_id.encode())}"


def make(name: str, value: str, *, now: float, max_age: int | None) -> tuple[str, str]:
    """A header; *max_age* None: until the browser is closed."""
    parts = [f"{name}={value}", "Path=/"]
    if max_age is not None:
        expires = formatdate(min(now + max_age, _LAST), usegmt=True)
        parts += [f"Expires={expires}", f"Max-Age={max_age}"]
    return "set-cookie", "; ".join([*parts, "HttpOnly", "SameSite=Lax"])


def clear(name: str, value: str) -> tuple[str, str]:
    """A header that ends a cookie."""
    ended = f"{name}={value}; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0"
    return "set-cookie", f"{ended}; HttpOnly; SameSite=Lax"
