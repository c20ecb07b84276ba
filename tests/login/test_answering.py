"""The answer: signing in, not signing in, and what Ory is told about it."""

import hashlib

import pytest

from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import Portal, hashed
from tests.login.steps import address, answer, counting_verifications, field, flow_of
from tests.real.portal import Person


@pytest.mark.parametrize("remember", [False, True])
async def test_the_right_password_signs_in(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, *, remember: bool
) -> None:
    challenge = ory.plant_login(session_id="sid-1")
    page = await answer(browser, portal, challenge, ann, remember=remember)
    assert [hop.status for hop in browser.trail] == [303, 200]
    assert "login_verifier" in page.query
    flow = await flow_of(portal, challenge)
    expected = {
        "subject": ann.subject,
        "remember": remember,
        "acr": "aal1",
        "amr": ["pwd"],
        "context": {"epoch": 0, "decision_id": flow.decision_id},
    }
    assert ory.decisions == [
        ("login", "accept", expected | ({"remember_for": 2_592_000} if remember else {}))
    ]
    assert (flow.state, flow.decision, flow.subject) == ("decided", "accept", ann.subject)
    assert await portal.actions() == ["login.succeeded"]


async def test_the_sign_in_is_remembered_for_the_next_skip(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await answer(browser, portal, ory.plant_login(session_id="sid-1"), ann)
    async with portal.store.reading() as rows:
        session = await rows.login_sessions.find(hashlib.sha256(b"sid-1").hexdigest())
    assert session is not None
    assert (session.subject, session.acr, session.amr) == (ann.subject, "aal1", ["pwd"])
    assert session.browser_hash is not None


async def test_signing_in_to_an_app_is_no_sign_in_to_the_portal(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await answer(browser, portal, ory.plant_login(), ann, remember=True)
    assert [cookie.name for cookie in browser.cookies.jar] == ["__Host-portal_browser"]
    assert (await browser.open(f"{portal.url}/account/apps")).url.path == "/login"


async def test_somebody_signed_in_to_the_portal_is_still_asked(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    """prompt=login and max_age would mean nothing otherwise."""
    await answer(browser, portal, ory.plant_login(), ann)
    page = await browser.open(address(portal, ory.plant_login()))
    assert page.has("password")


async def test_not_signing_in_tells_the_app_so(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    challenge = ory.plant_login()
    await browser.open(address(portal, challenge))
    await browser.click("reject")
    assert ory.decisions == [
        (
            "login",
            "reject",
            {
                "error": "access_denied",
                "error_description": "The resource owner denied the request",
            },
        )
    ]
    assert await portal.actions() == ["login.rejected"]
    assert (await flow_of(portal, challenge)).decision == "reject"


async def test_not_signing_in_checks_no_password(
    portal: Portal,
    browser: Browser,
    ory: OryDouble,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with counting_verifications(monkeypatch) as runs:
        await answer(browser, portal, ory.plant_login(), ann, password="wrong", button="reject")
    assert runs == []


@pytest.mark.parametrize(
    "typed", ["ANN@example.org", "  ann@EXAMPLE.org ", "ａｎｎ@example.org", "Ann@Example.Org"]
)
async def test_an_address_may_be_spelled_as_people_do(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, typed: str
) -> None:
    same = Person(email=typed, password=ann.password, subject=ann.subject)
    await answer(browser, portal, ory.plant_login(), same)
    assert [body["subject"] for body in ory.decided("login", "accept") if body] == [ann.subject]


async def test_a_composed_and_a_decomposed_password_are_the_same(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    person = await portal.add_user("eve@example.org", password_hash=hashed("caf\u00e9 au lait"))
    await answer(browser, portal, ory.plant_login(), person, password="cafe\u0301 au lait")
    assert len(ory.decided("login", "accept")) == 1


async def test_a_wrong_password_keeps_everything_else(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    challenge = ory.plant_login()
    page = await answer(browser, portal, challenge, ann, password="wrong one", remember=True)
    assert page.status == 401
    assert page.title.startswith("Error: ")
    assert page.element("email").get("value") == ann.email
    assert "checked" in page.element("remember").attrib
    assert page.element("password").get("value") is None
    assert "wrong one" not in page.html
    assert ory.decisions == []
    browser.fill("password", ann.password)
    await browser.click("accept")
    assert len(ory.decided("login", "accept")) == 1


async def test_a_hint_for_somebody_else_refuses_other_accounts(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, bob: Person
) -> None:
    """Ory would refuse it later, and end the session that there is."""
    context = {"id_token_hint_claims": {"sub": bob.subject}}
    challenge = ory.plant_login(oidc_context=context)
    page = await answer(browser, portal, challenge, ann)
    assert page.status == 422
    assert "account that you used there before" in page.text
    assert ory.decisions == []
    assert (await flow_of(portal, challenge)).state == "open"
    await answer(browser, portal, challenge, bob)
    assert [body["subject"] for body in ory.decided("login", "accept") if body] == [bob.subject]


async def test_the_hint_of_a_pairwise_app_names_nobody_here(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    context = {"id_token_hint_claims": {"sub": "a pairwise identifier"}}
    challenge = ory.plant_login({"subject_type": "pairwise"}, oidc_context=context)
    await answer(browser, portal, challenge, ann)
    assert len(ory.decided("login", "accept")) == 1


@pytest.mark.parametrize("claims", [None, {}, {"sub": ""}, {"sub": None}])
async def test_an_empty_hint_hinders_nobody(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, claims: object
) -> None:
    challenge = ory.plant_login(oidc_context={"id_token_hint_claims": claims})
    await answer(browser, portal, challenge, ann)
    assert len(ory.decided("login", "accept")) == 1


async def test_with_htmx_the_way_to_ory_is_told_in_a_header(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    page = await browser.open(address(portal, ory.plant_login()))
    form = {
        "action": "accept",
        "form_token": field(page, "form_token"),
        "login_challenge": field(page, "login_challenge"),
        "email": ann.email,
        "password": "wrong",
    }
    http = browser._http
    refused = await http.post("/login", data=form, headers={"HX-Request": "true"})
    assert refused.status_code == 401
    assert refused.text.lstrip().startswith("<form")
    accepted = await http.post(
        "/login", data=form | {"password": ann.password}, headers={"HX-Request": "true"}
    )
    assert (accepted.status_code, accepted.content) == (200, b"")
    assert accepted.headers["hx-redirect"].startswith(f"{ory.public_url}/oauth2/auth?")
    assert "location" not in accepted.headers


async def test_an_old_hash_is_renewed_and_the_sign_in_stays_valid(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    old = hashed("the password of old", memory_cost=32)
    person = await portal.add_user("old@example.org", password_hash=old)
    await answer(browser, portal, ory.plant_login(), person)
    user = await portal.user(person)
    assert user.password_hash is not None
    assert "m=64,t=1" in user.password_hash
    assert user.epoch == 0
    await answer(browser, portal, ory.plant_login(), person)
    assert len(ory.decided("login", "accept")) == 2


async def test_a_wrong_password_renews_nothing(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    old = hashed("the password of old", memory_cost=32)
    person = await portal.add_user("old@example.org", password_hash=old)
    await answer(browser, portal, ory.plant_login(), person, password="wrong")
    assert (await portal.user(person)).password_hash == old
