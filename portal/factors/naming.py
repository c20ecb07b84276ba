"""What people call their factors, and what they are called until then."""

import re
from datetime import UTC
from typing import Final

from portal.factors.errors import FactorError
from portal.services import Visitor

MAX_NAME: Final = 64
_BROWSERS: Final = (
    ("Edge", "Edg"),
    ("Opera", "OPR/"),
    ("Samsung Internet", "SamsungBrowser/"),
    ("Firefox", "Firefox/"),
    ("Firefox", "FxiOS/"),
    ("Chrome", "Chrome/"),
    ("Chrome", "CriOS/"),
    ("Safari", "Safari/"),
)
"""In this order: most say that they are those further down, too."""
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows NT"),
    ("ChromeOS", "CrOS"),
    ("Mac", "Macintosh"),
    ("Linux", "Linux"),
)


def device_of(user_agent: str) -> str:
    """A browser and its system in words, "Chrome, Linux"; empty if it says nothing known."""
    found = [
        next((name for name, mark in marks if mark in user_agent), "")
        for marks in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(filter(None, found))


def default_name(kind: str, visitor: Visitor) -> str:
    """What a factor is called if nobody says: "Passkey on Chrome, Linux, 3 May 2026"."""
    device = device_of(visitor.origin.user_agent)
    where = f" on {device}" if device else ""
    return f"{kind}{where}, {visitor.now.astimezone(UTC):%-d %b %Y}"[:MAX_NAME]


def checked_name(name: str, default: str) -> str:
    """Keep *name* if it can be shown in a line, *default* if there is none."""
    shown = re.sub(r"\s+", " ", name).strip()
    if not shown.isprintable():
        raise FactorError("A name cannot hold invisible characters.")
    if len(shown) > MAX_NAME:
        raise FactorError(f"A name has at most {MAX_NAME} characters.")
    return shown or default
