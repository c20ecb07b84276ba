"""What htmx and portal.js do with the pages in a real browser, under the portal's own policy."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jinja2
import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect, sync_playwright

import portal
from portal.page import Page as PortalPage
from portal.sample_data import CHALLENGE
from portal.samples import SAMPLES
from portal.web.respond import CSP
from tests.pages.conftest import PREFIX
from tests.pages.rendering import TOKEN, render

pytestmark = pytest.mark.browser

ORIGIN = "https://login.example.org"
STATIC = Path(portal.__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or pytest.skip("no Chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Portal:
    """Answers a browser's requests with samples, and keeps what was posted."""

    def __init__(self, env: jinja2.Environment, page: Page) -> None:
        self.page = page
        self.posted: list[tuple[str, dict[str, list[str]]]] = []
        self.complaints: list[str] = []
        self.answers: dict[str, PortalPage] = {}
        self._env = env
        page.route("**/*", self._answer)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, name: str) -> None:
        self.answers["GET"] = SAMPLES[name]
        self.page.goto(f"{ORIGIN}{PREFIX}/shown")

    def on_post(self, path: str, name: str) -> None:
        self.answers[f"{PREFIX}{path}"] = SAMPLES[name]

    def _answer(self, route: Route, request: Request) -> None:
        address = urlsplit(request.url)
        if "/static/" in address.path:
            file = STATIC / Path(address.path).name
            route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])
            return
        page = self.answers["GET"]
        if request.method == "POST":
            self.posted.append((address.path, parse_qs(request.post_data or "")))
            self.answers[f"{PREFIX}/language"] = page  # leads back to where it was chosen
            if address.path not in self.answers:
                route.abort()
                return
            page = self.answers[address.path]
        self._fulfill(route, page, htmx="hx-request" in request.headers)

    def _fulfill(self, route: Route, page: PortalPage, *, htmx: bool) -> None:
        headers = {"Content-Security-Policy": CSP}
        if htmx and page.template.startswith("errors/"):
            headers |= {"HX-Retarget": "#content", "HX-Reswap": "innerHTML"}
        html = render(self._env, page, page.partial if htmx else None)
        route.fulfill(status=page.status, body=html, content_type="text/html", headers=headers)


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def site(
    request: pytest.FixtureRequest, chromium: Browser, env: jinja2.Environment
) -> Iterator[Portal]:
    context = chromium.new_context(java_script_enabled=request.param)
    yield Portal(env, context.new_page())
    context.close()


@pytest.fixture
def scripted(chromium: Browser, env: jinja2.Environment) -> Iterator[Portal]:
    context = chromium.new_context()
    yield Portal(env, context.new_page())
    context.close()


@pytest.mark.parametrize("name", sorted(n for n in SAMPLES if not n.startswith("summary")))
def test_no_page_breaks_the_policy_or_logs_anything(scripted: Portal, name: str) -> None:
    scripted.open(name)
    if SAMPLES[name].status < 400:
        assert scripted.complaints == []
    else:  # the browser itself notes the status of the document
        assert all("status of" in text for text in scripted.complaints)


def test_a_refused_login_keeps_the_address_and_asks_for_the_password(site: Portal) -> None:
    site.open("login")
    site.on_post("/login", "login-refused")
    site.page.fill("#email", "ann@example.org")
    site.page.fill("#password", "wrong")
    site.page.click("#accept")
    expect(site.page.locator("#login-error")).to_be_visible()
    expect(site.page.locator("#password")).to_be_focused()
    expect(site.page.locator("h1")).to_have_count(1)
    ((path, form),) = site.posted
    assert path == f"{PREFIX}/login"
    assert form["action"] == ["accept"]
    assert form["email"] == ["ann@example.org"]


def test_not_logging_in_needs_nothing_filled_in(site: Portal) -> None:
    site.open("login")
    site.on_post("/login", "problem")
    site.page.click("#reject")
    expect(site.page.locator("#content #problem-title")).to_be_visible()
    expect(site.page.locator("main form")).to_have_count(0)
    assert [form["action"] for _, form in site.posted] == [["reject"]]


def test_a_decision_carries_what_is_ticked(site: Portal) -> None:
    site.open("consent")
    site.on_post("/consent", "consent-refused")
    site.on_post("/consent/summary", "summary")
    site.page.uncheck("#openid")
    site.page.click("#accept")
    expect(site.page.locator("#consent-error")).to_be_focused()
    ((_, form),) = [post for post in site.posted if post[0] == f"{PREFIX}/consent"]
    assert form["grant_scope"] == ["email"]
    assert form["action"] == ["accept"]


def test_the_summary_follows_the_boxes(scripted: Portal) -> None:
    scripted.open("consent")
    scripted.on_post("/consent/summary", "summary-empty")
    expect(scripted.page.get_by_role("button", name="Update the summary")).to_have_count(0)
    scripted.page.uncheck("#openid")
    expect(scripted.page.locator("#consent-summary")).to_contain_text("Nothing")
    ((path, form),) = scripted.posted
    assert path == f"{PREFIX}/consent/summary"
    assert form["grant_scope"] == ["email"]
    assert "action" not in form


def test_allow_needs_a_box_and_a_moment(scripted: Portal) -> None:
    scripted.on_post("/consent/summary", "summary")
    scripted.open("consent-fresh")
    allow = scripted.page.locator("#accept")
    scripted.page.wait_for_timeout(700)
    expect(allow).to_be_disabled()
    scripted.page.check("#offline_access")
    expect(allow).to_be_enabled()
    scripted.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(allow).to_be_disabled(timeout=200)
    expect(allow).to_be_enabled()


def test_without_boxes_allow_only_waits_a_moment(scripted: Portal) -> None:
    scripted.open("consent-nothing-asked")
    expect(scripted.page.locator("#accept")).to_be_enabled()


def test_without_script_allow_is_enabled_and_the_summary_has_a_button(
    chromium: Browser, env: jinja2.Environment
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    plain = Portal(env, context.new_page())
    plain.open("consent-fresh")
    expect(plain.page.locator("#accept")).to_be_enabled()
    plain.on_post("/consent/summary", "consent")
    plain.page.get_by_role("button", name="Update the summary").click()
    expect(plain.page.locator("#consent-summary")).to_contain_text("ann@example.org")
    context.close()


def test_a_portal_that_does_not_answer_is_said_to(scripted: Portal) -> None:
    scripted.open("login")
    scripted.page.fill("#email", "ann@example.org")
    scripted.page.fill("#password", "secret")
    scripted.page.click("#accept")
    expect(scripted.page.locator("#flash")).to_be_visible()
    expect(scripted.page.locator("#password")).to_have_value("secret")
    expect(scripted.page.locator("#accept")).to_be_enabled()


def choose_language(site: Portal) -> None:
    site.page.select_option("#language", "de")
    site.page.locator("form.language button").click()
    site.page.wait_for_load_state("load")


def kept(site: Portal) -> str:
    return str(site.page.evaluate("sessionStorage.getItem('typed') ?? ''"))


def test_what_was_typed_outlives_a_change_of_language_and_secrets_do_not(scripted: Portal) -> None:
    scripted.open("login")
    scripted.page.fill("#email", "ann@example.org")
    scripted.page.fill("#password", "correct horse battery")
    scripted.page.check("#remember")
    choose_language(scripted)
    expect(scripted.page.locator("#email")).to_have_value("ann@example.org")
    expect(scripted.page.locator("#remember")).to_be_checked()
    expect(scripted.page.locator("#password")).to_have_value("")
    assert kept(scripted) == ""


@pytest.mark.parametrize(
    ("name", "field"), [("login", "#password"), ("factor", "#code"), ("device", "#code")]
)
def test_nothing_secret_is_kept_meanwhile(scripted: Portal, name: str, field: str) -> None:
    scripted.open(name)
    scripted.page.evaluate("document.addEventListener('submit', (e) => e.preventDefault())")
    scripted.page.fill(field, "h0rse-123")
    scripted.page.evaluate(
        "document.querySelector('form.language [name=back]').value = '/login?login_challenge=abc'"
    )
    scripted.page.locator("form.language button").click()
    meanwhile = kept(scripted)
    assert '"fields"' in meanwhile
    assert "h0rse-123" not in meanwhile
    assert "abc" not in meanwhile
    assert CHALLENGE not in meanwhile
    assert TOKEN not in meanwhile


def test_what_was_typed_comes_back_once(scripted: Portal) -> None:
    scripted.open("login")
    scripted.page.fill("#email", "ann@example.org")
    choose_language(scripted)
    scripted.open("login")
    expect(scripted.page.locator("#email")).to_have_value("")


def test_what_was_ticked_outlives_a_change_of_language(scripted: Portal) -> None:
    scripted.open("consent")
    scripted.on_post("/consent/summary", "summary-empty")
    for box in ("#offline_access", "#remember"):
        scripted.page.check(box)
    scripted.page.uncheck("#openid")
    scripted.posted.clear()
    choose_language(scripted)
    expect(scripted.page.locator("#offline_access")).to_be_checked()
    expect(scripted.page.locator("#openid")).not_to_be_checked()
    expect(scripted.page.locator("#remember")).to_be_checked()
    expect(scripted.page.locator("#consent-summary")).to_contain_text("Nothing")
    path, asked = scripted.posted[-1]
    assert path == f"{PREFIX}/consent/summary"
    assert "offline_access" in asked["grant_scope"]
    assert "openid" not in asked["grant_scope"]


def test_what_was_ticked_for_one_request_is_never_ticked_for_another(scripted: Portal) -> None:
    scripted.open("consent-fresh")
    scripted.on_post("/consent/summary", "summary")
    scripted.page.check("#offline_access")
    scripted.page.evaluate("document.querySelector('form.language [name=back]').value = '/other'")
    choose_language(scripted)
    expect(scripted.page.locator("#offline_access")).not_to_be_checked()
    assert kept(scripted) == ""


def test_a_second_click_sends_nothing(scripted: Portal) -> None:
    scripted.open("logout")
    scripted.page.evaluate(
        "document.addEventListener('submit', (e) => {"
        " window.prevented = (window.prevented || []).concat(e.defaultPrevented);"
        " e.preventDefault(); })"
    )
    scripted.page.click("#accept")
    scripted.page.click("#accept")
    assert scripted.page.evaluate("window.prevented") == [False, True]


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_window(scripted: Portal, width: int) -> None:
    scripted.page.set_viewport_size({"width": width, "height": 800})
    for name in ("login-hint", "consent", "consent-fresh", "apps", "grants", "problem-retry"):
        scripted.open(name)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert scripted.page.evaluate(wide) <= 0, name


@pytest.mark.parametrize("width", [320, 360, 768])
def test_nothing_sticks_out_of_its_card(scripted: Portal, width: int) -> None:
    scripted.page.set_viewport_size({"width": width, "height": 800})
    for name, card in (("apps", ".app"), ("consent", ".card"), ("login-device", ".card")):
        scripted.open(name)
        expect(scripted.page.locator(card).first).to_be_visible()
        outside = scripted.page.locator(f"{card} *:not(.visually-hidden)").evaluate_all(
            "(inner, card) => inner.filter((element) => element.getBoundingClientRect().right >"
            " element.parentElement.closest(card).getBoundingClientRect().right - 12)"
            ".map((element) => element.textContent.trim())",
            card,
        )
        assert outside == [], name
