"""Giving mails to the mail server: one connection for several, within a time that has an end.

With a password TLS is required, and the server's certificate has to be one that the system trusts
(``SSL_CERT_FILE`` names others). Without one, STARTTLS is used where it is offered and the
certificate is not looked at: whoever could replace it could as well hide the offer (RFC 7435).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

from portal.settings import Secret

CONNECT_SECONDS: Final = 10.0
MAIL_SECONDS: Final = 20.0
"""For one mail, whatever the server does meanwhile."""
TLS_PORT: Final = 465
PORT: Final = 25
SUBMISSION_PORT: Final = 587


class MailServer(msgspec.Struct, frozen=True):
    """Where mails are sent, and with which password."""

    host: str
    port: int
    tls: bool
    """From the start; otherwise by STARTTLS."""
    user: str | None = None
    password: Secret | None = None


class SmtpError(Exception):
    """A mail was not taken; the text names the kind of failure and what the server answered, no
    secret.
    """

    def __init__(self, reason: str, *, refused: bool = False, lost: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused
        """For good: the same mail will never be taken."""
        self.lost = lost
        """The connection with it: nothing more can be sent on it."""


def server_of(url: Secret) -> MailServer:
    """Read what ``PORTAL_SMTP_URL`` says."""
    parts = urlsplit(url.reveal())
    tls = parts.scheme == "smtps"
    usual = TLS_PORT if tls else SUBMISSION_PORT if parts.username else PORT
    return MailServer(
        host=parts.hostname or "",
        port=parts.port or usual,
        tls=tls,
        user=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password or "")) if parts.username else None,
    )


class Connection:
    """An open connection to the mail server."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on."""
        return self._client.get_transport_info("sslcontext") is not None

    async def send(self, message: EmailMessage, *, sender: str, to: str) -> None:
        """Hand over one mail, or raise :class:`SmtpError`."""
        options = () if to.isascii() else ("SMTPUTF8",)
        if options and not self._client.supports_extension("smtputf8"):
            raise SmtpError("the server takes no such address", refused=True)
        try:
            async with asyncio.timeout(MAIL_SECONDS):
                await self._client.sendmail(
                    sender, [to], message.as_bytes(), mail_options=list(options)
                )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as exc:
            raise await self._explained(exc) from exc

    async def _explained(self, exc: Exception) -> SmtpError:
        if isinstance(exc, aiosmtplib.SMTPRecipientsRefused):
            exc = exc.recipients[0]
        if isinstance(exc, aiosmtplib.SMTPResponseException):
            about_it = isinstance(exc, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError)
            lost = not self._client.is_connected or not await self._began_anew()
            return SmtpError(_told(exc), refused=about_it and 500 <= exc.code < 600, lost=lost)
        self._client.close()
        return SmtpError(type(exc).__name__, lost=True)

    async def _began_anew(self) -> bool:
        """After a refusal the next mail has to start from nothing."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._client.rset()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            self._client.close()
            return False
        return True


@asynccontextmanager
async def connected(server: MailServer, *, our_name: str) -> AsyncIterator[Connection]:
    """Greet the server, encrypt, log in; :class:`SmtpError` where that does not work.

    *our_name* is the host that we greet as.
    """
    tls = await asyncio.to_thread(_tls, server)  # reading all authorities takes a while
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        local_hostname=our_name,
        timeout=CONNECT_SECONDS,
        use_tls=server.tls,
        start_tls=False,
        tls_context=tls,
    )
    try:
        try:
            async with asyncio.timeout(2 * CONNECT_SECONDS):
                await _greet(client, server, tls)
        except aiosmtplib.SMTPResponseException as exc:
            raise SmtpError(_told(exc), lost=True) from exc
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as exc:
            cause = exc.__cause__ if isinstance(exc.__cause__, ssl.SSLError) else exc
            raise SmtpError(type(cause).__name__, lost=True) from exc
        yield Connection(client)
        with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            if client.is_connected:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await client.quit()
    finally:
        client.close()


async def _greet(client: aiosmtplib.SMTP, server: MailServer, tls: ssl.SSLContext) -> None:
    await client.connect()
    await client.ehlo()
    if not server.tls and client.supports_extension("starttls"):
        await client.starttls(tls_context=tls)
        await client.ehlo()
    elif not server.tls and server.password is not None:
        raise SmtpError("the server offers no TLS, and a password must not cross a network bare")
    if server.user is not None and server.password is not None:
        await client.login(server.user, server.password.reveal())


def _tls(server: MailServer) -> ssl.SSLContext:
    if server.tls or server.password is not None:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _told(exc: aiosmtplib.SMTPResponseException) -> str:
    """The code alone: servers repeat addresses, and worse, in their words."""
    return f"{type(exc).__name__} {exc.code}"
