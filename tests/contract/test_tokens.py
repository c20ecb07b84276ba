"""Codes and tokens, as the local client relies on them."""

import base64
import hashlib
import secrets
import time
from dataclasses import replace

import httpx
import pytest

from tests.contract.cases import case
from tests.contract.driver import App, Browser, Document, NewApp, Ory
from tests.contract.jose import claims, header, verified

SCOPE = "openid offline"


def refused(answer: httpx.Response, status: int, error: str) -> None:
    """*answer* is this refusal, in the form of a token endpoint."""
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert isinstance(answer.json()["error_description"], str)


def s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def at_hash(token: str) -> str:
    half = hashlib.sha256(token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).decode().rstrip("=")


def code_of(browser: Browser, app: App, subject: str, scope: str = SCOPE, **more: str) -> str:
    """A code of a flow that was allowed."""
    return browser.allow(browser.ask_consent(app, subject, scope, **more)).code


def test_the_tokens_of_a_code_are_never_cached(app: App, browser: Browser, ann: str) -> None:
    answer = app.redeem(code_of(browser, app, ann))
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert (tokens["token_type"], tokens["scope"]) == ("bearer", SCOPE)
    assert 3590 <= tokens["expires_in"] <= 3600


def test_an_id_token_can_be_checked_with_the_published_keys(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    tokens = browser.connect(app, ann, nonce="n-0123456789")
    told = verified(ory, tokens["id_token"])
    assert header(tokens["id_token"])["alg"] == "RS256"
    assert (told["iss"], told["aud"]) == (ory.discovery()["issuer"], [app.client_id])
    assert (told["sub"], told["nonce"]) == (ann, "n-0123456789")
    assert told["at_hash"] == at_hash(tokens["access_token"])
    assert abs(told["auth_time"] - time.time()) < 60
    assert told["exp"] - told["iat"] == 3600


def test_the_sid_of_an_id_token_is_the_login_session(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    login = browser.authorize(app)
    session_id = ory.login_request(login.challenge)["session_id"]
    tokens = app.exchange(browser.allow(browser.sign_in(login, ann)).code)
    assert claims(tokens["id_token"])["sid"] == session_id


def test_a_jwt_access_token_can_be_checked_too(
    ory: Ory, browser: Browser, new_app: NewApp, ann: str
) -> None:
    app = new_app(access_token_strategy="jwt")
    token = browser.connect(
        app, ann, SCOPE, consent={"session": {"access_token": {"colour": "green"}}}
    )["access_token"]
    told = verified(ory, token)
    assert (told["sub"], told["client_id"], told["scp"]) == (ann, app.client_id, SCOPE.split())
    assert told["iss"] == ory.discovery()["issuer"]
    assert told["ext"]["colour"] == "green"
    assert ory.introspect(token)["sub"] == ann


def test_an_opaque_access_token_is_no_jwt(app: App, browser: Browser, ann: str) -> None:
    token = browser.connect(app, ann)["access_token"]
    assert token.startswith("ory_at_")
    assert token.count(".") == 1


def test_a_code_is_worth_nothing_the_second_time_and_its_tokens_die(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    code = code_of(browser, app, ann)
    tokens = app.exchange(code)
    assert ory.is_active(tokens["access_token"])
    refused(app.redeem(code), 400, "invalid_grant")
    assert not ory.is_active(tokens["access_token"])
    assert not ory.is_active(tokens["refresh_token"])


def test_a_code_is_worth_nothing_to_another_app(
    app: App, other_app: App, browser: Browser, ann: str
) -> None:
    code = code_of(browser, app, ann)
    refused(other_app.redeem(code), 400, "invalid_grant")


def test_a_code_must_come_with_the_redirect_uri_of_its_request(
    app: App, browser: Browser, ann: str
) -> None:
    code = code_of(browser, app, ann)
    refused(app.redeem(code, redirect_uri="https://evil.test/cb"), 400, "invalid_grant")


@pytest.mark.parametrize("code", ["", "nonsense", "ory_ac_a.b"])
def test_a_code_that_is_none_is_refused(app: App, code: str) -> None:
    refused(app.redeem(code), 400, "invalid_grant")


def test_a_code_with_pkce_needs_its_verifier(app: App, browser: Browser, ann: str) -> None:
    verifier = secrets.token_urlsafe(40)
    asked = {"code_challenge": s256(verifier), "code_challenge_method": "S256"}
    for wrong in ({"code_verifier": secrets.token_urlsafe(40)}, {}):
        refused(app.redeem(code_of(browser, app, ann, **asked), **wrong), 400, "invalid_grant")
    assert app.exchange(code_of(browser, app, ann, **asked), code_verifier=verifier)


def test_a_verifier_of_no_challenge_is_refused(app: App, browser: Browser, ann: str) -> None:
    code = code_of(browser, app, ann)
    refused(app.redeem(code, code_verifier=secrets.token_urlsafe(40)), 400, "invalid_grant")


def test_plain_pkce_is_refused(app: App, browser: Browser, ann: str) -> None:
    asked = {"code_challenge": "x" * 43, "code_challenge_method": "plain"}
    page = browser.allow(browser.ask_consent(app, ann, **asked))
    assert page.error == "invalid_request"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_an_app_authenticates_as_it_is_registered(
    browser: Browser, new_app: NewApp, ann: str, method: str
) -> None:
    app = new_app(token_endpoint_auth_method=method)
    assert app.auth_method == method
    assert bool(app.secret) is (method != "none")
    tokens = browser.connect(app, ann, SCOPE)
    assert app.refreshed(tokens["refresh_token"])


@pytest.mark.parametrize(
    ("registered", "used"),
    [
        ("client_secret_basic", "client_secret_post"),
        ("client_secret_post", "client_secret_basic"),
        ("client_secret_basic", "none"),
    ],
)
def test_an_app_that_authenticates_otherwise_is_refused(
    browser: Browser, new_app: NewApp, ann: str, registered: str, used: str
) -> None:
    app = new_app(token_endpoint_auth_method=registered)
    otherwise = replace(app, auth_method=used)
    refused(otherwise.redeem(code_of(browser, app, ann)), 401, "invalid_client")


def test_a_wrong_secret_is_refused(app: App, browser: Browser, ann: str) -> None:
    code = code_of(browser, app, ann)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
    answer = app.ory.public("POST", "/oauth2/token", data=form, auth=(app.client_id, "wrong"))
    refused(answer, 401, "invalid_client")
    assert app.exchange(code)


def test_a_grant_type_that_the_app_may_not_use_is_refused(app: App) -> None:
    refused(app.token(grant_type="client_credentials"), 400, "unauthorized_client")
    refused(app.token(grant_type="nonsense"), 400, "invalid_request")


def test_an_app_may_have_tokens_of_its_own(ory: Ory, new_app: NewApp) -> None:
    app = new_app(grant_types=["client_credentials"], response_types=[])
    answer = app.token(grant_type="client_credentials", scope="read")
    token = ory.document(
        answer, {"access_token": str, "expires_in": int, "scope": str, "token_type": str}
    )["access_token"]
    assert ory.introspect(token)["sub"] == app.client_id


def test_a_refresh_token_is_replaced_when_it_is_used(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    old = browser.connect(app, ann, SCOPE, consent={"session": {"id_token": {"name": "Ann"}}})
    new = app.refreshed(old["refresh_token"])
    assert new["refresh_token"] != old["refresh_token"]
    assert new["scope"] == SCOPE
    assert claims(new["id_token"])["name"] == "Ann"
    assert claims(new["id_token"])["sub"] == ann
    assert not ory.is_active(old["access_token"])
    assert not ory.is_active(old["refresh_token"])
    assert ory.is_active(new["access_token"])


def test_a_refresh_token_that_is_used_again_ends_its_successors(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    old = browser.connect(app, ann, SCOPE)
    new = app.refreshed(old["refresh_token"])
    refused(app.refresh(old["refresh_token"]), 400, "invalid_grant")
    assert not ory.is_active(new["access_token"])
    refused(app.refresh(new["refresh_token"]), 400, "invalid_grant")


@case(only="2.3")
def test_the_scope_of_a_refresh_is_not_looked_at(app: App, browser: Browser, ann: str) -> None:
    tokens = browser.connect(app, ann, SCOPE)
    for scope in ("openid", "openid offline write"):
        fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        tokens = app.token(**fields, scope=scope).json()
        assert tokens["scope"] == SCOPE


def test_a_refresh_token_is_worth_nothing_to_another_app(
    app: App, other_app: App, browser: Browser, ann: str
) -> None:
    tokens = browser.connect(app, ann, SCOPE)
    refused(other_app.refresh(tokens["refresh_token"]), 400, "invalid_grant")
    assert app.refreshed(tokens["refresh_token"])


def test_revoking_a_refresh_token_ends_its_access_tokens(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    tokens = browser.connect(app, ann, SCOPE)
    answer = app.revoke(tokens["refresh_token"])
    assert answer.status_code == 200
    assert not ory.is_active(tokens["access_token"])
    refused(app.refresh(tokens["refresh_token"]), 400, "invalid_grant")
    assert len(ory.list_consents(ann)) == 1


def test_revoking_what_is_no_token_succeeds(app: App) -> None:
    assert app.revoke("nonsense").status_code == 200


def test_revoking_needs_the_app_s_secret(app: App, browser: Browser, ann: str) -> None:
    token = browser.connect(app, ann)["access_token"]
    answer = app.ory.public(
        "POST", "/oauth2/revoke", data={"token": token}, auth=(app.client_id, "wrong")
    )
    refused(answer, 401, "invalid_client")
    assert app.ory.is_active(token)


def test_another_app_s_token_is_not_revoked(
    app: App, other_app: App, browser: Browser, ann: str
) -> None:
    token = browser.connect(app, ann)["access_token"]
    other_app.revoke(token)
    assert app.ory.is_active(token)


def test_userinfo_tells_the_claims_to_who_has_the_access_token(
    app: App, browser: Browser, ann: str
) -> None:
    consent: Document = {"session": {"id_token": {"email": "ann@example.org"}}}
    tokens = browser.connect(app, ann, SCOPE, consent=consent)
    answer = app.userinfo(tokens["access_token"])
    assert answer.status_code == 200
    assert (answer.json()["sub"], answer.json()["email"]) == (ann, "ann@example.org")
    posted = app.ory.public("POST", "/userinfo", data={"access_token": tokens["access_token"]})
    assert posted.json()["sub"] == ann


def test_userinfo_tells_nothing_to_who_has_not(app: App, browser: Browser, ann: str) -> None:
    tokens = browser.connect(app, ann, SCOPE)
    for wrong in ("nonsense", tokens["refresh_token"], tokens["id_token"]):
        answer = app.userinfo(wrong)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert isinstance(answer.json()["error"], str)
    assert app.ory.public("GET", "/userinfo").status_code == 401


def test_introspection_of_what_is_no_token_is_inactive(ory: Ory) -> None:
    assert ory.introspect("nonsense") == {"active": False}
    assert ory.admin("POST", "/oauth2/introspect").status_code == 400


def test_introspection_tells_the_kind_of_token(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    tokens = browser.connect(app, ann, SCOPE)
    for name in ("access_token", "refresh_token"):
        said = ory.introspect(tokens[name])
        assert (said["token_use"], said["sub"]) == (name, ann)
        assert (said["client_id"], said["scope"]) == (app.client_id, SCOPE)
        assert said["iss"] == ory.discovery()["issuer"]


def test_introspection_for_a_scope_that_was_not_granted_is_inactive(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    token = browser.connect(app, ann, SCOPE)["access_token"]
    assert ory.introspect(token, scope="openid")["active"]
    assert ory.introspect(token, scope="openid write") == {"active": False}


@case(30)
def test_a_refresh_keeps_what_was_granted_beyond_the_registration(
    app: App, browser: Browser, ann: str
) -> None:
    grant: Document = {"grant_scope": ["openid", "offline", "admin:everything"]}
    tokens = browser.connect(app, ann, SCOPE, consent=grant)
    answer = app.refresh(tokens["refresh_token"])
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_scope"
