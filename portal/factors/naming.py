"""What people call their factors, and what they are called until then."""

import re
from typing import Final

from portal.factors.errors import FactorError
from portal.i18n import gettext as _
from portal.origin import UNKNOWN_BROWSER, browser_in_words
from portal.services import Visitor
from portal.writing import day

MAX_NAME: Final = 64


def default_name(kind: str, visitor: Visitor) -> str:
    """What a factor is called if nobody says: "Passkey, Chrome on Linux, 3 May 2026"."""
    browser = browser_in_words(visitor.origin.user_agent)
    where = f", {browser}" if browser != _(UNKNOWN_BROWSER) else ""
    return f"{_(kind)}{where}, {day(visitor.now)}"[:MAX_NAME]


def checked_name(name: str, default: str) -> str:
    """Keep *name* if it can be shown in a line, *default* if there is none."""
    shown = re.sub(r"\s+", " ", name).strip()
    if not shown.isprintable():
        raise FactorError(_("A name cannot hold invisible characters."))
    if len(shown) > MAX_NAME:
        raise FactorError(_("A name has at most {count} characters.").format(count=MAX_NAME))
    return shown or default
