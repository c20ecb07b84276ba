"""What the login form posts, and the forms of the steps that may follow it."""

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


class StepForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every step posts: the proof of the form, and what the sign-in is for."""

    action: Literal["accept", "reject"] = "accept"
    form_token: str = ""
    login_challenge: str = ""
    next: str = ""

    def __repr__(self) -> str:
        """Without what it proves, whatever prints it."""
        return f"{type(self).__name__}(action={self.action!r})"


class PasskeyForm(StepForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a passkey proves, before anything else is known."""

    credential: str = ""
    remember: bool = False


class FactorForm(StepForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of these is filled in, by which of the page's forms was sent."""

    code: str = ""
    recovery_code: str = ""
    password: str = ""
    credential: str = ""


class EnrolForm(StepForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code of an app that was told the sealed secret, or a passkey; neither: go on."""

    sealed: str = ""
    code: str = ""
    name: str = ""
    credential: str = ""


class NewPasswordForm(StepForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password to be."""

    password: str = ""
