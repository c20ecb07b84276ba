"""One decision per challenge: what settles it, what repeats it, and what comes too late."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.decisions import (
    AlreadyDecidedError,
    DecisionError,
    LinkExpiredError,
    LinkUnknownError,
    OppositeDecisionError,
    Settlement,
    challenge_hash,
    decided_before,
    fetch,
    new_decision_id,
    settle,
    tell,
    with_sign_in,
)
from portal.origin import Origin
from portal.ory import errors
from portal.ory.models import RedirectTo
from portal.services import Visitor
from portal.store import Store
from portal.store.tables import FlowRecord
from tests.store.records import NOW, flow

AT_ORY = "https://ory.example/oauth2/auth?client_id=photos"


def visitor(browser: str | None = "b" * 64, *, after: float = 0) -> Visitor:
    return Visitor(browser_hash=browser, origin=Origin(), now=NOW + timedelta(seconds=after))


async def opened(store: Store) -> FlowRecord:
    async with store.writing() as rows:
        return await rows.flows.open(flow())


async def decide(
    store: Store,
    who: Visitor,
    *,
    decision: str = "accept",
    subject: str | None = "ann",
    **answer: int,
) -> Settlement:
    record = flow(subject=subject)
    async with store.writing() as rows:
        return await settle(rows, record, decision=decision, answer=answer, visitor=who)  # type: ignore[arg-type]


def refusal(settlement: Settlement) -> type[DecisionError] | None:
    return type(settlement.refusal) if settlement.refusal else None


async def test_the_first_decision_is_new(store: Store) -> None:
    await opened(store)
    settlement = await decide(store, visitor())
    assert settlement.is_new
    assert settlement.refusal is None
    settlement.check()


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        ({"who": visitor()}, None),
        ({"who": visitor(after=60)}, None),
        ({"who": visitor(after=61)}, AlreadyDecidedError),
        ({"who": visitor("c" * 64)}, AlreadyDecidedError),
        ({"who": visitor(None)}, AlreadyDecidedError),
        ({"who": visitor(), "decision": "reject"}, OppositeDecisionError),
        ({"who": visitor(), "subject": "bob"}, OppositeDecisionError),
        ({"who": visitor(), "subject": None}, OppositeDecisionError),
        ({"who": visitor(), "remember": 1}, OppositeDecisionError),
        ({"who": visitor("c" * 64, after=61), "decision": "reject"}, OppositeDecisionError),
    ],
)
async def test_a_second_decision_is_compared_with_the_first(
    store: Store, again: dict[str, object], expected: type[DecisionError] | None
) -> None:
    await opened(store)
    first = await decide(store, visitor())
    second = await decide(store, **again)  # type: ignore[arg-type]
    assert not second.is_new
    assert refusal(second) == expected
    assert second.decision_id == first.decision_id
    if second.refusal is not None:
        assert second.refusal.start_again == flow().request_url
        with pytest.raises(type(second.refusal)):
            second.check()


async def test_of_many_decisions_at_once_one_is_new(store: Store) -> None:
    await opened(store)
    decisions = ["accept", "reject"] * 20
    found = await asyncio.gather(*(decide(store, visitor(), decision=d) for d in decisions))
    assert sum(settlement.is_new for settlement in found) == 1
    assert len({settlement.decision_id for settlement in found}) == 1
    refusals = [refusal(settlement) for settlement in found]
    assert refusals.count(OppositeDecisionError) == 20
    assert refusals.count(None) == 20


async def test_what_was_answered_silently_can_still_be_decided(store: Store) -> None:
    await opened(store)
    async with store.writing() as rows:
        await rows.flows.open_automatic(
            flow(),
            decision="accept",
            decision_id=new_decision_id(),
            subject="ann",
            answer={},
            at=NOW,
        )
    assert (await decide(store, visitor(), decision="reject")).is_new


async def test_a_flow_that_was_forgotten_cannot_be_decided(store: Store) -> None:
    assert refusal(await decide(store, visitor())) is AlreadyDecidedError


TROUBLE = [
    (errors.OryUnavailableError("x"), errors.OryUnavailableError, "unsent"),
    (errors.OryKeyError("x"), errors.OryKeyError, "unsent"),
    (errors.OryNonsenseError("x"), errors.OryNonsenseError, "unsent"),
    (errors.ChallengeExpiredError("x"), LinkExpiredError, "decided"),
    (errors.ChallengeUsedError("x"), LinkExpiredError, "decided"),
    (errors.ChallengeUnknownError("x"), LinkUnknownError, "decided"),
]


@pytest.mark.parametrize(("raised", "expected", "state"), TROUBLE)
async def test_what_ory_did_not_hear_may_be_told_again_later(
    store: Store, raised: errors.OryError, expected: type[Exception], state: str
) -> None:
    record = await opened(store)
    await decide(store, visitor())

    async def fail() -> RedirectTo:
        raise raised

    with pytest.raises(expected):
        await tell(record, fail, store)
    async with store.reading() as rows:
        found = await rows.flows.find(record.challenge_hash)
    assert found is not None
    assert found.state == state
    late = await decide(store, visitor(after=1200))
    assert refusal(late) == (None if state == "unsent" else AlreadyDecidedError)
    assert refusal(await decide(store, visitor(after=1200), decision="reject")) is (
        OppositeDecisionError
    )


async def test_what_was_told_again_counts_from_then_on(store: Store) -> None:
    record = await opened(store)
    await decide(store, visitor())
    async with store.writing() as rows:
        await rows.flows.mark_unsent(record.challenge_hash)
    assert refusal(await decide(store, visitor(after=1000))) is None
    assert refusal(await decide(store, visitor(after=1060))) is None
    assert refusal(await decide(store, visitor(after=1061))) is AlreadyDecidedError


async def test_only_the_browser_that_decided_may_tell_again(store: Store) -> None:
    record = await opened(store)
    await decide(store, visitor())
    async with store.writing() as rows:
        await rows.flows.mark_unsent(record.challenge_hash)
    assert refusal(await decide(store, visitor("c" * 64))) is AlreadyDecidedError


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (errors.ChallengeExpiredError("x"), LinkExpiredError),
        (errors.ChallengeUsedError("x"), LinkExpiredError),
        (errors.ChallengeUnknownError("x"), LinkUnknownError),
    ],
)
@pytest.mark.parametrize("seen", [True, False])
async def test_a_link_that_is_over_leads_back_to_the_app_if_it_was_seen_before(
    store: Store, raised: errors.OryError, expected: type[DecisionError], *, seen: bool
) -> None:
    challenge = "a-challenge-of-ory=="
    if seen:
        async with store.writing() as rows:
            await rows.flows.open(flow(challenge_hash(challenge), request_url=AT_ORY))

    async def fail(_: str) -> None:
        raise raised

    with pytest.raises(expected) as caught:
        await fetch(fail, challenge, store)
    assert caught.value.start_again == (AT_ORY if seen else None)


@pytest.mark.parametrize(
    "challenge", ["", "short", "a" * 15, "a" * 8193, "a" * 16 + "\n", "a" * 16 + "é", "a b" * 9]
)
async def test_what_ory_never_issued_is_not_asked_about(store: Store, challenge: str) -> None:
    asked = []

    async def ask(text: str) -> None:
        asked.append(text)

    with pytest.raises(LinkUnknownError):
        await fetch(ask, challenge, store)
    assert asked == []


def test_a_challenge_is_known_by_its_hash_alone() -> None:
    assert challenge_hash("secret") != challenge_hash("secret2")
    assert len(challenge_hash("secret")) == 64


def test_the_age_of_a_decision_can_be_read_from_its_id() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=5)
    made = new_decision_id()
    after = datetime.now(UTC) + timedelta(milliseconds=5)
    assert UUID(made).version == 7
    assert decided_before(made, after)
    assert not decided_before(made, before)


@pytest.mark.parametrize(
    "text", ["", "x", "0" * 36, "00000000-0000-4000-8000-000000000000", "ffffffff", "\u0660" * 32]
)
def test_what_is_no_id_of_ours_is_not_older_than_anything(text: str) -> None:
    assert not decided_before(text, datetime.max.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("query", "prompt"),
    [
        ("a=b", "login"),
        ("prompt=none", "login"),
        ("prompt=consent&a=b", "login consent"),
        ("prompt=login%20consent", "login consent"),
        ("prompt=login", "login"),
        ("prompt=none&prompt=login", "login"),
        ("a=&b", "login"),
        ("", "login"),
    ],
)
def test_starting_again_asks_who_it_is(query: str, prompt: str) -> None:
    again = urlsplit(with_sign_in(f"https://ory.example/oauth2/auth?{query}"))
    assert (again.scheme, again.netloc, again.path) == ("https", "ory.example", "/oauth2/auth")
    assert parse_qs(again.query)["prompt"] == [prompt]


@given(
    st.lists(st.tuples(st.text(min_size=1), st.text())).filter(lambda p: "prompt" not in dict(p))
)
def test_starting_again_keeps_every_other_parameter(pairs: list[tuple[str, str]]) -> None:
    address = f"https://ory.example/oauth2/auth?{urlencode(pairs, errors='replace')}"
    before = parse_qsl(urlsplit(address).query, keep_blank_values=True)
    after = parse_qsl(urlsplit(with_sign_in(address)).query, keep_blank_values=True)
    assert after == [*before, ("prompt", "login")]
