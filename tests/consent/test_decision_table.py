"""The decision table of hydra-contract 3.6, row by row."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from portal.consent.pages import ConsentPage
from portal.ory.models import RedirectTo
from tests.consent.conftest import NOW, Desk

LATER = NOW + timedelta(hours=2)


async def test_row_1_a_covered_silent_request_is_accepted(desk: Desk) -> None:
    await desk.remember("openid", "email")
    outcome = await desk.begin(desk.request(query="prompt=none", skip=True))
    assert isinstance(outcome, RedirectTo)
    assert desk.accepted[0]["grant_scope"] == ["openid", "email"]


async def test_row_2_a_silent_request_of_a_trusted_client_is_accepted(desk: Desk) -> None:
    challenge = desk.request(client={"skip_consent": True}, query="prompt=none")
    assert isinstance(await desk.begin(challenge), RedirectTo)
    assert desk.accepted[0]["grant_scope"] == ["openid", "email"]


@pytest.mark.parametrize("skip", [True, False])
async def test_row_3_a_silent_request_that_is_not_covered_is_refused_and_never_shown(
    desk: Desk, skip: bool
) -> None:
    await desk.remember("openid")
    outcome = await desk.begin(desk.request(query="prompt=none", skip=skip))
    assert isinstance(outcome, RedirectTo)
    assert desk.rejected == ["consent_required"]
    assert desk.accepted == []


async def test_row_3_leaves_the_grant_as_it_is(desk: Desk) -> None:
    await desk.remember("openid")
    await desk.begin(desk.request(query="prompt=none", skip=True))
    grant = await desk.grant()
    assert grant is not None
    assert grant.remembered_scopes == ["openid"]


async def test_row_4_a_trusted_client_is_not_asked_about(desk: Desk) -> None:
    outcome = await desk.begin(desk.request(client={"skip_consent": True}))
    assert isinstance(outcome, RedirectTo)
    assert desk.accepted[0]["remember"] is True


async def test_row_4_trust_is_nobodys_remembered_decision(desk: Desk) -> None:
    await desk.begin(desk.request(client={"skip_consent": True}))
    grant = await desk.grant()
    assert grant is not None
    assert grant.scopes == ["openid", "email"]
    assert grant.remembered_scopes == []


@pytest.mark.parametrize("desk", [{"PORTAL_HONOUR_SKIP_CONSENT": "0"}], indirect=True)
async def test_row_4_the_operator_can_turn_trust_off(desk: Desk) -> None:
    assert isinstance(await desk.begin(desk.request(client={"skip_consent": True})), ConsentPage)


DEVICE_URL = "http://ory.test:4444/oauth2/device/verify?client_id=photos&user_code=****"


@pytest.mark.parametrize(
    "fields",
    [
        {"query": "prompt=consent"},
        {"query": "prompt=login%20consent"},
        {"query": "request_uri=https%3A%2F%2Fapp.example%2Frequest"},
        {"request_url": DEVICE_URL, "oidc_context": None},
        {
            "client": {
                "token_endpoint_auth_method": "none",
                "redirect_uris": ["com.example.app:/callback"],
            }
        },
        {
            "client": {
                "token_endpoint_auth_method": "none",
                "redirect_uris": ["http://app.example/callback"],
            }
        },
    ],
)
async def test_row_5_a_forced_request_is_asked_even_if_covered(
    desk: Desk, fields: dict[str, Any]
) -> None:
    await desk.remember("openid", "email")
    assert isinstance(await desk.begin(desk.request(skip=True, **fields)), ConsentPage)
    assert desk.accepted == []


@pytest.mark.parametrize("fields", [{"query": "prompt=consent"}, {"request_url": DEVICE_URL}])
async def test_row_5_wins_over_trust(desk: Desk, fields: dict[str, Any]) -> None:
    challenge = desk.request(client={"skip_consent": True}, **fields)
    assert isinstance(await desk.begin(challenge), ConsentPage)


async def test_a_public_client_on_loopback_or_https_is_not_forced(desk: Desk) -> None:
    await desk.remember("openid", "email")
    for uri in ("http://127.0.0.1:5555/callback", "https://app.example/callback"):
        client = {"token_endpoint_auth_method": "none", "redirect_uris": [uri]}
        assert isinstance(await desk.begin(desk.request(client=client, skip=True)), RedirectTo)


async def test_row_6_a_covered_request_is_accepted_where_ory_agrees(desk: Desk) -> None:
    await desk.remember("openid", "email")
    outcome = await desk.begin(desk.request(skip=True))
    assert isinstance(outcome, RedirectTo)
    assert ("GET", "/oauth2/auth/sessions/consent") not in desk.double.calls


async def test_row_7_and_8_a_covered_request_is_accepted_where_ory_still_lists_it(
    desk: Desk,
) -> None:
    await desk.remember("openid", "email")
    assert isinstance(await desk.begin(desk.request(skip=False)), RedirectTo)
    assert ("GET", "/oauth2/auth/sessions/consent") in desk.double.calls


@pytest.mark.parametrize(
    ("seen", "reason", "action"),
    [
        ({"listed_at": NOW}, "revoked at Ory", "grant.revoked_at_ory"),
        ({}, "never completed", "grant.abandoned"),
    ],
)
async def test_row_7_a_grant_that_ory_has_forgotten_is_marked_and_asked_for(
    desk: Desk, seen: dict[str, Any], reason: str, action: str
) -> None:
    await desk.remember("openid", "email", **seen)
    desk.double._sessions.clear()
    assert isinstance(await desk.begin(desk.request(skip=False), now=LATER), ConsentPage)
    grant = await desk.grant()
    assert grant is not None
    assert (grant.revoked_at, grant.revoke_reason) == (LATER, reason)
    assert action in await desk.audit()


async def test_row_7_ories_silence_soon_after_an_accept_leaves_the_grant(desk: Desk) -> None:
    await desk.remember("openid", "email", at=NOW - timedelta(minutes=34))
    desk.double._sessions.clear()
    assert isinstance(await desk.begin(desk.request(skip=False)), ConsentPage)
    grant = await desk.grant()
    assert grant is not None
    assert grant.revoked_at is None


async def test_row_7_ories_silence_about_what_it_never_lists_leaves_the_grant(desk: Desk) -> None:
    """Everything since the last deletion was accepted under ``skip=true``."""
    await desk.remember("openid", "email", listable=False)
    desk.double._sessions.clear()
    assert isinstance(await desk.begin(desk.request(skip=False), now=LATER), ConsentPage)
    grant = await desk.grant()
    assert grant is not None
    assert grant.revoked_at is None


async def test_row_7_an_older_tab_leaves_the_grant(desk: Desk) -> None:
    """The tab's snapshot was made before the last accept, so Ory's silence in it means nothing."""
    challenge = desk.request(skip=False)
    assert isinstance(await desk.begin(challenge), ConsentPage)
    await desk.remember("openid", "email", at=NOW + timedelta(seconds=10))
    desk.double._sessions.clear()
    assert isinstance(await desk.begin(challenge, now=LATER), ConsentPage)
    grant = await desk.grant()
    assert grant is not None
    assert grant.revoked_at is None


async def test_row_8_a_list_that_ory_does_not_give_means_asking(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.remember("openid", "email")
    broken = httpx.Response(500, json={"error": "server_error"})
    monkeypatch.setattr(desk.double, "_list_sessions", lambda _: broken)
    assert isinstance(await desk.begin(desk.request(skip=False)), ConsentPage)


@pytest.mark.parametrize("skip", [True, False])
async def test_row_9_what_is_not_covered_is_asked_whatever_ory_says(desk: Desk, skip: bool) -> None:
    assert isinstance(await desk.begin(desk.request(skip=skip)), ConsentPage)
    assert desk.accepted == []


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": NOW},
        {"expires_at": NOW},
        {"remembered_scopes": []},
        {"remembered_scopes": ["openid"]},
        {"remembered_scopes": ["openid", "email.*"]},
        {"remembered_scopes": ["openid", "Email"]},
    ],
)
async def test_row_9_a_grant_that_does_not_cover_is_asked_for(
    desk: Desk, change: dict[str, Any]
) -> None:
    await desk.remember("openid", "email", **change)
    assert isinstance(await desk.begin(desk.request(skip=True)), ConsentPage)


async def test_row_9_another_audience_is_asked_for_though_ory_skips(desk: Desk) -> None:
    await desk.remember("openid", "email", audience=("https://api.example/a",))
    audience = ["https://api.example/b"]
    challenge = desk.request(skip=True, requested_access_token_audience=audience)
    assert isinstance(await desk.begin(challenge), ConsentPage)


async def test_a_grant_expires_to_the_second(desk: Desk) -> None:
    await desk.remember("openid", "email", expires_at=NOW + timedelta(seconds=1))
    assert isinstance(await desk.begin(desk.request(skip=True)), RedirectTo)
    late = {"now": NOW + timedelta(seconds=1)}
    assert isinstance(await desk.begin(desk.request(skip=True), **late), ConsentPage)
