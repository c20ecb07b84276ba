"""Expired and mangled links, an Ory that is down or talks nonsense: what to do next is told."""

import asyncio
from collections.abc import Callable

import pytest

from tests.driver import Browser, Document
from tests.journeys.steps import allow, code_at, is_consent, is_login, open_portal, sign_in
from tests.real.faults import FaultProxy
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App, RelyingParty

PAGES = {"login": "login_challenge", "consent": "consent_challenge", "logout": "logout_challenge"}
GARBLED = (
    "x",
    "not-a-challenge-but-quite-long-enough-to-be-one",
    "../../admin/clients",
    "ünïcödé",
    "a" * 9_000,
    "%00",
    "<script>alert(1)</script>",
)


def is_helpful(page: Document) -> bool:
    """An error page of the portal: its own words, nothing of the machinery."""
    spilled = ("Traceback", "httpx", "sqlalchemy", "Exception")
    return page.has("problem") and not any(word in page.html for word in spilled)


@pytest.mark.parametrize("garbled", GARBLED, ids=range(len(GARBLED)))
@pytest.mark.parametrize("page_name", PAGES)
async def test_a_garbled_challenge_is_not_found(
    browser: Browser, portal: RealPortal, page_name: str, garbled: str
) -> None:
    await browser.open(f"{portal.url}/")
    target = browser.page.url.join(f"/{page_name}").copy_add_param(PAGES[page_name], garbled)
    page = await browser.open(target)
    assert page.status in {400, 404}
    assert is_helpful(page), str(page)


async def test_a_challenge_of_another_step_is_not_found(
    browser: Browser, portal: RealPortal, app: App
) -> None:
    login = await browser.open(app.authorize_url("openid"))
    challenge = login.query["login_challenge"]
    page = await browser.open(f"{portal.url}/consent?consent_challenge={challenge}")
    assert page.status == 404
    assert is_helpful(page)


async def test_a_challenge_that_was_cut_off_is_not_found(browser: Browser, app: App) -> None:
    login = await browser.open(app.authorize_url("openid"))
    cut = login.query["login_challenge"][:-7]
    page = await browser.open(login.url.copy_set_param("login_challenge", cut))
    assert page.status == 404
    assert is_helpful(page)


@pytest.fixture(scope="session")
def dan(short_lived_portal: RealPortal) -> Person:
    return short_lived_portal.create_user("dan@example.org")


@pytest.fixture
def short_lived_app(short_lived_portal: RealPortal, relying_party: RelyingParty) -> App:
    return short_lived_portal.hydra.create_client(relying_party)


@pytest.mark.slow
async def test_an_expired_login_offers_to_start_again_and_that_works(
    browser: Browser, short_lived_app: App, dan: Person
) -> None:
    await browser.open(short_lived_app.authorize_url("openid"))
    await asyncio.sleep(3.5)
    page = await sign_in(browser, dan)
    assert page.status == 410
    await browser.follow("start again")
    assert is_login(browser.page)
    await sign_in(browser, dan)
    await allow(browser, "openid")
    assert code_at(browser.page, short_lived_app)


@pytest.mark.slow
async def test_an_expired_consent_offers_to_start_again_and_grants_nothing(
    browser: Browser, short_lived_portal: RealPortal, short_lived_app: App, dan: Person
) -> None:
    await browser.open(short_lived_app.authorize_url("openid"))
    await sign_in(browser, dan)
    assert is_consent(browser.page)
    await asyncio.sleep(3.5)
    page = await allow(browser, "openid")
    assert page.status == 410
    assert page.link("start again").startswith(short_lived_app.public_url)
    page = await open_portal(browser, short_lived_portal, "/account/apps", dan)
    assert short_lived_app.client_id not in page.html


@pytest.mark.slow
async def test_reloading_an_expired_page_offers_to_start_again(
    browser: Browser, short_lived_app: App, short_lived_portal: RealPortal
) -> None:
    await browser.open(short_lived_app.authorize_url("openid"))
    await asyncio.sleep(3.5)
    page = await browser.reload()
    assert page.status == 410
    assert page.link("start again")


FAULTS: dict[str, tuple[Callable[[FaultProxy], None], int]] = {
    "down": (FaultProxy.down, 503),
    "slow": (lambda proxy: proxy.slow(20), 503),
    "dripping": (FaultProxy.drip, 503),
    "talking nonsense": (FaultProxy.garbage, 502),
    "broken": (lambda proxy: proxy.answer(500, '{"error":"server_error"}'), 503),
    "overloaded": (lambda proxy: proxy.answer(429, "{}"), 503),
    "refusing the key": (
        lambda proxy: proxy.answer(401, '{"error":{"code":401,"status":"Unauthorized"}}'),
        503,
    ),
}


@pytest.mark.hydra  # the faults are the proxy's, whatever is behind it
@pytest.mark.parametrize("fault", FAULTS)
async def test_when_ory_fails_at_the_login_the_person_can_try_again(
    browser: Browser, app: App, portal: RealPortal, fault_proxy: FaultProxy, fault: str
) -> None:
    login = await browser.open(app.authorize_url("openid"))
    fail, status = FAULTS[fault]
    fail(fault_proxy)
    page = await browser.open(login.url)
    assert page.status == status, str(page)
    assert is_helpful(page), str(page)
    fault_proxy.heal()
    assert is_login(await browser.reload())


@pytest.mark.hydra  # the faults are the proxy's, whatever is behind it
@pytest.mark.parametrize("fault", FAULTS)
async def test_when_ory_fails_at_the_decision_nothing_is_lost(
    browser: Browser,
    app: App,
    portal: RealPortal,
    ann: Person,
    fault_proxy: FaultProxy,
    fault: str,
) -> None:
    await browser.open(app.authorize_url("openid offline"))
    consent = await sign_in(browser, ann)
    fail, status = FAULTS[fault]
    fail(fault_proxy)
    page = await allow(browser, "openid", "offline")
    assert page.status == status, str(page)
    fault_proxy.heal()
    browser.show(consent)
    await allow(browser, "openid", "offline")
    assert app.is_active(app.exchange(code_at(browser.page, app))["access_token"])


async def test_the_portal_stays_alive_and_ready_while_ory_is_away(
    browser: Browser, portal: RealPortal, fault_proxy: FaultProxy
) -> None:
    fault_proxy.down()
    assert (await browser.open(f"{portal.url}/health/alive")).status == 200
    assert (await browser.open(f"{portal.url}/health/ready")).status == 200
    assert (await browser.open(f"{portal.url}/")).status == 200


async def test_an_error_of_ory_is_told_in_words(browser: Browser, app: App) -> None:
    page = await browser.open(app.authorize_url(redirect_uri="https://evil.example.org/"))
    assert page.url.path == "/error"
    assert is_helpful(page), str(page)
