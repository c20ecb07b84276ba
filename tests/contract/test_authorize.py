"""The authorization endpoint: what binds a flow to a browser, and who is told when it fails."""

import html
import re

import httpx
import pytest

from tests.contract.cases import case
from tests.contract.driver import (
    CALLBACK,
    CONSENT_UI,
    ERROR_UI,
    LOGIN_UI,
    App,
    Browser,
    NewApp,
    NewBrowser,
    Ory,
    Page,
)


@case(25)
def test_a_login_verifier_works_in_its_own_browser_alone(
    ory: Ory, app: App, browser: Browser, new_browser: NewBrowser, ann: str
) -> None:
    target = ory.accept("login", browser.authorize(app).challenge, subject=ann)
    page = new_browser().open(target)
    assert (page.place, page.error) == (app.redirect_uri, "request_forbidden")
    assert browser.open(target).place == CONSENT_UI


@case(25)
def test_a_consent_verifier_works_in_its_own_browser_alone(
    ory: Ory, app: App, browser: Browser, new_browser: NewBrowser, ann: str
) -> None:
    target = ory.accept("consent", browser.ask_consent(app, ann).challenge, grant_scope=["openid"])
    assert new_browser().open(target).error == "request_forbidden"


@case(25, only="2.3")
def test_a_consent_verifier_in_another_browser_is_used_up(
    ory: Ory, app: App, browser: Browser, new_browser: NewBrowser, ann: str
) -> None:
    """2.3 stores the consent before it looks at the cookie. What 26 does is not known."""
    target = ory.accept("consent", browser.ask_consent(app, ann).challenge, grant_scope=["openid"])
    assert new_browser().open(target).error == "request_forbidden"
    assert len(ory.list_consents(ann)) == 1
    assert browser.open(target).error == "access_denied"


@case(26)
def test_two_open_flows_of_one_app_disturb_each_other(app: App, browser: Browser, ann: str) -> None:
    older = browser.authorize(app)
    newer = browser.authorize(app)
    assert browser.sign_in(older, ann).error == "request_forbidden"
    assert browser.allow(browser.sign_in(newer, ann)).code


@case(26)
def test_two_open_flows_of_two_apps_do_not(
    app: App, other_app: App, browser: Browser, ann: str
) -> None:
    pages = [browser.authorize(one) for one in (app, other_app)]
    pages = [browser.sign_in(page, ann) for page in pages]
    codes = [browser.allow(page).code for page in pages]
    assert app.exchange(codes[0])
    assert other_app.exchange(codes[1])


@case(27)
def test_a_request_by_post_loses_its_parameters(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    page = browser.open(f"{ory.public_url}/oauth2/auth", data=app.asks("openid"))
    assert page.place == LOGIN_UI
    asked = ory.login_request(page.challenge)
    assert asked["request_url"] == f"{ory.public_url}/oauth2/auth"
    assert asked["client"]["client_id"] == app.client_id
    lost = browser.sign_in(page, ann)
    assert (lost.place, lost.query["error"]) == (ERROR_UI, "invalid_client")


@case(63)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": ""}, "invalid_client"),
        ({"redirect_uri": "https://evil.test/cb"}, "invalid_request"),
        ({"redirect_uri": f"{CALLBACK}/more"}, "invalid_request"),
    ],
)
def test_where_no_app_can_be_told_the_error_page_is(
    app: App, browser: Browser, change: dict[str, str], error: str
) -> None:
    page = browser.authorize(app, **change)
    assert (page.place, page.answer.status_code) == (ERROR_UI, 302)
    assert set(page.query) == {"error", "error_description"}
    assert page.query["error"] == error


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"scope": "openid nobody-knows"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "nonsense"}, "unsupported_response_type"),
        ({"state": "short"}, "invalid_state"),
        ({"audience": "https://not-registered.test"}, "invalid_request"),
    ],
)
def test_a_request_that_the_app_may_not_make_is_told_to_the_app(
    app: App, browser: Browser, ann: str, change: dict[str, str], error: str
) -> None:
    page = browser.authorize(app, **change)
    assert (page.place, page.answer.status_code) == (app.redirect_uri, 303)
    assert page.query["error"] == error


def test_the_state_comes_back_with_code_and_scope(app: App, browser: Browser, ann: str) -> None:
    page = browser.allow(browser.sign_in(browser.authorize(app, state="abcdefgh"), ann))
    assert (page.place, page.answer.status_code) == (app.redirect_uri, 303)
    assert set(page.query) == {"code", "scope", "state"}
    assert (page.query["state"], page.query["scope"]) == ("abcdefgh", "openid")


def posted(page: Page) -> tuple[str, dict[str, str]]:
    """The form that a form_post answer has a browser send: its address and fields."""
    action = re.search(r'<form[^>]*action="([^"]*)"', page.answer.text)
    fields = re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', page.answer.text)
    assert action, page.answer.text
    return html.unescape(action[1]), {name: html.unescape(value) for name, value in fields}


def test_form_post_answers_a_page_that_posts_the_code(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    page = browser.sign_in(browser.authorize(app, response_mode="form_post", state="abcdefgh"), ann)
    page = browser.allow(page)
    assert page.answer.status_code == 200
    assert page.answer.headers["content-type"].startswith("text/html")
    address, fields = posted(page)
    assert (address, fields["state"]) == (app.redirect_uri, "abcdefgh")
    assert app.exchange(fields["code"])


def test_form_post_is_how_errors_arrive_too(app: App, browser: Browser) -> None:
    page = browser.deny("login", browser.authorize(app, response_mode="form_post"))
    address, fields = posted(page)
    assert (address, fields["error"]) == (app.redirect_uri, "access_denied")


def test_a_loopback_address_may_have_any_port(browser: Browser, new_app: NewApp, ann: str) -> None:
    app = new_app(redirect_uris=["http://127.0.0.1/callback"])
    page = browser.authorize(app, redirect_uri="http://127.0.0.1:61234/callback")
    assert page.place == LOGIN_UI


def test_requests_need_no_redirect_uri_where_one_alone_is_registered(
    app: App, browser: Browser, ann: str
) -> None:
    parameters = {k: v for k, v in app.asks("read").items() if k != "redirect_uri"}
    url = httpx.URL(f"{app.ory.public_url}/oauth2/auth").copy_merge_params(parameters)
    page = browser.allow(browser.sign_in(browser.open(str(url)), ann))
    assert page.place == app.redirect_uri


def test_openid_requests_need_their_redirect_uri(app: App, browser: Browser) -> None:
    parameters = {k: v for k, v in app.asks("openid").items() if k != "redirect_uri"}
    url = httpx.URL(f"{app.ory.public_url}/oauth2/auth").copy_merge_params(parameters)
    assert browser.open(str(url)).place == ERROR_UI
