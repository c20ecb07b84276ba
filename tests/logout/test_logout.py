"""Signing out: asked first, done by a form, and never more than was said."""

import httpx
import pytest

from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, Portal, sign_in
from tests.login.steps import answer, field
from tests.real.portal import Person

PHOTOS = {"client_id": "photos", "client_name": "Holiday Photos"}


@pytest.fixture
def challenge(ory: OryDouble, ann: Person) -> str:
    return ory.plant_logout(PHOTOS, subject=ann.subject)


def address(portal: Portal, challenge: str) -> str:
    return f"{portal.url}/logout?logout_challenge={challenge}"


async def is_signed_in(browser: Browser, portal: Portal) -> bool:
    return (await browser.open(f"{portal.url}/account/apps")).url.path == "/account/apps"


async def test_somebody_is_asked_before_they_are_signed_out(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    page = await browser.open(address(portal, challenge))
    assert page.status == 200
    assert "Holiday Photos" in page.text
    assert page.has("accept")
    assert page.has("reject")
    assert ory.decisions == []


async def test_who_signed_in_here_is_told_whose_sign_in_ends(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ory: OryDouble, ann: Person
) -> None:
    await answer(browser, portal, ory.plant_login(session_id="s-1"), ann, remember=True)
    challenge = ory.plant_logout(PHOTOS, subject=ann.subject, sid="s-1")
    assert f"Signed in as {ann.email}" in (await browser.open(address(portal, challenge))).text
    stranger = await new_browser().open(address(portal, challenge))
    assert stranger.has("logout-form")
    assert ann.email not in stranger.text, "the address may have reached another browser"


async def test_a_logout_that_an_app_began_is_asked_about_all_the_same(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    challenge = ory.plant_logout(PHOTOS, subject=ann.subject, rp_initiated=True)
    assert (await browser.open(address(portal, challenge))).has("logout-form")
    assert ory.decisions == []


async def test_yes_signs_out_at_ory(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    await browser.open(address(portal, challenge))
    page = await browser.click("accept")
    assert page.url.path == "/oauth2/sessions/logout"
    assert "logout_verifier" in page.query
    assert ory.decisions == [("logout", "accept", None)]
    assert await portal.actions() == ["logout.completed"]


async def test_no_stays_signed_in(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    await browser.open(address(portal, challenge))
    page = await browser.click("reject")
    assert page.status == 200
    assert "still signed in" in page.text
    assert ory.decisions == [("logout", "reject", None)]
    assert await is_signed_in(browser, portal)


async def test_signing_out_at_ory_signs_the_same_person_out_here(
    portal: Portal, browser: Browser, challenge: str, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    await browser.open(address(portal, challenge))
    await browser.click("accept")
    assert not await is_signed_in(browser, portal)


async def test_signing_out_at_ory_leaves_somebody_else_signed_in_here(
    portal: Portal, browser: Browser, challenge: str, bob: Person
) -> None:
    await sign_in(browser, portal, bob)
    await browser.open(address(portal, challenge))
    await browser.click("accept")
    assert await is_signed_in(browser, portal)


async def test_the_operator_may_let_an_app_sign_out_without_a_question(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    challenge = ory.plant_logout(PHOTOS | {"skip_logout_consent": True}, subject=ann.subject)
    await sign_in(browser, portal, ann)
    page = await browser.open(address(portal, challenge))
    assert page.url.path == "/oauth2/sessions/logout"
    assert ory.decisions == [("logout", "accept", None)]
    assert not await is_signed_in(browser, portal)


@pytest.mark.parametrize("label", [None, False])
async def test_without_the_operators_word_it_is_asked(
    portal: Portal, browser: Browser, ory: OryDouble, label: bool | None
) -> None:
    challenge = ory.plant_logout(PHOTOS | {"skip_logout_consent": label})
    assert (await browser.open(address(portal, challenge))).has("logout-form")


async def test_orys_own_logout_names_no_app(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    page = await browser.open(address(portal, ory.plant_logout(subject=ann.subject)))
    assert page.has("logout-form")
    assert "asks for it" not in page.text
    await browser.click("accept")
    assert ory.decisions == [("logout", "accept", None)]


async def test_a_logout_that_was_completed_is_told_as_done(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    ory.use_up(challenge, "https://evil.example/")
    page = await browser.open(address(portal, challenge))
    assert page.status == 200
    assert "already signed out" in page.text
    assert "evil" not in page.html


async def test_a_form_of_a_logout_that_was_completed_harms_nothing(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    await browser.open(address(portal, challenge))
    form = browser.page
    ory.use_up(challenge)
    for button in ("accept", "reject"):
        browser.show(form)
        assert (await browser.click(button)).status in (200, 410)
    assert ory.decisions == []


async def test_an_expired_logout_is_told_as_such(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    ory.expire(challenge)
    assert (await browser.open(address(portal, challenge))).status == 410


@pytest.mark.parametrize(("fault", "status"), [("down", 503), ("garbage", 502)])
async def test_trouble_at_ory_signs_nobody_out_here(
    portal: Portal,
    browser: Browser,
    ory: OryDouble,
    challenge: str,
    ann: Person,
    fault: str,
    status: int,
) -> None:
    await sign_in(browser, portal, ann)
    await browser.open(address(portal, challenge))
    getattr(ory, fault)()
    assert (await browser.click("accept")).status == status
    ory.heal()
    assert ory.decisions == []
    assert await is_signed_in(browser, portal)


async def test_a_redirect_to_elsewhere_is_not_followed(
    portal: Portal,
    browser: Browser,
    ory: OryDouble,
    challenge: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await browser.open(address(portal, challenge))
    monkeypatch.setattr(ory, "_redirect_to", lambda *_: "https://evil.example/")
    answer = await browser.click("accept")
    assert answer.status == 502


async def test_looking_at_the_page_signs_nobody_out(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    page = await browser.open(f"{portal.url}/logout")
    assert ann.email in page.text
    assert await is_signed_in(browser, portal)


async def test_leaving_the_portal_ends_the_session_here_and_nothing_at_ory(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    await browser.open(f"{portal.url}/logout")
    page = await browser.click("accept")
    assert "signed out" in page.text
    assert ory.calls == []
    assert not await is_signed_in(browser, portal)


async def test_staying_in_the_portal_is_possible(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    await browser.open(f"{portal.url}/logout")
    page = await browser.click("reject")
    assert page.url.path == "/"
    assert await is_signed_in(browser, portal)


async def test_signing_out_twice_does_no_harm(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    await browser.open(f"{portal.url}/logout")
    form = browser.page
    await browser.click("accept")
    browser.show(form)
    assert (await browser.click("accept")).status in (200, 403)


async def test_another_website_signs_nobody_out(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ory: OryDouble, challenge: str,
    ann: Person,
) -> None:  # fmt: skip
    await sign_in(browser, portal, ann)
    for form in ({"action": "accept"}, {"action": "accept", "logout_challenge": challenge}):
        headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert (await http.post("/logout", data=form, headers=headers)).status_code == 403
        assert (await http.post("/logout", data=form)).status_code == 403
    assert ory.decisions == []
    assert await is_signed_in(browser, portal)


async def test_another_browsers_form_signs_nobody_out(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ory: OryDouble, challenge: str
) -> None:
    await browser.open(address(portal, challenge))
    stranger = new_browser()
    await stranger.open(f"{portal.url}/login")
    stranger.show(browser.page)
    refused = await stranger.click("accept")
    assert refused.status == 403
    assert refused.has("logout-form")
    assert ory.decisions == []
    await stranger.click("accept")
    assert ory.decisions == [("logout", "accept", None)], "with the fresh token it is theirs"


# Back at the start page, where Ory sends whoever no app waits for

SAID = "You are signed out."
FROM_ORY = {"Sec-Fetch-Site": "cross-site"}


async def log_out(browser: Browser, portal: Portal, challenge: str) -> None:
    await browser.open(address(portal, challenge))
    await browser.click("accept")


async def start_page(portal: Portal, browser: Browser, **headers: str) -> str:
    return (await browser._http.get("/", headers=headers or FROM_ORY)).text


async def test_who_comes_back_from_orys_logout_is_told_so_once(
    portal: Portal, browser: Browser, challenge: str
) -> None:
    await log_out(browser, portal, challenge)
    assert SAID in await start_page(portal, browser)
    assert SAID not in await start_page(portal, browser)


async def test_it_is_told_also_where_nobody_was_asked(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    app = PHOTOS | {"skip_logout_consent": True}
    await browser.open(address(portal, ory.plant_logout(app, subject=ann.subject)))
    assert SAID in await start_page(portal, browser)


async def test_it_is_not_told_to_who_stayed_or_is_somebody_else(
    portal: Portal, browser: Browser, new_browser: NewBrowser, challenge: str
) -> None:
    assert SAID not in await start_page(portal, browser)
    await browser.open(address(portal, challenge))
    assert SAID not in await start_page(portal, browser)
    await browser.open(address(portal, challenge))
    await browser.click("reject")
    assert SAID not in await start_page(portal, browser)
    other = new_browser()
    await other.open(f"{portal.url}/login")
    assert SAID not in await start_page(portal, other)


@pytest.mark.parametrize("site", ["none", "same-origin"])
async def test_it_is_not_told_to_who_did_not_come_from_ory(
    portal: Portal, browser: Browser, challenge: str, site: str
) -> None:
    """Then Ory may not have carried it out."""
    await log_out(browser, portal, challenge)
    assert SAID not in await start_page(portal, browser, **{"Sec-Fetch-Site": site})


@pytest.mark.parametrize("path", ["/error?error=invalid_request", "/login", "/nowhere"])
async def test_it_is_not_told_after_any_other_page(
    portal: Portal, browser: Browser, challenge: str, path: str
) -> None:
    await log_out(browser, portal, challenge)
    await browser.open(portal.url + path)
    assert SAID not in await start_page(portal, browser)


async def test_it_is_not_told_beside_somebody_who_is_signed_in(
    portal: Portal, browser: Browser, challenge: str, bob: Person
) -> None:
    await sign_in(browser, portal, bob)
    await log_out(browser, portal, challenge)
    text = await start_page(portal, browser)
    assert bob.email in text
    assert SAID not in text


async def test_what_lets_the_page_say_so_is_of_no_use_elsewhere_or_later(
    portal: Portal, browser: Browser, new_browser: NewBrowser, challenge: str
) -> None:
    await browser.open(address(portal, challenge))
    form = {"action": "accept", "logout_challenge": challenge}
    form["form_token"] = field(browser.page, "form_token")
    answer = await browser._http.post("/logout", data=form, follow_redirects=False)
    (cookie,) = answer.headers.get_list("set-cookie")
    (name, value), *attributes = [part.strip().partition("=")[::2] for part in cookie.split(";")]
    assert name == "__Host-portal_logged_out"
    assert {a.lower(): v for a, v in attributes} == {
        "path": "/",
        "secure": "",
        "httponly": "",
        "samesite": "lax",
        "max-age": "60",
    }
    for made_up in (value, "", "x", "A" * 63, "é", form["form_token"].rstrip("=")):
        other = new_browser()
        await other.open(f"{portal.url}/login")
        headers = {"Cookie": f"{name}={made_up}".encode(), **FROM_ORY}
        assert SAID not in (await other._http.get("/", headers=headers)).text


async def test_logging_out_twice_in_a_row_is_told_too(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    await log_out(browser, portal, challenge)
    app = PHOTOS | {"skip_logout_consent": True}
    await browser.open(address(portal, ory.plant_logout(app, subject=ann.subject)))
    assert SAID in await start_page(portal, browser)
