"""What is asked again and what is not: remembered logins, remembered grants, prompt and max_age."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import anyio
import httpx
import pytest
from playwright.async_api import Page, expect

from portal.store import Store
from portal.store.tables import ClientPolicy
from tests.driver import Browser, Document, words
from tests.fixtures.hydra import NewApp
from tests.journeys.steps import (
    allow,
    arrive_at,
    box,
    code_at,
    connect,
    error_at,
    is_back_at,
    is_consent,
    is_login,
    sign_in,
    type_login,
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


MONTH = timedelta(days=30)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def store(portal: RealPortal) -> AsyncIterator[Store]:
    """The running portal's own database: nobody waits for thirty days."""
    store = Store(portal.database_url)
    yield store
    await store.dispose()


async def age(store: Store, person: Person, app: App, by: timedelta) -> None:
    """Let what *person* allowed *app* be so much older."""
    async with store.writing() as rows:
        grant = await rows.grants.find(person.subject, app.client_id, lock=True)
        assert grant is not None
        for name in ("granted_at", "remembered_at", "expires_at"):
            if getattr(grant, name) is not None:
                setattr(grant, name, getattr(grant, name) - by)
        await rows.grants.save(grant)


def hydra_says_skip(portal: RealPortal, page: Document) -> bool:
    """What Ory thinks of the request that the portal asks about."""
    challenge = {"consent_challenge": page.query["consent_challenge"]}
    address = f"{portal.hydra.admin_url}/admin/oauth2/auth/requests/consent"
    return bool(httpx.get(address, params=challenge, trust_env=False).json()["skip"])


async def test_this_time_only_is_asked_about_every_time(
    browser: Browser, app: App, ann: Person
) -> None:
    await connect(browser, app, ann, "openid", "email", lasting="once", stay=True)
    for _ in range(2):
        page = await browser.open(app.authorize_url("openid email"))
        assert page.boxes("grant_scope") == {"openid": False, "email": False}
        await allow(browser, "openid", "email", lasting="once")
        assert code_at(browser.page, app)
    page = await browser.open(app.authorize_url("openid email", prompt="none"))
    assert error_at(page, app)["error"] == "consent_required"


async def test_thirty_days_are_thirty_days_and_then_the_old_choice_is_named(
    browser: Browser, app: App, ann: Person, portal: RealPortal, store: Store
) -> None:
    await connect(browser, app, ann, "openid", "email", lasting="2592000", stay=True)
    await age(store, ann, app, MONTH - MINUTE)
    assert code_at(await browser.open(app.authorize_url("openid email", prompt="none")), app)
    await age(store, ann, app, MINUTE)
    page = await browser.open(app.authorize_url("openid email", prompt="none"))
    assert error_at(page, app)["error"] == "consent_required"
    page = await browser.open(app.authorize_url("openid email photos.read"))
    assert is_consent(page)
    day = (datetime.now(UTC) - MONTH).strftime("%-d %B %Y")
    assert f"You allowed this on {day}, for 30 days. That time is over" in page.text
    assert page.text.count("Allowed before") == 2
    assert [words(badge) for badge in page.root.iter("span")].count("New") == 1
    assert page.boxes("grant_scope") == {"openid": False, "email": False, "photos.read": False}
    assert "checked" in page.box("remember", "once").attrib
    page = await browser.open(app.authorize_url("openid email"))
    assert is_consent(page)
    assert hydra_says_skip(portal, page), "Ory would let the app in; the portal decides"
    await allow(browser, "openid", "email", lasting="always")
    assert code_at(await browser.open(app.authorize_url("openid email", prompt="none")), app)


async def test_until_it_is_revoked_lasts_for_years(
    browser: Browser, app: App, ann: Person, store: Store
) -> None:
    await connect(browser, app, ann, "openid", lasting="always", stay=True)
    await age(store, ann, app, timedelta(days=3650))
    assert code_at(await browser.open(app.authorize_url("openid", prompt="none")), app)


async def test_a_limit_of_the_operators_ends_what_was_to_last(
    browser: Browser, app: App, ann: Person, store: Store
) -> None:
    await connect(browser, app, ann, "openid", lasting="always", stay=True)
    await age(store, ann, app, timedelta(days=8))
    await limit(store, app, timedelta(days=7))
    page = await browser.open(app.authorize_url("openid"))
    assert is_consent(page)
    assert "until you remove it. Your organisation has limited this to 7 days since" in page.text
    assert [
        field.get("value") for field in page.root.iter("input") if field.get("name") == "remember"
    ] == ["once", "604800"]
    await allow(browser, "openid", remember=True)
    assert code_at(await browser.open(app.authorize_url("openid", prompt="none")), app)


async def test_the_running_portal_writes_down_what_is_over(
    browser: Browser, app: App, ann: Person, store: Store
) -> None:
    await connect(browser, app, ann, "openid", lasting="2592000", stay=True)
    await age(store, ann, app, MONTH)
    with anyio.fail_after(30):
        while True:
            async with store.reading() as rows:
                grant = await rows.grants.find(ann.subject, app.client_id)
            if grant is not None and grant.expired_at is not None:
                break
            await anyio.sleep(0.25)
    async with store.reading() as rows:
        page = await rows.audit.list_page(after=None, limit=1000)
    told = [e for e in page.events if (e.action, e.client_id) == ("grant.expired", app.client_id)]
    assert len(told) == 1


async def limit(store: Store, app: App, longest: timedelta) -> None:
    """The operator's policy for *app*."""
    async with store.writing() as rows:
        await rows.policies.save(
            ClientPolicy(
                client_id=app.client_id,
                required_scopes=[],
                longest_grant=int(longest.total_seconds()),
                updated_at=datetime.now(UTC),
                updated_by="admin",
            )
        )


@pytest.mark.hydra
@pytest.mark.browser
@pytest.mark.parametrize("by", ["keyboard", "label"])
async def test_a_duration_is_chosen_in_chromium(
    page: Page, app: App, ann: Person, store: Store, by: str
) -> None:
    await page.goto(app.authorize_url("openid"))
    await page.locator("#remember").check()
    await type_login(page, ann)
    await box(page, "openid").check()
    once, month = page.get_by_label("This time only"), page.get_by_label("For 30 days")
    await expect(once).to_be_checked()
    if by == "keyboard":
        await once.focus()
        await page.keyboard.press("ArrowDown")
    else:
        await page.get_by_text("For 30 days").click()
    await expect(month).to_be_checked()
    await expect(once).not_to_be_checked()
    await page.wait_for_load_state("networkidle")
    await page.click("#accept")
    await arrive_at(page, app)
    async with store.reading() as rows:
        grant = await rows.grants.find(ann.subject, app.client_id)
    assert grant is not None
    assert grant.remember_for == 2592000
    await page.goto(app.authorize_url("openid"))
    assert (await arrive_at(page, app))["code"]


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
