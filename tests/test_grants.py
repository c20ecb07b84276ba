"""The grant rules, for every order of decisions that a person can make."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.grants import (
    ONCE,
    Ask,
    Given,
    Policy,
    covered,
    decided,
    given_silently,
    in_words,
    lasted,
    narrows,
    remembered_until,
    remembers,
    remembers_something,
    shorter,
    state_of,
)
from portal.store.tables import AT_ORY, GRANT_STATES, GrantRecord

ANY = Policy()
"""Of a client that the operator said nothing about."""
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAMES = st.lists(st.sampled_from("abcd"), unique=True).map(tuple)


def ask(scopes: tuple[str, ...], audience: tuple[str, ...] = ()) -> Ask:
    return Ask(
        subject="alice",
        client_id="photos",
        client_name="Photos",
        client_uri=None,
        scopes=scopes,
        audience=audience,
    )


def answer(
    scopes: tuple[str, ...],
    audience: tuple[str, ...] = (),
    *,
    remember: bool = False,
    expires_at: datetime | None = None,
    at: datetime = NOW,
) -> Given:
    return Given(
        decision_id="d",
        scopes=scopes,
        audience=audience,
        remember=remember,
        expires_at=expires_at,
        ory_remembers=remember,
        at=at,
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[GrantRecord | None, Ask, Given]:
    """Some decisions about random requests, and the last one yet to be made."""
    grant: GrantRecord | None = None
    steps = draw(st.integers(1, 5))
    for step in range(steps):
        asked = ask(draw(NAMES), draw(NAMES))
        made = answer(
            tuple(s for s in asked.scopes if draw(st.booleans())),
            tuple(a for a in asked.audience if draw(st.booleans())),
            remember=draw(st.booleans()),
            expires_at=draw(st.sampled_from((None, NOW + timedelta(days=1), NOW))),
            at=NOW + timedelta(seconds=step),
        )
        if step == steps - 1:
            return grant, asked, made
        grant = decided(grant, asked, made, ANY)
        if draw(st.integers(0, 4)) == 0:
            grant.revoked_at = made.at
    raise AssertionError


@given(histories())
def test_nothing_is_remembered_that_was_not_given(
    history: tuple[GrantRecord | None, Ask, Given],
) -> None:
    before, asked, made = history
    after = decided(before, asked, made, ANY)
    assert set(after.remembered_scopes) <= set(after.scopes)
    assert set(after.remembered_audience) <= set(after.audience)
    assert set(made.scopes) <= set(after.scopes)


@given(histories())
def test_only_dont_ask_again_adds_to_what_is_given_silently(
    history: tuple[GrantRecord | None, Ask, Given],
) -> None:
    before, asked, made = history
    after = decided(before, asked, made, ANY)
    alive = before is not None and remembers(before, ANY, now=made.at)
    had = set(before.remembered_scopes) if before is not None and alive else set()
    added = set(after.remembered_scopes) - had
    assert added <= (set(made.scopes) if made.remember else set())


@given(histories())
def test_an_unticked_permission_is_gone_after_the_decision(
    history: tuple[GrantRecord | None, Ask, Given],
) -> None:
    before, asked, made = history
    after = decided(before, asked, made, ANY)
    unticked = set(asked.scopes) - set(made.scopes)
    assert not unticked & set(after.scopes)
    if narrows(before, asked, made):
        assert set(after.scopes) == set(made.scopes)
        assert set(after.audience) == set(made.audience)


@given(histories())
def test_a_remembered_decision_covers_the_same_request_until_it_expires(
    history: tuple[GrantRecord | None, Ask, Given],
) -> None:
    before, asked, made = history
    after = decided(before, asked, made, ANY)
    just_this = ask(made.scopes, made.audience)
    in_time = made.expires_at is None or made.at < made.expires_at
    if made.remember:
        assert covered(after, just_this, ANY, now=made.at) is in_time
    after.revoked_at = made.at
    assert covered(after, just_this, ANY, now=made.at) is False


@given(histories())
def test_a_silent_accept_never_changes_what_is_given_silently(
    history: tuple[GrantRecord | None, Ask, Given],
) -> None:
    before, asked, made = history
    after = given_silently(before, asked, made)
    living = before is not None and before.revoked_at is None
    assert after.remembered_scopes == (before.remembered_scopes if before and living else [])
    assert after.expires_at == (before.expires_at if before and living else None)
    assert set(made.scopes) <= set(after.scopes)


def test_a_later_duration_holds_for_all_that_is_remembered() -> None:
    first = decided(None, ask(("a",)), answer(("a",), remember=True), ANY)
    until = NOW + timedelta(days=30)
    second = decided(first, ask(("b",)), answer(("b",), remember=True, expires_at=until), ANY)
    assert (second.remembered_scopes, second.expires_at) == (["a", "b"], until)


def test_what_has_expired_does_not_come_back_with_a_new_decision() -> None:
    first = decided(None, ask(("a",)), answer(("a",), remember=True, expires_at=NOW), ANY)
    second = decided(first, ask(("b",)), answer(("b",), remember=True), ANY)
    assert second.remembered_scopes == ["b"]


def test_a_grant_after_a_revocation_begins_anew() -> None:
    first = decided(None, ask(("a",)), answer(("a",), remember=True), ANY)
    first.revoked_at = NOW
    second = decided(first, ask(("b",)), answer(("b",)), ANY)
    assert (second.scopes, second.remembered_scopes, second.revoked_at) == (["b"], [], None)


LIMIT = Policy(longest=timedelta(days=7))


def test_the_shorter_of_two_limits_holds() -> None:
    week, month = timedelta(days=7), timedelta(days=30)
    assert LIMIT.lasting(None) == week
    assert LIMIT.lasting(month) == week
    assert LIMIT.lasting(timedelta(hours=1)) == timedelta(hours=1)
    assert ANY.lasting(month) == month
    assert ANY.lasting(None) is None


def test_a_limit_holds_for_what_was_given_before_it() -> None:
    grant = decided(None, ask(("a",)), answer(("a",), remember=True), ANY)
    assert remembered_until(grant, ANY) is None
    assert remembered_until(grant, LIMIT) == NOW + timedelta(days=7)
    just_in_time, too_late = NOW + timedelta(days=7, seconds=-1), NOW + timedelta(days=7)
    assert covered(grant, ask(("a",)), LIMIT, now=just_in_time)
    assert not covered(grant, ask(("a",)), LIMIT, now=too_late)
    assert covered(grant, ask(("a",)), ANY, now=too_late)


def test_a_limit_prolongs_nothing() -> None:
    soon = NOW + timedelta(days=1)
    grant = decided(None, ask(("a",)), answer(("a",), remember=True, expires_at=soon), ANY)
    assert remembered_until(grant, LIMIT) == soon


def test_a_silent_accept_does_not_prolong_a_limited_grant() -> None:
    grant = decided(None, ask(("a",)), answer(("a",), remember=True), LIMIT)
    used = given_silently(grant, ask(("a",)), answer(("a",), at=NOW + timedelta(days=6)))
    assert remembered_until(used, LIMIT) == NOW + timedelta(days=7)


def test_a_decision_for_once_does_not_prolong_what_was_remembered() -> None:
    """It is the newer decision, and still the older one's duration that counts."""
    grant = decided(None, ask(("a",)), answer(("a",), remember=True), ANY)
    later = NOW + timedelta(days=6)
    after = decided(grant, ask(("b",)), answer(("b",), at=later), LIMIT)
    assert remembered_until(after, LIMIT) == NOW + timedelta(days=7)
    gone = decided(grant, ask(("b",)), answer(("b",), at=NOW + timedelta(days=8)), LIMIT)
    assert gone.remembered_scopes == []


@given(histories(), st.integers(1, 3 * 86_400))
def test_with_a_limit_nothing_is_covered_that_would_not_be_without(
    history: tuple[GrantRecord | None, Ask, Given], seconds: int
) -> None:
    before, asked, made = history
    policy = Policy(longest=timedelta(seconds=seconds))
    for days in range(4):
        now = NOW + timedelta(days=days)
        if covered(before, asked, policy, now=now):
            assert covered(before, asked, ANY, now=now)
            assert before is not None
            assert now < before.granted_at + timedelta(seconds=seconds)
    assert set(decided(before, asked, made, policy).remembered_scopes) <= set(
        decided(before, asked, made, ANY).remembered_scopes
    )


def test_only_what_is_requested_can_be_missing() -> None:
    policy = Policy(required_scopes=("c", "a", "z"))
    assert policy.missing(ask(("a", "b", "c")), ()) == ("a", "c")
    assert policy.missing(ask(("a", "b", "c")), ("c", "b")) == ("a",)
    assert policy.missing(ask(("a", "c")), ("a", "c")) == ()
    assert policy.missing(ask(("b",)), ()) == ()
    assert ANY.missing(ask(("a",)), ()) == ()


DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def lasting(span: timedelta | None, *, at: datetime = NOW) -> GrantRecord:
    """A decision for *span*."""
    until = at + span if span else None
    made = answer(("a",), remember=span != ONCE, expires_at=until, at=at)
    return decided(None, ask(("a",)), made, ANY)


@pytest.mark.parametrize("second", [timedelta(seconds=1), TICK])
def test_what_is_remembered_ends_exactly_when_its_time_is_over(second: timedelta) -> None:
    grant = lasting(30 * DAY)
    end = NOW + 30 * DAY
    for now, yes in ((end - second, True), (end, False), (end + second, False)):
        assert covered(grant, ask(("a",)), ANY, now=now) is yes
        assert state_of(grant, ANY, now=now) == ("active" if yes else "expired")


def test_a_policy_ends_it_exactly_too() -> None:
    for grant in (lasting(None), lasting(30 * DAY)):
        end = NOW + 7 * DAY
        for now, yes in ((end - TICK, True), (end, False), (end + TICK, False)):
            assert covered(grant, ask(("a",)), LIMIT, now=now) is yes
            assert state_of(grant, LIMIT, now=now) == ("active" if yes else "expired")


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({}, "active"),
        ({"expired_at": NOW}, "expired"),
        ({"revoked_at": NOW}, "pending"),
        ({"revoked_at": NOW, "expired_at": NOW}, "pending"),
        ({"revoked_at": NOW, "revoke_synced_at": NOW}, "revoked"),
        ({"revoked_at": NOW, "revoke_synced_at": NOW, "revoke_reason": AT_ORY}, "at_ory"),
        ({"revoked_at": NOW, "revoke_reason": AT_ORY}, "pending"),
    ],
)
def test_the_state_that_is_shown_is_that_of_the_column(
    columns: dict[str, object], state: str
) -> None:
    grant = lasting(None)
    for name, value in columns.items():
        setattr(grant, name, value)
    assert state_of(grant, ANY, now=NOW) == state
    assert state in GRANT_STATES


def test_what_was_for_once_is_covered_never_and_expired_never() -> None:
    grant = lasting(ONCE)
    assert (grant.expires_at, grant.remember_for, remembers_something(grant)) == (None, None, False)
    for now in (NOW, NOW + 9999 * DAY):
        assert not covered(grant, ask(()), LIMIT, now=now)
        assert state_of(grant, LIMIT, now=now) == "active"


@given(histories())
def test_what_remembers_nothing_has_no_end(
    history: tuple[GrantRecord | None, Ask, Given],
) -> None:
    before, asked, made = history
    after = decided(before, asked, made, ANY)
    assert remembers_something(after) == (after.remember_for is not None)
    if not remembers_something(after):
        assert (after.expires_at, after.remembered_at, after.expired_at) == (None, None, None)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (None, "until you remove it"),
        (ONCE, "this time only"),
        (30 * DAY, "for 30 days"),
        (DAY, "for 1 day"),
        (400 * DAY, "for 400 days"),
        (timedelta(hours=36), "for 36 hours"),
        (timedelta(minutes=90), "for 90 minutes"),
        (timedelta(seconds=90), "for 90 seconds"),
        (timedelta(seconds=1), "for 1 second"),
        (21 * DAY + timedelta(seconds=3), "for about 21 days"),
        (timedelta(hours=5, seconds=1), "for about 5 hours"),
    ],
)
def test_a_duration_is_said_exactly_where_people_can_count_it(
    span: timedelta | None, words: str
) -> None:
    assert in_words(span) == words
    assert lasted(lasting(span)) == words


def test_the_name_of_a_choice_outlives_what_comes_after_it() -> None:
    grant = lasting(30 * DAY)
    later = answer(("b",), at=NOW + 3 * DAY)
    for after in (
        decided(grant, ask(("b",)), later, ANY),
        decided(grant, ask(("b",)), later, LIMIT),
        given_silently(grant, ask(("a",)), later),
    ):
        assert lasted(after) == "for 30 days"
        assert after.remembered_at == NOW


def test_nothing_is_over_before_what_is_until_revoked() -> None:
    assert shorter(None, None) is None
    assert shorter(None, DAY) == shorter(DAY, None) == shorter(DAY, 2 * DAY) == DAY
