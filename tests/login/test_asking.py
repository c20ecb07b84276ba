"""The question who somebody is: who wants to know, what is filled in, and when nobody is asked."""

import pytest

from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import Portal
from tests.login.steps import address, answer, flow_of
from tests.real.portal import Person


async def test_the_page_says_who_wants_to_know(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    challenge = ory.plant_login({"client_name": "Holiday Photos"})
    page = await browser.open(address(portal, challenge))
    assert page.status == 200
    assert page.title == "Please log in"
    assert "Holiday Photos" in page.text
    assert "photos.test" in page.text
    assert {"login-title", "email", "password", "remember", "accept", "reject"} <= {
        e.get("id") for e in page.root.iter()
    }


async def test_a_page_changes_nothing_at_ory(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    challenge = ory.plant_login()
    for _ in range(3):
        await browser.open(address(portal, challenge))
    assert ory.decisions == []
    assert (await flow_of(portal, challenge)).state == "open"


async def test_what_an_app_calls_itself_is_text(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    name = "<b>Bank\u202e</b>\r\n\x00<script>x</script>"
    challenge = ory.plant_login(
        {"client_name": name, "client_uri": "javascript:alert(1)", "policy_uri": "//evil.example"}
    )
    page = await browser.open(address(portal, challenge))
    assert "<b>Bank" not in page.html
    assert "\u202e" not in page.html
    assert [s for s in page.root.iter("script") if not s.get("src")] == []
    assert all("evil" not in a.get("href", "") for a in page.root.iter("a"))
    assert all(not a.get("href", "").startswith("javascript") for a in page.root.iter("a"))


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("ann@example.org", "ann@example.org"),
        ('"><script>', '"><script>'),
        ("a\u202eb\x00c", "abc"),
        ("x" * 1000, "x" * 100),
        ("", ""),
    ],
)
async def test_a_login_hint_fills_in_the_address(
    portal: Portal, browser: Browser, ory: OryDouble, hint: str, shown: str
) -> None:
    challenge = ory.plant_login(oidc_context={"login_hint": hint})
    page = await browser.open(address(portal, challenge))
    assert page.element("email").get("value") == shown


async def test_without_a_context_nothing_is_filled_in(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    page = await browser.open(address(portal, ory.plant_login(oidc_context=None)))
    assert page.element("email").get("value") == ""


@pytest.mark.parametrize("prompt", ["none", "none+login", "consent%20none"])
async def test_prompt_none_never_shows_a_page(
    portal: Portal, browser: Browser, ory: OryDouble, prompt: str
) -> None:
    challenge = ory.plant_login(request_url=f"{ory.public_url}/oauth2/auth?prompt={prompt}")
    page = await browser.open(address(portal, challenge))
    assert page.url.host == "ory.test"
    ((kind, verb, body),) = ory.decisions
    assert (kind, verb) == ("login", "reject")
    assert body is not None
    assert body["error"] == "login_required"


async def test_prompt_none_in_a_request_object_counts_too(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    token = "e30.eyJwcm9tcHQiOiJub25lIn0.c2ln"
    challenge = ory.plant_login(request_url=f"{ory.public_url}/oauth2/auth?request={token}")
    assert (await browser.open(address(portal, challenge))).url.host == "ory.test"


async def test_a_request_that_lost_its_query_cannot_be_used(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    """An app that posts its request gets back to Ory without any parameter."""
    challenge = ory.plant_login(request_url=f"{ory.public_url}/oauth2/auth")
    page = await browser.open(address(portal, challenge))
    assert page.status == 400
    assert "app's makers" in page.text
    assert ory.decisions == []


async def test_a_second_look_at_what_was_decided_is_not_a_second_question(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    challenge = ory.plant_login()
    await answer(browser, portal, challenge, ann)
    page = await browser.open(address(portal, challenge))
    assert page.status == 410
    assert "completed already" in page.text
    assert page.link("Start again").startswith(f"{ory.public_url}/oauth2/auth?")
    assert len(ory.decisions) == 1


async def test_an_expired_request_leads_back_to_the_app(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    challenge = ory.plant_login()
    page = await browser.open(address(portal, challenge))
    ory.expire(challenge)
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    for late in (await browser.click("accept"), await browser.open(address(portal, challenge))):
        assert late.status == 410
        assert "expired" in late.text
        assert late.link("Start again").startswith(f"{ory.public_url}/oauth2/auth?client_id=photos")
    assert page.status == 200
    assert ory.decisions == []


async def test_an_expired_request_that_was_never_seen_leads_nowhere(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    challenge = ory.plant_login()
    ory.expire(challenge)
    page = await browser.open(address(portal, challenge))
    assert page.status == 410
    assert "Start again" not in [link.text for link in page.root.iter("a")]


async def test_an_unknown_request_is_no_link_of_ours(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    page = await browser.open(address(portal, "nobody-knows-this-challenge="))
    assert page.status == 404
    assert "not valid" in page.text


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_api_key_is_not_the_visitors_fault(
    portal: Portal, browser: Browser, ory: OryDouble, status: int
) -> None:
    challenge = ory.plant_login()
    ory.status(status, {"error": {"code": status, "status": "Unauthorized"}})
    page = await browser.open(address(portal, challenge))
    assert page.status == 503
    assert page.response.headers["retry-after"] == "30"


async def test_a_used_challenge_of_an_older_ory_is_over(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    challenge = ory.plant_login()
    ory.use_up(challenge, "https://evil.example/")
    page = await browser.open(address(portal, challenge))
    assert page.status == 410
    assert "evil" not in page.html
