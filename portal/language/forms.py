"""What the choice at the foot of a page posts."""

import msgspec


class LanguageForm(msgspec.Struct, frozen=True, kw_only=True):
    """One language, what the page spoke before, and the page."""

    language: str
    instead_of: str = ""
    back: str = "/"
    """Relative to the portal's prefix."""
