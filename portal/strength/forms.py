"""What the field of a new password posts while somebody types."""

import msgspec


class StrengthForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password so far, with what the form around it has anyway."""

    form_token: str = ""
    login_challenge: str = ""
    password: str = ""
    email: str = ""

    def __repr__(self) -> str:
        """Without the password, whatever prints it."""
        return "StrengthForm()"
