"""Consent requests: what they say, what an accept gives the app, and repetition."""

import re

from tests.contract.cases import case
from tests.contract.driver import App, Browser, Document, Ory
from tests.contract.jose import claims


@case(28)
def test_a_consent_request_has_what_the_login_said(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    login = browser.authorize(app, "openid read", login_hint="ann")
    asked = ory.login_request(login.challenge)
    said: Document = {"acr": "2", "amr": ["pwd", "otp"], "context": {"epoch": 1, "x": ["y"]}}
    page = browser.sign_in(login, ann, **said)
    request = ory.consent_request(page.challenge)
    assert request["challenge"] == page.challenge
    assert request["subject"] == ann
    assert {name: request[name] for name in said} == said
    assert request["login_session_id"] == asked["session_id"]
    assert re.fullmatch("[0-9a-f]{32}", request["login_challenge"])
    for name in ("request_url", "requested_scope", "oidc_context", "client"):
        assert request[name] == asked[name], name


@case(29)
def test_the_id_of_a_consent_request_is_told_by_26(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    page = browser.ask_consent(app, ann)
    request = ory.consent_request(page.challenge)
    assert ("consent_request_id" in request) is (ory.profile == "26")
    browser.allow(page)
    (listed,) = ory.list_consents(ann)
    assert listed.get("consent_request_id") == request.get("consent_request_id")


@case(30)
def test_more_can_be_granted_than_was_asked_for(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    grant: Document = {
        "grant_scope": ["openid", "offline", "admin:everything"],
        "grant_access_token_audience": ["https://nobody-asked.test"],
    }
    tokens = browser.connect(app, ann, "openid", consent=grant)
    assert tokens["scope"].split() == grant["grant_scope"]
    assert "refresh_token" in tokens
    said = ory.introspect(tokens["access_token"])
    assert said["scope"].split() == grant["grant_scope"]
    assert said["aud"] == grant["grant_access_token_audience"]


def test_an_audience_that_is_not_granted_is_not_in_the_token(
    ory: Ory, browser: Browser, ann: str
) -> None:
    app = ory.register(audience=["https://a.test"])
    page = browser.ask_consent(app, ann, audience="https://a.test")
    request = ory.consent_request(page.challenge)
    assert request["requested_access_token_audience"] == ["https://a.test"]
    tokens = app.exchange(browser.allow(page, grant_access_token_audience=[]).code)
    assert not ory.introspect(tokens["access_token"])["aud"]


@case(31)
def test_nothing_granted_is_a_token_without_scope(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    tokens = browser.connect(app, ann, "openid offline", consent={"grant_scope": []})
    assert tokens["scope"] == ""
    assert not {"id_token", "refresh_token"} & set(tokens)
    assert ory.introspect(tokens["access_token"]).get("scope", "") == ""


def test_a_refresh_token_needs_offline_and_an_id_token_needs_openid(
    app: App, browser: Browser, ann: str
) -> None:
    for scope, members in (
        ("openid", {"id_token"}),
        ("offline", {"refresh_token"}),
        ("read", set()),
        ("openid offline", {"id_token", "refresh_token"}),
    ):
        tokens = browser.connect(app, ann, scope)
        assert {"id_token", "refresh_token"} & set(tokens) == members, scope


@case(32)
def test_claims_for_the_id_token_cannot_replace_those_of_the_protocol(
    app: App, browser: Browser, ann: str
) -> None:
    session = {
        "id_token": {"name": "Ann", "sub": "eve", "aud": ["eve"], "iss": "eve", "acr": "9"},
        "access_token": {"sub": "eve", "colour": "green"},
    }
    tokens = browser.connect(app, ann, login={"acr": "2"}, consent={"session": session})
    told = claims(tokens["id_token"])
    assert (told["name"], told["sub"], told["acr"]) == ("Ann", ann, "2")
    assert told["aud"] == [app.client_id]
    assert told["iss"] == app.ory.discovery()["issuer"]
    info = app.userinfo(tokens["access_token"]).json()
    assert (info["name"], info["sub"]) == ("Ann", ann)


@case(32)
def test_claims_for_the_access_token_are_beside_those_of_the_protocol(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    session = {"access_token": {"sub": "eve", "colour": "green"}}
    tokens = browser.connect(app, ann, "openid offline", consent={"session": session})
    for token in (tokens["access_token"], tokens["refresh_token"]):
        said = ory.introspect(token)
        assert (said["sub"], said["ext"]["colour"]) == (ann, "green")


def test_what_the_login_said_is_in_the_id_token(app: App, browser: Browser, ann: str) -> None:
    said: Document = {"acr": "2", "amr": ["pwd"]}
    told = claims(browser.connect(app, ann, login=said, nonce="n-0123456789")["id_token"])
    assert (told["acr"], told["amr"], told["nonce"]) == ("2", ["pwd"], "n-0123456789")


@case(34)
def test_the_first_browser_to_come_back_wins(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    challenge = browser.ask_consent(app, ann, "openid read").challenge
    first = ory.accept("consent", challenge, grant_scope=["openid"])
    second = ory.accept("consent", challenge, grant_scope=["read"])
    assert first != second
    winner = browser.open(second)
    loser = browser.open(first)
    assert app.exchange(winner.code)["scope"] == "read"
    assert loser.error == "access_denied"
    assert "already" in loser.query["error_description"]
    assert [row["grant_scope"] for row in ory.list_consents(ann)] == [["read"]]


@case(34)
def test_a_verifier_works_once(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    target = ory.accept("consent", browser.ask_consent(app, ann).challenge, grant_scope=["openid"])
    assert browser.open(target).code
    again = browser.open(target)
    assert again.error == "access_denied"
    assert "already been used" in again.query["error_description"]


@case(34)
def test_two_consent_requests_of_one_login_have_one_winner(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    login = browser.authorize(app).challenge
    targets = [ory.accept("login", login, subject=ann) for _ in range(2)]
    first, second = (browser.open(target) for target in targets)
    assert first.challenge != second.challenge
    assert browser.allow(second).code
    assert browser.allow(first).error == "access_denied"


@case(24)
def test_a_rejected_consent_is_told_to_the_app(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    page = browser.sign_in(browser.authorize(app, state="abcdefgh"), ann)
    page = browser.deny("consent", page, error_description="no", error_hint="h", status_code=403)
    assert (page.place, page.answer.status_code) == (app.redirect_uri, 303)
    assert page.query == {
        "error": "access_denied",
        "error_description": "no h",
        "state": "abcdefgh",
    }
    assert ory.list_consents(ann) == []


def test_a_reject_without_words_has_some(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    answer = ory.put("consent", "reject", browser.ask_consent(app, ann).challenge, json={})
    assert browser.open(answer.json()["redirect_to"]).error == "consent request denied"


def test_a_consent_can_be_accepted_after_a_reject_that_came_back(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    """2.3 has stored the rejected one, and an accept comes too late."""
    page = browser.ask_consent(app, ann)
    browser.deny("consent", page)
    late = browser.allow(page)
    if ory.profile == "2.3":
        assert late.error == "access_denied"
    else:
        assert late.code


def test_a_consent_can_be_rejected_after_an_accept_that_never_came_back(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    page = browser.ask_consent(app, ann)
    ory.accept("consent", page.challenge, grant_scope=["openid"])
    assert browser.deny("consent", page).error == "access_denied"
    assert ory.list_consents(ann) == []


def test_null_stands_for_nothing_granted(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    nothing: Document = {"grant_scope": None, "grant_access_token_audience": None, "session": None}
    assert browser.connect(app, ann, consent=nothing)["scope"] == ""


def test_a_bad_consent_accept_is_refused(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    challenge = browser.ask_consent(app, ann).challenge
    for body in (b"", b"nonsense", b'{"grant_scope": "openid"}', b'{"remember": "true"}'):
        answer = ory.put("consent", "accept", challenge, content=body)
        assert answer.status_code == 400, body
        assert isinstance(answer.json()["error"], str)
