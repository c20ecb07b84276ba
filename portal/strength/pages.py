"""What is shown below the field of a new password."""

from typing import ClassVar

from portal.page import Page


class StrengthPage(Page, frozen=True, kw_only=True):
    """How easily the password is guessed, from 0 to 4, and in words. Never a page of its own."""

    template: ClassVar[str] = "strength/_strength.html"
    partial: ClassVar[str | None] = "strength/_strength.html"

    score: int
    words: str
