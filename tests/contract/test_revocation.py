"""What deleting consents and login sessions ends, and what it leaves alone."""

import pytest

from tests.contract.cases import case
from tests.contract.driver import App, Browser, Document, NewApp, NewBrowser, Ory

SCOPE = "openid offline"
REMEMBER: Document = {"remember": True, "remember_for": 0}
SESSION: Document = {"remember": True, "remember_for": 3600}


def all_dead(app: App, tokens: Document) -> bool:
    """Whether neither token works anywhere."""
    answer = app.refresh(tokens["refresh_token"])
    return (
        not app.ory.is_active(tokens["access_token"])
        and not app.ory.is_active(tokens["refresh_token"])
        and app.userinfo(tokens["access_token"]).status_code == 401
        and (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    )


@case(49)
def test_deleting_a_consent_ends_the_tokens_of_all_its_flows(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    remembered = browser.connect(app, ann, SCOPE, consent=REMEMBER)
    skipped = browser.connect(app, ann, SCOPE)
    once = browser.connect(app, ann, SCOPE, prompt="consent", consent={"remember": False})
    old = browser.connect(app, ann, SCOPE)
    rotated = app.refreshed(old["refresh_token"])
    flows = (remembered, skipped, once, rotated)
    assert all(ory.is_active(tokens["access_token"]) for tokens in flows)
    assert ory.delete_consents(subject=ann, client=app.client_id) == 204
    assert [all_dead(app, tokens) for tokens in flows] == [True] * 4
    assert ory.list_consents(ann) == []


@case(49)
def test_deleting_a_consent_leaves_other_apps_people_and_the_session_alone(
    ory: Ory,
    app: App,
    other_app: App,
    browser: Browser,
    new_browser: NewBrowser,
    ann: str,
    bob: str,
) -> None:
    tokens = browser.connect(app, ann, SCOPE, login=SESSION, consent=REMEMBER)
    elsewhere = browser.connect(other_app, ann, SCOPE)
    of_bob = new_browser().connect(app, bob, SCOPE)
    assert ory.delete_consents(subject=ann, client=app.client_id) == 204
    assert all_dead(app, tokens)
    assert ory.is_active(elsewhere["access_token"])
    assert ory.is_active(of_bob["access_token"])
    assert browser.would_skip_login(app)
    assert not browser.would_skip_consent(app, ann, SCOPE)
    assert other_app.refreshed(elsewhere["refresh_token"])
    assert app.refreshed(of_bob["refresh_token"])


@case(49)
def test_deleting_all_consents_of_somebody_ends_the_tokens_of_every_app(
    ory: Ory,
    app: App,
    other_app: App,
    browser: Browser,
    new_browser: NewBrowser,
    ann: str,
    bob: str,
) -> None:
    tokens = {one: browser.connect(one, ann, SCOPE) for one in (app, other_app)}
    of_bob = new_browser().connect(app, bob, SCOPE)
    assert ory.delete_consents(subject=ann, all="true") == 204
    assert all(all_dead(one, found) for one, found in tokens.items())
    assert ory.list_consents(ann) == []
    assert ory.is_active(of_bob["access_token"])


@case(50)
def test_a_code_that_nobody_has_redeemed_dies_with_the_consent(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    code = browser.allow(browser.ask_consent(app, ann)).code
    assert ory.delete_consents(subject=ann, client=app.client_id) == 204
    answer = app.redeem(code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@case(51)
def test_an_accept_in_flight_survives_the_deletion(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    page = browser.ask_consent(app, ann)
    target = ory.accept("consent", page.challenge, grant_scope=["openid"])
    assert ory.delete_consents(subject=ann, client=app.client_id) == 204
    assert ory.is_active(app.exchange(browser.open(target).code)["access_token"])
    assert len(ory.list_consents(ann)) == 1


@case(51)
def test_deleting_the_login_session_too_stops_an_accept_in_flight(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    """Of a login that was remembered; the security page's F4."""
    page = browser.sign_in(browser.authorize(app), ann, **SESSION)
    target = ory.accept("consent", page.challenge, grant_scope=["openid"])
    assert ory.delete_consents(subject=ann, client=app.client_id) == 204
    assert ory.delete_logins(subject=ann) == 204
    assert "code" not in browser.open(target).query


@case(52)
def test_a_jwt_access_token_becomes_inactive(
    ory: Ory, browser: Browser, new_app: NewApp, ann: str
) -> None:
    app = new_app(access_token_strategy="jwt")
    token = browser.connect(app, ann, SCOPE)["access_token"]
    assert token.count(".") == 2
    assert ory.is_active(token)
    assert ory.delete_consents(subject=ann, client=app.client_id) == 204
    assert not ory.is_active(token)
    assert app.userinfo(token).status_code == 401


@case(53)
@pytest.mark.parametrize(
    ("names", "status_2_3", "status_26"),
    [
        ("subject client", 204, 204),
        ("subject all", 204, 204),
        ("subject client all", 204, 400),
        ("consent_request_id", 400, 204),
        ("consent_request_id subject", 400, 400),
        ("consent_request_id client", 400, 400),
        ("consent_request_id all", 400, 400),
        ("consent_request_id subject client", 204, 400),
        ("subject", 400, 400),
        ("client", 400, 400),
        ("all", 400, 400),
        ("client all", 400, 400),
        ("", 400, 400),
    ],
)
def test_which_parameters_a_deletion_takes(
    ory: Ory, app: App, ann: str, names: str, status_2_3: int, status_26: int
) -> None:
    values = {
        "subject": ann,
        "client": app.client_id,
        "all": "true",
        "consent_request_id": "c0ffee00-0000-4000-8000-000000000000",
    }
    status = ory.delete_consents(**{name: values[name] for name in names.split()})
    assert status == (status_2_3 if ory.profile == "2.3" else status_26)


@case(53)
@pytest.mark.parametrize("word", ["1", "TRUE", "yes", ""])
def test_all_is_said_by_the_word_true_alone(ory: Ory, ann: str, word: str) -> None:
    assert ory.delete_consents(subject=ann, all=word) == 400


@case(53, only="2.3")
def test_where_an_app_is_named_all_says_nothing(
    ory: Ory, app: App, other_app: App, browser: Browser, ann: str
) -> None:
    tokens = browser.connect(app, ann)
    elsewhere = browser.connect(other_app, ann)
    assert ory.delete_consents(subject=ann, client=app.client_id, all="true") == 204
    assert not ory.is_active(tokens["access_token"])
    assert ory.is_active(elsewhere["access_token"])


@case(53, only="26")
def test_one_flow_can_be_ended_by_its_id(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    remembered = browser.connect(app, ann, consent=REMEMBER)
    page = browser.ask_consent(app, ann)
    request = ory.consent_request(page.challenge)
    assert request["skip"] is True
    skipped = app.exchange(browser.allow(page).code)
    assert ory.delete_consents(consent_request_id=request["consent_request_id"]) == 204
    assert not ory.is_active(skipped["access_token"])
    assert ory.is_active(remembered["access_token"])
    assert browser.would_skip_consent(app, ann)
    (listed,) = ory.list_consents(ann)
    assert ory.delete_consents(consent_request_id=listed["consent_request_id"]) == 204
    assert not ory.is_active(remembered["access_token"])
    assert not browser.would_skip_consent(app, ann)


@case(54)
def test_what_nobody_knows_can_be_deleted(ory: Ory, bob: str) -> None:
    assert ory.delete_consents(subject=bob, client="nobody") == 204
    assert ory.delete_consents(subject=bob, all="true") == 204
    assert ory.delete_logins(subject=bob) == 204
    assert ory.delete_logins(sid="c0ffee00-0000-4000-8000-000000000000") == 204
    assert ory.delete_logins() == 400


@case(56)
def test_deleting_login_sessions_ends_no_token(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    tokens = browser.connect(app, ann, SCOPE, login=SESSION, consent=REMEMBER)
    (before,) = ory.list_consents(ann)
    session_id = before["consent_request"]["login_session_id"]
    assert session_id
    assert len(ory.list_consents(ann, login_session_id=session_id)) == 1
    assert ory.delete_logins(subject=ann) == 204
    (after,) = ory.list_consents(ann)
    assert after["consent_request"]["login_session_id"] == ""
    assert ory.list_consents(ann, login_session_id=session_id) == []
    assert ory.is_active(tokens["access_token"])
    assert not browser.would_skip_login(app)


@case(56, only="2.3")
def test_after_a_deleted_session_a_login_that_is_not_remembered_fails_once(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    """2.3 wants to end the session of the browser's cookie, does not find it, and gives up."""
    browser.sign_in(browser.authorize(app), ann, **SESSION)
    assert ory.delete_logins(subject=ann) == 204
    failed = browser.sign_in(browser.authorize(app), ann, remember=False)
    assert (failed.place, failed.error) == (app.redirect_uri, "error")
    assert failed.session_cookie is not None
    assert failed.session_cookie["max-age"] == "0"
    assert browser.allow(browser.sign_in(browser.authorize(app), ann, remember=False)).code


@case(56)
def test_after_a_deleted_session_a_login_that_is_remembered_works(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.sign_in(browser.authorize(app), ann, **SESSION)
    assert ory.delete_logins(subject=ann) == 204
    browser.sign_in(browser.authorize(app), ann, **SESSION)
    assert browser.would_skip_login(app)


@case(56)
def test_one_login_session_is_ended_by_its_id(
    ory: Ory, app: App, browser: Browser, new_browser: NewBrowser, ann: str
) -> None:
    other = new_browser()
    login = browser.authorize(app)
    session_id = ory.login_request(login.challenge)["session_id"]
    browser.sign_in(login, ann, **SESSION)
    other.sign_in(other.authorize(app), ann, **SESSION)
    assert ory.delete_logins(sid=session_id, subject="nobody") == 204
    assert not browser.would_skip_login(app)
    assert other.would_skip_login(app)


def test_deleting_an_app_s_access_tokens_leaves_its_refresh_tokens(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    tokens = browser.connect(app, ann, SCOPE)
    answer = ory.admin("DELETE", "/oauth2/tokens", params={"client_id": app.client_id})
    assert answer.status_code == 204
    assert not ory.is_active(tokens["access_token"])
    assert app.refreshed(tokens["refresh_token"])
