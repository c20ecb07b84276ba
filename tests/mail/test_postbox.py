"""The outbox: sealed, sent once, tried again, given up."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from portal import jobs, links, postbox
from portal.mail import Letter
from portal.origin import Origin
from portal.store.tables import MailedLink, OutgoingMail
from tests.fixtures.mail import (
    NOWHERE,
    MailHandler,
    MailServer,
    NewMailServer,
    link_in,
    written,
)
from tests.fixtures.portal import NewPortal, Portal
from tests.mail.letters import VALUES

LETTER = Letter("ann@example.org", "reset", VALUES)


async def post(portal: Portal, *letters: Letter) -> None:
    async with portal.store.writing() as rows:
        for letter in letters or (LETTER,):
            await postbox.post(rows, portal.services, letter, now=datetime.now(UTC))


async def deliver(portal: Portal, *, after: timedelta = timedelta()) -> bool:
    return await postbox.deliver(portal.services, now=datetime.now(UTC) + after)


def rows_of(portal: Portal, column: str = "attempts") -> list[object]:
    path = portal.settings.database_url.removeprefix("sqlite:///")
    database = sqlite3.connect(path)
    try:
        database.row_factory = sqlite3.Row
        return [row[column] for row in database.execute("SELECT * FROM outgoing_mails")]
    finally:
        database.close()


@pytest.fixture
async def portal(new_portal: NewPortal, mail_server: MailServer) -> Portal:
    return await new_portal(PORTAL_SMTP_URL=mail_server.url)


async def test_a_mail_is_sent_once_and_forgotten(portal: Portal, mail_server: MailServer) -> None:
    await post(portal)
    await deliver(portal)
    await deliver(portal)
    (mail,) = mail_server.received
    assert mail.to == ["ann@example.org"]
    assert link_in(mail.text) == VALUES["link"]
    assert rows_of(portal) == []


async def test_what_waits_lies_sealed(portal: Portal) -> None:
    await post(portal)
    (sealed,) = rows_of(portal, "sealed")
    assert "ann@" not in str(sealed)
    assert "token" not in str(sealed)


async def test_a_mail_to_nobody_costs_a_row_and_is_not_sent(
    portal: Portal, mail_server: MailServer
) -> None:
    await post(portal, Letter("", "reset", VALUES))
    assert len(rows_of(portal)) == 1
    await deliver(portal)
    assert rows_of(portal) == []
    assert mail_server.received == []


async def test_a_hundred_mails_go_out_in_portions(portal: Portal, mail_server: MailServer) -> None:
    await post(portal, *(Letter(f"p{n}@example.org", "reset", VALUES) for n in range(25)))
    assert [await deliver(portal) for _ in range(3)] == [True, True, False]
    assert len(mail_server.received) == 25
    assert len(mail_server.handler.sessions) == 3


async def test_a_server_that_is_away_is_tried_again_later_and_at_last_given_up(
    new_portal: NewPortal, caplog: pytest.LogCaptureFixture
) -> None:
    portal = await new_portal(PORTAL_SMTP_URL=NOWHERE)
    await post(portal, LETTER, Letter("bob@example.org", "reset", VALUES))
    assert await deliver(portal) is False
    assert rows_of(portal) == [1, 1]
    assert set(rows_of(portal, "last_error")) == {"SMTPConnectError"}
    assert await deliver(portal) is False
    assert rows_of(portal) == [1, 1], "not before it is due"
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1, minutes=1), tick=False):
        await deliver(portal)
    assert rows_of(portal) == []
    assert "given_up" in caplog.text
    assert "token" not in caplog.text


@pytest.mark.parametrize(("answer", "kept"), [("550 no", 0), ("450 later", 1)])
async def test_one_recipients_trouble_is_not_the_others(
    new_portal: NewPortal, new_mail_server: NewMailServer, answer: str, kept: int
) -> None:
    server = new_mail_server(handler=MailHandler(at_rcpt={"bad@example.org": answer}))
    portal = await new_portal(PORTAL_SMTP_URL=server.url)
    bad = Letter("bad@example.org", "reset", VALUES)
    await post(portal, LETTER, bad, Letter("bob@example.org", "reset", VALUES))
    await deliver(portal)
    assert [mail.to for mail in server.received] == [["ann@example.org"], ["bob@example.org"]]
    assert len(rows_of(portal)) == kept


async def test_a_lost_connection_loses_no_mail(
    new_portal: NewPortal, new_mail_server: NewMailServer
) -> None:
    server = new_mail_server(handler=MailHandler(at_data=["drop"]))
    portal = await new_portal(PORTAL_SMTP_URL=server.url)
    await post(portal, LETTER, Letter("bob@example.org", "reset", VALUES))
    assert await deliver(portal) is False
    assert rows_of(portal) == [1, 1]
    await deliver(portal, after=timedelta(minutes=1))
    assert len(server.received) == 2
    assert rows_of(portal) == []


async def test_two_processes_never_send_the_same_mail(
    portal: Portal, mail_server: MailServer
) -> None:
    await post(portal)
    async with portal.store.writing() as rows:
        claimed = await rows.outgoing_mails.claim_due(
            now=datetime.now(UTC), limit=10, lease=postbox.LEASE
        )
    assert len(claimed) == 1
    assert await deliver(portal) is False
    assert mail_server.received == []
    await deliver(portal, after=postbox.LEASE + timedelta(seconds=1))
    assert len(mail_server.received) == 1, "whoever claimed it died"


async def test_a_link_that_expired_meanwhile_is_not_sent(
    portal: Portal, mail_server: MailServer
) -> None:
    late = datetime.now(UTC).timestamp() - 1
    await post(portal, Letter("ann@example.org", "reset", VALUES, late))
    await deliver(portal)
    assert mail_server.received == []
    assert rows_of(portal) == []


async def test_what_nobody_can_read_any_more_is_told_and_forgotten(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    async with portal.store.writing() as rows:
        for number, sealed in enumerate(("nonsense", "abcdefgh.AAAA")):
            await rows.outgoing_mails.add(
                OutgoingMail(id=str(number), sealed=sealed, created_at=now, due_at=now)
            )
    await post(portal, Letter("a b", "reset", VALUES), Letter("ann@example.org", "no kind", {}))
    await deliver(portal)
    assert caplog.text.count("mail.unreadable") == 4
    assert rows_of(portal) == []


async def test_nothing_is_written_where_there_is_no_mail(new_portal: NewPortal) -> None:
    portal = await new_portal()
    await post(portal)
    assert rows_of(portal) == []
    assert await deliver(portal) is False


async def test_in_development_mails_are_shown_on_the_console(
    new_portal: NewPortal, capsys: pytest.CaptureFixture[str]
) -> None:
    portal = await new_portal(BASE_URL="http://localhost:4321")
    await post(portal)
    await deliver(portal)
    shown = capsys.readouterr().err
    assert "To: ann@example.org\nSubject: A new password for localhost\n" in shown
    assert VALUES["link"] in shown
    assert rows_of(portal) == []


async def test_a_notice_leads_to_where_things_can_be_put_right(portal: Portal) -> None:
    person = await portal.add_user("ann@example.org")
    user = await portal.user(person)
    async with portal.store.writing() as rows:
        for kind in ("password_changed", "account_deleted"):
            await postbox.notify(
                rows, portal.services, user, kind, now=datetime.now(UTC), origin=Origin()
            )
        with pytest.raises(ValueError, match="no kind"):
            await postbox.notify(
                rows, portal.services, user, "x", now=datetime.now(UTC), origin=Origin()
            )
    first, second = await written(portal)
    assert first.values["security"] == f"{portal.url}/account/security"
    assert "security" not in second.values
    assert first.to == second.to == "ann@example.org"


@pytest.mark.parametrize(
    ("base_url", "name"),
    [("https://login.example.org", "login.example.org"), ("http://localhost:1", "localhost"),
     ("http://127.0.0.1:1", "[127.0.0.1]"), ("http://[::1]:1", "[IPv6:::1]")],
)  # fmt: skip
async def test_we_greet_a_mail_server_by_a_name_it_may_check(
    new_portal: NewPortal, base_url: str, name: str
) -> None:
    assert postbox.our_name((await new_portal(BASE_URL=base_url)).settings) == name


async def test_links_are_forgotten_a_day_after_they_expired(portal: Portal) -> None:
    now = datetime.now(UTC)
    async with portal.store.writing() as rows:
        for number, age in enumerate((25, 23)):
            await links.issue(
                rows,
                purpose=links.RESET,
                email=f"p{number}@example.org",
                lifetime=0,
                now=now - timedelta(hours=age),
            )
    await jobs.forget(portal.services, now=now)
    async with portal.store.reading() as rows:
        found = await rows.mailed_links._unit.all(sa.select(MailedLink.email))
    assert [row[0] for row in found] == ["p1@example.org"]
