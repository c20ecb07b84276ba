"""A real mail server on loopback: with TLS, with a password, and with every kind of bad manners."""

import asyncio
import socket
import ssl
from collections.abc import Iterator

import pytest

from portal.mail import Letter, SmtpError, compose, server_of, smtp
from portal.mail.smtp import connected
from portal.settings import Secret
from tests.fixtures.mail import MailHandler, MailServer, NewMailServer
from tests.mail.letters import NOW, VALUES
from tests.real.certificates import Authority

LETTER = Letter("ann@example.org", "reset", VALUES)


async def send(url: str, *letters: Letter) -> bool:
    """Over one connection; whether it was encrypted."""
    async with connected(server_of(Secret(url)), our_name="login.example.org") as server:
        for number, letter in enumerate(letters or (LETTER,)):
            message = compose(
                letter,
                mail_id=f"mail-{number}",
                sender="Example <no-reply@example.org>",
                site="Example",
                host="login.example.org",
                now=NOW,
            )
            await server.send(message, sender="no-reply@example.org", to=letter.to)
        return server.encrypted


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(smtp, "MAIL_SECONDS", 0.3)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Somebody takes the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def test_a_mail_arrives_as_it_was_written(mail_server: MailServer) -> None:
    assert await send(mail_server.url) is False
    (mail,) = mail_server.received
    assert (mail.sender, mail.to) == ("no-reply@example.org", ["ann@example.org"])
    assert mail.message["From"] == "Example <no-reply@example.org>"
    assert mail.message["Message-ID"] == "<mail-0@login.example.org>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert VALUES["link"] in mail.text


async def test_several_mails_take_one_connection(mail_server: MailServer) -> None:
    await send(mail_server.url, *(Letter(f"p{n}@example.org", "reset", VALUES) for n in range(5)))
    assert len(mail_server.received) == 5
    assert len(mail_server.handler.sessions) == 1


async def test_starttls_is_used_where_it_is_offered_whoever_signed_the_certificate(
    new_mail_server: NewMailServer, authority: Authority
) -> None:
    server = new_mail_server(starttls=authority.server())
    assert await send(server.url)
    assert len(server.received) == 1


@pytest.mark.parametrize("from_the_start", [True, False])
async def test_a_password_goes_to_a_server_that_is_trusted(
    new_mail_server: NewMailServer, trusted: Authority, from_the_start: bool
) -> None:
    context = {"tls" if from_the_start else "starttls": trusted.server()}
    server = new_mail_server(with_password=True, **context)
    assert await send(server.url)
    assert [mail.authenticated for mail in server.received] == [True]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # aiosmtpd forgets
@pytest.mark.parametrize("from_the_start", [True, False])
async def test_a_password_never_goes_to_a_server_that_nobody_vouches_for(
    new_mail_server: NewMailServer, authority: Authority, from_the_start: bool
) -> None:
    context = {"tls" if from_the_start else "starttls": authority.server()}
    server = new_mail_server(with_password=True, **context)
    with pytest.raises(SmtpError, match=r"SSL|Connect") as failure:
        await send(server.url)
    assert failure.value.lost
    assert server.received == []


async def test_a_password_never_crosses_a_network_bare(new_mail_server: NewMailServer) -> None:
    server = new_mail_server(with_password=True)
    with pytest.raises(SmtpError, match="no TLS"):
        await send(server.url)


async def test_a_wrong_password_is_no_refusal_of_the_mail(
    new_mail_server: NewMailServer, trusted: Authority
) -> None:
    server = new_mail_server(with_password=True, starttls=trusted.server())
    with pytest.raises(SmtpError, match="SMTPAuthenticationError 535") as failure:
        await send(server.url.replace("portal:", "somebody:"))
    assert not failure.value.refused


@pytest.mark.parametrize(
    ("answer", "refused"),
    [("550 no such user", True), ("450 later", False), ("451 greylist", False)],
)
async def test_one_recipient_is_refused_and_the_connection_goes_on(
    new_mail_server: NewMailServer, answer: str, refused: bool
) -> None:
    server = new_mail_server(handler=MailHandler(at_rcpt={"bad@example.org": answer}))
    url = Secret(server.url)
    async with connected(server_of(url), our_name="localhost") as connection:
        message = compose(LETTER, mail_id="1", sender="a@b.org", site="S", host="h", now=NOW)
        with pytest.raises(SmtpError) as failure:
            await connection.send(message, sender="a@b.org", to="bad@example.org")
        assert (failure.value.refused, failure.value.lost) == (refused, False)
        assert "bad@" not in str(failure.value)
        await connection.send(message, sender="a@b.org", to="ann@example.org")
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("answer", "refused"), [("554 spam", True), ("452 full", False), ("drop", False)]
)
async def test_the_mail_itself_is_refused(
    new_mail_server: NewMailServer, answer: str, refused: bool
) -> None:
    server = new_mail_server(handler=MailHandler(at_data=[answer]))
    with pytest.raises(SmtpError) as failure:
        await send(server.url)
    assert failure.value.refused is refused
    assert failure.value.lost is (answer == "drop")


async def test_nobody_listens() -> None:
    with pytest.raises(SmtpError, match="Connect"):
        await send("smtp://127.0.0.1:9")


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_says_nothing_is_not_waited_for(silent_port: int) -> None:
    async with asyncio.timeout(3):
        with pytest.raises(SmtpError) as failure:
            await send(f"smtp://127.0.0.1:{silent_port}")
    assert failure.value.lost


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_drips_is_not_waited_for(new_mail_server: NewMailServer) -> None:
    class Slow(MailHandler):
        async def handle_DATA(self, *args: object) -> str:  # noqa: N802 - aiosmtpd's name
            await asyncio.sleep(1)
            return "250 at last"

    server = new_mail_server(handler=Slow())
    async with asyncio.timeout(3):
        with pytest.raises(SmtpError, match="TimeoutError") as failure:
            await send(server.url)
    assert failure.value.lost


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail", ("mail", 25, False, None, None)),
        ("smtp://u:p%40ss@mail", ("mail", 587, False, "u", "p@ss")),
        ("smtps://u:p@mail", ("mail", 465, True, "u", "p")),
        ("smtps://mail:2465", ("mail", 2465, True, None, None)),
    ],
)
def test_the_address_says_which_server(url: str, expected: tuple[object, ...]) -> None:
    server = server_of(Secret(url))
    password = server.password.reveal() if server.password else None
    assert (server.host, server.port, server.tls, server.user, password) == expected


def test_certificates_are_looked_at_where_a_password_is_sent() -> None:
    strict = [smtp._tls(server_of(Secret(u))) for u in ("smtp://u:p@m", "smtps://m")]
    assert all(c.verify_mode == ssl.CERT_REQUIRED and c.check_hostname for c in strict)
