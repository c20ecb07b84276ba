"""Ory knows the browser already: the same is said again, unless the account says otherwise."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from portal import accounts, grants
from tests.doubles.ory import OryDouble
from tests.fixtures.portal import Portal
from tests.login.steps import flow_of, plant_session
from tests.real.portal import Person

SID = "session-of-ory"


def plant(ory: OryDouble, person: Person, *, prompt: str = "", **fields: Any) -> str:
    query = f"client_id=photos&state=x{'&prompt=' + prompt if prompt else ''}"
    request_url = f"{ory.public_url}/oauth2/auth?{query}"
    known: dict[str, Any] = {"skip": True, "subject": person.subject, "session_id": SID}
    return ory.plant_login(**known | {"request_url": request_url} | fields)


async def look(http: httpx.AsyncClient, challenge: str) -> httpx.Response:
    """As a frame of another site looks: without a cookie."""
    http.cookies.clear()
    return await http.get("/login", params={"login_challenge": challenge})


async def test_somebody_known_is_accepted_without_a_page_or_a_cookie(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    await plant_session(portal, ann, SID)
    challenge = plant(ory, ann)
    answer = await look(http, challenge)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{ory.public_url}/oauth2/auth?")
    assert answer.cookies == httpx.Cookies()
    flow = await flow_of(portal, challenge)
    assert ory.decided("login", "accept") == [
        {
            "subject": ann.subject,
            "remember": True,
            "remember_for": 30 * 24 * 3600,
            "acr": "aal1",
            "amr": ["pwd"],
            "context": {"epoch": 0, "decision_id": flow.decision_id},
        }
    ]
    assert (flow.state, flow.decision, flow.subject) == ("automatic", "accept", ann.subject)


async def test_what_was_proved_is_said_again_as_it_was(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    await plant_session(portal, ann, SID, acr="aal2", amr=["pwd", "otp"])
    await look(http, plant(ory, ann))
    (body,) = ory.decided("login", "accept")
    assert body is not None
    assert (body["acr"], body["amr"]) == ("aal2", ["pwd", "otp"])


async def test_what_is_not_known_is_left_out_and_never_guessed(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    await look(http, plant(ory, ann))
    (body,) = ory.decided("login", "accept")
    assert body is not None
    assert body.keys().isdisjoint({"acr", "amr"})


async def test_it_can_be_asked_any_number_of_times(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    challenge = plant(ory, ann)
    targets = {(await look(http, challenge)).headers["location"] for _ in range(3)}
    assert len(targets) == 3
    assert len(ory.decided("login", "accept")) == 3


@pytest.mark.parametrize(("prompt", "error"), [("", "access_denied"), ("none", "login_required")])
async def test_somebody_who_is_gone_is_signed_out_of_ory_and_turned_away(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, prompt: str, error: str
) -> None:
    gone = Person(email="gone@example.org", password="", subject="gone-1")
    answer = await look(http, plant(ory, gone, prompt=prompt))
    assert answer.status_code == 302
    assert ory.deletions == [("login", {"subject": "gone-1"})]
    (body,) = ory.decided("login", "reject")
    assert body is not None
    assert body["error"] == error


@pytest.mark.parametrize(("prompt", "error"), [("", "access_denied"), ("none", "login_required")])
async def test_somebody_disabled_is_signed_out_of_ory_and_turned_away(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person, prompt: str, error: str
) -> None:
    await plant_session(portal, ann, SID)
    await accounts.disable_user(portal.store, ann.subject, now=datetime.now(UTC), actor="cli")
    await look(http, plant(ory, ann, prompt=prompt))
    assert ("login", {"subject": ann.subject}) in ory.deletions
    assert ory.decided("login", "accept") == []
    (body,) = ory.decided("login", "reject")
    assert body is not None
    assert body["error"] == error


async def test_a_sign_in_of_before_a_new_password_does_not_count(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    await plant_session(portal, ann, SID, epoch=0)
    async with portal.store.writing() as rows:
        await rows.users.set_password(ann.subject, password_hash="x", at=datetime.now(UTC))
    answer = await look(http, plant(ory, ann))
    assert answer.headers["location"] == (
        f"{ory.public_url}/oauth2/auth?client_id=photos&state=x&prompt=login"
    )
    assert ory.deletions == [("login", {"subject": ann.subject})]
    assert ory.decisions == []


async def test_a_sign_in_of_before_a_new_password_is_refused_where_nobody_may_be_asked(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    await plant_session(portal, ann, SID, epoch=0)
    async with portal.store.writing() as rows:
        await rows.users.set_password(ann.subject, password_hash="x", at=datetime.now(UTC))
    await look(http, plant(ory, ann, prompt="none"))
    (body,) = ory.decided("login", "reject")
    assert body is not None
    assert body["error"] == "login_required"


async def test_nothing_is_said_again_while_a_sign_out_has_not_reached_ory(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    async with portal.store.writing() as rows:
        await grants.revoke(
            rows,
            subject=ann.subject,
            client_id=None,
            reason="x",
            now=datetime.now(UTC),
            end_logins=True,
        )
    answer = await look(http, plant(ory, ann))
    assert "prompt=login" in answer.headers["location"]
    assert ory.decided("login", "accept") == []


async def test_the_removal_of_one_app_signs_nobody_out(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    async with portal.store.writing() as rows:
        await grants.revoke(
            rows, subject=ann.subject, client_id="photos", reason="user", now=datetime.now(UTC)
        )
    await look(http, plant(ory, ann))
    assert len(ory.decided("login", "accept")) == 1


async def test_nobody_is_accepted_while_a_disabled_session_cannot_be_ended(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    await accounts.disable_user(portal.store, ann.subject, now=datetime.now(UTC), actor="cli")
    challenge = plant(ory, ann)
    first = await look(http, challenge)
    assert first.status_code == 302
    ory.deletions.clear()
    ory.decisions.clear()
    ory.down()
    assert (await look(http, challenge)).status_code == 503
    assert ory.decisions == []
