"""What each mail says: plain text, in words for somebody who never heard of the portal.

Nothing that a stranger typed is repeated in a mail, but for addresses: nobody can use one to send
words of their own.
"""

import textwrap
from collections.abc import Callable, Mapping
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from typing import Final

import msgspec

from portal.origin import Origin, browser_in_words

WIDTH: Final = 72
_Values = Mapping[str, str]


class Letter(msgspec.Struct, frozen=True):
    """One mail: who gets it, which one it is, and what differs from one to the next."""

    to: str
    """A canonical address; empty for a mail to nobody, which costs the same and is not sent."""
    kind: str
    """One of :data:`KINDS`."""
    values: dict[str, str] = {}
    until: float | None = None
    """Seconds since 1970 after which it is worth nothing: it is not sent then."""


class Unsendable(MessageError):  # noqa: N818 - a letter that is, not a failure of a server
    """No mail can be made of this letter, now or later."""


def circumstances(origin: Origin, now: datetime) -> dict[str, str]:
    """When something was asked for or done, and from where, as values of a letter."""
    browser = browser_in_words(origin.user_agent)
    return {
        "when": now.strftime("%-d %b %Y, %H:%M UTC"),
        "browser": browser[0].lower() + browser[1:] if browser.startswith("A") else browser,
        "address": origin.address or "an unknown address",
    }


def duration(seconds: int) -> str:
    """How long something is good for: ``30 minutes``, ``7 days``."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} seconds"


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
    except (ValueError, IndexError, MessageError) as exc:
        raise Unsendable(type(exc).__name__) from exc
    return message


def said(letter: Letter, site: str) -> tuple[str, str]:
    """Its subject and its text."""
    known = KINDS.get(letter.kind)
    if known is None:
        raise Unsendable("an unknown kind of letter")
    subject, body = known
    try:
        paragraphs = body({"site": site, **letter.values})
    except KeyError as exc:
        raise Unsendable("a value of the letter is missing") from exc
    return subject.format(site=site), "\n\n".join(map(_wrapped, paragraphs)) + "\n"


def ascii_domain(address: str) -> str:
    """*address* with its domain as mail servers look it up (RFC 5890); the rest stays."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def _wrapped(paragraph: str) -> str:
    """Addresses of pages stay on one line, or they could not be clicked."""
    if "://" in paragraph:
        return paragraph
    return textwrap.fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)


def _asked(values: _Values) -> str:
    return (
        f"It was asked for on {values['when']}, with {values['browser']}, from {values['address']}."
    )


def _done(values: _Values) -> str:
    return f"It happened on {values['when']}, with {values['browser']}, from {values['address']}."


def _good_for(values: _Values) -> str:
    return f"The link works once, and for {values['good_for']}."


def _reset(values: _Values) -> tuple[str, ...]:
    return (
        f"Somebody, hopefully you, wants to choose a new password for your account at "
        f"{values['site']}. Open this page to do so:",
        values["link"],
        f"{_good_for(values)} You are then signed out everywhere, and apps ask you again.",
        _asked(values),
        "If it was not you, you need not do anything: your password stays as it is. Don't give "
        "the link to anybody, whoever asks.",
    )


def _verify(values: _Values) -> tuple[str, ...]:
    return (
        f"Please confirm that this address belongs to your account at {values['site']}:",
        values["link"],
        _good_for(values),
        _asked(values),
        "If you have no account there, ignore this mail.",
    )


def _register(values: _Values) -> tuple[str, ...]:
    return (
        f"Somebody, hopefully you, wants to make an account at {values['site']} with this address. "
        "Open this page to choose a password:",
        values["link"],
        f"{_good_for(values)} There is no account before that.",
        _asked(values),
        "If it was not you, ignore this mail: nothing is made then.",
    )


def _register_known(values: _Values) -> tuple[str, ...]:
    return (
        f"Somebody, hopefully you, wants to make an account at {values['site']} with this address. "
        "You have one already. Log in here:",
        values["login"],
        "If you forgot the password, choose a new one here:",
        values["recover"],
        _asked(values),
        "If it was not you, ignore this mail: nothing was changed.",
    )


def _invite(values: _Values) -> tuple[str, ...]:
    return (
        f"You are invited to {values['site']}. Open this page to make your account:",
        values["link"],
        f"{_good_for(values)} There is no account before that.",
        "If you did not expect this, ignore this mail.",
    )


def _leave(values: _Values) -> tuple[str, ...]:
    return (
        f"The address of your account at {values['site']} is to change from this one to "
        f"{values['new']}. Open this page to agree, or to refuse:",
        values["link"],
        f"{_good_for(values)} Nothing changes before the new address is confirmed, too.",
        _asked(values),
        "If it was not you, open the page and refuse. Then change your password, because somebody "
        "is signed in to your account.",
    )


def _move(values: _Values) -> tuple[str, ...]:
    return (
        f"This address is to become the one of an account at {values['site']}. Open this page to "
        "confirm that you read it:",
        values["link"],
        f"{_good_for(values)} Nothing changes before the old address has agreed, too.",
        _asked(values),
        "If you know nothing of this, ignore this mail.",
    )


def _move_taken(values: _Values) -> tuple[str, ...]:
    return (
        f"Somebody wants to use this address for another account at {values['site']}. That is not "
        "possible, because you have an account with it. Nothing was changed.",
        _asked(values),
        "If it was you: log in with this address instead, or change the address of the account "
        "that has it first.",
    )


def _notice(what: str, advice: str) -> Callable[[_Values], tuple[str, ...]]:
    def body(values: _Values) -> tuple[str, ...]:
        return (
            f"{what} ({values['site']})",
            _done(values),
            f"If it was you, there is nothing to do. If not: {advice}",
            *((values["security"],) if "security" in values else ()),
        )

    return body


_CHANGE_IT = "choose a new password at once, and look at where you are signed in. Both are here:"
_SORRY = "tell whoever runs the site."

KINDS: Final[Mapping[str, tuple[str, Callable[[_Values], tuple[str, ...]]]]] = {
    "reset": ("A new password for {site}", _reset),
    "verify": ("Please confirm your address for {site}", _verify),
    "register": ("Your account at {site}", _register),
    "register_known": ("Your account at {site}", _register_known),
    "invite": ("You are invited to {site}", _invite),
    "leave": ("Your address at {site} is to change", _leave),
    "move": ("Please confirm your new address for {site}", _move),
    "move_taken": ("Your address at {site}", _move_taken),
    "password_changed": (
        "Your password for {site} was changed",
        _notice("The password of your account was changed.", _CHANGE_IT),
    ),
    "password_reset": (
        "Your password for {site} was replaced",
        _notice(
            "The password of your account was replaced, by a link that was mailed to you. You "
            "were signed out everywhere.",
            _CHANGE_IT,
        ),
    ),
    "factor_added": (
        "A new way to sign in to {site}",
        _notice("A way to confirm that it is you was added to your account.", _CHANGE_IT),
    ),
    "factor_removed": (
        "A way to sign in to {site} was removed",
        _notice("A way to confirm that it is you was removed from your account.", _CHANGE_IT),
    ),
    "codes_made": (
        "New recovery codes for {site}",
        _notice("New recovery codes were made for your account; older ones are void.", _CHANGE_IT),
    ),
    "email_changed": (
        "Your address at {site} was changed",
        _notice(
            "The address of your account was changed. This mail goes to the old and the new one.",
            _SORRY,
        ),
    ),
    "account_deleted": (
        "Your account at {site} was deleted",
        _notice("Your account was deleted.", _SORRY),
    ),
}
"""Every kind of mail: its subject, and what makes its paragraphs."""
LASTING: Final = frozenset({"account_deleted", "email_changed"})
"""Notices about what no page here can put right."""
