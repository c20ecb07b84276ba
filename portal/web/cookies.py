"""The portal's cookies: ``__Host-`` and Secure on https, plain names on http, where some clients
drop the prefix.
"""

import hashlib
import re
import secrets
from typing import Final

from litestar.datastructures import Cookie

from portal.settings import Settings

BROWSER: Final = "portal_browser"
SESSION: Final = "portal_session"
LOGGED_OUT: Final = "portal_logged_out"
"""For the next page alone: Ory was told that this browser logs out."""
LANGUAGE: Final = "portal_language"
"""What was chosen in this browser: :func:`portal.i18n.make_choice`."""
BROWSER_LIFETIME: Final = 400 * 24 * 3600
_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def new_id() -> str:
    """256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def id_hash(value: str) -> str:
    """How a cookie's id is known in the database."""
    return hashlib.sha256(value.encode()).hexdigest()


class Cookies:
    """Names, reads and writes the portal's cookies according to the scheme of ``BASE_URL``."""

    def __init__(self, settings: Settings) -> None:
        self._secure = settings.secure

    def name(self, base: str) -> str:
        """The cookie's full name."""
        return f"__Host-{base}" if self._secure else base

    def read(self, cookies: dict[str, str], base: str) -> str | None:
        """The id in the cookie, if it is one that this portal could have issued."""
        value = cookies.get(self.name(base))
        return value if value and _ID.fullmatch(value) else None

    def write(self, base: str, value: str, *, lifetime: int | None = None) -> Cookie:
        """The cookie to set; without *lifetime* (seconds) it ends with the browser."""
        return Cookie(
            key=self.name(base),
            value=value,
            max_age=lifetime,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def remove(self, base: str) -> Cookie:
        """The cookie that ends the one of that name."""
        return self.write(base, "", lifetime=0)
