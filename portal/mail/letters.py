"""What each mail says: plain text, in words for somebody who never heard of the portal.

Nothing that a stranger typed is repeated in a mail, but for addresses: nobody can use one to send
words of their own.
"""

import textwrap
from collections.abc import Mapping
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from typing import Final, NamedTuple

import msgspec

from portal.i18n import N_, language, speaking
from portal.i18n import gettext as _
from portal.origin import Origin, browser_in_words
from portal.writing import SPANS, long_moment

WIDTH: Final = 72


class Letter(msgspec.Struct, frozen=True):
    """One mail: who gets it, which one it is, and what differs from one to the next."""

    to: str
    """A canonical address; empty for a mail to nobody, which costs the same and is not sent."""
    kind: str
    """One of :data:`KINDS`."""
    values: dict[str, str] = {}
    """In the language of its reader already."""
    until: float | None = None
    """Seconds since 1970 after which it is worth nothing: it is not sent then."""
    language: str = ""
    """BCP 47; empty: :func:`portal.postbox.post` says which. One that was kept without is
    English."""


class Unsendable(MessageError):  # noqa: N818 - a letter that is, not a failure of a server
    """No mail can be made of this letter, now or later."""


def circumstances(origin: Origin, now: datetime) -> dict[str, str]:
    """When something was asked for or done, and from where, as values of a letter."""
    return {
        "when": long_moment(now),
        "browser": browser_in_words(origin.user_agent),
        "address": origin.address or _("unknown"),
    }


def duration(seconds: int) -> str:
    """How long something is good for: ``30 minutes``, ``7 days``."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return _counted(seconds // size, unit)
    return _counted(seconds // 60, "minute") if seconds >= 120 else _counted(seconds, "second")


def _counted(count: int, unit: str) -> str:
    return SPANS[unit](count).format(count=count)


def compose(
    letter: Letter, *, mail_id: str, sender: str, site: str, host: str, now: datetime
) -> EmailMessage:
    """Make the mail; :class:`Unsendable` if what it is made of does not fit into one."""
    subject, body = said(letter, site)
    name, address = parseaddr(sender)
    message = EmailMessage(policy=SMTP if letter.to.isascii() else SMTPUTF8)
    try:
        message["From"] = Address(display_name=name, addr_spec=address)
        message["To"] = Address(addr_spec=ascii_domain(letter.to))
        message["Subject"] = subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{mail_id}@{host or 'localhost'}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(body)
        with speaking(letter.language):
            message["Content-Language"] = language().tag
    except (ValueError, IndexError, MessageError) as exc:
        raise Unsendable(type(exc).__name__) from exc
    return message


def said(letter: Letter, site: str) -> tuple[str, str]:
    """Its subject and its text, in its language."""
    kind = KINDS.get(letter.kind)
    if kind is None:
        raise Unsendable("an unknown kind of letter")
    values = {"site": site, **letter.values}
    with speaking(letter.language):
        try:
            paragraphs = [_(paragraph).format(**values) for paragraph in kind.paragraphs]
        except KeyError as exc:
            raise Unsendable("a value of the letter is missing") from exc
        return _(kind.subject).format(site=site), "\n\n".join(map(_wrapped, paragraphs)) + "\n"


def ascii_domain(address: str) -> str:
    """*address* with its domain as mail servers look it up (RFC 5890); the rest stays."""
    local, _at, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def _wrapped(paragraph: str) -> str:
    """Line by line. Addresses of pages stay on one line, or they could not be clicked."""
    return "\n".join(
        line
        if "://" in line
        else textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False)
        for line in paragraph.splitlines()
    )


class Kind(NamedTuple):
    """What one kind of mail says; names in braces stand for the values of the letter."""

    subject: str
    paragraphs: tuple[str, ...]


_LINK: Final = "{link}"
_ASKED: Final = N_(
    "When and from where this was asked for:\n"
    "Time: {when}\nBrowser: {browser}\nNetwork address: {address}"
)
_DONE: Final = N_(
    "When and from where this was done:\n"
    "Time: {when}\nBrowser: {browser}\nNetwork address: {address}"
)
_CHANGE_IT: Final = (
    _DONE,
    N_(
        "If it was you, there is nothing to do. If not, choose a new password at once, and look at "
        "where you are signed in. Both are here:"
    ),
    "{security}",
)
_SORRY: Final = (
    _DONE,
    N_("If it was you, there is nothing to do. If not, tell whoever runs the site."),
)

KINDS: Final[Mapping[str, Kind]] = {
    "reset": Kind(
        N_("A new password for {site}"),
        (
            N_(
                "Somebody, hopefully you, wants to choose a new password for your account at "
                "{site}. Open this page to do so:"
            ),
            _LINK,
            N_(
                "The link works once, and for {good_for}. You are then signed out everywhere, and "
                "apps ask you again."
            ),
            _ASKED,
            N_(
                "If it was not you, you need not do anything: your password stays as it is. Don't "
                "give the link to anybody, whoever asks."
            ),
        ),
    ),
    "set_password": Kind(
        N_("Choose a password for {site}"),
        (
            N_(
                "You have an account at {site}, and it has no password yet. Open this page to "
                "choose one:"
            ),
            _LINK,
            N_("The link works once, and for {good_for}."),
            N_(
                "Whoever runs the site had this mail sent. If you did not expect it, ignore it: "
                "nothing changes then. Don't give the link to anybody, whoever asks."
            ),
        ),
    ),
    "verify": Kind(
        N_("Please confirm your address for {site}"),
        (
            N_("Please confirm that this address belongs to your account at {site}:"),
            _LINK,
            N_("The link works once, and for {good_for}."),
            _ASKED,
            N_("If you have no account there, ignore this mail."),
        ),
    ),
    "register": Kind(
        N_("Your account at {site}"),
        (
            N_(
                "Somebody, hopefully you, wants to make an account at {site} with this address. "
                "Open this page to choose a password:"
            ),
            _LINK,
            N_("The link works once, and for {good_for}. There is no account before that."),
            _ASKED,
            N_("If it was not you, ignore this mail: nothing is made then."),
        ),
    ),
    "register_known": Kind(
        N_("Your account at {site}"),
        (
            N_(
                "Somebody, hopefully you, wants to make an account at {site} with this address. "
                "You have one already. Sign in here:"
            ),
            "{login}",
            N_("If you forgot the password, choose a new one here:"),
            "{recover}",
            _ASKED,
            N_("If it was not you, ignore this mail: nothing was changed."),
        ),
    ),
    "invite": Kind(
        N_("You are invited to {site}"),
        (
            N_("You are invited to {site}. Open this page to make your account:"),
            _LINK,
            N_("The link works once, and for {good_for}. There is no account before that."),
            N_("If you did not expect this, ignore this mail."),
        ),
    ),
    "leave": Kind(
        N_("Your address at {site} is to change"),
        (
            N_(
                "The address of your account at {site} is to change from this one to {new}. Open "
                "this page to agree, or to refuse:"
            ),
            _LINK,
            N_(
                "The link works once, and for {good_for}. Nothing changes before the new address "
                "is confirmed, too."
            ),
            _ASKED,
            N_(
                "If it was not you, open the page and refuse. Then change your password, because "
                "somebody is signed in to your account."
            ),
        ),
    ),
    "move": Kind(
        N_("Please confirm your new address for {site}"),
        (
            N_(
                "This address is to become the one of an account at {site}. Open this page to "
                "confirm that you read it:"
            ),
            _LINK,
            N_(
                "The link works once, and for {good_for}. Nothing changes before the old address "
                "has agreed, too."
            ),
            _ASKED,
            N_("If you know nothing of this, ignore this mail."),
        ),
    ),
    "move_taken": Kind(
        N_("Your address at {site}"),
        (
            N_(
                "Somebody wants to use this address for another account at {site}. That is not "
                "possible, because you have an account with it. Nothing was changed."
            ),
            _ASKED,
            N_(
                "If it was you: sign in with this address instead, or change the address of the "
                "account that has it first."
            ),
        ),
    ),
    "password_changed": Kind(
        N_("Your password for {site} was changed"),
        (N_("The password of your account at {site} was changed."), *_CHANGE_IT),
    ),
    "password_reset": Kind(
        N_("Your password for {site} was replaced"),
        (
            N_(
                "The password of your account at {site} was replaced, by a link that was mailed to "
                "you. You were signed out everywhere."
            ),
            *_CHANGE_IT,
        ),
    ),
    "password_chosen": Kind(
        N_("Your password for {site} is set"),
        (
            N_(
                "A password for your account at {site} was chosen, by a link that was mailed to "
                "you."
            ),
            *_CHANGE_IT,
        ),
    ),
    "factor_added": Kind(
        N_("A new way to sign in to {site}"),
        (
            N_("A way to confirm that it is you was added to your account at {site}."),
            *_CHANGE_IT,
        ),
    ),
    "factor_removed": Kind(
        N_("A way to sign in to {site} was removed"),
        (
            N_("A way to confirm that it is you was removed from your account at {site}."),
            *_CHANGE_IT,
        ),
    ),
    "codes_made": Kind(
        N_("New recovery codes for {site}"),
        (
            N_(
                "New recovery codes were made for your account at {site}. The ones from before do "
                "not work any more."
            ),
            *_CHANGE_IT,
        ),
    ),
    "email_changed": Kind(
        N_("Your address at {site} was changed"),
        (
            N_(
                "The address of your account at {site} was changed. This mail goes to the old and "
                "the new one."
            ),
            *_SORRY,
        ),
    ),
    "account_deleted": Kind(
        N_("Your account at {site} was deleted"),
        (N_("Your account at {site} was deleted."), *_SORRY),
    ),
}
"""Every kind of mail."""
LASTING: Final = frozenset({"account_deleted", "email_changed"})
"""Notices about what no page here can put right."""
