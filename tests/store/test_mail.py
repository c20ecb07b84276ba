"""Mailed links and waiting mails, on both databases."""

import asyncio

from portal.store.tables import MailedLink, OutgoingMail
from tests.store.records import MINUTE, NOW


def link(token_hash="0" * 64, **fields):
    values = {
        "purpose": "reset",
        "email": "ann@example.org",
        "subject": "ann",
        "epoch": 0,
        "detail": {},
        "created_at": NOW,
        "expires_at": NOW + MINUTE,
    }
    return MailedLink(token_hash=token_hash, **values | fields)


def mail(mail_id, **fields):
    values = {"sealed": "key1.sealed", "created_at": NOW, "due_at": NOW}
    return OutgoingMail(id=mail_id, **values | fields)


async def test_a_link_works_once(store):
    async with store.writing() as rows:
        await rows.mailed_links.add(link())

    async def use():
        async with store.writing() as rows:
            return await rows.mailed_links.use("0" * 64, NOW)

    assert sorted(await asyncio.gather(use(), use(), use())) == [False, False, True]


async def test_a_link_works_until_it_expires_and_not_then(store):
    async with store.writing() as rows:
        await rows.mailed_links.add(link("a" * 64))
        await rows.mailed_links.add(link("b" * 64))
        assert not await rows.mailed_links.use("a" * 64, NOW + MINUTE)
        assert await rows.mailed_links.use("b" * 64, NOW + MINUTE * 0.99)


async def test_a_new_link_voids_the_older_ones_of_its_purpose_and_address_alone(store):
    async with store.writing() as rows:
        await rows.mailed_links.add(link("a" * 64))
        await rows.mailed_links.add(link("b" * 64, purpose="verify"))
        await rows.mailed_links.add(link("c" * 64, email="bob@example.org", subject="bob"))
        assert await rows.mailed_links.void("reset", email="ann@example.org") == 1
        assert await rows.mailed_links.find("a" * 64) is None
        assert await rows.mailed_links.void_all("ann") == 1
        assert await rows.mailed_links.find("c" * 64) is not None


async def test_invitations_that_wait_are_listed_the_newest_first(store):
    async with store.writing() as rows:
        for number, at in enumerate((NOW, NOW + MINUTE, NOW - MINUTE)):
            record = link(str(number) * 64, purpose="invite", created_at=at, subject=None)
            await rows.mailed_links.add(record)
        expired = link("8" * 64, purpose="invite", expires_at=NOW)
        await rows.mailed_links.add(expired)
        await rows.mailed_links.use("2" * 64, NOW)
        found = await rows.mailed_links.waiting("invite", now=NOW, limit=10)
    assert [record.token_hash[0] for record in found] == ["1", "0"]


async def test_expired_links_are_forgotten(store):
    async with store.writing() as rows:
        await rows.mailed_links.add(link("a" * 64))
        await rows.mailed_links.add(link("b" * 64, expires_at=NOW + 2 * MINUTE))
        assert await rows.mailed_links.delete_before(NOW + 1.5 * MINUTE, 10) == 1
        assert await rows.mailed_links.find("b" * 64) is not None


async def test_each_mail_is_taken_by_one_worker_at_a_time(store):
    async with store.writing() as rows:
        for number in range(6):
            await rows.outgoing_mails.add(mail(str(number)))
        await rows.outgoing_mails.add(mail("later", due_at=NOW + MINUTE))

    async def claim():
        async with store.writing() as rows:
            return await rows.outgoing_mails.claim_due(now=NOW, limit=2, lease=MINUTE)

    taken = [
        mail.id for some in await asyncio.gather(*(claim() for _ in range(4))) for mail in some
    ]
    assert sorted(taken) == [str(number) for number in range(6)]
    async with store.writing() as rows:
        assert await rows.outgoing_mails.claim_due(now=NOW, limit=9, lease=MINUTE) == ()
        await rows.outgoing_mails.delete("0")
        await rows.outgoing_mails.postpone("1", error="Refused", due_at=NOW)
        again = await rows.outgoing_mails.claim_due(now=NOW, limit=9, lease=MINUTE)
    assert [(mail.id, mail.attempts, mail.last_error) for mail in again] == [("1", 2, "Refused")]
