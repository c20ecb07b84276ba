"""From the app's button to its tokens: what is granted is what was ticked, and nothing else."""

import asyncio
import secrets
from urllib.parse import urlsplit

import pytest

from tests.driver import Browser, successful
from tests.fixtures.hydra import NewApp
from tests.journeys.conftest import NewBrowser
from tests.journeys.steps import (
    DENIED,
    allow,
    code_at,
    connect,
    error_at,
    is_back_at,
    is_consent,
    open_portal,
    sign_in,
)
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App, RelyingParty


async def test_a_person_who_allows_everything_gives_the_app_its_tokens(
    browser: Browser, app: App, ann: Person
) -> None:
    await browser.open(app.authorize_url("openid offline email"))
    assert "Please log in" in browser.page.title
    await sign_in(browser, ann)
    await allow(browser, "openid", "offline", "email")
    tokens = app.exchange(code_at(browser.page, app))
    assert set(tokens["scope"].split()) == {"openid", "offline", "email"}
    assert tokens["refresh_token"]
    told = app.introspect(tokens["access_token"])
    assert told["active"]
    assert told["sub"] == ann.subject
    assert app.userinfo(tokens["access_token"]).json()["email"] == ann.email


async def test_the_pages_name_the_port_that_the_answer_goes_to(
    browser: Browser, app: App, ann: Person
) -> None:
    """On a loopback address Ory lets an app ask for any port (RFC 8252, 7.3)."""
    elsewhere = RelyingParty()
    try:
        there = elsewhere.url.removeprefix("http://")
        registered = urlsplit(app.redirect_uri).netloc
        assert registered != there
        page = await browser.open(app.authorize_url(redirect_uri=elsewhere.callback))
        assert there in page.text
        assert registered not in page.text
        page = await sign_in(browser, ann)
        assert f"gets your answer at {there}" in page.text
        assert registered not in page.text
        await allow(browser, "openid")
        (received,) = elsewhere.received
        assert received["code"] == browser.page.query["code"]
    finally:
        elsewhere.close()


async def test_nothing_is_ticked_before_the_person_ticks_it(
    browser: Browser, app: App, ann: Person
) -> None:
    await browser.open(app.authorize_url("openid offline email"))
    page = await sign_in(browser, ann)
    assert page.boxes("grant_scope") == {"openid": False, "offline": False, "email": False}


async def test_only_the_ticked_part_is_granted(browser: Browser, app: App, ann: Person) -> None:
    await browser.open(app.authorize_url("openid offline email photos.read"))
    await sign_in(browser, ann)
    await allow(browser, "openid", "photos.read")
    tokens = app.exchange(code_at(browser.page, app))
    assert set(tokens["scope"].split()) == {"openid", "photos.read"}
    assert "refresh_token" not in tokens
    assert "email" not in app.userinfo(tokens["access_token"]).json()


async def test_ticking_nothing_is_asked_again_and_not_sent_to_the_app(
    browser: Browser, app: App, ann: Person
) -> None:
    await browser.open(app.authorize_url("openid offline"))
    await sign_in(browser, ann)
    page = await allow(browser)
    assert page.status == 422
    assert "Choose at least one permission, or deny." in page.text
    await allow(browser, "openid")
    assert app.exchange(code_at(browser.page, app))["scope"] == "openid"


async def test_a_person_can_deny_at_the_login(browser: Browser, app: App, ann: Person) -> None:
    await browser.open(app.authorize_url())
    page = await browser.click("reject")
    assert error_at(page, app) == DENIED


async def test_a_person_can_deny_at_the_consent(browser: Browser, app: App, ann: Person) -> None:
    await browser.open(app.authorize_url())
    await sign_in(browser, ann)
    page = await browser.click("reject")
    assert error_at(page, app) == DENIED


async def test_the_apps_state_comes_back_unchanged(browser: Browser, app: App, ann: Person) -> None:
    state = "a b&c=d/ü+%41-long-enough"
    await browser.open(app.authorize_url(state=state))
    await sign_in(browser, ann)
    await allow(browser, "openid")
    assert browser.page.query["state"] == state


async def test_a_wrong_password_keeps_the_address_and_the_flow(
    browser: Browser, app: App, portal: RealPortal
) -> None:
    bob = portal.create_user(f"bob-{app.client_id}@example.org")
    await browser.open(app.authorize_url())
    browser.fill("email", bob.email)
    browser.fill("password", "not the password at all")
    page = await browser.click("accept")
    assert page.status == 401
    assert page.element("email").get("value") == bob.email
    assert not page.element("password").get("value")
    await sign_in(browser, bob)
    await allow(browser, "openid")
    assert app.introspect(app.exchange(code_at(browser.page, app))["access_token"])["sub"] == (
        bob.subject
    )


async def test_a_scope_that_nobody_requested_is_refused_and_nothing_is_granted(
    browser: Browser, new_app: NewApp, portal: RealPortal, ann: Person
) -> None:
    app = new_app(client_name=f"Stray {secrets.token_hex(4)}")
    await browser.open(app.authorize_url("openid"))
    consent = await sign_in(browser, ann)
    browser.choose("grant_scope", "openid")
    form = consent.form_around(consent.element("accept"))
    fields = [*successful(form), ("grant_scope", "photos.read"), ("action", "accept")]
    page = await browser.send("POST", form.get("action", ""), fields)
    assert page.status == 400
    apps = await open_portal(browser, portal, "/account/apps", ann)
    assert app.name not in apps.text
    connected = portal.hydra.consent_sessions(ann.subject)
    assert app.client_id not in {c["consent_request"]["client"]["client_id"] for c in connected}


async def test_an_unknown_action_is_refused(browser: Browser, app: App, ann: Person) -> None:
    await browser.open(app.authorize_url("openid"))
    consent = await sign_in(browser, ann)
    browser.choose("grant_scope", "openid")
    button = consent.element("accept")
    button.set("value", "Allow access")
    page = await browser.submit(button)
    assert page.status in {400, 422}
    assert not is_back_at(page, app)


async def test_two_audiences_can_be_decided_one_by_one(
    browser: Browser, new_app: NewApp, ann: Person
) -> None:
    photos, mail = "https://photos.example.org", "https://mail.example.org"
    app = new_app(audience=[photos, mail])
    await browser.open(app.authorize_url("openid", audience=f"{photos} {mail}"))
    await sign_in(browser, ann)
    browser.choose("grant_audience", photos)
    await allow(browser, "openid")
    token = app.exchange(code_at(browser.page, app))["access_token"]
    assert app.introspect(token)["aud"] == [photos]


@pytest.mark.postgres  # in memory Hydra fails under concurrent flows
async def test_many_people_at_once_all_get_their_own_tokens(
    new_browser: NewBrowser, app: App, portal: RealPortal, ann: Person, admin: Person
) -> None:
    async def one(person: Person) -> str:
        browser = await new_browser()
        tokens = await connect(browser, app, person, "openid", "offline")
        return str(app.introspect(tokens["access_token"])["sub"])

    people = [ann, admin] * 4
    assert await asyncio.gather(*map(one, people)) == [person.subject for person in people]


async def test_reloading_the_consent_page_shows_it_again(
    browser: Browser, app: App, ann: Person
) -> None:
    await browser.open(app.authorize_url("openid"))
    await sign_in(browser, ann)
    page = await browser.reload()
    assert is_consent(page)
    await allow(browser, "openid")
    assert code_at(browser.page, app)
