"""The grant rules, for every order of decisions that a person can make."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.grants import Ask, Given, covered, decided, given_silently, narrows, remembers
from portal.store.tables import GrantRecord

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
        grant = decided(grant, asked, made)
        if draw(st.integers(0, 4)) == 0:
            grant.revoked_at = made.at
    raise AssertionError


@given(histories())
def test_nothing_is_remembered_that_was_not_given(
    history: tuple[GrantRecord | None, Ask, Given],
) -> None:
    before, asked, made = history
    after = decided(before, asked, made)
    assert set(after.remembered_scopes) <= set(after.scopes)
    assert set(after.remembered_audience) <= set(after.audience)
    assert set(made.scopes) <= set(after.scopes)


@given(histories())
def test_only_dont_ask_again_adds_to_what_is_given_silently(
    history: tuple[GrantRecord | None, Ask, Given],
) -> None:
    before, asked, made = history
    after = decided(before, asked, made)
    alive = before is not None and remembers(before, now=made.at)
    had = set(before.remembered_scopes) if before is not None and alive else set()
    added = set(after.remembered_scopes) - had
    assert added <= (set(made.scopes) if made.remember else set())


@given(histories())
def test_an_unticked_permission_is_gone_after_the_decision(
    history: tuple[GrantRecord | None, Ask, Given],
) -> None:
    before, asked, made = history
    after = decided(before, asked, made)
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
    after = decided(before, asked, made)
    just_this = ask(made.scopes, made.audience)
    in_time = made.expires_at is None or made.at < made.expires_at
    if made.remember:
        assert covered(after, just_this, now=made.at) is in_time
    after.revoked_at = made.at
    assert covered(after, just_this, now=made.at) is False


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
    first = decided(None, ask(("a",)), answer(("a",), remember=True))
    until = NOW + timedelta(days=30)
    second = decided(first, ask(("b",)), answer(("b",), remember=True, expires_at=until))
    assert (second.remembered_scopes, second.expires_at) == (["a", "b"], until)


def test_what_has_expired_does_not_come_back_with_a_new_decision() -> None:
    first = decided(None, ask(("a",)), answer(("a",), remember=True, expires_at=NOW))
    second = decided(first, ask(("b",)), answer(("b",), remember=True))
    assert second.remembered_scopes == ["b"]


def test_a_grant_after_a_revocation_begins_anew() -> None:
    first = decided(None, ask(("a",)), answer(("a",), remember=True))
    first.revoked_at = NOW
    second = decided(first, ask(("b",)), answer(("b",)))
    assert (second.scopes, second.remembered_scopes, second.revoked_at) == (["b"], [], None)
