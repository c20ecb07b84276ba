"""What people call their factors, and what they are called until then."""

import re
from datetime import UTC
from typing import Final

from portal.factors.errors import FactorError
from portal.origin import UNKNOWN_BROWSER, browser_in_words
from portal.services import Visitor

MAX_NAME: Final = 64


def default_name(kind: str, visitor: Visitor) -> str:
    """What a factor is called if nobody says: "Passkey, Chrome on Linux, 3 May 2026"."""
    browser = browser_in_words(visitor.origin.user_agent)
    where = f", {browser}" if browser != UNKNOWN_BROWSER else ""
    return f"{kind}{where}, {visitor.now.astimezone(UTC):%-d %b %Y}"[:MAX_NAME]


def checked_name(name: str, default: str) -> str:
    """Keep *name* if it can be shown in a line, *default* if there is none."""
    shown = re.sub(r"\s+", " ", name).strip()
    if not shown.isprintable():
        raise FactorError("A name cannot hold invisible characters.")
    if len(shown) > MAX_NAME:
        raise FactorError(f"A name has at most {MAX_NAME} characters.")
    return shown or default
