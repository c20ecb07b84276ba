"""What a person sees who sets up, names or removes a second factor."""

from typing import ClassVar

from portal.factors.totp import Setup
from portal.page import Page


class AddPasskeyPage(Page, frozen=True, kw_only=True):
    """The button that makes a passkey."""

    template: ClassVar[str] = "enrolment/passkey.html"
    purpose: ClassVar[str] = "enrolment.passkey"
    challenge: ClassVar[str | None] = None

    options: str
    """What the browser is asked to make, as JSON; the challenge is this form's token."""
    name: str = ""
    """What was typed, kept when the form comes back."""
    suggested: str = ""
    """What it is called if nothing is typed."""
    error: str | None = None


class AddAppPage(Page, frozen=True, kw_only=True):
    """The picture for an authenticator app, and the question for its code."""

    template: ClassVar[str] = "enrolment/app.html"
    purpose: ClassVar[str] = "enrolment.totp"
    challenge: ClassVar[str | None] = None

    setup: Setup
    name: str = ""
    suggested: str = ""
    problem: str | None = None
    """What is wrong with the code."""
    error: str | None = None
    """Why the form came back, whatever the code was."""


class AskForCodesPage(Page, frozen=True, kw_only=True):
    """The question whether to make new recovery codes."""

    template: ClassVar[str] = "enrolment/ask_for_codes.html"
    purpose: ClassVar[str] = "enrolment.codes"
    challenge: ClassVar[str | None] = None

    left: int
    """How many of the old ones can still be used."""
    error: str | None = None


class CodesPage(Page, frozen=True, kw_only=True):
    """New recovery codes, this once."""

    template: ClassVar[str] = "enrolment/codes.html"

    codes: tuple[str, ...]
    heading: tuple[str, ...] = ()
    """What stands above them in a file, line by line."""
    added: str | None = None
    """The name of the factor that was added a moment ago, where these are the first codes."""


class RenamePage(Page, frozen=True, kw_only=True):
    """The question what a factor shall be called."""

    template: ClassVar[str] = "enrolment/rename.html"
    purpose: ClassVar[str] = "enrolment.rename"
    challenge: ClassVar[str | None] = None

    kind: str
    factor_id: str
    name: str
    typed: str
    problem: str | None = None
    error: str | None = None


class RemovePage(Page, frozen=True, kw_only=True):
    """The question whether to remove a factor, and what is left then."""

    template: ClassVar[str] = "enrolment/remove.html"
    purpose: ClassVar[str] = "enrolment.remove"
    challenge: ClassVar[str | None] = None

    kind: str
    factor_id: str
    name: str
    left: tuple[str, ...]
    """How one signs in then, a sentence each."""
    blocked: str | None = None
    """Why it cannot be removed."""
    error: str | None = None
