"""What becomes of Allow and Deny."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import i18n
from portal.consent import flow
from portal.consent.forms import SummaryForm
from portal.consent.pages import ConsentPage, SummaryPage
from portal.decisions import (
    AlreadyDecidedError,
    LinkExpiredError,
    LinkUnknownError,
    OppositeDecisionError,
    StaleSignInError,
    UnrequestedError,
    login_session_hash,
)
from portal.grants import revoke
from portal.ory.errors import OryError, OryUnavailableError
from portal.ory.models import RedirectTo
from portal.revocations import carry_out, sweep
from portal.store.errors import StoreUnavailableError
from tests.consent.conftest import NOW, SUBJECT, Desk, visitor

SOON = NOW + timedelta(seconds=30)
LATE = NOW + timedelta(seconds=61)


async def test_ticked_scopes_are_granted_and_no_others(desk: Desk) -> None:
    challenge = desk.request(requested_scope=["openid", "email", "offline"])
    assert isinstance(await desk.decide(challenge, "email", "openid"), RedirectTo)
    accept = desk.accepted[0]
    assert accept["grant_scope"] == ["openid", "email"]
    assert accept["session"]["id_token"] == {"email": "alice@example.org", "email_verified": True}
    assert (accept["remember"], accept["remember_for"]) == (False, 0)


async def test_claims_follow_the_granted_scopes(desk: Desk) -> None:
    challenge = desk.request(requested_scope=["openid", "email", "profile"])
    await desk.decide(challenge, "openid", "profile")
    assert desk.accepted[0]["session"]["id_token"] == {
        "name": "Alice",
        "updated_at": int(NOW.timestamp()),
    }


async def test_claims_are_sent_again_on_silent_accepts(desk: Desk) -> None:
    await desk.remember("openid", "email")
    await desk.begin(desk.request(skip=True))
    assert desk.accepted[0]["session"]["id_token"]["email"] == "alice@example.org"


@pytest.mark.parametrize("desk", [{"CONFORMITY_FAKE_CLAIMS": "1"}], indirect=True)
async def test_the_conformance_suite_gets_every_claim(desk: Desk) -> None:
    challenge = desk.request(requested_scope=["openid", "phone", "address"])
    await desk.decide(challenge, "openid", "phone", "address")
    claims = desk.accepted[0]["session"]["id_token"]
    assert {"phone_number", "phone_number_verified", "address"} == set(claims)


async def test_a_scope_nobody_requested_is_never_granted(desk: Desk) -> None:
    with pytest.raises(UnrequestedError):
        await desk.decide(desk.request(), "openid", "admin")
    assert desk.double.decisions == []
    assert await desk.grant() is None


async def test_an_audience_nobody_requested_is_never_granted(desk: Desk) -> None:
    with pytest.raises(UnrequestedError):
        await desk.decide(desk.request(), "openid", grant_audience=["https://api.example/"])
    assert desk.double.decisions == []


SCOPES = ("openid", "offline", "email", "photos.read", "photos.*", "OPENID", "openid ", "é")


@given(
    requested=st.lists(st.sampled_from(SCOPES), unique=True),
    posted=st.lists(st.sampled_from(SCOPES)),
    audience=st.lists(st.sampled_from(("a", "b")), unique=True),
    ticked=st.lists(st.sampled_from(("a", "b", "c"))),
)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_is_posted_nothing_unrequested_reaches_ory(
    desk: Desk,
    requested: list[str],
    posted: list[str],
    audience: list[str],
    ticked: list[str],
) -> None:
    desk.double.decisions.clear()
    challenge = desk.request(requested_scope=requested, requested_access_token_audience=audience)
    tampered = bool(set(posted) - set(requested) or set(ticked) - set(audience))
    try:
        await desk.decide(challenge, *posted, grant_audience=ticked)
    except UnrequestedError:
        repeated = len(set(posted)) < len(posted) or len(set(ticked)) < len(ticked)
        assert tampered or repeated
        assert desk.accepted == []
        return
    assert not tampered
    for accept in desk.accepted:
        assert set(accept["grant_scope"]) == set(posted)
        assert set(accept["grant_access_token_audience"]) == set(ticked)


async def test_nothing_ticked_is_asked_again_and_told_nobody(desk: Desk) -> None:
    page = await desk.decide(desk.request())
    assert isinstance(page, ConsentPage)
    assert (page.status, page.error) == (422, "Choose at least one permission, or deny.")
    assert desk.double.decisions == []


async def test_a_request_without_scopes_can_be_allowed(desk: Desk) -> None:
    assert isinstance(await desk.decide(desk.request(requested_scope=[])), RedirectTo)
    assert desk.accepted[0]["grant_scope"] == []


@pytest.mark.parametrize("desk", [{"PORTAL_ALLOW_EMPTY_GRANT": "1"}], indirect=True)
async def test_the_operator_can_let_people_allow_nothing(desk: Desk) -> None:
    assert isinstance(await desk.decide(desk.request()), RedirectTo)


async def test_deny_is_told_in_the_words_that_apps_expect(desk: Desk) -> None:
    assert isinstance(await desk.decide(desk.request(), "openid", action="reject"), RedirectTo)
    assert desk.double.decided("consent", "reject") == [
        {
            "error": "access_denied",
            "error_description": "The resource owner denied the request",
        }
    ]
    assert await desk.grant() is None
    assert await desk.audit() == ["consent.denied"]


async def test_dont_ask_again_is_remembered_here_and_at_ory(desk: Desk) -> None:
    await desk.decide(desk.request(), "openid", "email", remember="always")
    grant = await desk.grant()
    assert grant is not None
    assert grant.remembered_scopes == ["openid", "email"]
    assert grant.hydra_scopes == ["openid", "email"]
    assert desk.accepted[0]["remember"] is True
    assert desk.accepted[0]["context"] == {"decision_id": grant.decision_id}


async def test_once_is_written_down_and_asked_again(desk: Desk) -> None:
    await desk.decide(desk.request(), "openid", "email")
    grant = await desk.grant()
    assert grant is not None
    assert (grant.scopes, grant.remembered_scopes) == (["openid", "email"], [])
    assert isinstance(await desk.begin(desk.request(skip=True)), ConsentPage)


@pytest.mark.parametrize("desk", [{"PORTAL_REMEMBER_CONSENT_FOR": "30d"}], indirect=True)
async def test_the_operator_limits_how_long_it_is_remembered(desk: Desk) -> None:
    await desk.decide(desk.request(), "openid", remember="always")
    grant = await desk.grant()
    assert grant is not None
    assert grant.expires_at == NOW + timedelta(days=30)
    assert desk.accepted[0]["remember_for"] == 0


@pytest.mark.parametrize("browser", [None, "c" * 64])
async def test_another_browser_sees_nothing_personal_and_makes_nothing_last(
    desk: Desk, browser: str | None
) -> None:
    challenge = desk.request()
    page = await desk.begin(challenge, browser=browser)
    assert isinstance(page, ConsentPage)
    assert b"alice@example.org" not in msgspec.json.encode(page)
    assert page.durations == ()
    await desk.decide(challenge, "openid", "email", remember="always", browser=browser)
    grant = await desk.grant()
    assert grant is not None
    assert grant.remembered_scopes == []
    assert desk.accepted[0]["remember"] is False


async def test_the_summary_shows_the_ticked_data_and_changes_nothing(desk: Desk) -> None:
    challenge = desk.request()
    form = SummaryForm(consent_challenge=challenge, grant_scope=("email",))
    shown = await flow.summarise(form, whole_page=False, visitor=visitor(), services=desk.services)
    assert isinstance(shown, SummaryPage)
    assert [line.shared for line in shown.lines] == ["alice@example.org"]
    stranger = await flow.summarise(
        form, whole_page=False, visitor=visitor(browser="c" * 64), services=desk.services
    )
    assert isinstance(stranger, SummaryPage)
    assert [line.shared for line in stranger.lines] == [None]
    assert desk.double.decisions == []
    assert await desk.audit() == []


async def test_without_a_script_the_summary_is_the_whole_page_with_its_ticks(desk: Desk) -> None:
    form = SummaryForm(consent_challenge=desk.request(), grant_scope=("email",), remember="always")
    page = await flow.summarise(form, whole_page=True, visitor=visitor(), services=desk.services)
    assert isinstance(page, ConsentPage)
    assert [p.ticked for p in page.permissions] == [False, True]
    assert [d.value for d in page.durations if d.chosen] == ["always"]


async def test_what_is_remembered_is_ticked_and_what_is_new_is_marked(desk: Desk) -> None:
    await desk.remember("openid")
    page = await desk.begin(desk.request())
    assert isinstance(page, ConsentPage)
    assert [(p.scope, p.ticked, p.is_new) for p in page.permissions] == [
        ("openid", True, False),
        ("email", False, True),
    ]


async def test_unticking_what_the_app_had_deletes_at_ory_before_the_accept(desk: Desk) -> None:
    await desk.remember("openid", "email")
    await desk.decide(desk.request(query="prompt=consent"), "openid")
    assert desk.double.deletions == [("consent", {"subject": SUBJECT, "client": "photos"})]
    calls = [path for method, path in desk.double.calls if method in ("DELETE", "PUT")]
    assert calls == ["/oauth2/auth/sessions/consent", "/oauth2/auth/requests/consent/accept"]
    grant = await desk.grant()
    assert grant is not None
    assert grant.scopes == grant.remembered_scopes == ["openid"]
    assert grant.revoked_at is None


async def test_a_narrowing_that_ory_cannot_hear_accepts_nothing(desk: Desk) -> None:
    await desk.remember("openid", "email")
    challenge = desk.request(query="prompt=consent")
    await desk.begin(challenge)
    desk.double.down()
    with pytest.raises(OryUnavailableError):
        await desk.decide(challenge, "openid")
    assert desk.accepted == []


async def test_a_pending_revocation_is_carried_out_before_a_new_accept(desk: Desk) -> None:
    await desk.remember("openid")
    async with desk.services.store.writing() as rows:
        await revoke(rows, subject=SUBJECT, client_id="photos", reason="user", now=NOW)
    await desk.decide(desk.request(), "openid", now=SOON)
    calls = [path for method, path in desk.double.calls if method in ("DELETE", "PUT")]
    assert calls == ["/oauth2/auth/sessions/consent", "/oauth2/auth/requests/consent/accept"]
    async with desk.services.store.reading() as rows:
        assert await rows.revocations.pending_for(SUBJECT, "photos") == ()


async def test_the_same_answer_again_is_told_to_ory_again(desk: Desk) -> None:
    challenge = desk.request()
    first = await desk.decide(challenge, "openid")
    again = await desk.decide(challenge, "openid", now=SOON)
    assert isinstance(first, RedirectTo)
    assert isinstance(again, RedirectTo)
    assert desk.accepted[0] == desk.accepted[1]
    assert await desk.audit() == ["consent.allowed"]


@pytest.mark.parametrize("who", [{"now": LATE}, {"browser": "c" * 64}])
async def test_the_same_answer_much_later_or_from_elsewhere_is_completed_already(
    desk: Desk, who: dict[str, Any]
) -> None:
    challenge = desk.request()
    await desk.decide(challenge, "openid")
    with pytest.raises(AlreadyDecidedError) as caught:
        await desk.decide(challenge, "openid", **who)
    assert caught.value.start_again
    assert len(desk.accepted) == 1


@pytest.mark.parametrize(
    "other", [{"action": "reject"}, {"grant_scope": ("email",)}, {"remember": "always"}]
)
async def test_a_different_answer_afterwards_is_refused(desk: Desk, other: dict[str, Any]) -> None:
    challenge = desk.request()
    await desk.decide(challenge, "openid")
    more = {name: value for name, value in other.items() if name != "grant_scope"}
    with pytest.raises(OppositeDecisionError):
        await desk.decide(challenge, *other.get("grant_scope", ("openid",)), **more)
    assert len(desk.double.decisions) == 1


async def test_a_page_reloaded_after_the_answer_says_so(desk: Desk) -> None:
    challenge = desk.request()
    await desk.decide(challenge, "openid")
    with pytest.raises(AlreadyDecidedError):
        await desk.begin(challenge)


async def test_an_answer_that_ory_could_not_hear_can_be_given_again_later(desk: Desk) -> None:
    challenge = desk.request()
    original = desk.services.ory.accept_consent

    async def away(*_: Any) -> Any:
        raise OryUnavailableError("away")

    desk.services.ory.accept_consent = away  # type: ignore[method-assign]
    with pytest.raises(OryUnavailableError):
        await desk.decide(challenge, "openid", remember="always")
    desk.services.ory.accept_consent = original  # type: ignore[method-assign]
    assert isinstance(await desk.begin(challenge, now=LATE), ConsentPage | RedirectTo)
    with pytest.raises(OppositeDecisionError):
        await desk.decide(challenge, action="reject", now=LATE)
    again = await desk.decide(challenge, "openid", remember="always", now=LATE)
    assert isinstance(again, RedirectTo)
    assert await desk.audit() == ["consent.allowed"]


async def test_two_answers_at_once_are_one_decision(desk: Desk) -> None:
    challenge = desk.request()
    outcomes = await asyncio.gather(
        *(desk.decide(challenge, "openid", action=a) for a in ("accept", "reject") * 10),
        return_exceptions=True,
    )
    verbs = {verb for _, verb, _ in desk.double.decisions}
    assert len(verbs) == 1
    refused = [o for o in outcomes if isinstance(o, OppositeDecisionError)]
    assert len(refused) == 10
    assert len(await desk.audit()) == 1


async def test_a_disabled_user_cannot_pass(desk: Desk) -> None:
    challenge = desk.request()
    await desk.change_user(disable=True)
    await desk.decide(challenge, "openid")
    await desk.begin(desk.request(query="prompt=none"))
    assert desk.rejected == ["access_denied", "login_required"]
    assert desk.accepted == []


async def test_a_disabled_user_cannot_pass_silently_either(desk: Desk) -> None:
    await desk.remember("openid", "email")
    await desk.change_user(disable=True)
    await desk.begin(desk.request(skip=True))
    await desk.begin(desk.request(skip=True, client={"skip_consent": True}))
    assert desk.accepted == []


@pytest.mark.parametrize("context", [{"epoch": 0}, {"epoch": "1"}, {}, None, "x", [1]])
async def test_a_sign_in_from_before_a_reset_does_not_count(desk: Desk, context: Any) -> None:
    await desk.change_user()
    challenge = desk.request(context=context)
    with pytest.raises(StaleSignInError) as caught:
        await desk.begin(challenge)
    assert "prompt=login" in (caught.value.start_again or "")
    with pytest.raises(StaleSignInError):
        await desk.decide(challenge, "openid")
    await desk.begin(desk.request(context=context, query="prompt=none"))
    assert desk.rejected == ["login_required"]
    assert desk.accepted == []


async def test_a_sign_in_that_its_person_ended_does_not_count(desk: Desk) -> None:
    """Ory had accepted it already, and asks for consent all the same."""
    await desk.remember("openid", "email")
    challenge = desk.request()
    session = login_session_hash("session-1")
    async with desk.services.store.writing() as rows:
        assert await rows.login_sessions.end_one(session, SUBJECT, at=NOW, due_at=NOW)
    with pytest.raises(StaleSignInError):
        await desk.begin(challenge)
    with pytest.raises(StaleSignInError):
        await desk.decide(challenge, "openid")
    await desk.begin(desk.request(query="prompt=none", skip=True))
    assert desk.rejected == ["login_required"]
    assert desk.accepted == []


async def test_an_unknown_subject_is_refused(desk: Desk) -> None:
    await desk.begin(desk.request(subject="mallory"))
    assert desk.rejected == ["access_denied"]


@pytest.mark.parametrize("garbled", ["", "short", "a" * 9000, "ü" * 20, "a/../" * 10, "a b" * 10])
async def test_a_garbled_challenge_is_not_even_asked_about(desk: Desk, garbled: str) -> None:
    with pytest.raises(LinkUnknownError):
        await desk.begin(garbled)
    assert desk.double.calls == []


async def test_an_expired_challenge_knows_the_way_to_start_again(desk: Desk) -> None:
    challenge = desk.request()
    await desk.begin(challenge)
    desk.double.expire(challenge)
    with pytest.raises(LinkExpiredError) as caught:
        await desk.decide(challenge, "openid")
    assert caught.value.start_again
    assert caught.value.start_again.startswith(desk.double.public_url)


async def test_a_store_that_fails_tells_ory_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = desk.request()
    await desk.begin(challenge)

    def broken() -> Any:
        raise StoreUnavailableError("disk full")

    monkeypatch.setattr(desk.services.store, "writing", broken)
    with pytest.raises(StoreUnavailableError):
        await desk.decide(challenge, "openid")
    assert desk.double.decisions == []


async def test_the_second_sweep_spares_what_was_allowed_after_the_revocation(desk: Desk) -> None:
    await desk.remember("openid")
    async with desk.services.store.writing() as rows:
        revocation = await revoke(
            rows, subject=SUBJECT, client_id="photos", reason="user", now=NOW - timedelta(days=1)
        )
    await desk.decide(desk.request(), "openid", remember="always")
    desk.double.deletions.clear()
    context = {"decision_id": (await _decision_id(desk))}
    desk.double.plant_consent_session(SUBJECT, "photos", context=context)
    await sweep(revocation, desk.services)
    assert desk.double.deletions == []


async def test_the_second_sweep_deletes_what_is_older_though_more_was_allowed_since(
    desk: Desk,
) -> None:
    await desk.remember("openid")
    async with desk.services.store.writing() as rows:
        revocation = await revoke(rows, subject=SUBJECT, client_id="photos", reason="user", now=NOW)
    await desk.decide(desk.request(), "openid", remember="always")
    desk.double.deletions.clear()
    old = {"decision_id": "01890000-0000-7000-8000-000000000000"}
    desk.double.plant_consent_session(SUBJECT, "photos", context=old)
    await sweep(revocation, desk.services)
    assert desk.double.deletions == [("consent", {"subject": SUBJECT, "client": "photos"})]
    assert isinstance(await desk.begin(desk.request(requested_scope=["openid"])), ConsentPage)


async def test_the_second_sweep_deletes_what_was_on_its_way(desk: Desk) -> None:
    await desk.decide(desk.request(), "openid", remember="always")
    context = {"decision_id": (await _decision_id(desk))}
    async with desk.services.store.writing() as rows:
        revocation = await revoke(
            rows,
            subject=SUBJECT,
            client_id="photos",
            reason="user",
            now=visitor().now + timedelta(days=36500),
        )
    await carry_out(revocation, desk.services)
    desk.double.plant_consent_session(SUBJECT, "photos", context=context)
    await sweep(revocation, desk.services)
    assert len(desk.double.deletions) == 2
    assert desk.double.sessions_of(SUBJECT) == []


async def test_the_second_sweep_deletes_what_ory_does_not_list(desk: Desk) -> None:
    """Ory's list leaves out what was accepted under skip=true; its tokens live all the same."""
    await desk.remember("openid")
    async with desk.services.store.writing() as rows:
        revocation = await revoke(rows, subject=SUBJECT, client_id="photos", reason="user", now=NOW)
    await carry_out(revocation, desk.services)
    await sweep(revocation, desk.services)
    pair = ("consent", {"subject": SUBJECT, "client": "photos"})
    assert desk.double.deletions == [pair, pair]


async def test_the_same_answer_after_a_revocation_gives_nothing(desk: Desk) -> None:
    challenge = desk.request()
    await desk.decide(challenge, "openid")
    async with desk.services.store.writing() as rows:
        await revoke(rows, subject=SUBJECT, client_id="photos", reason="user", now=NOW)
    with pytest.raises(AlreadyDecidedError):
        await desk.decide(challenge, "openid", now=SOON)
    assert len(desk.accepted) == 1


async def test_what_was_allowed_while_ory_was_asked_is_not_marked_as_revoked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.remember("openid", "email")
    challenge = desk.request(skip=False)
    other_tab = desk.request(requested_scope=["openid"])

    async def slow_list(_: str) -> tuple[()]:
        await desk.decide(other_tab, "openid", now=LATE)
        return ()

    monkeypatch.setattr(desk.services.ory, "list_consent_sessions", slow_list)
    await desk.begin(challenge, now=NOW + timedelta(hours=2))
    grant = await desk.grant()
    assert grant is not None
    assert grant.revoked_at is None


async def _decision_id(desk: Desk) -> str:
    grant = await desk.grant()
    assert grant is not None
    return grant.decision_id


@pytest.mark.parametrize("fault", ["down", "garbage"])
async def test_ory_failing_is_an_error_of_its_own_and_decides_nothing(
    desk: Desk, fault: str
) -> None:
    challenge = desk.request()
    getattr(desk.double, fault)()
    with pytest.raises(OryError):
        await desk.decide(challenge, "openid")
    desk.double.heal()
    assert desk.double.decisions == []
    assert await desk.grant() is None


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_revocation_meanwhile_is_never_undone_silently(desk: Desk, trusted: bool) -> None:
    """Whoever comes first: what was revoked meanwhile is not given back by a silent accept."""
    for round_number in range(10):
        await desk.remember("openid", "email")
        challenge = desk.request(skip=True, client={"skip_consent": trusted})

        async def revoke_it(after: float = round_number / 1000) -> None:
            await asyncio.sleep(after)
            async with desk.services.store.writing() as rows:
                await revoke(rows, subject=SUBJECT, client_id="photos", reason="user", now=NOW)

        await asyncio.gather(desk.begin(challenge), revoke_it())
        grant = await desk.grant()
        assert grant is not None
        if grant.revoked_at is None:
            assert trusted
            assert grant.remembered_scopes == []


async def test_permissions_stand_in_groups_with_the_data_of_who_signed_in_here(desk: Desk) -> None:
    asked = {"requested_scope": ["offline", "x.y", "email", "openid"]}
    page = await desk.begin(desk.request(**asked))
    assert isinstance(page, ConsentPage)
    assert [(group.title, [p.scope for p in group.permissions]) for group in page.groups] == [
        ("About you", ["email", "openid"]),
        ("While you are away", ["offline"]),
        ("Not explained", ["x.y"]),
    ]
    email = page.permissions[0]
    assert [(d.label, d.value, d.note) for d in email.data] == [
        ("E-mail", "alice@example.org", "confirmed")
    ]
    stranger = await desk.begin(desk.request(**asked), browser="c" * 64)
    assert isinstance(stranger, ConsentPage)
    assert not any(p.data for p in stranger.permissions)
    assert b"alice" not in msgspec.json.encode(stranger)


async def test_since_when_an_app_is_known_here_is_what_ory_says(desk: Desk) -> None:
    client = {"client_id": "photos", "created_at": "2026-11-20T08:00:00Z"}
    page = await desk.begin(desk.request(client=client))
    assert isinstance(page, ConsentPage)
    assert (page.app.is_new, page.app.known_since) == (True, datetime(2026, 11, 20, 8, tzinfo=UTC))


async def test_the_question_speaks_the_language_of_who_signed_in_here_alone(desk: Desk) -> None:
    async with desk.services.store.writing() as rows:
        await rows.users.set_profile(SUBJECT, name="Alice", profile={"locale": "es-MX"}, at=NOW)
    i18n.begin(browser="fr")
    await desk.begin(desk.request(), browser="c" * 64)
    assert i18n.language().tag == "fr"
    await desk.begin(desk.request())
    assert i18n.language().tag == "es"
    i18n.begin()
