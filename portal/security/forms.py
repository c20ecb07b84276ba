"""What the security pages post. Whose account it is says the session, never the form."""

from typing import Literal

import msgspec


class TokenForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A button alone."""

    form_token: str = ""


class EndForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sign-in that is to end."""

    kind: Literal["portal", "login"]
    handle: str
    form_token: str = ""


class PasswordForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password; without one before there is none to give."""

    current_password: str = ""
    password: str
    form_token: str = ""


class DeleteForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The address is typed, so that nobody deletes an account by mistake."""

    email: str = ""
    form_token: str = ""
