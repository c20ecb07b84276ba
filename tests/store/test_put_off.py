"""Writes of which nothing is asked: they go together, and at the latest with the commit."""

import pytest

from portal.store import AlreadyExistsError, Store
from portal.store.tables import AuditEvent
from tests.store.records import NOW, flow, grant, login_session, user


async def write_much(rows):
    await rows.grants.save(grant())
    await rows.audit.add("consent.allowed", at=NOW, actor="ann", subject="ann")
    await rows.login_sessions.save(login_session())
    await rows.flows.open_automatic(
        flow(), decision="accept", decision_id="d", subject="ann", answer={"a": 1}, at=NOW
    )


async def counts(rows):
    return (
        len((await rows.audit.list_page(after=None, limit=9)).events),
        await rows.grants.find("ann", "photos") is not None,
        await rows.login_sessions.find(login_session().session_id_hash) is not None,
        (await rows.flows.find(flow().challenge_hash)) is not None,
    )


async def test_what_was_put_off_is_there_after_the_commit_and_for_whoever_reads_before(store):
    async with store.writing() as rows:
        await write_much(rows)
        assert await counts(rows) == (1, True, True, True)
        await rows.audit.add("consent.allowed", at=NOW, actor="ann", subject="ann")
        await rows.audit.add("consent.allowed", at=NOW, actor="ann", subject="ann")
    async with store.reading() as rows:
        assert await counts(rows) == (3, True, True, True)


async def test_the_last_word_on_a_row_counts(store):
    async with store.writing() as rows:
        for name in ("Old", "Newer", "Newest"):
            await rows.grants.save(grant(client_name=name))
    async with store.reading() as rows:
        assert (await rows.grants.find("ann", "photos")).client_name == "Newest"


async def test_a_unit_that_fails_leaves_nothing_of_what_was_put_off(store):
    async def fail():
        async with store.writing() as rows:
            await write_much(rows)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.reading() as rows:
        assert await counts(rows) == (0, False, False, False)


async def test_what_cannot_be_written_fails_at_the_latest_with_the_commit(store):
    async def twice():
        async with store.writing() as rows:
            await rows.users.add(user())
            for _ in range(2):
                await rows.audit._unit.add_later(event())
            await rows.grants.save(grant())

    def event():
        return AuditEvent(
            id="e", occurred_at=NOW, action="consent.allowed", actor=None, subject=None,
            client_id=None, detail={}, address="", user_agent="",
        )  # fmt: skip

    with pytest.raises(AlreadyExistsError):
        await twice()
    async with store.reading() as rows:
        assert await rows.users.find("ann") is None
        assert await counts(rows) == (0, False, False, False)


async def test_at_once_needs_no_transaction_to_read_and_write_one_thing(store: Store) -> None:
    async def work(rows):
        found = await rows.flows.find(flow().challenge_hash)
        await rows.flows.open_automatic(
            flow(), decision="accept", decision_id="d", subject="ann", answer={}, at=NOW
        )
        return found

    assert await store.at_once(work, transaction=False) is None
    assert await store.at_once(work, transaction=False) is not None
