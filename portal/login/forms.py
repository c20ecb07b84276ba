"""What the login form posts."""

from typing import Literal

import msgspec


class LoginForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With a challenge it answers an app's request, without one it signs in to the portal."""

    action: Literal["accept", "reject"]
    form_token: str = ""
    login_challenge: str = ""
    email: str = ""
    password: str = ""
    remember: bool = False
    next: str = ""

    def __repr__(self) -> str:
        """Without the password, whatever prints it."""
        return f"LoginForm(action={self.action!r})"
