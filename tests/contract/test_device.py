"""The device flow, which 26 has: code page, login, consent, and the device that waits."""

import pytest

from tests.contract.cases import case
from tests.contract.documents import TOKENS
from tests.contract.driver import (
    CONSENT_UI,
    DEVICE_DONE,
    DEVICE_GRANT,
    DEVICE_UI,
    LOGIN_UI,
    App,
    Browser,
    Document,
    NewApp,
    NewBrowser,
    Ory,
    Page,
)

SCOPE = "openid offline"
REMEMBER: Document = {"remember": True, "remember_for": 0}


@pytest.fixture
def tv(new_app: NewApp) -> App:
    """A confidential app on a device."""
    return new_app(
        client_name="TV", grant_types=[DEVICE_GRANT, "refresh_token", "authorization_code"]
    )


def reach_consent(browser: Browser, device: App, subject: str, scope: str = SCOPE) -> Page:
    """From a new request of *device* to its consent page."""
    waiting = device.ask_for_device(scope)
    page = browser.open(waiting["verification_uri"])
    return browser.sign_in(browser.type_code(page, waiting["user_code"]), subject)


@case(64, only="26")
def test_a_device_is_told_where_to_send_its_user(ory: Ory, tv: App) -> None:
    waiting = tv.ask_for_device(SCOPE)
    uri = f"{ory.public_url}/oauth2/device/verify"
    assert waiting["verification_uri"] == uri
    assert waiting["verification_uri_complete"] == f"{uri}?user_code={waiting['user_code']}"
    assert (waiting["expires_in"], waiting["interval"], len(waiting["user_code"])) == (600, 5, 8)
    assert (
        ory.discovery()["device_authorization_endpoint"] == f"{ory.public_url}/oauth2/device/auth"
    )


@case(64, only="26")
def test_the_code_page_gets_a_challenge_and_the_code_where_the_address_had_it(
    tv: App, browser: Browser, new_browser: NewBrowser
) -> None:
    waiting = tv.ask_for_device(SCOPE)
    page = browser.open(waiting["verification_uri_complete"])
    assert (page.place, page.answer.status_code) == (DEVICE_UI, 302)
    assert set(page.query) == {"device_challenge", "user_code"}
    assert page.query["user_code"] == waiting["user_code"]
    assert any(cookie.key.startswith("ory_hydra_device_csrf") for cookie in page.cookies())
    bare = new_browser().open(waiting["verification_uri"])
    assert (bare.place, set(bare.query)) == (DEVICE_UI, {"device_challenge"})


@case(64, only="26")
def test_an_accepted_code_leads_to_a_login_without_oidc_context(
    ory: Ory, tv: App, browser: Browser
) -> None:
    waiting = tv.ask_for_device(SCOPE)
    page = browser.open(waiting["verification_uri_complete"])
    login = browser.type_code(page, waiting["user_code"])
    assert login.place == LOGIN_UI
    request = ory.login_request(login.challenge)
    assert request["oidc_context"] is None
    assert request["client"]["client_id"] == tv.client_id
    assert request["requested_scope"] == SCOPE.split()
    address, _, query = request["request_url"].partition("?")
    assert address.endswith("/oauth2/device/verify")
    assert waiting["user_code"] not in query
    assert "user_code=****" in query.replace("%2A", "*")


@case(64, only="26")
def test_a_device_gets_its_tokens_once(ory: Ory, tv: App, browser: Browser, ann: str) -> None:
    waiting = tv.ask_for_device(SCOPE)
    assert tv.poll(waiting)["error"] == "authorization_pending"
    page = browser.open(waiting["verification_uri"])
    consent = browser.sign_in(browser.type_code(page, waiting["user_code"]), ann)
    assert consent.place == CONSENT_UI
    done = browser.allow(consent)
    assert (done.place, done.query) == (DEVICE_DONE, {"client_id": tv.client_id})
    answer = tv.token(grant_type=DEVICE_GRANT, device_code=waiting["device_code"])
    tokens = ory.document(answer, TOKENS)
    assert tokens["scope"] == SCOPE
    assert ory.introspect(tokens["access_token"])["sub"] == ann
    assert tv.refreshed(tokens["refresh_token"])
    assert tv.poll(waiting)["error"] == "invalid_grant"
    assert len(ory.list_consents(ann)) == 1


@case(64, only="26")
def test_deleting_the_consent_ends_the_tokens_of_a_device(
    ory: Ory, tv: App, browser: Browser, ann: str
) -> None:
    waiting = tv.ask_for_device(SCOPE)
    page = browser.open(waiting["verification_uri"])
    browser.allow(browser.sign_in(browser.type_code(page, waiting["user_code"]), ann))
    tokens = tv.poll(waiting)
    assert ory.delete_consents(subject=ann, client=tv.client_id) == 204
    assert not ory.is_active(tokens["access_token"])


@case(64, only="26")
def test_an_app_that_is_not_for_devices_gets_no_code(app: App) -> None:
    answer = app.post("/oauth2/device/auth", client_id=app.client_id, scope="openid")
    assert answer.status_code in {400, 401}
    assert isinstance(answer.json()["error"], str)


@case(65, only="26")
@pytest.mark.parametrize("how", ["swapcase", "dash", "blank", "nonsense", "empty", "null"])
def test_a_code_that_is_not_exactly_it_is_refused(
    ory: Ory, tv: App, browser: Browser, how: str
) -> None:
    waiting = tv.ask_for_device(SCOPE)
    code = waiting["user_code"]
    while how == "swapcase" and code.swapcase() == code:
        waiting = tv.ask_for_device(SCOPE)
        code = waiting["user_code"]
    wrong = {
        "swapcase": code.swapcase(),
        "dash": f"{code[:4]}-{code[4:]}",
        "blank": f"{code[:4]} {code[4:]}",
        "nonsense": "nonsense",
        "empty": "",
        "null": None,
    }[how]
    page = browser.open(waiting["verification_uri"])
    answer = ory.put("device", "accept", page.challenge, json={"user_code": wrong})
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)
    assert browser.type_code(page, code).place == LOGIN_UI


@case(65, only="26")
def test_a_code_that_was_used_is_refused(
    ory: Ory, tv: App, browser: Browser, new_browser: NewBrowser, ann: str
) -> None:
    waiting = tv.ask_for_device(SCOPE)
    page = browser.open(waiting["verification_uri"])
    browser.type_code(page, waiting["user_code"])
    login = browser.type_code(page, waiting["user_code"])
    assert browser.allow(browser.sign_in(login, ann)).place == DEVICE_DONE
    other = new_browser().open(waiting["verification_uri"])
    answer = ory.put("device", "accept", other.challenge, json={"user_code": waiting["user_code"]})
    assert answer.status_code == 400


@case(5, only="26")
def test_a_device_challenge_that_is_none_is_not_found(ory: Ory, tv: App) -> None:
    code = tv.ask_for_device(SCOPE)["user_code"]
    answer = ory.put("device", "accept", "garbage-0123456789", json={"user_code": code})
    assert answer.status_code == 404
    answer = ory.admin("PUT", "/oauth2/auth/requests/device/accept", json={"user_code": code})
    assert answer.status_code == 400


@case(64, only="26")
def test_a_device_request_can_neither_be_read_nor_rejected(
    ory: Ory, tv: App, browser: Browser
) -> None:
    challenge = browser.open(tv.ask_for_device(SCOPE)["verification_uri"]).challenge
    assert ory.get("device", challenge).status_code == 404
    assert ory.put("device", "reject", challenge, json={}).status_code == 404


@case(66, only="26")
@pytest.mark.parametrize("kind", ["login", "consent"])
def test_a_rejected_device_is_told_to_the_browser_and_keeps_waiting(
    ory: Ory, tv: App, browser: Browser, new_browser: NewBrowser, ann: str, kind: str
) -> None:
    waiting = tv.ask_for_device(SCOPE)
    page = browser.open(waiting["verification_uri"])
    page = browser.type_code(page, waiting["user_code"])
    if kind == "consent":
        page = browser.sign_in(page, ann)
    refused = browser.deny(kind, page)
    assert refused.place.startswith(ory.public_url)
    assert refused.answer.status_code == 400
    assert refused.answer.json()["error"] == "access_denied"
    assert tv.poll(waiting)["error"] == "authorization_pending"
    other = new_browser()
    again = other.type_code(other.open(waiting["verification_uri"]), waiting["user_code"])
    assert other.allow(other.sign_in(again, ann)).place == DEVICE_DONE
    assert "access_token" in tv.poll(waiting)


@case(66, only="26")
def test_a_device_verifier_works_once_and_in_its_own_browser(
    ory: Ory, tv: App, browser: Browser, new_browser: NewBrowser
) -> None:
    waiting = tv.ask_for_device(SCOPE)
    page = browser.open(waiting["verification_uri"])
    body = {"user_code": waiting["user_code"]}
    target = ory.put("device", "accept", page.challenge, json=body).json()["redirect_to"]
    assert f"client_id={tv.client_id}" in target
    assert "device_verifier=" in target
    foreign = new_browser().open(target)
    assert foreign.answer.status_code == 403
    assert browser.open(target).place == LOGIN_UI


@case(67, only="26")
def test_a_confidential_device_skips_whatever_it_asks_for(
    ory: Ory, tv: App, browser: Browser, ann: str
) -> None:
    browser.allow(reach_consent(browser, tv, ann, "openid"), **REMEMBER)
    request = ory.consent_request(reach_consent(browser, tv, ann, "read write").challenge)
    assert (request["skip"], request["requested_scope"]) == (True, ["read", "write"])


@case(67, only="26")
def test_a_public_device_never_skips(ory: Ory, new_app: NewApp, browser: Browser, ann: str) -> None:
    public = new_app(token_endpoint_auth_method="none", grant_types=[DEVICE_GRANT, "refresh_token"])
    browser.allow(reach_consent(browser, public, ann, "openid"), **REMEMBER)
    request = ory.consent_request(reach_consent(browser, public, ann, "openid").challenge)
    assert request["skip"] is False
