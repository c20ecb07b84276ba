"""What a flow answers with: a page to render, or a path of the portal to go to.

The third kind of outcome, a redirect to Ory, is Ory's own document:
:class:`portal.ory.models.RedirectTo`.
"""

from typing import ClassVar, Final
from urllib.parse import urlencode

import msgspec

from portal.i18n import gettext as _


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The typed context of one template, which sees it under the single name ``page``.

    A subclass names its ``template`` and, where htmx swaps a piece of it, the ``partial`` that the
    template includes.
    """

    template: ClassVar[str]
    partial: ClassVar[str | None] = None
    target: ClassVar[str | None] = None
    """The id of the partial's root, for an answer that htmx must put there whatever was asked to be
    swapped.
    """
    ends_at_ory: ClassVar[bool] = False
    """True where the page's form is answered with a redirect to Ory: its CSP has no
    ``form-action``.
    """

    status: int = 200
    retry_after: int | None = None
    """Seconds after which trying again makes sense, for the header of that name."""


class MailPage(Page, frozen=True, kw_only=True):
    """The question for an address, to which a link is mailed."""

    path: ClassVar[str]
    purpose: ClassVar[str]

    challenge: str | None = None
    """The app's request that somebody was about to answer."""
    email: str = ""
    problem: str | None = None
    """What is wrong with the address."""
    error: str | None = None

    @property
    def action(self) -> str:
        """Where the form goes."""
        return with_challenge(self.path, "login_challenge", self.challenge)

    @property
    def login_url(self) -> str:
        """The way back to the sign-in."""
        return with_challenge("/login", "login_challenge", self.challenge)


class LinkPage(Page, frozen=True, kw_only=True):
    """A form behind a mailed link."""

    path: ClassVar[str]
    purpose: ClassVar[str]
    challenge: ClassVar[str | None] = None

    token: str
    email: str = ""
    """Where the mail was sent; what was typed, where that has to be."""
    asks_for_address: bool = False
    """Another browser asked for the link than this one."""
    address_problem: str | None = None
    error: str | None = None

    @property
    def action(self) -> str:
        """Where the form goes; with the token, so that the address bar keeps it."""
        return f"{self.path}?{urlencode({'token': self.token})}"


class ResultPage(Page, frozen=True, kw_only=True):
    """What became of a mailed link, or of the wish for one, and the way on."""

    template: ClassVar[str] = "_layouts/result.html"

    title: str
    message: str
    advice: str = ""
    app: str | None = None
    start_again: str | None = None
    """The app's request, begun anew; an absolute URL of Ory's."""
    next_url: str = "/login"
    """Where the other button leads, called ``button``."""
    button: str = msgspec.field(default_factory=lambda: _("Sign in"))
    mailed_to: str = ""
    """The address as it was typed, where a mail may be on its way to it; told to whoever typed it,
    the same whether anybody has it.
    """
    is_over: bool = True
    """False: what comes next is in the mailbox, and the button is only for mistakes."""


def look_into_mailbox(typed: str, *, message: str, advice: str, again: str) -> ResultPage:
    """What everybody is told who asked for a mail to *typed*; *again* leads back to the form."""
    return ResultPage(
        title=_("Look into your mailbox"),
        message=message,
        advice=advice,
        next_url=again,
        button=_("Use another address"),
        mailed_to=typed,
        is_over=False,
    )


def link_gone(*, advice: str, next_url: str = "/login", button: str | None = None) -> ResultPage:
    """What a mailed link leads to that is of no use any more; *advice*: how to go on, with a button
    to where a new one is to be had.
    """
    return ResultPage(
        status=410,
        title=_("This link does not work any more"),
        message=_("It was used, has expired, or was replaced by a newer one."),
        advice=advice,
        next_url=next_url,
        button=button or _("Sign in"),
    )


def with_challenge(path: str, name: str, challenge: str | None) -> str:
    """*path* with the challenge as Ory gave it, so that a page can be loaded again."""
    return f"{path}?{urlencode({name: challenge})}" if challenge else path


class NotThereError(Exception):
    """What was asked for does not exist, or not for whoever asked."""


class GoTo(msgspec.Struct, frozen=True):
    """A redirect to a page of the portal itself; *path* is relative to the portal's prefix."""

    path: str


def is_local(wanted: str) -> bool:
    """Whether *wanted* is a path of the portal, relative to its prefix, and never another host."""
    path = wanted.partition("?")[0]
    plain = all(c.isalnum() or c in "/-_" for c in path) and "//" not in path
    return path.startswith("/") and plain and wanted.isascii() and wanted.isprintable()


DEVICE_DENIED: Final = GoTo("/device/denied")
"""Where a person is sent who denied a device something, by the login and the consent step alike."""
