"""Two at once, on both databases: each link and each mail counts for one of them."""

import asyncio
from datetime import UTC, datetime

import pytest

from portal import postbox
from portal.accounts import addresses, recovery, registering
from portal.mail import Letter
from portal.origin import Origin
from portal.services import Visitor
from tests.fixtures.mail import NOWHERE, MailServer, written
from tests.fixtures.portal import NewPortal, Portal
from tests.mail.letters import VALUES

NEW = "four walls and a kettle"
ANN = "ann@example.org"


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    return database_url


@pytest.fixture
async def portal(new_portal: NewPortal) -> Portal:
    return await new_portal(PORTAL_SMTP_URL=NOWHERE, PORTAL_REGISTRATION="1")


def visitor(browser: str = "b" * 64) -> Visitor:
    return Visitor(
        browser_hash=browser, origin=Origin(address="203.0.113.7"), now=datetime.now(UTC)
    )


async def newest_token(portal: Portal, kind: str) -> str:
    letters = [letter for letter in await written(portal) if letter.kind == kind]
    return letters[-1].values["link"][-43:]


async def outcomes(*calls: object) -> list[str]:
    found = await asyncio.gather(*calls, return_exceptions=True)  # type: ignore[call-overload]  # coroutines
    return sorted(type(each).__name__ if isinstance(each, Exception) else "done" for each in found)


async def test_of_many_resets_by_one_link_one_counts(portal: Portal) -> None:
    ann = await portal.add_user(ANN)
    await recovery.ask(portal.services, ANN, challenge=None, visitor=visitor())
    token = await newest_token(portal, "reset")
    found = await outcomes(
        *(
            recovery.reset(
                portal.services, token, typed="", password=f"{NEW} {n}", visitor=visitor()
            )
            for n in range(5)
        )
    )
    assert found == ["LinkError"] * 4 + ["done"]
    assert (await portal.user(ann)).epoch == 1
    assert (await portal.actions()).count("user.password_reset") == 1


async def test_of_many_accounts_by_one_link_one_is_made(portal: Portal) -> None:
    await registering.ask(portal.services, ANN, challenge=None, visitor=visitor())
    token = await newest_token(portal, "register")
    found = await outcomes(
        *(
            registering.finish(
                portal.services, token, typed="", name="", password=NEW, visitor=visitor()
            )
            for _ in range(5)
        )
    )
    assert found[-1] == "done"
    assert set(found[:-1]) <= {"LinkError", "UserExistsError"}
    assert (await portal.actions()).count("user.registered") == 1


async def test_both_halves_of_a_move_at_once_make_one_move(portal: Portal) -> None:
    ann = await portal.add_user(ANN)
    user = await portal.user(ann)
    await addresses.ask_to_move(portal.services, user, "anna@example.org", visitor=visitor())
    tokens = [await newest_token(portal, kind) for kind in ("leave", "move")]
    found = await outcomes(
        *(
            addresses.confirm(portal.services, token, typed="", keep=None, visitor=visitor())
            for token in tokens * 2
        )
    )
    assert found == ["LinkError", "LinkError", "done", "done"]
    assert (await portal.user(ann)).email == "anna@example.org"
    assert (await portal.actions()).count("user.email_changed") == 1


async def test_two_who_move_to_one_address_do_not_share_it(portal: Portal) -> None:
    tokens = []
    for email in (ANN, "bob@example.org"):
        user = await portal.user(await portal.add_user(email))
        await addresses.ask_to_move(portal.services, user, "one@example.org", visitor=visitor())
        tokens.append([await newest_token(portal, kind) for kind in ("leave", "move")])
    for leave, _ in tokens:
        await addresses.confirm(portal.services, leave, typed="", keep=None, visitor=visitor())
    found = await outcomes(
        *(
            addresses.confirm(portal.services, move, typed="", keep=None, visitor=visitor())
            for _, move in tokens
        )
    )
    assert found == ["UserExistsError", "done"]
    assert (await portal.actions()).count("user.email_changed") == 1


async def test_requests_for_mails_are_counted_before_they_are_judged(portal: Portal) -> None:
    await portal.add_user(ANN)
    found = await outcomes(
        *(recovery.ask(portal.services, ANN, challenge=None, visitor=visitor()) for _ in range(12))
    )
    assert found == ["WaitError"] * 9 + ["done"] * 3
    assert len(await written(portal)) == 3


async def test_two_processes_send_each_mail_once(
    new_portal: NewPortal, mail_server: MailServer
) -> None:
    portal = await new_portal(PORTAL_SMTP_URL=mail_server.url)
    now = datetime.now(UTC)
    async with portal.store.writing() as rows:
        for n in range(40):
            letter = Letter(f"p{n}@example.org", "reset", VALUES)
            await postbox.post(rows, portal.services, letter, now=now)
    while any(await asyncio.gather(*(postbox.deliver(portal.services, now=now) for _ in range(3)))):
        pass
    recipients = [mail.to[0] for mail in mail_server.received]
    assert len(recipients) == len(set(recipients)) == 40
    assert await written(portal) == []
