"""Mails to send: kept, sealed, until the mail server has taken them.

A mail is written in the transaction of what it tells about, so it goes out if that has happened and
not otherwise. Any number of processes may deliver: each mail is claimed by one of them for a while.
It may arrive twice where a process dies between the server's yes and the note of it; both copies
have the same ``Message-ID``.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from ipaddress import ip_address
from typing import Final, Protocol

import msgspec
import uuid_utils.compat

from portal import i18n, logs
from portal.mail import Letter, SmtpError, compose, server_of
from portal.mail.letters import KINDS, LASTING, Unsendable, circumstances, said
from portal.mail.smtp import Connection, connected
from portal.origin import Origin
from portal.sealing import Sealer, UnsealableError
from portal.settings import Settings
from portal.store import Rows, Store
from portal.store.tables import OutgoingMail, User

PURPOSE: Final = "mail"
AT_ONCE: Final = 10
"""Mails per connection and claim."""
LEASE: Final = timedelta(minutes=5)
"""Longer than so many mails can take."""
FIRST_WAIT: Final = timedelta(seconds=15)
LONGEST_WAIT: Final = timedelta(minutes=15)
GIVE_UP_AFTER: Final = timedelta(days=1)
SECURITY_PAGE: Final = "/account/security"
_RULE: Final = "-" * 72


class Sender(Protocol):
    """What posting a mail needs of :class:`portal.services.Services`."""

    @property
    def settings(self) -> Settings: ...

    @property
    def sealer(self) -> Sealer: ...

    @property
    def store(self) -> Store: ...


async def post(rows: Rows, services: Sender, letter: Letter, *, now: datetime) -> None:
    """Keep *letter* for the mail server, in the transaction of what it tells about. It is in the
    language that is spoken now: see :func:`writing_to`.

    Where there is no mail at all nothing happens.
    """
    if not services.settings.has_mail:
        return
    spoken = letter.language or i18n.language().tag
    text = msgspec.json.encode(msgspec.structs.replace(letter, language=spoken)).decode()
    await rows.outgoing_mails.add(
        OutgoingMail(
            id=str(uuid_utils.compat.uuid7()),
            sealed=services.sealer.seal(text, PURPOSE),
            created_at=now,
            due_at=now,
        )
    )


@contextmanager
def writing_to(user: User | None) -> Iterator[None]:
    """Speak the language of who reads a mail: *user*'s own setting, else that of whoever asked."""
    setting = user.profile.get("locale") if user is not None else None
    found = i18n.find_language(setting) if isinstance(setting, str) else None
    with i18n.speaking((found or i18n.language()).tag):
        yield


async def notify(
    rows: Rows, services: Sender, user: User, kind: str, *, now: datetime, origin: Origin
) -> None:
    """Tell *user* what was done with their account, by whom- and from wherever."""
    if kind not in KINDS:
        raise ValueError(f"{kind} is no kind of mail")
    with writing_to(user):
        values = circumstances(origin, now)
        if kind not in LASTING:
            values["security"] = page_url(services.settings, SECURITY_PAGE)
        await post(rows, services, Letter(user.email, kind, values), now=now)


def page_url(settings: Settings, path: str) -> str:
    """The absolute address of a page; never made of what a browser sent as ``Host``."""
    return settings.base_url + path


async def deliver(services: Sender, *, now: datetime) -> bool:
    """Hand over a portion of what is due: whether there may be more to do at once."""
    if not services.settings.has_mail:
        return False
    async with services.store.writing() as rows:
        mails = await rows.outgoing_mails.claim_due(now=now, limit=AT_ONCE, lease=LEASE)
    if not mails:
        return False
    letters = [(mail, letter) for mail in mails if (letter := await _opened(mail, services))]
    if services.settings.smtp_url is None:
        for mail, letter in letters:
            _print(letter, services.settings)
            await _forget(mail, services)
        return len(mails) == AT_ONCE
    reached = await _send(letters, services) if letters else True
    return reached and len(mails) == AT_ONCE


async def _opened(mail: OutgoingMail, services: Sender) -> Letter | None:
    """What is in *mail*; ``None`` for what is sent to nobody, or makes no sense any more."""
    try:
        text = services.sealer.open(mail.sealed, PURPOSE)
        letter = msgspec.json.decode(text, type=Letter)
    except (UnsealableError, msgspec.DecodeError, msgspec.ValidationError):
        logs.alarm("mail.unreadable")
        await _forget(mail, services)
        return None
    late = letter.until is not None and letter.until <= datetime.now(UTC).timestamp()
    if letter.to and late:
        logs.alarm("mail.given_up", reason="the link in it has expired", error=mail.last_error)
    if not letter.to or late:
        await _forget(mail, services)
        return None
    return letter


async def _send(letters: Sequence[tuple[OutgoingMail, Letter]], services: Sender) -> bool:
    """Send them over one connection: whether the server could be reached."""
    settings = services.settings
    assert settings.smtp_url is not None  # noqa: S101 - the caller looked
    waiting = list(letters)
    try:
        async with connected(server_of(settings.smtp_url), our_name=our_name(settings)) as server:
            while waiting:
                mail, letter = waiting.pop(0)
                await _send_one(mail, letter, server, services)
    except SmtpError as exc:  # the rest of them waits, too
        logs.problem("mail.server", error=str(exc), count=len(waiting))
        for mail, letter in waiting:
            await _later(mail, letter, str(exc), services)
        return False
    return True


async def _send_one(
    mail: OutgoingMail, letter: Letter, server: Connection, services: Sender
) -> None:
    """Send one and write down what became of it; raises only where the connection is lost."""
    settings = services.settings
    try:
        message = compose(
            letter,
            mail_id=mail.id,
            sender=settings.mail_from,
            site=settings.site_name,
            host=settings.host_name,
            now=mail.created_at,
        )
        sender = parseaddr(settings.mail_from)[1]
        await server.send(message, sender=sender, to=str(message["To"]))
    except Unsendable as exc:
        logs.alarm("mail.unreadable", reason=str(exc))
        await _forget(mail, services)
    except SmtpError as exc:
        if exc.refused:
            logs.problem("mail.refused", user=letter.to, error=str(exc))
            await _forget(mail, services)
        else:
            logs.problem("mail.postponed", user=letter.to, error=str(exc))
            await _later(mail, letter, str(exc), services)
        if exc.lost:
            raise
    else:
        logs.step("mail.sent", user=letter.to, reason=letter.kind)
        await _forget(mail, services)


async def _later(mail: OutgoingMail, letter: Letter, error: str, services: Sender) -> None:
    """Try again; after a day somebody should look at it instead."""
    now = datetime.now(UTC)
    if now - mail.created_at > GIVE_UP_AFTER:
        logs.alarm("mail.given_up", user=letter.to, error=error)
        await _forget(mail, services)
        return
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(mail.attempts - 1, 20))
    async with services.store.writing() as rows:
        await rows.outgoing_mails.postpone(mail.id, error=error, due_at=now + wait)


async def _forget(mail: OutgoingMail, services: Sender) -> None:
    async with services.store.writing() as rows:
        await rows.outgoing_mails.delete(mail.id)


def our_name(settings: Settings) -> str:
    """The name to greet a mail server with (RFC 5321, 4.1.3)."""
    host = settings.host_name
    try:
        address = ip_address(host)
    except ValueError:
        return host if "." in host and host.isascii() else "localhost"
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def _print(letter: Letter, settings: Settings) -> None:
    """In development the mail is shown to whoever tries the portal out: the one place where a link
    is written down.
    """
    subject, body = said(letter, settings.site_name)
    head = f"To: {letter.to}\nSubject: {subject}\n"
    sys.stderr.write(f"{_RULE}\n{head}\n{body}{_RULE}\n")
    sys.stderr.flush()
