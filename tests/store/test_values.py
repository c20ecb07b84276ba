from datetime import UTC, datetime, timedelta, timezone

import pytest

from portal.store import GrantSearch, StoreError, UnstorableValueError
from tests.store.records import NOW, flow, grant, user

BAD_TEXTS = ["a\x00b", "\x00", "a\ud800b", "\udfff"]


@pytest.mark.parametrize("text", BAD_TEXTS)
async def test_text_that_cannot_be_kept_is_refused_wherever_it_comes_in(store, text):
    attempts = [
        lambda rows: rows.users.find(text),
        lambda rows: rows.users.find_by_email(text),
        lambda rows: rows.users.add(user(name=text)),
        lambda rows: rows.users.set_password("ann", password_hash=text, at=NOW),
        lambda rows: rows.flows.open(flow(request_url=text)),
        lambda rows: rows.flows.open(flow(answer={"deep": [{"er": text}]})),
        lambda rows: rows.flows.open(flow(answer={text: 1})),
        lambda rows: rows.grants.save(grant(scopes=["openid", text])),
        lambda rows: rows.grants.find("ann", text, lock=True),
        lambda rows: rows.grant_index.select(GrantSearch(user=text)),
        lambda rows: rows.grant_index.select(GrantSearch(client=text)),
        lambda rows: rows.grant_index.select(GrantSearch(scope=text)),
        lambda rows: rows.attempts.forgive(text),
        lambda rows: rows.audit.add("user.created", at=NOW, actor=text),
        lambda rows: rows.audit.add("user.created", at=NOW, actor=None, detail={"typed": text}),
    ]
    for attempt in attempts:
        with pytest.raises(UnstorableValueError) as refusal:
            async with store.writing() as rows:
                await attempt(rows)
        assert isinstance(refusal.value, StoreError)
        assert text not in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["\ufffe", "\U0001f600", "e" + "\u0301" * 10_000, "\x01\x1b[0m", "\u202e", "\\u0000"]
)
async def test_odd_text_comes_back_as_it_went_in(store, text):
    async with store.writing() as rows:
        await rows.users.add(user(name=text))
        await rows.grants.save(grant(scopes=[text]))
        found, kept = await rows.users.find("ann"), await rows.grants.find("ann", "photos")
    assert found is not None
    assert kept is not None
    assert (found.name, kept.scopes) == (text, [text])


async def test_too_long_a_text_is_refused_on_both_databases(store):
    for record in (user("s" * 256), user(email="e" * 321)):
        with pytest.raises(UnstorableValueError):
            async with store.writing() as rows:
                await rows.users.add(record)
    async with store.reading() as rows:
        assert await rows.users.find("s" * 10_000) is None


async def test_a_naive_time_is_refused(store):
    naive = datetime(2026, 11, 23)  # noqa: DTZ001 - what must not pass
    for attempt in (
        lambda rows: rows.users.add(user(created_at=naive)),
        lambda rows: rows.users.disable("ann", naive),
        lambda rows: rows.flows.delete_before(naive, 1),
    ):
        with pytest.raises(UnstorableValueError, match="naive"):
            async with store.writing() as rows:
                await attempt(rows)


async def test_times_of_other_zones_are_the_same_instants(store):
    there = timezone(timedelta(hours=5, minutes=30))
    async with store.writing() as rows:
        await rows.users.add(user(created_at=NOW.astimezone(there)))
        found = await rows.users.find("ann")
    assert found is not None
    assert found.created_at == NOW
    assert found.created_at.tzinfo is UTC


async def test_a_missing_value_is_refused_by_the_database(store):
    with pytest.raises(StoreError):
        async with store.writing() as rows:
            await rows.users.add(user(email=None))
