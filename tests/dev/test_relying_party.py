"""The local client's pages: there and back, the buttons, and answers that are none."""

import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.dev.relying_party import ConfigError, RelyingPartyConfig
from portal.dev.relying_party.asked import AskedError
from tests.dev.local_client import (
    HOME,
    LocalClient,
    authorize,
    failures,
    local_client,
    shown,
)
from tests.doubles.openid import CLIENT_ID, ISSUER, SECRET, SUBJECT
from tests.driver import Browser, Document


def asked_of_ory(client: LocalClient) -> dict[str, str]:
    """The parameters of the authorization request that "Authorize application" leads to."""
    return client.op.requests[client.op.paths().index("/auth")][2]


async def test_authorize_application_ends_at_the_tokens() -> None:
    async with local_client() as client:
        browser = client.browser()
        page = await browser.open(HOME)
        assert page.title == "Example OAuth 2.0 Consumer"
        assert "Welcome to the example OAuth 2.0 Consumer!" in page.text
        assert "openid offline" in page.text
        page = await browser.follow("Authorize application")
        assert [hop.status for hop in browser.trail] == [302, 302, 303, 200]
        assert page.url.query == b""
        assert f"ID token sub {SUBJECT} iss {ISSUER}" in page.text
        assert "openid granted offline granted" in shown(page, "scopes")
        assert not failures(page)
        (result,) = client.results
        assert result.ok
        assert list(result.tokens) == [
            "access_token",
            "token_type",
            "refresh_token",
            "expiry",
            "id_token",
        ]


async def test_each_attempt_has_its_own_state_nonce_and_pkce() -> None:
    async with local_client() as client:
        browser = client.browser()
        await authorize(browser)
        await authorize(browser)
        asked = [form for _, path, form in client.op.requests if path == "/auth"]
        for name in ("state", "nonce", "code_challenge"):
            assert len({request[name] for request in asked}) == 2
            assert all(len(request[name]) >= 43 for request in asked)
        assert {request["code_challenge_method"] for request in asked} == {"S256"}
        assert {request["response_type"] for request in asked} == {"code"}


async def test_what_is_configured_is_asked() -> None:
    wishes: dict[str, Any] = {
        "scope": ("openid", "email"),
        "audience": ("https://a.test", "https://b.test"),
        "prompt": "login consent",
        "max_age": 0,
        "acr_values": "aal2",
        "login_hint": "ann@example.org",
        "ui_locales": "de en",
        "claims": '{"id_token": {"email": null}}',
        "response_mode": "form_post",
    }
    async with local_client(**wishes) as client:
        await authorize(client.browser())
        asked = asked_of_ory(client)
        assert asked["scope"] == "openid email"
        assert asked["audience"] == "https://a.test https://b.test"
        assert asked["max_age"] == "0"
        for name in ("prompt", "acr_values", "login_hint", "ui_locales", "claims", "response_mode"):
            assert asked[name] == wishes[name]


async def test_the_form_asks_again_with_something_else() -> None:
    async with local_client() as client:
        browser = client.browser()
        await authorize(browser)
        browser.fill("prompt", "consent")
        browser.fill("scope", "openid, photos.read")
        page = await browser.click("again")
        assert page.has("scopes")
        *_, (_, _, asked) = (request for request in client.op.requests if request[1] == "/auth")
        assert asked["prompt"] == "consent"
        assert asked["scope"] == "openid photos.read"
        assert "max_age" not in asked


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("claims", "{", "not JSON"),
        ("claims", '{"x": 1}', "userinfo"),
        ("claims", "[" * 3000, "JSON"),
        ("prompt", "please", "none of"),
        ("max_age", "-2", "seconds"),
        ("max_age", "²", "seconds"),
        ("scope", 'open"id', "name of a scope"),
        ("login_hint", "a\x07b", "not printable"),
        ("acr_values", "x" * 2001, "too long"),
    ],
)
async def test_what_cannot_be_asked_is_said_and_kept_in_the_form(
    field: str, text: str, words: str
) -> None:
    async with local_client() as client:
        browser = client.browser()
        await browser.open(HOME)
        browser.fill(field, text)
        if field == "claims":
            browser.page.element("claims").text = text
        page = await browser.click("again")
        assert page.status == 422
        assert words in page.text
        assert "/auth" not in client.op.paths()
        with pytest.raises(AskedError):
            _ = config_with(field, text)


def config_with(field: str, text: str) -> RelyingPartyConfig:
    values: dict[str, Any] = {field: (text,) if field == "scope" else text}
    if field == "max_age":
        values = {"max_age": -2}
    return RelyingPartyConfig(client_id="x", public_url=ISSUER, **values)


async def test_missing_scopes_are_marked() -> None:
    async with local_client(scope=("openid", "offline", "email")) as client:
        client.op.granted = "openid admin"
        page = await authorize(client.browser())
        assert "email asked for, not granted" in shown(page, "scopes")
        assert "admin granted, not asked for" in shown(page, "scopes")


async def test_a_jwt_as_access_token_is_decoded_too() -> None:
    async with local_client() as client:
        client.op.opaque = False
        page = await authorize(client.browser())
        assert f"Access token sub {SUBJECT} iss {ISSUER}" in page.text
        assert page.text.count("Passed signature") == 2


async def test_the_buttons_use_the_tokens() -> None:
    async with local_client() as client:
        browser = client.browser()
        await authorize(browser)
        before = client.results[0].tokens["access_token"]
        page = await browser.click("refresh")
        assert "new tokens" in shown(page, "notice")
        assert before not in page.html
        assert "Note nonce" not in page.text
        page = await browser.click("userinfo")
        assert "email ann@example.org" in page.text
        page = await browser.click("introspect")
        assert "active true" in page.text
        page = await browser.click("revoke")
        assert "active false" in page.text
        page = await browser.reload()
        assert not page.has("notice")


async def test_the_checks_of_the_code_name_state_and_pkce() -> None:
    async with local_client() as client:
        page = await authorize(client.browser())
        assert "Passed state" in page.text
        assert "Passed PKCE" in page.text
        assert "(S256)" in page.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"active": True}, "the access token is active; the refresh token is active."),
        ({"active": False}, "the access token is not active; the refresh token is not active."),
    ],
)
async def test_introspecting_says_at_the_top_what_came_of_it(answer: dict, words: str) -> None:
    async with local_client() as client:
        browser = client.browser()
        page = await authorize(browser)
        assert not page.has("notice"), "nobody has pressed the button yet"
        client.op.answers["/admin/oauth2/introspect"] = (200, answer)
        assert shown(await browser.click("introspect"), "notice") == f"Introspected: {words}"


async def test_tokens_that_were_revoked_are_not_called_granted() -> None:
    async with local_client() as client:
        browser = client.browser()
        page = await authorize(browser)
        assert "The access token expires" in page.text
        for _ in range(2):
            page = await (browser.reload() if page.has("revoked") else browser.click("revoke"))
            assert "were revoked" in shown(page, "revoked")
            assert not page.has("scopes")
            assert "openid granted" not in page.text
            assert "The access token expires" not in page.text
            assert page.has("refresh"), "to see that it is of no use any more"


async def test_revoking_that_ory_refuses_changes_nothing() -> None:
    async with local_client() as client:
        client.op.answers["/revoke"] = (503, b"")
        browser = client.browser()
        await authorize(browser)
        page = await browser.click("revoke")
        assert page.has("scopes")
        assert not page.has("revoked")


async def test_userinfo_for_a_token_that_has_ended_says_so() -> None:
    """Hydra's name for it is also its name for a request that took too long."""
    async with local_client() as client:
        client.op.answers["/userinfo"] = (401, {"error": "request_unauthorized"})
        browser = client.browser()
        await authorize(browser)
        trouble = shown(await browser.click("userinfo"), "trouble")
        assert "This access token was revoked or has expired" in trouble
        assert "Refresh" in trouble
        assert "too long" not in trouble


async def test_a_refresh_about_somebody_else_ends_the_tokens() -> None:
    async with local_client() as client:
        browser = client.browser()
        await authorize(browser)
        client.op.change_claims = lambda claims: claims | {"sub": "eve"}
        page = await browser.click("refresh")
        assert failures(page) == {"sub"}
        assert "ory_at_" not in page.html


async def test_a_refresh_needs_no_new_id_token_and_keeps_the_old_refresh_token() -> None:
    async with local_client() as client:
        browser = client.browser()
        await authorize(browser)
        client.op.change_answer = lambda answer: {
            name: value for name, value in answer.items() if name in ("access_token", "token_type")
        }
        page = await browser.click("refresh")
        assert page.has("refresh")
        assert f"sub {SUBJECT}" in page.text


@pytest.mark.parametrize("answer", [{"sub": "eve"}, {}, {"sub": 7}])
async def test_userinfo_about_somebody_else_is_not_shown(answer: dict) -> None:
    async with local_client() as client:
        client.op.userinfo = answer | {"email": "eve@example.org"}
        browser = client.browser()
        await authorize(browser)
        page = await browser.click("userinfo")
        assert "somebody else" in shown(page, "trouble")
        assert "eve@example.org" not in page.text


async def test_signed_userinfo_is_verified() -> None:
    async with local_client() as client:
        browser = client.browser()
        await authorize(browser)
        claims = {"iss": ISSUER, "aud": CLIENT_ID, "sub": SUBJECT, "email": "signed@example.org"}
        client.op.answers["/userinfo"] = (200, client.op.signed(claims))
        assert "signed@example.org" in (await browser.click("userinfo")).text
        for bad in (
            client.op.unsigned(claims | {"email": "bad@example.org"}),
            client.op.signed(claims | {"aud": "mail", "email": "bad@example.org"}),
            "rubbish",
        ):
            client.op.answers["/userinfo"] = (200, bad)
            page = await browser.click("userinfo")
            assert page.has("trouble")
            assert "bad@example.org" not in page.text


async def test_logging_out_comes_back_only_where_that_is_registered() -> None:
    async with local_client() as client:
        browser = client.browser()
        await authorize(browser)
        await browser.click("logout")
        query = browser.page.query
        assert query["id_token_hint"] == client.results[0].tokens["id_token"]
        assert "post_logout_redirect_uri" not in query
        client.op.registered = {"post_logout_redirect_uris": [f"{HOME}after-logout"]}
        await authorize(browser)
        await browser.click("logout")
        assert browser.page.query["post_logout_redirect_uri"] == f"{HOME}after-logout"
        page = await browser.open(f"{HOME}after-logout")
        assert "Back from Ory's logout" in page.text


async def test_without_an_admin_api_nothing_is_introspected() -> None:
    async with local_client(admin_url=None) as client:
        browser = client.browser()
        page = await authorize(browser)
        assert page.status == 200
        assert not page.has("introspect")
        assert not any(path.startswith("/admin") for path in client.op.paths())
        await browser.click("revoke")
        assert not browser.page.has("trouble")


async def test_an_admin_api_away_is_no_obstacle() -> None:
    async with local_client() as client:
        client.op.answers["/admin/oauth2/introspect"] = (401, {"error": {"code": 401}})
        browser = client.browser()
        page = await authorize(browser)
        assert page.status == 200
        assert "ORY_API_KEY" in shown(await browser.click("introspect"), "trouble")


async def test_the_key_goes_to_the_admin_api_and_nowhere_else() -> None:
    async with local_client(admin_key=lambda: "ory_pat_canary") as client:
        browser = client.browser()
        await authorize(browser)
        for name in ("refresh", "userinfo", "introspect", "revoke"):
            await browser.click(name)
        for (_, path, _), headers in zip(client.op.requests, client.op.headers, strict=True):
            carries = "ory_pat_canary" in str(headers)
            assert carries == path.startswith("/admin/"), path


@pytest.mark.parametrize("where", ["basic", "body"])
async def test_the_secret_is_sent_where_ory_wants_it(where: str) -> None:
    async with local_client() as client:
        client.op.secret_in = where
        browser = client.browser()
        assert (await authorize(browser)).status == 200
        assert (await authorize(browser)).status == 200
        assert client.op.paths().count("/token") == (2 if where == "basic" else 3)


async def test_a_public_client_sends_no_secret() -> None:
    async with local_client(client_secret=None) as client:
        client.op.client_secret = None
        assert (await authorize(client.browser())).status == 200


async def test_the_secret_is_tried_elsewhere_where_ory_says_nothing_and_discovery_allows_it() -> (
    None
):
    async with local_client() as client:
        client.op.secret_in, client.op.says_no_method = "body", True
        assert (await authorize(client.browser())).status == 200
    async with local_client() as client:
        client.op.secret_in, client.op.says_no_method = "body", True
        methods = ["client_secret_basic", "none"]
        client.op.change_discovery = {"token_endpoint_auth_methods_supported": methods}
        assert (await authorize(client.browser())).status == 400
        assert client.op.paths().count("/token") == 1


@pytest.mark.parametrize("where", ["basic", "body"])
@pytest.mark.parametrize("silent", [False, True])
async def test_a_wrong_secret_is_said_with_what_to_do(
    caplog: pytest.LogCaptureFixture, where: str, silent: bool
) -> None:
    caplog.set_level(logging.INFO)
    async with local_client(client_secret="another") as client:
        client.op.secret_in, client.op.says_no_method = where, silent
        page = await authorize(client.browser())
        assert page.status == 400
        assert shown(page, "error") == "invalid_client"
        assert "token_endpoint_auth_method" not in page.text
        advice = shown(page, "advice")
        assert advice.startswith("The client secret is wrong (or belongs to another client")
        assert "portal clients create" in advice
        assert client.results[0].error == "invalid_client"
        assert "The client secret is wrong" in caplog.text, "the terminal says it, too"


async def test_a_wrong_secret_is_not_tried_a_second_time_in_vain() -> None:
    async with local_client(client_secret="another") as client:
        await authorize(client.browser())
        assert client.op.paths().count("/token") == 1


async def test_a_secret_too_many_and_one_that_is_missing_are_told_apart() -> None:
    async with local_client() as client:
        client.op.client_secret = None
        assert "is public" in shown(await authorize(client.browser()), "advice")
    async with local_client(client_secret=None) as client:
        assert "none was given" in shown(await authorize(client.browser()), "advice")


async def test_a_client_that_ory_does_not_know_is_no_question_of_its_secret() -> None:
    async with local_client() as client:
        client.op.change_callback = lambda answer: {
            "state": answer["state"],
            "error": "invalid_client",
            "error_description": "The requested OAuth 2.0 Client does not exist.",
        }
        advice = shown(await authorize(client.browser()), "advice")
        assert "does not know this client id" in advice
        assert "secret is wrong" not in advice


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("access_denied", "said no"),
        ("invalid_scope", "registered for one of these scopes"),
        ("request_forbidden", "cookie"),
        ("login_required", "prompt=none"),
        ("consent_required", "prompt=none"),
        ("server_error", "log"),
    ],
)
async def test_errors_of_ory_come_with_advice(error: str, words: str) -> None:
    async with local_client() as client:
        client.op.change_callback = lambda answer: {
            "state": answer["state"],
            "error": error,
            "error_description": "<b>bold</b>",
        }
        page = await authorize(client.browser())
        assert page.status == 400
        assert shown(page, "error") == error
        assert words in shown(page, "advice")
        assert shown(page, "error-description") == "<b>bold</b>"
        assert client.results[0].error == error


async def test_a_redirect_that_is_not_registered_is_answered_with_the_command() -> None:
    async with local_client() as client:
        client.op.answers["/token"] = (
            400,
            {"error": "invalid_grant", "error_description": "'redirect_uri' does not match"},
        )
        page = await authorize(client.browser())
        assert f"portal clients create --redirect-uri {HOME}callback" in shown(page, "advice")


async def test_several_tabs_come_back_in_any_order() -> None:
    async with local_client() as client:
        browser = client.browser()
        callbacks = [await stopped_at_callback(client, browser) for _ in range(3)]
        for callback in reversed(callbacks):
            assert (await browser.open(callback)).status == 200
        assert [result.ok for result in client.results] == [True] * 3


async def stopped_at_callback(client: LocalClient, browser: Browser) -> str:
    """Where Ory sends the browser, without going there."""
    http = browser._http
    out = await http.get(f"{HOME}perform-flow")
    back = await http.get(out.headers["location"])
    return str(back.headers["location"])


def ignored(client: LocalClient, page: Document) -> str:
    assert page.status == 400
    assert client.results == []
    assert "/token" not in client.op.paths()
    return shown(page, "problem")


async def test_an_answer_for_another_browser_is_ignored() -> None:
    async with local_client() as client:
        callback = await stopped_at_callback(client, client.browser())
        thief = client.browser()
        assert "no cookie" in ignored(client, await thief.open(callback))
        await stopped_at_callback(client, thief)
        assert "sent you this link" in ignored(client, await thief.open(callback))


async def test_a_wrong_state_is_ignored_and_the_right_one_is_not_told() -> None:
    async with local_client() as client:
        browser = client.browser()
        callback = await stopped_at_callback(client, browser)
        right = parse_qs(urlsplit(callback).query)["state"][0]
        for wrong in ("", f"&state={right[:-1]}", "&state=", "&state=%00", "&state=a&state=b"):
            page = await browser.open(f"{HOME}callback?code=x{wrong}")
            assert page.status == 400
            assert right not in page.html
        assert client.results == []
        assert (await browser.open(callback)).status == 200, "the real answer still counts"


async def test_a_code_is_used_once() -> None:
    async with local_client() as client:
        browser = client.browser()
        callback = await stopped_at_callback(client, browser)
        first = await browser.open(callback)
        again = await browser.open(callback)
        assert again.status == 400
        assert "used already" in shown(again, "problem")
        assert again.link("To what came of it") == str(first.url)
        assert client.op.paths().count("/token") == 1
        assert len(client.results) == 1


async def test_an_attempt_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    async with local_client() as client:
        browser = client.browser()
        callback = await stopped_at_callback(client, browser)
        monkeypatch.setattr("portal.dev.relying_party.browsers.LIFETIME", 0.0)
        assert "too old" in ignored(client, await browser.open(callback))


async def test_attempts_are_bounded() -> None:
    async with local_client() as client:
        browser = client.browser()
        first = await stopped_at_callback(client, browser)
        later = [await stopped_at_callback(client, browser) for _ in range(20)]
        assert "not one that this browser was given" in ignored(client, await browser.open(first))
        assert (await browser.open(later[-1])).status == 200


async def test_a_result_belongs_to_its_browser() -> None:
    async with local_client() as client:
        page = await authorize(client.browser())
        stranger = client.browser()
        assert (await stranger.open(str(page.url))).status == 404
        await authorize(stranger)
        assert (await stranger.open(str(page.url))).status == 404


async def test_an_answer_in_a_form_of_ory_s_site_takes_one_more_click() -> None:
    """A browser leaves out the cookie when another site posts."""
    async with local_client(response_mode="form_post") as client:
        browser = client.browser()
        callback = await stopped_at_callback(client, browser)
        answer = list({k: v[0] for k, v in parse_qs(urlsplit(callback).query).items()}.items())
        cookies = dict(browser.cookies)
        browser.cookies.clear()
        await browser.open(f"{ISSUER}/somewhere")
        page = await browser.send("POST", f"{HOME}callback", answer)
        assert page.has("continue")
        for name, value in cookies.items():
            browser.cookies.set(name, value, domain="127.0.0.1", path="/")
        page = await browser.click("continue")
        assert page.has("scopes")
        assert page.url.query == b""
        browser.cookies.clear()
        page = await browser.send("POST", f"{HOME}callback", [*answer, ("continued", "yes")])
        assert "no cookie" in shown(page, "problem")


async def test_ory_away_is_a_page_and_the_next_click_works() -> None:
    async with local_client() as client:
        browser = client.browser()
        client.op.answers["/.well-known/openid-configuration"] = (502, b"bad gateway")
        page = await authorize(browser)
        assert page.status == 503
        assert "502" in shown(page, "problem")
        client.op.answers.clear()
        assert (await authorize(browser)).status == 200


async def test_no_secret_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with local_client() as client:
        browser = client.browser()
        await authorize(browser)
        tokens = client.results[0].tokens
        for name in ("refresh", "userinfo", "introspect", "revoke", "logout"):
            await browser.click(name)
            await authorize(browser)
        sent = [form for _, _, form in client.op.requests]
        lines = [r.getMessage() for r in caplog.records if r.name.startswith("portal")]
        secrets = {SECRET, *(tokens[name] for name in tokens if name.endswith("_token"))}
        secrets |= {form[n] for form in sent for n in ("code", "state", "nonce") if form.get(n)}
        secrets |= {form["code_verifier"] for form in sent if "code_verifier" in form}
        assert any("authorize" in line for line in lines)
        assert any(SUBJECT in line for line in lines)
        for line in lines:
            assert not [secret for secret in secrets if secret in line], line
        assert not any(secret in repr(client.results) for secret in secrets)
        assert SECRET not in repr(client.config)


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": ""},
        {"public_url": "ory.test"},
        {"public_url": "http://user:pw@ory.test"},
        {"public_url": "http://[::1"},
        {"public_url": "http://ory.test:99999"},
        {"admin_url": "file:///etc"},
        {"redirect_uri": "http://127.0.0.1:5555/#x"},
        {"redirect_uri": "http://127.0.0.1:5555/perform-flow"},
        {"redirect_uri": "http://127.0.0.1:5555"},
        {"redirect_uri": "http://127.0.0.1:5555/again/"},
        {"redirect_uri": "http://127.0.0.1:5555/{back}"},
        {"redirect_uri": "http://127.0.0.1:5555/way%20back"},
        {"redirect_uri": "javascript:alert(1)"},
        {"token_url": "nowhere"},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        RelyingPartyConfig(**{"client_id": "x", "public_url": ISSUER} | wrong)


async def test_the_way_back_may_have_another_path() -> None:
    async with local_client(redirect_uri="http://127.0.0.1:5555/cb") as client:
        page = await authorize(client.browser())
        assert page.status == 200
        assert client.results[0].ok


async def test_a_slow_ory_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.dev.relying_party.http.SECONDS", 0.05)
    async with local_client() as client:
        client.op.delay = 1
        page = await authorize(client.browser())
        assert page.status == 503
        assert "did not answer" in shown(page, "problem")


@pytest.mark.parametrize(
    ("button", "endpoint"),
    [
        ("userinfo", "userinfo_endpoint"),
        ("revoke", "revocation_endpoint"),
        ("logout", "end_session_endpoint"),
    ],
)
async def test_what_this_ory_lacks_is_said(button: str, endpoint: str) -> None:
    async with local_client() as client:
        client.op.change_discovery = {endpoint: None}
        browser = client.browser()
        await authorize(browser)
        page = await browser.click(button)
        assert "this Ory has no" in shown(page, "trouble")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((429, b"slow down"), "Wait a moment"),
        ((401, {"error": "invalid_token", "error_description": "expired"}), "invalid_token"),
        ((503, b""), "503"),
        ((200, b"[]"), "no set of claims"),
    ],
)
async def test_a_button_that_ory_refuses_says_why(answer: Any, words: str) -> None:
    async with local_client() as client:
        client.op.answers["/userinfo"] = answer
        client.op.answers["/revoke"] = (503, b"")
        browser = client.browser()
        await authorize(browser)
        assert words in shown(await browser.click("userinfo"), "trouble")
        assert "503" in shown(await browser.click("revoke"), "trouble")


async def test_times_that_are_none_are_shown_as_they_came() -> None:
    async with local_client() as client:
        client.op.userinfo |= {"updated_at": 10**30, "exp": -(10**13)}
        browser = client.browser()
        await authorize(browser)
        assert str(10**30) in (await browser.click("userinfo")).text


async def test_an_answer_without_code_and_error_is_an_error() -> None:
    async with local_client() as client:
        client.op.change_callback = lambda answer: {"state": answer["state"]}
        page = await authorize(client.browser())
        assert shown(page, "error") == "invalid_response"
