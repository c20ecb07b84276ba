"""What an app can demand: ``prompt``, ``max_age``, ``id_token_hint``."""

import pytest

from tests.contract.cases import case
from tests.contract.driver import (
    CONSENT_UI,
    LOGIN_UI,
    App,
    Browser,
    Document,
    NewApp,
    NewBrowser,
    Ory,
)

REMEMBER: Document = {"remember": True, "remember_for": 3600}
CUSTOM_SCHEME = "com.example.photos:/callback"


@pytest.fixture
def signed_in(browser: Browser, app: App, ann: str) -> Browser:
    """Ann's browser; she has a login session and has connected nothing."""
    browser.sign_in(browser.authorize(app), ann, **REMEMBER)
    return browser


@pytest.fixture
def connected(signed_in: Browser, app: App, ann: str) -> Browser:
    """Ann's browser; she is signed in, and her consent is remembered."""
    signed_in.connect(app, ann, consent={"remember": True})
    return signed_in


@case(19)
def test_prompt_none_without_a_session_calls_no_page(app: App, browser: Browser) -> None:
    page = browser.authorize(app, prompt="none", state="abcdefgh")
    assert (page.place, page.error) == (app.redirect_uri, "login_required")
    assert page.query["state"] == "abcdefgh"


@case(14)
def test_prompt_login_does_not_skip(ory: Ory, app: App, signed_in: Browser) -> None:
    request = ory.login_request(signed_in.authorize(app, prompt="login").challenge)
    assert (request["skip"], request["subject"]) == (False, "")
    assert signed_in.would_skip_login(app)


def test_a_reject_leaves_the_session_alone(app: App, signed_in: Browser) -> None:
    assert signed_in.deny("login", signed_in.authorize(app)).error == "access_denied"
    assert signed_in.would_skip_login(app)


@case(20)
def test_max_age_that_is_long_enough_skips(app: App, signed_in: Browser) -> None:
    assert signed_in.would_skip_login(app, max_age="3600")


@case(21)
def test_a_hint_of_somebody_else_ends_at_the_app(
    app: App, signed_in: Browser, new_browser: NewBrowser, ann: str, bob: str
) -> None:
    hint = new_browser().connect(app, bob)["id_token"]
    page = signed_in.authorize(app, id_token_hint=hint)
    assert (page.place, page.error) == (app.redirect_uri, "login_required")
    own = new_browser().connect(app, ann)["id_token"]
    assert signed_in.would_skip_login(app, id_token_hint=own)


@case(22)
def test_a_hint_is_told_to_the_page_and_nobody_else_can_sign_in(
    ory: Ory, app: App, browser: Browser, new_browser: NewBrowser, ann: str, bob: str
) -> None:
    hint = new_browser().connect(app, ann)["id_token"]
    page = browser.authorize(app, id_token_hint=hint)
    request = ory.login_request(page.challenge)
    assert (request["skip"], request["subject"]) == (False, "")
    assert request["oidc_context"]["id_token_hint_claims"]["sub"] == ann
    assert browser.sign_in(page, bob).error == "login_required"
    again = browser.authorize(app, id_token_hint=hint)
    assert browser.sign_in(again, ann).place == CONSENT_UI


@case(21)
def test_a_hint_that_is_no_token_is_refused(app: App, browser: Browser) -> None:
    assert browser.authorize(app, id_token_hint="nonsense").error == "invalid_request"


@case(23, only="2.3")
def test_select_account_is_refused_after_the_login(
    ory: Ory, app: App, signed_in: Browser, ann: str
) -> None:
    page = signed_in.authorize(app, prompt="select_account")
    assert ory.login_request(page.challenge)["skip"] is True
    assert signed_in.sign_in(page, ann).error == "invalid_request"


@case(23, only="26")
def test_select_account_works_as_login(ory: Ory, app: App, signed_in: Browser, bob: str) -> None:
    page = signed_in.authorize(app, prompt="select_account")
    assert ory.login_request(page.challenge)["skip"] is False
    assert signed_in.sign_in(page, bob).place == CONSENT_UI


def test_a_prompt_that_nobody_knows_is_refused_after_the_login(
    app: App, browser: Browser, ann: str
) -> None:
    page = browser.authorize(app, prompt="guess")
    assert browser.sign_in(page, ann).error == "invalid_request"


def test_prompt_none_with_another_value_does_not_show_a_page(app: App, browser: Browser) -> None:
    assert browser.authorize(app, prompt="none login").error == "login_required"


def test_prompt_registration_calls_the_login_page_and_may_skip(
    ory: Ory, app: App, browser: Browser, signed_in: Browser, new_browser: NewBrowser
) -> None:
    assert signed_in.would_skip_login(app, prompt="registration")
    assert not new_browser().would_skip_login(app, prompt="registration")


@case(41)
def test_prompt_none_without_consent_calls_the_login_page_alone(
    ory: Ory, app: App, signed_in: Browser, ann: str
) -> None:
    page = signed_in.authorize(app, prompt="none")
    assert page.place == LOGIN_UI
    assert ory.login_request(page.challenge)["skip"] is True
    page = signed_in.sign_in(page, ann)
    assert (page.place, page.error) == (app.redirect_uri, "consent_required")


@case(42)
def test_prompt_none_with_a_remembered_consent_ends_with_a_code(
    ory: Ory, app: App, connected: Browser, ann: str
) -> None:
    page = connected.sign_in(connected.authorize(app, prompt="none"), ann)
    assert page.place == CONSENT_UI
    assert ory.consent_request(page.challenge)["skip"] is True
    assert app.exchange(connected.allow(page).code)["scope"] == "openid"


@case(43)
def test_the_consent_page_may_say_consent_required_itself(
    ory: Ory, app: App, connected: Browser, ann: str
) -> None:
    page = connected.sign_in(connected.authorize(app, prompt="none"), ann)
    assert connected.deny("consent", page, error="consent_required").error == "consent_required"
    assert connected.would_skip_consent(app, ann)
    assert len(ory.list_consents(ann)) == 1


@case(44)
def test_skip_consent_is_a_word_to_the_page_and_no_more(
    ory: Ory, browser: Browser, new_app: NewApp, ann: str
) -> None:
    trusted = new_app(skip_consent=True)
    page = browser.sign_in(browser.authorize(trusted), ann, **REMEMBER)
    request = ory.consent_request(page.challenge)
    assert (request["skip"], request["client"]["skip_consent"]) == (False, True)
    silent = browser.authorize(trusted, prompt="none")
    assert browser.sign_in(silent, ann).error == "consent_required"


@case(45)
def test_a_public_app_with_its_own_scheme_never_skips(
    browser: Browser, new_app: NewApp, ann: str
) -> None:
    public = new_app(token_endpoint_auth_method="none", redirect_uris=[CUSTOM_SCHEME])
    browser.connect(public, ann, login=REMEMBER, consent={"remember": True})
    silent = browser.sign_in(browser.authorize(public, prompt="none"), ann)
    assert (silent.place, silent.error) == (CUSTOM_SCHEME, "consent_required")
    assert not browser.would_skip_consent(public, ann)


@case(45)
@pytest.mark.parametrize(
    ("redirect_uri", "skips"),
    [
        ("https://photos.example.org/cb", True),
        ("http://127.0.0.1:5555/callback", True),
        ("http://localhost:5555/callback", True),
        ("http://photos.localhost/cb", True),
        (CUSTOM_SCHEME, False),
    ],
)
def test_whether_a_public_app_skips_depends_on_where_it_comes_back(
    browser: Browser, new_app: NewApp, ann: str, redirect_uri: str, skips: bool
) -> None:
    public = new_app(token_endpoint_auth_method="none", redirect_uris=[redirect_uri])
    browser.connect(public, ann, consent={"remember": True})
    assert browser.would_skip_consent(public, ann) is skips
