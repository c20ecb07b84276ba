"""What the pages about addresses post."""

from typing import Literal

import msgspec


class AddressForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``move``: to another address; ``verify``: send the mail again; ``cancel``: stay."""

    action: Literal["move", "verify", "cancel"]
    email: str = ""
    form_token: str = ""


class VerifyForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Yes or no to what a mailed link asks."""

    action: Literal["accept", "reject"]
    token: str
    email: str = ""
    form_token: str = ""

    def __repr__(self) -> str:
        """Without the token, whatever prints it."""
        return f"VerifyForm(action={self.action!r})"
