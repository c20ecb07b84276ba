"""What the portal's root shows."""

from typing import ClassVar, Literal

import msgspec

from portal.page import Page


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that has to be in place on the first day, and what to do where it is not."""

    state: Literal["done", "missing", "trouble"]
    words: str
    advice: str = ""
    command: str = ""
    """What to type into a terminal."""
    link: str = ""
    """Where in the portal it is done, called ``button``."""
    button: str = ""


class WelcomePage(Page, frozen=True, kw_only=True):
    """What this place is, and the ways from here."""

    template: ClassVar[str] = "welcome/welcome.html"

    site: str | None = None
    """What people call it; ``None`` where nobody named it."""
    account: str | None = None
    is_admin: bool = False
    development: bool = False
    may_register: bool = False
    logged_out: bool = False
    """Ory has sent the browser here after a logout."""
    checklist: tuple[Fact, ...] = ()
    """For operators alone."""
