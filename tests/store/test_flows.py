import asyncio

from portal.store import Store
from tests.store.records import MINUTE, NOW, flow

HASH = "c" * 64
ANSWER = {"scopes": ["openid", "ö"], "remember": True, "nothing": None}


async def decide(store, decision, decision_id="d-1"):
    async with store.writing() as rows:
        return await rows.flows.decide(
            HASH,
            decision=decision,
            decision_id=decision_id,
            answer=ANSWER,
            browser_hash="b" * 64,
            subject="ann",
            at=NOW,
        )


async def test_the_first_record_of_a_challenge_stays(store):
    async with store.writing() as rows:
        first = await rows.flows.open(flow())
        second = await rows.flows.open(flow(client_name="Somebody else", created_at=NOW + MINUTE))
        found = await rows.flows.find(HASH)
        assert await rows.flows.find("d" * 64) is None
    assert found is not None
    assert {first.client_name, second.client_name, found.client_name} == {"Photos"}
    assert (second.state, second.created_at, second.answer) == ("open", NOW, None)


async def test_a_decision_is_made_once_and_kept_as_it_was(store):
    async with store.writing() as rows:
        await rows.flows.open(flow())
    assert await decide(store, "accept")
    assert not await decide(store, "reject", "d-2")
    async with store.reading() as rows:
        found = await rows.flows.find(HASH)
    assert found is not None
    assert (found.state, found.decision, found.decision_id) == ("decided", "accept", "d-1")
    assert (found.answer, found.subject, found.decided_at) == (ANSWER, "ann", NOW)


async def test_of_many_decisions_at_once_exactly_one_is_made(store, database_url):
    other = Store(database_url)
    async with store.writing() as rows:
        await rows.flows.open(flow())
    made = await asyncio.gather(
        *(
            decide((store, other)[n % 2], ("accept", "reject")[n % 3 % 2], f"d-{n}")
            for n in range(20)
        )
    )
    async with other.reading() as rows:
        found = await rows.flows.find(HASH)
    await other.dispose()
    assert found is not None
    assert made.count(True) == 1
    assert found.decision_id == f"d-{made.index(True)}"


async def test_an_automatic_answer_gives_way_to_a_person_but_never_the_other_way_round(store):
    automatic = {"decision": "accept", "subject": "ann", "answer": {}, "at": NOW}
    async with store.writing() as rows:
        await rows.flows.open(flow())
        await rows.flows.open_automatic(flow(), decision_id="a-1", **automatic)
        found = await rows.flows.find(HASH)
    assert found is not None
    assert (found.state, found.decision_id) == ("automatic", "a-1")
    assert await decide(store, "reject")
    async with store.writing() as rows:
        await rows.flows.open_automatic(flow(), decision_id="a-2", **automatic)
        found = await rows.flows.find(HASH)
    assert found is not None
    assert (found.state, found.decision, found.decision_id) == ("decided", "reject", "d-1")


async def test_an_unsent_decision_stays_made_until_it_is_told_again(store):
    async with store.writing() as rows:
        await rows.flows.open(flow())
    await decide(store, "accept")
    async with store.writing() as rows:
        await rows.flows.mark_unsent(HASH)
    assert not await decide(store, "reject", "d-2")
    async with store.writing() as rows:
        unsent = await rows.flows.find(HASH)
        await rows.flows.mark_resent(HASH, at=NOW + MINUTE)
        resent = await rows.flows.find(HASH)
    assert unsent is not None
    assert resent is not None
    assert (unsent.state, unsent.decision, unsent.decision_id) == ("unsent", "accept", "d-1")
    assert (resent.state, resent.decided_at) == ("decided", NOW + MINUTE)


async def test_old_flows_are_forgotten_in_portions(store):
    async with store.writing() as rows:
        for n in range(5):
            await rows.flows.open(flow(f"{n}" * 64, created_at=NOW - n * MINUTE))
        assert await rows.flows.delete_before(NOW - MINUTE, 2) == 2
        assert await rows.flows.delete_before(NOW - MINUTE, 2) == 1
        assert await rows.flows.delete_before(NOW - MINUTE, 2) == 0
        assert await rows.flows.find("0" * 64)
        assert await rows.flows.find("1" * 64)


async def test_an_automatic_answer_needs_no_row_before_it(store):
    async with store.writing() as rows:
        await rows.flows.open_automatic(
            flow(), decision="accept", decision_id="a-1", subject="ann", answer={}, at=NOW
        )
    async with store.reading() as rows:
        found = await rows.flows.find(HASH)
    assert found is not None
    assert (found.state, found.subject, found.request_url) == (
        "automatic",
        "ann",
        flow().request_url,
    )
