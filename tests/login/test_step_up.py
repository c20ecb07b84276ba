"""What an app or an account demands beyond a password: asked for at a sign-in, and on skip."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from portal.decisions import login_session_hash
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewPortal, Portal
from tests.login.factors import (
    demand,
    expire_password,
    give_app,
    give_passkey,
    login_session,
    type_code,
    use_passkey,
    wrong,
)
from tests.login.steps import address, answer, plant_session
from tests.login.test_second_factor import accepted
from tests.real.portal import Person

SID = "session-of-ory"
STEP_UP = ["pwd", "otp", "mfa"]


def plant(ory: OryDouble, person: Person, *, query: str = "", **fields: Any) -> str:
    """Ory remembers *person*."""
    request_url = f"{ory.public_url}/oauth2/auth?client_id=photos&state=x{query}"
    known: dict[str, Any] = {"skip": True, "subject": person.subject, "session_id": SID}
    return ory.plant_login(**known | {"request_url": request_url} | fields)


def rejected(ory: OryDouble) -> str:
    (body,) = ory.decided("login", "reject")
    assert body is not None
    return str(body["error"])


async def look(http: httpx.AsyncClient, challenge: str) -> httpx.Response:
    http.cookies.clear()
    return await http.get("/login", params={"login_challenge": challenge})


@pytest.fixture(params=["acr_values", "told by Ory", "policy"])
async def insisting(request: pytest.FixtureRequest, portal: Portal) -> dict[str, Any]:
    """The ways in which an app insists on a second factor."""
    if request.param == "policy":
        await demand(portal)
        return {}
    if request.param == "acr_values":
        return {"query": "&acr_values=aal2"}
    return {"oidc_context": {"acr_values": ["aal2"]}}


async def test_the_second_factor_is_asked_for_and_nothing_else(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, insisting: dict[str, Any]
) -> None:
    app = await give_app(portal, ann)
    await plant_session(portal, ann, SID)
    challenge = plant(ory, ann, **insisting)
    page = await browser.open(address(portal, challenge))
    assert page.url.path == "/login/factor"
    assert not page.has("password")
    assert ann.email not in page.html
    await type_code(browser, app.now())
    body = accepted(ory)
    assert (body["subject"], body["acr"], body["amr"]) == (ann.subject, "aal2", STEP_UP)
    assert body["remember"] is True
    session = await login_session(portal, login_session_hash(SID))
    assert session is not None
    assert (session.acr, session.amr) == ("aal2", STEP_UP)


async def test_what_was_reached_is_enough_the_next_time(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, insisting: dict[str, Any]
) -> None:
    app = await give_app(portal, ann)
    await plant_session(portal, ann, SID)
    await browser.open(address(portal, plant(ory, ann, **insisting)))
    await type_code(browser, app.now())
    await browser.open(address(portal, plant(ory, ann, **insisting)))
    first, second = ory.decided("login", "accept")
    assert first is not None
    assert second is not None
    assert (second["acr"], second["amr"]) == (first["acr"], first["amr"])


async def test_nobody_can_be_asked_where_nobody_may_be(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person, insisting: dict[str, Any]
) -> None:
    await give_app(portal, ann)
    await plant_session(portal, ann, SID)
    query = insisting.get("query", "") + "&prompt=none"
    await look(http, plant(ory, ann, **insisting | {"query": query}))
    assert rejected(ory) == "login_required"


async def test_who_has_no_second_factor_begins_with_the_password(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person, insisting: dict[str, Any]
) -> None:
    await plant_session(portal, ann, SID)
    response = await look(http, plant(ory, ann, **insisting))
    query = parse_qs(urlsplit(response.headers["location"]).query)
    assert (query["prompt"], query["client_id"]) == (["login"], ["photos"])
    assert ory.decisions == []
    assert ory.deletions == []


async def test_a_session_that_nobody_noted_begins_with_the_password(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person, insisting: dict[str, Any]
) -> None:
    await give_app(portal, ann)
    response = await look(http, plant(ory, ann, **insisting))
    assert "prompt=login" in response.headers["location"]
    assert ory.decisions == []


@pytest.mark.parametrize("kind", ["device", "signed"])
async def test_a_request_that_cannot_be_sent_again_ends(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person, kind: str
) -> None:
    await demand(portal)
    await plant_session(portal, ann, SID)
    challenge = plant(ory, ann)
    if kind == "device":
        challenge = plant(ory, ann, request_url=ory.device_address())
    else:
        claims = "eyJhbGciOiJub25lIn0.eyJwcm9tcHQiOiJjb25zZW50In0.x"
        challenge = plant(ory, ann, query=f"&request={claims}")
    await look(http, challenge)
    assert rejected(ory) == "login_required"


@pytest.mark.parametrize(
    "query", ["", "&acr_values=aal1", "&acr_values=aal1%20aal2", "&acr_values=x"]
)
async def test_who_does_not_insist_is_not_asked(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person, query: str
) -> None:
    await give_app(portal, ann)
    await plant_session(portal, ann, SID)
    await look(http, plant(ory, ann, query=query))
    assert accepted(ory)["acr"] == "aal1"


async def test_the_address_is_shown_to_the_browser_that_answered_the_login(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await answer(browser, portal, ory.plant_login(session_id=SID), ann, remember=True)
    await type_code(browser, app.now())
    async with portal.store.writing() as rows:
        session = await rows.login_sessions.find(login_session_hash(SID))
        assert session is not None
        session.acr, session.amr = "aal1", ["pwd"]
        await rows.login_sessions.save(session)
    page = await browser.open(address(portal, plant(ory, ann, query="&acr_values=aal2")))
    assert page.url.path == "/login/factor"
    assert ann.email in page.text
    assert "prompt=login" in page.link("Use another account")


async def test_a_passkey_takes_the_step_too_and_its_id_is_told_to_nobody_else(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    key = await give_passkey(portal, ann)
    await plant_session(portal, ann, SID)
    page = await browser.open(address(portal, plant(ory, ann, query="&acr_values=aal2")))
    (place,) = [e for e in page.root.iter() if e.get("data-passkey")]
    assert '"allowCredentials":[]' in place.get("data-options", "")
    await use_passkey(browser, key)
    assert accepted(ory)["amr"] == ["pwd", "hwk", "user", "mfa"]


async def test_a_wrong_code_leaves_the_session_as_it_was(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await plant_session(portal, ann, SID)
    await browser.open(address(portal, plant(ory, ann, query="&acr_values=aal2")))
    assert (await type_code(browser, wrong(app))).status == 401
    await browser.open(address(portal, plant(ory, ann)))
    assert accepted(ory)["acr"] == "aal1"


async def test_a_session_that_ends_at_that_moment_is_not_revived(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await plant_session(portal, ann, SID)
    await browser.open(address(portal, plant(ory, ann, query="&acr_values=aal2")))
    async with portal.store.writing() as rows:
        session = await rows.login_sessions.find(login_session_hash(SID))
        assert session is not None
        session.ended_at = session.last_used_at
        await rows.login_sessions.save(session)
    await type_code(browser, app.now())
    assert ory.decided("login", "accept") == []
    assert ory.deletions == [("login", {"sid": SID})]


async def test_an_ended_session_is_ended_at_ory_alone_and_asked_anew(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    await plant_session(portal, ann, SID)
    async with portal.store.writing() as rows:
        session = await rows.login_sessions.find(login_session_hash(SID))
        assert session is not None
        session.ended_at = session.last_used_at
        await rows.login_sessions.save(session)
    response = await look(http, plant(ory, ann))
    assert "prompt=login" in response.headers["location"]
    assert ory.deletions == [("login", {"sid": SID})]
    assert ory.decisions == []


async def test_an_expired_password_ends_what_is_remembered(
    portal: Portal, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    await expire_password(portal, ann)
    await plant_session(portal, ann, SID, epoch=1)
    response = await look(http, plant(ory, ann))
    assert "prompt=login" in response.headers["location"]
    assert ory.decided("login", "accept") == []


@pytest.mark.parametrize("who", ["admins", "everyone"])
async def test_a_role_that_needs_it_is_asked_on_skip(
    new_portal: NewPortal, ory: OryDouble, who: str
) -> None:
    portal = await new_portal(PORTAL_SECOND_FACTOR_FOR=who)
    person = await portal.add_user("admin@example.org", admin=True)
    await give_app(portal, person)
    await plant_session(portal, person, SID)
    async with portal.http() as http:
        response = await look(http, plant(ory, person))
    assert response.headers["location"].startswith("/login/factor?")


async def test_a_cookie_of_an_ended_session_is_replaced_and_not_only_dropped(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    """Hydra 2.3 fails where it shall forget a session that was deleted there."""
    await answer(browser, portal, ory.plant_login(session_id=SID), ann, remember=True)
    async with portal.store.writing() as rows:
        session = await rows.login_sessions.find(login_session_hash(SID))
        assert session is not None
        session.ended_at = session.last_used_at
        await rows.login_sessions.save(session)
    await answer(browser, portal, ory.plant_login(), ann)
    body = ory.decided("login", "accept")[-1]
    assert body is not None
    assert (body["remember"], body["remember_for"]) == (True, 1)
