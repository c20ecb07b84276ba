"""Logout: who is asked, what is over afterwards, and where the browser ends."""

import html
import queue
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from tests.contract.cases import case
from tests.contract.driver import (
    AFTER_LOGOUT,
    ERROR_UI,
    HOME,
    LOGOUT_UI,
    App,
    Browser,
    Document,
    NewApp,
    NewBrowser,
    Ory,
    Page,
)
from tests.contract.jose import claims, verified

SESSION: Document = {"remember": True, "remember_for": 3600}


def sign_out(browser: Browser) -> Page:
    """Go to Ory's logout from nowhere."""
    return browser.open(f"{browser.ory.public_url}/oauth2/sessions/logout")


def confirm(browser: Browser, page: Page) -> Page:
    """Say yes at the logout page."""
    answer = browser.ory.put("logout", "accept", page.challenge)
    assert answer.status_code == 200, answer.text
    return browser.open(answer.json()["redirect_to"])


@case(57)
def test_a_logout_from_nowhere_ends_the_session_and_no_token(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    tokens = browser.connect(app, ann, "openid offline", login=SESSION)
    page = sign_out(browser)
    request = ory.logout_request(page.challenge)
    assert (request["subject"], request["rp_initiated"], request["client"]) == (ann, False, None)
    assert request["sid"] == claims(tokens["id_token"])["sid"]
    assert request["request_url"].startswith("/oauth2/sessions/logout")
    done = confirm(browser, page)
    assert (done.place, done.answer.status_code) == (HOME, 302)
    assert done.session_cookie is not None
    assert not browser.would_skip_login(app)
    assert ory.is_active(tokens["access_token"])
    assert app.refreshed(tokens["refresh_token"])
    assert len(ory.list_consents(ann)) == 1


@case(57)
def test_a_logout_without_a_session_asks_nobody(browser: Browser) -> None:
    assert sign_out(browser).place == HOME


@case(57)
def test_accepting_a_logout_does_nothing_until_the_browser_comes_back(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, login=SESSION)
    page = sign_out(browser)
    assert ory.put("logout", "accept", page.challenge).status_code == 200
    assert browser.would_skip_login(app)


@case(4, 5)
def test_a_logout_challenge_that_is_none_is_not_found(ory: Ory) -> None:
    for answer in (
        ory.get("logout", "garbage-0123456789"),
        ory.put("logout", "accept", "garbage-0123456789"),
        ory.put("logout", "reject", "garbage-0123456789"),
    ):
        assert answer.status_code == 404
        assert isinstance(answer.json()["error"], str)


@case(58)
def test_a_rejected_logout_is_gone_in_2_3_and_open_in_26(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, login=SESSION)
    challenge = sign_out(browser).challenge
    rejected = ory.put("logout", "reject", challenge)
    assert (rejected.status_code, rejected.content) == (204, b"")
    assert ory.get("logout", challenge).status_code == (404 if ory.profile == "2.3" else 200)
    assert ory.put("logout", "accept", challenge).status_code == 200
    assert browser.would_skip_login(app)


@case(59)
def test_a_logout_that_is_over_is_told_by_2_3(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, login=SESSION)
    page = sign_out(browser)
    confirm(browser, page)
    answer = ory.get("logout", page.challenge)
    if ory.profile == "2.3":
        assert answer.status_code == 410
        assert answer.json()["redirect_to"].startswith("/oauth2/sessions/logout")
    else:
        assert answer.status_code == 200
    assert ory.put("logout", "accept", page.challenge).status_code == 200


@case(59)
def test_a_logout_verifier_may_be_used_again(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, login=SESSION)
    target = ory.put("logout", "accept", sign_out(browser).challenge).json()["redirect_to"]
    assert [browser.open(target).place for _ in range(2)] == [HOME, HOME]


@case(59)
def test_a_logout_accepted_twice_has_the_same_redirect_in_2_3_alone(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, login=SESSION)
    challenge = sign_out(browser).challenge
    first, second = (ory.put("logout", "accept", challenge).json()["redirect_to"] for _ in range(2))
    assert (first == second) is (ory.profile == "2.3")
    assert browser.open(second).place == HOME


@case(60)
def test_an_app_s_logout_returns_to_the_app(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    id_token = browser.connect(app, ann, login=SESSION)["id_token"]
    url = app.logout_url(id_token, post_logout_redirect_uri=AFTER_LOGOUT, state="s-1")
    page = browser.open(url)
    assert page.place == LOGOUT_UI
    request = ory.logout_request(page.challenge)
    assert (request["subject"], request["rp_initiated"]) == (ann, True)
    assert request["client"]["client_id"] == app.client_id
    done = confirm(browser, page)
    assert (done.place, done.query) == (AFTER_LOGOUT, {"state": "s-1"})
    assert not browser.would_skip_login(app)
    again = browser.open(url)
    assert (again.place, again.query) == (AFTER_LOGOUT, {"state": "s-1"})


@case(60)
def test_an_app_s_logout_without_an_address_ends_at_home(
    app: App, browser: Browser, ann: str
) -> None:
    id_token = browser.connect(app, ann, login=SESSION)["id_token"]
    assert confirm(browser, browser.open(app.logout_url(id_token))).place == HOME


@case(61)
def test_a_login_that_was_not_remembered_needs_no_logout(
    app: App, browser: Browser, ann: str
) -> None:
    id_token = browser.connect(app, ann, login={"remember": False})["id_token"]
    page = browser.open(app.logout_url(id_token, post_logout_redirect_uri=AFTER_LOGOUT))
    assert page.place == AFTER_LOGOUT


def test_a_broken_logout_ends_at_the_error_page(app: App, browser: Browser, ann: str) -> None:
    id_token = browser.connect(app, ann, login=SESSION)["id_token"]
    logout = f"{app.ory.public_url}/oauth2/sessions/logout"
    for url in (
        app.logout_url(id_token, post_logout_redirect_uri="https://evil.test/"),
        app.logout_url("nonsense"),
        f"{logout}?post_logout_redirect_uri={AFTER_LOGOUT}",
        f"{logout}?state=x",
    ):
        page = browser.open(url)
        assert page.place == ERROR_UI, url
        assert set(page.query) == {"error", "error_description"}


def test_skip_logout_consent_is_a_word_to_the_page_and_no_more(
    ory: Ory, browser: Browser, new_app: NewApp, ann: str
) -> None:
    app = new_app(skip_logout_consent=True)
    id_token = browser.connect(app, ann, login=SESSION)["id_token"]
    page = browser.open(app.logout_url(id_token))
    assert ory.logout_request(page.challenge)["client"]["skip_logout_consent"] is True


def test_a_logout_ends_the_session_of_this_browser_alone(
    app: App, browser: Browser, new_browser: NewBrowser, ann: str
) -> None:
    other = new_browser()
    for one in (browser, other):
        one.connect(app, ann, login=SESSION)
    confirm(browser, sign_out(browser))
    assert other.would_skip_login(app)


def test_front_channel_apps_are_told_by_a_page(
    ory: Ory, browser: Browser, new_app: NewApp, ann: str
) -> None:
    app = new_app(frontchannel_logout_uri="http://127.0.0.1:5555/front-channel")
    id_token = browser.connect(app, ann, login=SESSION)["id_token"]
    done = confirm(browser, sign_out(browser))
    assert done.place.startswith(ory.public_url)
    assert (done.answer.status_code, done.answer.headers["content-type"][:9]) == (200, "text/html")
    frame = re.search(r'<iframe[^>]*src="([^"]*)"', done.answer.text)
    assert frame
    told = httpx.URL(html.unescape(frame[1]))
    assert str(told.copy_with(query=None)) == "http://127.0.0.1:5555/front-channel"
    assert dict(told.params) == {
        "iss": ory.discovery()["issuer"],
        "sid": claims(id_token)["sid"],
    }
    assert not browser.would_skip_login(app)


class BackChannel:
    """An app's back-channel logout address, and what was posted there."""

    def __init__(self) -> None:
        self.posted: queue.Queue[tuple[str, str]] = queue.Queue()
        posted = self.posted

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                posted.put((self.headers["Content-Type"], body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/back-channel"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self) -> dict[str, Any]:
        """The form that came, within patience."""
        kind, body = self.posted.get(timeout=10)
        assert kind.startswith("application/x-www-form-urlencoded")
        return {name: values[0] for name, values in parse_qs(body).items()}


@pytest.fixture
def back_channel() -> Iterator[BackChannel]:
    channel = BackChannel()
    yield channel
    channel.close()


@case(62)
def test_the_back_channel_is_told_once_about_the_session(
    ory: Ory, browser: Browser, new_app: NewApp, back_channel: BackChannel, ann: str
) -> None:
    app = new_app(backchannel_logout_uri=back_channel.url)
    id_token = browser.connect(app, ann, login=SESSION)["id_token"]
    confirm(browser, sign_out(browser))
    form = back_channel.wait()
    assert set(form) == {"logout_token"}
    told = verified(ory, form["logout_token"])
    assert set(told) == {"iss", "aud", "iat", "jti", "events", "sid"}
    assert (told["sid"], told["aud"]) == (claims(id_token)["sid"], [app.client_id])
    assert told["iss"] == ory.discovery()["issuer"]
    assert told["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert back_channel.posted.empty()


@case(62)
def test_the_back_channel_is_told_when_a_session_is_deleted_by_its_id(
    ory: Ory, browser: Browser, new_app: NewApp, back_channel: BackChannel, ann: str
) -> None:
    app = new_app(backchannel_logout_uri=back_channel.url)
    session_id = claims(browser.connect(app, ann, login=SESSION)["id_token"])["sid"]
    assert ory.delete_logins(sid=session_id) == 204
    assert verified(ory, back_channel.wait()["logout_token"])["sid"] == session_id
