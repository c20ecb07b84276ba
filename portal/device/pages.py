"""What the device step shows."""

from typing import ClassVar

from portal.page import Page, with_challenge


class CodePage(Page, frozen=True, kw_only=True):
    """The question for the code that a device shows."""

    template: ClassVar[str] = "device/verify.html"
    partial: ClassVar[str | None] = "device/_form.html"
    target: ClassVar[str | None] = "#device-form"
    ends_at_ory: ClassVar[bool] = True
    purpose: ClassVar[str] = "device"

    challenge: str
    code: str = ""
    """What was typed, or came with the link; sent by nobody but the person."""
    came_with_link: bool = False
    capitals: bool = False
    """Codes here have no small letters."""
    error: str | None = None

    @property
    def action(self) -> str:
        """Where the form goes; with the challenge, so that the address bar keeps it."""
        return with_challenge("/device/verify", "device_challenge", self.challenge)


class StartPage(Page, frozen=True, kw_only=True):
    """How to begin, for somebody who came without a request of Ory's."""

    template: ClassVar[str] = "device/start.html"

    start_url: str | None = None
    """Ory's page for it, where that is known."""


class EndPage(Page, frozen=True, kw_only=True):
    """How it ended. Nothing more happens in this browser."""

    template: ClassVar[str] = "device/end.html"

    title: str
    message: str
    advice: str
