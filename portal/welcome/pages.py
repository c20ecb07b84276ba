"""What the portal's root shows."""

from typing import ClassVar

from portal.page import Page


class WelcomePage(Page, frozen=True, kw_only=True):
    """What this place is, and the ways from here."""

    template: ClassVar[str] = "welcome/welcome.html"

    account: str | None = None
    is_admin: bool = False
    development: bool = False
    logged_out: bool = False
    """Ory has sent the browser here after a logout."""
