"""What a person sees of their address."""

from datetime import datetime
from typing import ClassVar

import msgspec

from portal.i18n import gettext as _
from portal.page import LinkPage, Page


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
    challenge: ClassVar[str | None] = None
    verified: bool = True
    was_mailed: bool = False
    """A mail by which it can be confirmed is out."""
    can_mail: bool = True
    """False: there is no mail here, so nothing can be confirmed."""
    move: MoveView | None = None
    email: str = ""
    """The new address as it was typed."""
    problem: str | None = None
    error: str | None = None
    notice: str | None = None


class VerifyPage(LinkPage, frozen=True, kw_only=True):
    """What a mailed link asks: ``verify``, ``leave`` or ``move``."""

    template: ClassVar[str] = "address/verify.html"
    path: ClassVar[str] = "/verify"
    purpose: ClassVar[str] = "confirm"

    kind: str
    site: str
    new: str = ""
    """What the address is to become; only shown in the browser that asked."""

    @property
    def title(self) -> str:
        """The question."""
        if self.kind == "leave":
            return _("Change the address of your account?")
        if self.kind == "move":
            return _("Is this your new address?")
        return _("Is this your address?")
