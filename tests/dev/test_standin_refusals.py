"""What Hydra 2.3.0 answers when something is wrong, word for word as it was seen to answer."""

from typing import Any

import pytest

from tests.dev.standin import CALLBACK, lab, query_of

ERROR_PAGE = "http://localhost:3000/error?"


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"scope": "openid zzz"}, "invalid_scope", "not allowed to request scope 'zzz'."),
        ({"response_type": "token"}, "unsupported_response_type", "response_type 'token'."),
        ({"response_type": ""}, "unsupported_response_type", "missing the 'response_type' param"),
        ({"state": "abc"}, "invalid_state", "at least be 8 characters long"),
        ({"audience": "https://zz"}, "invalid_request", "'https://zz' has not been whitelisted"),
        ({"registration": "x"}, "registration_not_supported", "The OP does not support"),
        ({"prompt": "none"}, "login_required", "no existing login session was found."),
        ({"id_token_hint": "zz"}, "invalid_request", "compact JWS format must have three parts"),
        ({"id_token_hint": "a.b.c"}, "invalid_request", "go-jose"),
        ({"login_verifier": "zz"}, "access_denied", "The login verifier is invalid."),
        ({"consent_verifier": "zz"}, "access_denied", "The consent verifier has already been used"),
    ],
)
async def test_the_app_is_told_what_is_wrong_with_its_request(
    asked: dict[str, str], error: str, words: str
) -> None:
    async with lab() as ory:
        await ory.register()
        page = await ory.authorize(**{"scope": "openid"} | asked)
    assert page.status_code == 303
    assert page.headers["location"].startswith(f"{CALLBACK}?")
    told = query_of(page)
    assert (told["error"], set(told)) == (error, {"error", "error_description", "state"})
    assert words in told["error_description"]


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"client_id": "zz"}, "invalid_client", "The requested OAuth 2.0 Client does not exist."),
        ({"redirect_uri": "http://evil/"}, "invalid_request", "does not match any of the"),
        ({"redirect_uri": "http://["}, "invalid_request", "does not match any of the"),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, "invalid_request", "does not match"),
        ({"redirect_uri": "http://localhost:5555/callback"}, "invalid_request", "does not match"),
        ({"redirect_uri": ""}, "invalid_request", "is required when using OpenID Connect 1.0."),
        ({"response_mode": "zzz"}, "unsupported_response_mode", "response_mode 'zzz'."),
        ({"request": "a.b."}, "request_not_supported", "the request parameter"),
        ({"request_uri": "http://a"}, "request_uri_not_supported", "the request_uri parameter"),
        ({"request_uri": "http://a", "request": "a"}, "invalid_request", "at most one"),
    ],
)
async def test_where_the_app_is_not_known_the_error_page_is_told(
    asked: dict[str, str], error: str, words: str
) -> None:
    async with lab() as ory:
        await ory.register()
        page = await ory.authorize(**asked)
    assert page.status_code == 302
    assert page.headers["location"].startswith(ERROR_PAGE)
    told = query_of(page)
    assert (told["error"], set(told)) == (error, {"error", "error_description"})
    assert words in told["error_description"]


async def test_on_loopback_the_port_does_not_matter() -> None:
    async with lab() as ory:
        await ory.register()
        page = await ory.authorize(redirect_uri="http://127.0.0.1:61000/callback")
    assert "login_challenge" in query_of(page)


async def test_an_app_that_may_not_have_codes_learns_it_at_the_end() -> None:
    async with lab() as ory:
        await ory.register(grant_types=["client_credentials"])
        consent = await ory.accept("login", await ory.authorize(), subject="ann")
        back = await ory.accept("consent", consent, grant_scope=["openid"])
    assert query_of(back)["error"] == "unauthorized_client"


async def test_a_response_type_that_hydra_knows_and_the_stand_in_does_not_is_refused() -> None:
    async with lab() as ory:
        await ory.register(response_types=["code id_token"])
        page = await ory.authorize(response_type="id_token code")
    assert query_of(page)["error"] == "unsupported_response_type"


@pytest.mark.parametrize(
    ("form", "status", "error", "words"),
    [
        ({}, 400, "invalid_request", "The POST body can not be empty."),
        ({"a": "b"}, 400, "invalid_request", "Request parameter 'grant_type' is missing"),
        ({"grant_type": "x"}, 400, "invalid_request", "Client credentials missing or malformed"),
        ({"grant_type": "x", "client_id": "zz"}, 401, "invalid_client", "Client authentication"),
    ],
)
async def test_the_token_endpoint_says_what_is_missing(
    form: dict[str, str], status: int, error: str, words: str
) -> None:
    async with lab() as ory:
        answer = await ory.browser.post("/oauth2/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert words in answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"redirect_uris": ["x"]}, "invalid_redirect_uri", "Unable to parse redirect URL: x"),
        ({"redirect_uris": ["http://a/#x"]}, "invalid_redirect_uri", "must not contain fragments"),
        ({"subject_type": "pairwise"}, "invalid_client_metadata", "only [public] are allowed."),
        ({"client_secret": "abc"}, "invalid_client_metadata", "at least 6 characters long."),
        (
            {"token_endpoint_auth_method": "private_key_jwt"},
            "invalid_client_metadata",
            "either jwks or jwks_uri must be set.",
        ),
        (
            {"post_logout_redirect_uris": ["http://zz/"]},
            "invalid_client_metadata",
            "post_logout_redirect_uri 'http://zz/' must match the domain, port, scheme",
        ),
        (
            {"userinfo_signed_response_alg": "zz"},
            "invalid_client_metadata",
            "Field userinfo_signed_response_alg can either be 'none' or 'RS256'.",
        ),
        (
            {"access_token_strategy": "zz"},
            "invalid_client_metadata",
            "expected one of [jwt, opaque] but got zz",
        ),
        ({"allowed_cors_origins": ["x"]}, "invalid_client_metadata", "Origin URL x must use https"),
        (
            {"jwks": {}, "jwks_uri": "http://x/"},
            "invalid_client_metadata",
            "Fields jwks and jwks_uri can not both be set",
        ),
        (
            {"authorization_code_grant_id_token_lifespan": "zz"},
            "The request was malformed or contained invalid parameters",
            "time: invalid duration 'zz'",
        ),
        (
            {"scope": ["a"]},
            "The request was malformed or contained invalid parameters",
            "Unable to decode the request body: json: ",
        ),
        (
            {"sector_identifier_uri": "https://a.example/"},
            "invalid_client_metadata",
            "The value of one of the Client Metadata fields is invalid",
        ),
    ],
)
async def test_a_registration_that_cannot_be_is_refused(
    fields: dict[str, Any], error: str, words: str
) -> None:
    async with lab() as ory:
        answer = await ory.admin.post("/admin/clients", json=fields)
        assert (await ory.admin.get("/admin/clients")).json() == []
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert words in answer.json()["error_description"]


@pytest.mark.parametrize(
    "fields",
    [
        {"logo_uri": "javascript:alert(1)"},
        {"tos_uri": "data:text/html,x"},
        {"client_uri": "//evil.example"},
        {"redirect_uris": ["javascript:alert(1)"]},
    ],
)
async def test_addresses_that_run_are_refused_by_the_newer_profile_alone(
    fields: dict[str, Any],
) -> None:
    for profile, status in (("2.3", 201), ("26", 400)):
        async with lab(profile=profile) as ory:
            answer = await ory.admin.post("/admin/clients", json=fields)
        assert answer.status_code == status


async def test_userinfo_can_be_signed() -> None:
    async with lab() as ory:
        await ory.register(userinfo_signed_response_alg="RS256")
        tokens = await ory.connect()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        answer = await ory.browser.get("/userinfo", headers=bearer)
    assert answer.headers["content-type"] == "application/jwt"
    assert ory.state.id_token_key.read(answer.text)["sub"] == "ann"
