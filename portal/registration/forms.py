"""What the pages of registration post."""

import msgspec


class RegisterForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For which address an account is wanted."""

    email: str
    form_token: str = ""
    login_challenge: str = ""


class FinishForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rest, when the address is known to be theirs."""

    token: str
    password: str
    name: str = ""
    email: str = ""
    form_token: str = ""

    def __repr__(self) -> str:
        """Without the password and the token, whatever prints it."""
        return "FinishForm()"
