"""What is asked again and what is not: remembered logins, remembered grants, prompt and max_age."""

import asyncio
import base64
import json

from tests.driver import Browser
from tests.fixtures.hydra import NewApp
from tests.journeys.steps import (
    allow,
    code_at,
    connect,
    error_at,
    is_back_at,
    is_consent,
    is_login,
    sign_in,
    until_dead,
    was_shown,
)
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App


async def remembered(browser: Browser, app: App, person: Person, *scopes: str) -> dict:
    """Connect with both "stay signed in" and "don't ask again"."""
    return await connect(browser, app, person, *scopes, remember=True, stay=True)


async def test_a_remembered_login_and_grant_let_the_app_in_without_a_page(
    browser: Browser, app: App, ann: Person
) -> None:
    await remembered(browser, app, ann, "openid", "offline")
    page = await browser.open(app.authorize_url("openid offline"))
    tokens = app.exchange(code_at(page, app))
    assert app.introspect(tokens["access_token"])["sub"] == ann.subject
    assert not was_shown(browser, "/login")
    assert not was_shown(browser, "/consent")


async def test_a_part_of_a_remembered_grant_is_given_without_asking(
    browser: Browser, app: App, ann: Person
) -> None:
    await remembered(browser, app, ann, "openid", "offline", "email")
    page = await browser.open(app.authorize_url("openid email"))
    assert set(app.exchange(code_at(page, app))["scope"].split()) == {"openid", "email"}


async def test_a_silent_grant_tells_the_app_the_same_claims(
    browser: Browser, app: App, ann: Person
) -> None:
    first = await remembered(browser, app, ann, "openid", "email")
    page = await browser.open(app.authorize_url("openid email"))
    second = app.exchange(code_at(page, app))
    before, after = (app.userinfo(t["access_token"]).json() for t in (first, second))
    assert before["email"] == after["email"] == ann.email


async def test_a_login_that_is_not_remembered_is_asked_again(
    browser: Browser, app: App, ann: Person
) -> None:
    await connect(browser, app, ann, "openid", remember=True)
    assert is_login(await browser.open(app.authorize_url("openid")))


async def test_a_grant_that_is_not_remembered_is_asked_again(
    browser: Browser, app: App, ann: Person
) -> None:
    await connect(browser, app, ann, "openid", stay=True)
    page = await browser.open(app.authorize_url("openid"))
    assert is_consent(page)
    assert not was_shown(browser, "/login")


async def test_more_scope_asks_again_with_the_known_part_ticked(
    browser: Browser, app: App, ann: Person
) -> None:
    await remembered(browser, app, ann, "openid")
    page = await browser.open(app.authorize_url("openid photos.read"))
    assert is_consent(page)
    assert page.boxes("grant_scope") == {"openid": True, "photos.read": False}
    await allow(browser, "openid", "photos.read", remember=True)
    tokens = app.exchange(code_at(browser.page, app))
    assert set(tokens["scope"].split()) == {"openid", "photos.read"}
    assert is_back_at(await browser.open(app.authorize_url("openid photos.read")), app)


async def test_grants_that_were_remembered_one_by_one_are_remembered_together(
    browser: Browser, app: App, ann: Person
) -> None:
    await remembered(browser, app, ann, "openid", "offline")
    await browser.open(app.authorize_url("openid email"))
    await allow(browser, "openid", "email", remember=True)
    page = await browser.open(app.authorize_url("openid offline"))
    assert set(app.exchange(code_at(page, app))["scope"].split()) == {"openid", "offline"}


async def test_unticking_what_the_app_had_ends_its_older_tokens(
    browser: Browser, app: App, ann: Person
) -> None:
    older = await remembered(browser, app, ann, "openid", "offline", "email")
    await browser.open(app.authorize_url("openid offline email", prompt="consent"))
    await allow(browser, "openid", "offline")
    newer = app.exchange(code_at(browser.page, app))
    assert not app.is_active(older["access_token"])
    assert app.refresh(older["refresh_token"]).status_code >= 400
    assert app.is_active(newer["access_token"])


async def test_another_audience_is_asked_for_although_the_scope_is_known(
    browser: Browser, new_app: NewApp, ann: Person
) -> None:
    photos, mail = "https://photos.example.org", "https://mail.example.org"
    app = new_app(audience=[photos, mail])
    await browser.open(app.authorize_url("openid", audience=photos))
    await sign_in(browser, ann, remember=True)
    browser.choose("grant_audience", photos)
    await allow(browser, "openid", remember=True)
    assert is_back_at(await browser.open(app.authorize_url("openid", audience=photos)), app)
    assert is_consent(await browser.open(app.authorize_url("openid", audience=mail)))


async def test_prompt_none_without_a_login_is_login_required(browser: Browser, app: App) -> None:
    page = await browser.open(app.authorize_url(prompt="none"))
    assert error_at(page, app)["error"] == "login_required"


async def test_prompt_none_without_a_remembered_grant_is_consent_required(
    browser: Browser, app: App, ann: Person
) -> None:
    await connect(browser, app, ann, "openid", stay=True)
    page = await browser.open(app.authorize_url("openid", prompt="none"))
    assert error_at(page, app)["error"] == "consent_required"


async def test_prompt_none_with_login_and_grant_is_answered_in_silence(
    browser: Browser, app: App, ann: Person
) -> None:
    await remembered(browser, app, ann, "openid", "offline")
    page = await browser.open(app.authorize_url("openid offline", prompt="none"))
    assert code_at(page, app)


async def test_prompt_none_never_widens_a_grant(browser: Browser, app: App, ann: Person) -> None:
    await remembered(browser, app, ann, "openid")
    page = await browser.open(app.authorize_url("openid email", prompt="none"))
    assert error_at(page, app)["error"] == "consent_required"


async def test_prompt_login_asks_for_the_password_again(
    browser: Browser, app: App, ann: Person
) -> None:
    first = await remembered(browser, app, ann, "openid")
    await asyncio.sleep(1.1)
    assert is_login(await browser.open(app.authorize_url("openid", prompt="login")))
    await sign_in(browser, ann)
    second = app.exchange(code_at(browser.page, app))
    assert auth_time(app, second) > auth_time(app, first)


async def test_prompt_select_account_lets_another_person_sign_in(
    browser: Browser, app: App, ann: Person, admin: Person
) -> None:
    """Where Ory knows it; Hydra 2.3 tells the app that it does not (hydra-contract 2.3)."""
    await remembered(browser, app, ann, "openid")
    page = await browser.open(app.authorize_url("openid", prompt="select_account"))
    if is_back_at(page, app):
        assert error_at(page, app)["error"] == "invalid_request"
        return
    assert is_login(page)
    assert is_consent(await sign_in(browser, admin))
    await allow(browser, "openid")
    tokens = app.exchange(code_at(browser.page, app))
    assert app.introspect(tokens["access_token"])["sub"] == admin.subject


async def test_prompt_consent_asks_again_with_the_known_part_ticked(
    browser: Browser, app: App, ann: Person
) -> None:
    await remembered(browser, app, ann, "openid", "email")
    page = await browser.open(app.authorize_url("openid email", prompt="consent"))
    assert is_consent(page)
    assert page.boxes("grant_scope") == {"openid": True, "email": True}


async def test_max_age_asks_again_once_the_login_is_too_old(
    browser: Browser, app: App, ann: Person
) -> None:
    await remembered(browser, app, ann, "openid")
    assert is_back_at(await browser.open(app.authorize_url("openid", max_age="3600")), app)
    await asyncio.sleep(2.1)
    assert is_login(await browser.open(app.authorize_url("openid", max_age="1")))
    page = await browser.open(app.authorize_url("openid", max_age="1", prompt="none"))
    assert error_at(page, app)["error"] == "login_required"


async def test_a_login_hint_fills_in_the_address(browser: Browser, app: App, ann: Person) -> None:
    page = await browser.open(app.authorize_url(login_hint=ann.email))
    assert page.element("email").get("value") == ann.email


async def test_a_first_party_app_is_let_in_without_a_question(
    browser: Browser, new_app: NewApp, ann: Person
) -> None:
    app = new_app(skip_consent=True)
    await browser.open(app.authorize_url("openid email"))
    page = await sign_in(browser, ann)
    assert set(app.exchange(code_at(page, app))["scope"].split()) == {"openid", "email"}


async def test_a_person_who_was_disabled_is_not_let_in_silently(
    browser: Browser, app: App, portal: RealPortal
) -> None:
    carl = portal.create_user(f"carl-{app.client_id}@example.org")
    tokens = await remembered(browser, app, carl, "openid", "offline")
    portal.cli("users", "disable", carl.email)
    page = await browser.open(app.authorize_url("openid offline"))
    assert not is_back_at(page, app) or "code" not in page.query
    await until_dead(app, tokens["access_token"])


def auth_time(app: App, tokens: dict) -> int:
    """When the person last proved who they are, as the app is told."""
    return int(id_token_claims(tokens)["auth_time"])


def id_token_claims(tokens: dict) -> dict:
    """The payload of an ID token that came straight from Hydra: no need to verify it."""
    payload = tokens["id_token"].split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
