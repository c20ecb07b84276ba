"""What the pages of recovery post."""

import msgspec


class RecoverForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose password is forgotten."""

    email: str
    form_token: str = ""
    login_challenge: str = ""


class ResetForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new password."""

    token: str
    password: str
    email: str = ""
    form_token: str = ""

    def __repr__(self) -> str:
        """Without the password and the token, whatever prints it."""
        return "ResetForm()"
