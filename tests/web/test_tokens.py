"""Form tokens: good for one browser, one purpose, one challenge, and not for ever."""

import base64
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine

from portal.settings import Secret
from portal.web.tokens import FormTokens
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import KEY, NewBrowser, NewPortal, Portal, sign_in
from tests.real.portal import Person

NOW = 1_800_000_000.0
BOUND = ("browser", "", "login", "challenge")


@pytest.fixture
def challenge(ory: OryDouble) -> str:
    return ory.plant_login()


async def shown(browser: Browser, portal: Portal, challenge: str = "") -> str:
    """Open the sign-in page: its token."""
    await browser.open(portal.url + login_path(challenge))
    return token(browser)


def login_path(challenge: str = "") -> str:
    return f"/login?login_challenge={challenge}" if challenge else "/login"


def token(browser: Browser) -> str:
    fields = [e for e in browser.page.root.iter("input") if e.get("name") == "form_token"]
    return fields[0].get("value", "")


async def post(http: httpx.AsyncClient, token: str, challenge: str, person: Person) -> int:
    form = {
        "action": "accept",
        "form_token": token,
        "login_challenge": challenge,
        "email": person.email,
        "password": person.password,
    }
    answer = await http.post("/login", data={k: v for k, v in form.items() if v})
    return answer.status_code


async def test_the_token_that_was_shown_is_good(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, challenge: str, ann: Person
) -> None:
    assert await post(http, await shown(browser, portal, challenge), challenge, ann) == 303


async def test_no_two_renderings_have_the_same_token(
    portal: Portal, browser: Browser, challenge: str
) -> None:
    tokens = [await shown(browser, portal, challenge) for _ in range(3)]
    assert len(set(tokens)) == 3
    assert len({text[:12] for text in tokens}) == 3
    assert len({text[-20:] for text in tokens}) == 3


async def test_another_browsers_token_is_refused(
    portal: Portal,
    browser: Browser,
    new_browser: NewBrowser,
    http: httpx.AsyncClient,
    challenge: str,
    ann: Person,
    ory: OryDouble,
) -> None:
    await shown(browser, portal, challenge)
    foreign = await shown(new_browser(), portal, challenge)
    assert await post(http, foreign, challenge, ann) == 403
    assert ory.decisions == []


async def test_a_token_without_the_cookie_it_belongs_to_is_refused(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, challenge: str, ann: Person
) -> None:
    good = await shown(browser, portal, challenge)
    http.cookies.clear()
    assert await post(http, good, challenge, ann) == 403


async def test_another_challenges_token_is_refused(
    portal: Portal,
    browser: Browser,
    http: httpx.AsyncClient,
    challenge: str,
    ann: Person,
    ory: OryDouble,
) -> None:
    for other in ("", ory.plant_login()):
        foreign = await shown(browser, portal, other)
        assert await post(http, foreign, challenge, ann) == 403
    good = await shown(browser, portal, challenge)
    assert await post(http, good, "", ann) == 403
    assert ory.decisions == []


async def test_another_purposes_token_is_refused(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ann: Person, admin: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, admin)
    await browser.open(f"{portal.url}/logout")
    form = {"subject": ann.subject, "client_id": "photos", "form_token": token(browser)}
    answer = await http.post("/admin/grants/revoke", data=form)
    assert answer.status_code == 403
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None


@pytest.mark.parametrize("kind", ["login_challenge", "logout_challenge", "consent_challenge"])
async def test_a_token_is_for_one_kind_of_form(
    portal: Portal,
    browser: Browser,
    http: httpx.AsyncClient,
    ann: Person,
    kind: str,
    ory: OryDouble,
) -> None:
    """The same text as challenge of another kind is another challenge."""
    path = "/" + kind.partition("_")[0]
    login = ory.plant_login()
    good = await shown(browser, portal, login)
    for other in ("login", "consent", "logout"):
        ory._requests[other, login] = ory._requests["login", login] | {"subject": ann.subject}
    answer = await http.post(path, data={"action": "reject", kind: login, "form_token": good})
    assert answer.status_code == (303 if path == "/login" else 403)
    assert len(ory.decisions) == (path == "/login")


async def test_a_token_lasts_as_long_as_a_challenge(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ann: Person
) -> None:
    start = datetime.now(UTC)
    for age, expected in ((timedelta(minutes=31), 403), (timedelta(minutes=29), 303)):
        with time_machine.travel(start):
            good = await shown(browser, portal)
        with time_machine.travel(start + age):
            assert await post(http, good, "", ann) == expected


async def test_a_token_of_before_a_sign_in_is_refused_after_it(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ann: Person, bob: Person
) -> None:
    early = await shown(browser, portal)
    await sign_in(browser, portal, ann)
    assert await post(http, early, "", bob) == 403


async def test_a_flows_token_outlives_a_sign_in_in_another_tab(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, challenge: str, ann: Person
) -> None:
    early = await shown(browser, portal, challenge)
    await sign_in(browser, portal, ann)
    assert await post(http, early, challenge, ann) == 303


async def test_after_a_change_of_keys_old_forms_are_good_while_the_old_key_is_listed(
    new_portal: NewPortal, new_browser: NewBrowser, challenge: str, ann: Person
) -> None:
    new_key = "a brand new key of more than 32 characters"
    old = new_browser(at=await new_portal())
    good = await shown(old, await new_portal(), challenge)
    for keys, expected in ((f"{new_key},{KEY}", 303), (new_key, 403)):
        portal = await new_portal(SECRET_KEY=keys)
        async with portal.http() as http:
            http.cookies = old.cookies
            assert await post(http, good, challenge, ann) == expected


async def test_a_form_that_was_refused_works_with_its_fresh_token(
    portal: Portal, browser: Browser, challenge: str, ann: Person, ory: OryDouble
) -> None:
    """Everything typed is kept, but for the password."""
    await shown(browser, portal, challenge)
    stale = browser.page
    browser.cookies.clear()
    browser.show(stale)
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    browser.tick("remember")
    refused = await browser.click("accept")
    assert refused.status == 403
    assert refused.element("email").get("value") == ann.email
    assert refused.element("password").get("value") is None
    assert "checked" in refused.element("remember").attrib
    assert ann.password not in refused.html
    assert ory.decisions == []
    browser.fill("password", ann.password)
    await browser.click("accept")
    assert [body["remember"] for body in ory.decided("login", "accept") if body] == [True]


async def test_a_stale_form_does_not_check_the_password(
    portal: Portal, browser: Browser, challenge: str, ann: Person
) -> None:
    await shown(browser, portal, challenge)
    browser.cookies.clear()
    browser.fill("email", ann.email)
    browser.fill("password", "wrong")
    assert (await browser.click("accept")).status == 403
    assert await portal.actions() == []


def tokens(*keys: str, lifetime: int = 1800) -> FormTokens:
    return FormTokens([Secret(key) for key in keys], lifetime=lifetime)


def test_every_single_changed_bit_makes_a_token_void() -> None:
    good = tokens(KEY).make(*BOUND, now=NOW)
    raw = base64.urlsafe_b64decode(good)
    for position in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[position // 8] ^= 1 << position % 8
        text = base64.urlsafe_b64encode(bytes(changed)).decode()
        assert not tokens(KEY).fits(text, *BOUND, now=NOW)
    assert tokens(KEY).fits(good, *BOUND, now=NOW)


def test_what_a_token_is_bound_to_cannot_be_shifted() -> None:
    good = tokens(KEY).make("ab", "c", "d", now=NOW)
    for bound in (("a", "bc", "d"), ("ab", "cd", ""), ("ab", "c"), ("ab", "c", "d", "")):
        assert not tokens(KEY).fits(good, *bound, now=NOW)


@pytest.mark.parametrize(
    ("age", "fits"), [(-61, False), (-60, True), (0, True), (1800, True), (1801, False)]
)
def test_a_token_ages_to_the_second(age: int, *, fits: bool) -> None:
    good = tokens(KEY).make(*BOUND, now=NOW)
    assert tokens(KEY).fits(good, *BOUND, now=NOW + age) is fits


@pytest.mark.parametrize(
    "text", ["", "=", "A", "AAAA", "é", "\ud800", "\x00", "A" * 10_000, "====", " ", "-_-_", "+/+/"]
)
def test_what_is_no_token_fits_nothing(text: str) -> None:
    assert not tokens(KEY).fits(text, *BOUND, now=NOW)
    assert not tokens(KEY).fits(text, *BOUND, now=0.0)


def test_any_listed_key_verifies_and_the_first_one_signs() -> None:
    old, new = "o" * 32, "n" * 32
    assert tokens(new, old).fits(tokens(old).make(*BOUND, now=NOW), *BOUND, now=NOW)
    assert not tokens(new).fits(tokens(old).make(*BOUND, now=NOW), *BOUND, now=NOW)
    assert tokens(new).fits(tokens(new, old).make(*BOUND, now=NOW), *BOUND, now=NOW)
