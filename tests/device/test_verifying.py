"""A code typed into a browser: what is asked, what is told to Ory, and what comes of it."""

import httpx
import pytest

from portal.device.forms import CodeForm
from portal.store.tables import AuditEvent
from tests.device.conftest import CODE, address, codes_told, type_code
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, NewPortal, Portal
from tests.login.steps import field

HTMX = {"HX-Request": "true"}


async def events(portal: Portal) -> list[AuditEvent]:
    async with portal.store.reading() as rows:
        page = await rows.audit.list_page(after=None, limit=100)
    return list(page.events)


async def test_the_page_asks_for_the_code_and_tells_nobody_anything(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    page = await browser.open(address(portal, challenge))
    assert page.status == 200
    assert page.element("code").get("value") == ""
    assert page.has("verify")
    assert "Go on only if you started this yourself, on a device of yours." in page.text
    assert ory.calls == []


async def test_the_right_code_leads_to_ory(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    page = await type_code(browser, portal, challenge, CODE)
    assert (page.url.host, page.url.path) == ("ory.test", "/oauth2/device/verify")
    assert "device_verifier" in page.query
    assert codes_told(ory) == [CODE]
    (event,) = await events(portal)
    assert (event.action, event.actor, event.client_id) == ("device.verified", None, "tv")
    assert event.address == "203.0.113.7"
    assert CODE not in str(event.detail)


async def test_a_code_in_the_link_is_filled_in_and_waits_for_the_person(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    page = await browser.open(address(portal, challenge, user_code=CODE))
    assert page.element("code").get("value") == CODE
    assert "Your device has to show exactly this code." in page.text
    assert ory.calls == []
    await browser.click("verify")
    assert codes_told(ory) == [CODE]


@pytest.mark.parametrize("masked", ["****", "", " ", "* *"])
async def test_a_code_that_ory_masked_is_not_filled_in(
    portal: Portal, browser: Browser, challenge: str, masked: str
) -> None:
    """Start again leads to the address as Ory keeps it: ``user_code=****``."""
    page = await browser.open(address(portal, challenge, user_code=masked))
    assert page.element("code").get("value") == ""
    assert "exactly this code" not in page.text


@pytest.mark.parametrize(
    "typed",
    [
        f"  {CODE}\t", "hTVX-RRvK", "hTVX RRvK", "h T V X R R v K", "hTVX–RRvK", "hTVX‑RRvK",
        "hTVX\u00a0RRvK", "\u200bhTVXRRvK\ufeff", "ｈＴＶＸＲＲｖＫ", "-hTVXRRvK-",
    ],
)  # fmt: skip
async def test_blanks_and_dashes_are_forgiven(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, typed: str
) -> None:
    assert (await type_code(browser, portal, challenge, typed)).url.host == "ory.test"
    assert codes_told(ory) == [CODE]


@pytest.mark.parametrize("typed", [CODE.upper(), CODE.lower(), CODE.swapcase()])
async def test_the_case_is_not(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, typed: str
) -> None:
    assert (await type_code(browser, portal, challenge, typed)).status == 422
    assert codes_told(ory) == []


async def test_the_case_is_forgiven_where_the_operator_says_that_codes_are_capitals(
    new_portal: NewPortal, new_browser: NewBrowser, ory: OryDouble, challenge: str
) -> None:
    portal = await new_portal(PORTAL_DEVICE_CODE_UPPERCASE="1")
    ory.plant_user_code("WDJBMJHT")
    browser = new_browser(at=portal)
    page = await browser.open(address(portal, challenge))
    assert page.element("code").get("autocapitalize") == "characters"
    assert "Capital and small letters are different" not in page.text
    await type_code(browser, portal, challenge, "wdjb-mjht")
    assert codes_told(ory) == ["WDJBMJHT"]


@pytest.mark.parametrize("typed", ["wrong", "x" * 64, "0", "“quoted”", "<b>", "1e9", "null"])
async def test_a_wrong_code_is_said_beside_what_was_typed(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, typed: str
) -> None:
    page = await type_code(browser, portal, challenge, typed)
    assert page.status == 422
    assert "This code is not valid." in page.text
    assert page.element("code").get("value") == typed
    assert page.element("code").get("aria-invalid") == "true"
    browser.fill("code", CODE)
    assert (await browser.click("verify")).url.host == "ory.test"
    assert await portal.actions() == ["device.verified"]


async def test_what_can_be_no_code_is_refused_without_asking_ory(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ory: OryDouble, challenge: str
) -> None:
    page = await browser.open(address(portal, challenge))
    form = {"device_challenge": challenge, "form_token": field(page, "form_token")}
    for typed, words in (
        ("", "Type the code that your device shows."),
        (" - ", "Type the code that your device shows."),
        ("x" * 65, "This code is not valid."),
        ("x" * 20_000, "This code is not valid."),
    ):
        answer = await http.post("/device/verify", data=form | {"user_code": typed})
        assert answer.status_code == 422, typed[:80]
        assert words in answer.text
        assert len(answer.text) < 8_000
    assert (await http.post("/device/verify", data=form)).status_code == 422
    assert ory.calls == []


async def test_with_htmx_the_form_alone_comes_back_and_the_way_on_is_a_header(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, challenge: str
) -> None:
    page = await browser.open(address(portal, challenge))
    form = {"device_challenge": challenge, "form_token": field(page, "form_token")}
    wrong = await http.post("/device/verify", data=form | {"user_code": "nope"}, headers=HTMX)
    assert wrong.status_code == 422
    assert wrong.text.lstrip().startswith('<form id="device-form"')
    assert wrong.headers["hx-retarget"] == "#device-form"
    right = await http.post("/device/verify", data=form | {"user_code": CODE}, headers=HTMX)
    assert right.status_code == 200
    assert "device_verifier=" in right.headers["hx-redirect"]


async def test_a_form_that_goes_to_ory_has_no_form_action(
    portal: Portal, browser: Browser, challenge: str
) -> None:
    page = await browser.open(address(portal, challenge))
    assert "form-action" not in page.response.headers["content-security-policy"]
    page = await type_code(browser, portal, challenge, "wrong")
    assert "form-action" not in page.response.headers["content-security-policy"]


async def test_another_browsers_form_is_shown_again_with_a_fresh_token(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ory: OryDouble, challenge: str
) -> None:
    await browser.open(address(portal, challenge))
    stranger = new_browser()
    await stranger.open(f"{portal.url}/login")
    stranger.show(browser.page)
    stranger.fill("code", CODE)
    refused = await stranger.click("verify")
    assert refused.status == 403
    assert refused.element("code").get("value") == CODE
    assert ory.calls == []
    assert (await stranger.click("verify")).url.host == "ory.test"


async def test_a_token_is_good_for_its_own_challenge_and_purpose(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ory: OryDouble, challenge: str
) -> None:
    page = await browser.open(address(portal, challenge))
    token = field(page, "form_token")
    login = ory.plant_login()
    page = await browser.open(f"{portal.url}/login?login_challenge={login}")
    for form in (
        {"device_challenge": ory.plant_device(), "form_token": token},
        {"device_challenge": challenge, "form_token": field(page, "form_token")},
        {"device_challenge": challenge},
    ):
        answer = await http.post("/device/verify", data=form | {"user_code": CODE})
        assert answer.status_code == 403
    assert codes_told(ory) == []


async def test_another_website_types_no_code(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ory: OryDouble, challenge: str
) -> None:
    page = await browser.open(address(portal, challenge))
    form = {
        "device_challenge": challenge, "user_code": CODE, "form_token": field(page, "form_token")
    }  # fmt: skip
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = await http.post("/device/verify", data=form, headers=headers)
    assert answer.status_code == 403
    assert ory.calls == []


@pytest.mark.parametrize(
    "garbled", ["", "x", "a" * 8193, "../../clients", "a b" * 20, "é" * 20, "a" * 20 + "\u202e"]
)
async def test_a_garbled_challenge_is_not_found_and_not_asked_about(
    portal: Portal, browser: Browser, ory: OryDouble, garbled: str
) -> None:
    page = await browser.open(address(portal, garbled))
    assert page.status == 404
    assert "This link is not valid" in page.text
    assert page.link("Start again") == "http://ory.test:4444/oauth2/device/verify"
    assert ory.calls == []


async def test_a_challenge_that_ory_did_not_issue_is_not_found(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    for unknown in ("a" * 356, ory.plant_login(), ory.plant_consent()):
        page = await type_code(browser, portal, unknown, CODE)
        assert page.status == 404
        assert "at the address that your device shows" in page.text
    assert ory.decisions == []


async def test_an_expired_challenge_leads_back_to_where_codes_are_typed(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    ory.expire(challenge)
    page = await type_code(browser, portal, challenge, CODE)
    assert page.status == 410
    assert "This page has expired" in page.text
    assert page.link("Start again") == "http://ory.test:4444/oauth2/device/verify"
    ory.status(410, {"redirect_to": "https://evil.example/"})
    page = await type_code(browser, portal, ory.plant_device(), CODE)
    assert page.status == 410
    assert "evil" not in page.html


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (lambda ory: ory.down(), 503),
        (lambda ory: ory.slow(5), 503),
        (lambda ory: ory.status(500), 503),
        (lambda ory: ory.status(429, headers={"Retry-After": "30"}), 503),
        (lambda ory: ory.status(401, {"error": {"message": "no key"}}), 503),
        (lambda ory: ory.garbage(), 502),
        (lambda ory: ory.status(200, {"redirect_to": "https://evil.example/"}), 502),
        (lambda ory: ory.status(200, {"redirect_to": "/oauth2/device/verify"}), 502),
        (lambda ory: setattr(ory, "release", "2.3"), 502),
    ],
)
async def test_trouble_at_ory_is_said_and_costs_no_try(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, fault, status: int
) -> None:
    fault(ory)
    for _ in range(7):
        page = await type_code(browser, portal, challenge, CODE)
        assert page.status == status
        assert "evil" not in page.html
    ory.heal()
    ory.release = "26"
    assert (await type_code(browser, portal, challenge, CODE)).url.host == "ory.test"
    assert await portal.actions() == ["device.verified"]


async def test_a_double_click_does_no_harm(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    await browser.open(address(portal, challenge))
    form = browser.page
    for _ in range(2):
        browser.show(form)
        browser.fill("code", CODE)
        assert (await browser.click("verify")).url.host == "ory.test"
    assert codes_told(ory) == [CODE, CODE]


@pytest.mark.parametrize(
    "query",
    [
        "device_challenge=a&device_challenge=b",
        "device_challenge=%ff",
        "device_challenge=abc%00",
        "device_challenge=" + "a" * 20 + "&user_code=%00",
        "device_challenge=" + "a" * 20 + "&user_code=x&user_code=y",
    ],
)
async def test_an_address_that_no_link_has_is_refused(portal: Portal, query: str) -> None:
    async with portal.http() as http:
        assert (await http.get(f"/device/verify?{query}")).status_code == 400


async def test_a_form_that_no_page_has_is_refused(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ory: OryDouble, challenge: str
) -> None:
    page = await browser.open(address(portal, challenge))
    form = {
        "device_challenge": challenge, "user_code": CODE, "form_token": field(page, "form_token")
    }  # fmt: skip
    missing = {name: value for name, value in form.items() if name != "device_challenge"}
    for spoiled in (missing, form | {"action": "accept"}, form | {"user_code": f"{CODE}\x00"}):
        assert (await http.post("/device/verify", data=spoiled)).status_code == 400
    assert ory.calls == []


async def test_hostile_codes_in_links_are_text(
    portal: Portal, browser: Browser, challenge: str
) -> None:
    evil = '"><script>alert(1)</script>\u202e' + "x" * 500
    page = await browser.open(address(portal, challenge, user_code=evil))
    assert page.status == 200
    value = page.element("code").get("value") or ""
    assert value == evil.replace("\u202e", "")[:64]
    assert not [script for script in page.root.iter("script") if not script.get("src")]


async def test_without_a_challenge_the_page_says_how_to_start(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    page = await browser.open(f"{portal.url}/device/verify?user_code={CODE}")
    assert page.status == 200
    assert not page.has("device-form")
    assert page.link("I have a code") == "http://ory.test:4444/oauth2/device/verify"
    assert ory.calls == []


async def test_without_a_public_address_the_link_is_where_ory_was_last_seen(
    new_portal: NewPortal, new_browser: NewBrowser, ory: OryDouble
) -> None:
    portal = await new_portal(HYDRA_PUBLIC_URL="")
    browser = new_browser(at=portal)
    page = await browser.open(f"{portal.url}/device/verify")
    assert "Start on the device" in page.text
    assert "I have a code" not in page.text
    assert (await type_code(browser, portal, ory.plant_device(), CODE)).url.host == "ory.test"
    await browser.open(f"{portal.url}/login?login_challenge={ory.plant_login()}")
    page = await browser.open(f"{portal.url}/device/verify")
    assert page.link("I have a code") == "http://ory.test:4444/oauth2/device/verify"


def test_a_form_prints_no_code() -> None:
    assert CODE not in repr(CodeForm(device_challenge="c" * 40, user_code=CODE))
