"""What a person sees of their address."""

from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

import msgspec

from portal.page import Page


class MoveView(msgspec.Struct, frozen=True, kw_only=True):
    """A change that waits for its two mailboxes."""

    to: str
    left: bool
    """The old one has agreed."""
    arrived: bool
    """The new one has confirmed."""
    expires_at: datetime


class AddressPage(Page, frozen=True, kw_only=True):
    """The address, whether it is confirmed, and the form for another one."""

    template: ClassVar[str] = "address/address.html"
    purpose: ClassVar[str] = "address"

    account: str
    is_admin: bool = False
    challenge: str | None = None
    verified: bool = True
    can_mail: bool = True
    """False: there is no mail here, so nothing can be confirmed."""
    move: MoveView | None = None
    email: str = ""
    """The new address as it was typed."""
    problem: str | None = None
    error: str | None = None
    notice: str | None = None


class VerifyPage(Page, frozen=True, kw_only=True):
    """What a mailed link asks: ``verify``, ``leave`` or ``move``."""

    template: ClassVar[str] = "address/verify.html"
    purpose: ClassVar[str] = "confirm"

    token: str
    challenge: str | None = None
    kind: str
    site: str
    email: str = ""
    """Where the mail was sent; what was typed, where that has to be."""
    new: str = ""
    """What the address is to become; only shown in the browser that asked."""
    asks_for_address: bool = False
    """Another browser asked for the link than this one."""
    address_problem: str | None = None
    error: str | None = None

    @property
    def action(self) -> str:
        """Where the form goes; with the token, so that the address bar keeps it."""
        return f"/verify?{urlencode({'token': self.token})}"

    @property
    def title(self) -> str:
        """The question."""
        if self.kind == "leave":
            return "Change the address of your account?"
        return "Is this your new address?" if self.kind == "move" else "Is this your address?"


class AddressEndPage(Page, frozen=True, kw_only=True):
    """What has happened, and the way on."""

    template: ClassVar[str] = "address/end.html"

    title: str
    message: str
    advice: str = ""
    next_url: str = "/account/email"
    button: str = "Your address"
