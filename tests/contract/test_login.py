"""Login requests: what they say, how they are answered, what a session makes of the next one."""

import re

import pytest

from tests.contract.cases import case
from tests.contract.driver import (
    CONSENT_UI,
    LOGIN_UI,
    SCOPE,
    App,
    Browser,
    Document,
    NewBrowser,
    Ory,
)

THIRTY_DAYS = 2_592_000
REMEMBER = {"remember": True, "remember_for": 3600}


@case(1)
def test_a_request_goes_to_the_login_page_with_a_challenge_alone(
    app: App, browser: Browser
) -> None:
    page = browser.authorize(app, state="abcdefgh")
    assert (page.place, set(page.query)) == (LOGIN_UI, {"login_challenge"})
    assert [answer.status_code for answer in page.trail] == [302]
    assert re.fullmatch(r"[A-Za-z0-9_=-]{16,16000}", page.challenge)
    (cookie,) = page.cookies()
    assert cookie.key.startswith("ory_hydra_login_csrf")
    assert (cookie["path"], cookie["httponly"], cookie["max-age"]) == ("/", True, "1800")


@case(2)
def test_a_fresh_login_request_knows_nobody(ory: Ory, app: App, browser: Browser) -> None:
    page = browser.authorize(app, SCOPE, colour="green", state="abcdefgh")
    request = ory.login_request(page.challenge)
    assert (request["skip"], request["subject"]) == (False, "")
    assert request["challenge"] == page.challenge
    assert request["requested_scope"] == SCOPE.split()
    assert request["requested_access_token_audience"] == []
    assert request["request_url"] == app.authorize_url(SCOPE, colour="green", state="abcdefgh")
    assert request["client"]["client_id"] == app.client_id
    assert request["session_id"]


@case(2)
def test_requested_scopes_are_told_once_each_and_in_order(
    ory: Ory, app: App, browser: Browser
) -> None:
    asked = ory.login_request(browser.authorize(app, "write openid read write").challenge)
    assert asked["requested_scope"] == ["write", "openid", "read"]
    assert ory.login_request(browser.authorize(app, "").challenge)["requested_scope"] == []


@case(3)
def test_hints_of_the_app_are_in_the_oidc_context(ory: Ory, app: App, browser: Browser) -> None:
    hints = {
        "login_hint": "ann@example.org",
        "ui_locales": "de en",
        "acr_values": "1 2",
        "display": "popup",
    }
    page = browser.authorize(app, **hints)
    assert ory.login_request(page.challenge)["oidc_context"] == {
        "login_hint": "ann@example.org",
        "ui_locales": ["de", "en"],
        "acr_values": ["1", "2"],
        "display": "popup",
    }
    assert ory.login_request(browser.authorize(app).challenge)["oidc_context"] == {}


@case(4)
@pytest.mark.parametrize("kind", ["login", "consent"])
def test_asking_without_a_challenge_is_a_bad_request(ory: Ory, kind: str) -> None:
    for answer in (
        ory.admin("GET", f"/oauth2/auth/requests/{kind}"),
        ory.get(kind, ""),
        ory.admin("PUT", f"/oauth2/auth/requests/{kind}/accept", json={"subject": "ann"}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@case(4)
def test_asking_without_a_logout_challenge_finds_nothing(ory: Ory) -> None:
    answer = ory.admin("GET", "/oauth2/auth/requests/logout")
    assert answer.status_code == 404
    assert isinstance(answer.json()["error"], str)


def damaged(challenge: str, other_kind: str) -> dict[str, str]:
    """Challenges that are none any more."""
    middle = len(challenge) // 2
    other = "A" if challenge[middle] != "A" else "B"
    return {
        "garbage": "garbage-0123456789",
        "cut": challenge[:middle],
        "changed": challenge[:middle] + other + challenge[middle + 1 :],
        "of another kind": other_kind,
    }


@case(5)
def test_a_challenge_that_is_none_is_not_found(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    login = browser.authorize(app)
    consent = browser.sign_in(login, ann)
    for kind, good, other in (
        ("login", login.challenge, consent.challenge),
        ("consent", consent.challenge, login.challenge),
    ):
        for why, bad in damaged(good, other).items():
            for answer in (
                ory.get(kind, bad),
                ory.put(kind, "accept", bad, json={"subject": ann} if kind == "login" else {}),
                ory.put(kind, "reject", bad, json={"error": "access_denied"}),
            ):
                assert answer.status_code == 404, (kind, why, answer.request.url.path)
                assert isinstance(answer.json()["error"], str), (kind, why)


@case(8)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"subject": ""}',
        b'{"subject": 7}',
        b'{"subject": "ann", "remember": "true"}',
        b'{"subject": "ann", "remember_for": 1.5}',
        b'{"subject": "ann", "remember_for": "60"}',
        b'{"subject": "ann", "amr": "pwd"}',
    ],
)
def test_a_bad_login_accept_is_refused(ory: Ory, app: App, browser: Browser, body: bytes) -> None:
    answer = ory.put("login", "accept", browser.authorize(app).challenge, content=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


@case(9)
def test_a_member_that_nobody_knows_is_refused_or_ignored(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    status = 400 if ory.profile == "2.3" else 200
    login = browser.authorize(app)
    consent = browser.sign_in(login, ann)
    for kind, verdict, page, body in (
        ("login", "accept", login, {"subject": ann}),
        ("login", "reject", login, {"error": "access_denied"}),
        ("consent", "accept", consent, {"grant_scope": ["openid"]}),
        ("consent", "reject", consent, {"error": "access_denied"}),
        ("consent", "accept", consent, {"session": {"colour": 1}}),
    ):
        extra = body if "session" in body else body | {"colour": "green"}
        answer = ory.put(kind, verdict, page.challenge, json=extra)
        assert answer.status_code == status, (kind, verdict, body)


@case(10)
def test_a_request_can_be_fetched_again_whatever_became_of_it(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    login = browser.authorize(app)
    before = ory.login_request(login.challenge)
    consent = browser.sign_in(login, ann)
    asked = ory.consent_request(consent.challenge)
    assert browser.allow(consent).code
    ory.reject("login", login.challenge)
    assert ory.login_request(login.challenge) == before
    assert ory.consent_request(consent.challenge) == asked


@case(11)
def test_a_login_can_be_accepted_twice(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    challenge = browser.authorize(app).challenge
    first, second = (ory.accept("login", challenge, subject=ann) for _ in range(2))
    assert first != second
    pages = [browser.open(url) for url in (first, second, first)]
    assert {page.place for page in pages} == {CONSENT_UI}
    flows = {ory.consent_request(page.challenge)["login_challenge"] for page in pages}
    assert len(flows) == 1


def test_a_login_can_be_accepted_for_others_and_after_a_reject(
    ory: Ory, app: App, browser: Browser, ann: str, bob: str
) -> None:
    challenge = browser.authorize(app).challenge
    ory.reject("login", challenge)
    for subject in (ann, bob):
        page = browser.open(ory.accept("login", challenge, subject=subject))
        assert ory.consent_request(page.challenge)["subject"] == subject


@pytest.mark.parametrize("subject", ["x" * 300, "a\x00b", "Zoë 🦊", "a/b?c=d&e#f"])
def test_a_subject_may_be_any_text_when_it_is_accepted(
    ory: Ory, app: App, browser: Browser, subject: str
) -> None:
    assert "login_verifier" in ory.accept(
        "login", browser.authorize(app).challenge, subject=subject
    )


@case(12)
def test_a_remembered_login_is_skipped_next_time(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    login = browser.authorize(app)
    session_id = ory.login_request(login.challenge)["session_id"]
    consent = browser.sign_in(login, ann, remember=True, remember_for=3600)
    assert consent.session_cookie is not None
    assert consent.session_cookie["max-age"] == "3600"
    request = ory.login_request(browser.authorize(app).challenge)
    assert (request["skip"], request["subject"], request["session_id"]) == (True, ann, session_id)


@case(12)
def test_a_login_in_one_browser_says_nothing_in_another(
    ory: Ory, app: App, browser: Browser, new_browser: NewBrowser, ann: str
) -> None:
    browser.sign_in(browser.authorize(app), ann, **REMEMBER)
    assert browser.would_skip_login(app)
    assert not new_browser().would_skip_login(app)


@case(13)
@pytest.mark.parametrize("seconds", [0, -1])
def test_remembering_for_no_time_is_for_the_browser_or_for_a_month(
    ory: Ory, app: App, browser: Browser, ann: str, seconds: int
) -> None:
    page = browser.sign_in(browser.authorize(app), ann, remember=True, remember_for=seconds)
    assert page.session_cookie is not None
    expected = "" if ory.profile == "2.3" else str(THIRTY_DAYS)
    assert page.session_cookie["max-age"] == expected
    assert browser.would_skip_login(app)


@case(14)
def test_a_login_that_is_not_remembered_ends_the_session(
    app: App, browser: Browser, ann: str
) -> None:
    browser.sign_in(browser.authorize(app), ann, **REMEMBER)
    page = browser.sign_in(browser.authorize(app, prompt="login"), ann, remember=False)
    assert page.session_cookie is not None
    assert page.session_cookie["max-age"] == "0"
    assert not browser.would_skip_login(app)


@case(15)
def test_a_skipped_login_stays_remembered(app: App, browser: Browser, ann: str) -> None:
    browser.sign_in(browser.authorize(app), ann, **REMEMBER)
    browser.sign_in(browser.authorize(app), ann, remember=False)
    assert browser.would_skip_login(app)


@case(16)
def test_a_skipped_login_of_somebody_else_must_be_asked_again(
    ory: Ory, app: App, browser: Browser, ann: str, bob: str
) -> None:
    browser.sign_in(browser.authorize(app), ann, **REMEMBER)
    login = browser.authorize(app)
    target = ory.accept("login", login.challenge, subject=bob)
    assert "prompt=login" in target
    assert "login_verifier" not in target
    again = ory.login_request(browser.open(target).challenge)
    assert (again["skip"], again["subject"]) == (False, "")


@case(17)
def test_a_skipped_login_inherits_nothing(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    said: Document = {"acr": "2", "amr": ["pwd"], "context": {"epoch": 1}}
    browser.sign_in(browser.authorize(app), ann, **REMEMBER, **said)
    asked = ory.consent_request(browser.sign_in(browser.authorize(app), ann).challenge)
    assert (asked["acr"], asked["amr"], asked["context"]) == ("", [], None)


@case(18)
def test_a_skipped_login_renews_the_cookie_only_when_told(
    app: App, browser: Browser, ann: str
) -> None:
    browser.sign_in(browser.authorize(app), ann, **REMEMBER)
    renewed: Document = {"extend_session_lifespan": True, "remember": True, "remember_for": 500}
    page = browser.sign_in(browser.authorize(app), ann, **renewed)
    assert page.session_cookie is not None
    assert page.session_cookie["max-age"] == "500"
    same = browser.sign_in(browser.authorize(app), ann, remember=True, remember_for=500)
    assert same.session_cookie is None


@case(24)
def test_a_rejected_login_is_told_to_the_app(app: App, browser: Browser) -> None:
    words = {"error_description": "no", "error_hint": "h", "error_debug": "d", "status_code": 403}
    page = browser.deny("login", browser.authorize(app, state="abcdefgh"), **words)
    assert page.place == app.redirect_uri
    assert page.answer.status_code == 303
    assert page.query == {
        "error": "access_denied",
        "error_description": "no h",
        "state": "abcdefgh",
    }


def test_a_reject_without_words_has_some(ory: Ory, app: App, browser: Browser) -> None:
    login = browser.authorize(app)
    answer = ory.put("login", "reject", login.challenge, json={})
    assert browser.open(answer.json()["redirect_to"]).error == "login request denied"
    assert ory.put("login", "reject", login.challenge, content=b"").status_code == 400
