"""Tokens by another library's eyes, discovery, lifetimes, and notices to apps."""

import asyncio
import base64
import hashlib
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from portal.dev.standin import backchannel
from tests.dev.standin import PUBLIC, Lab, lab, query_of

SAID = {"grant_type": "refresh_token"}


async def verified(ory: Lab, token: str) -> jwt.Token:
    """The token, if one of the published keys has signed it."""
    keys = (await ory.browser.get("/.well-known/jwks.json")).json()
    assert all("d" not in key for key in keys["keys"])
    return jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"])


async def test_an_id_token_says_who_and_when_and_cannot_be_talked_into_more() -> None:
    async with lab() as ory:
        await ory.register()
        tokens = await ory.connect("ann", nonce="the-apps-nonce")
        token = await verified(ory, tokens["id_token"])
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    claims = dict(token.claims)
    for generated in ("jti", "sid"):
        assert claims.pop(generated)
    assert claims == {
        "iss": PUBLIC,
        "sub": "ann",
        "aud": [ory.client["client_id"]],
        "exp": int(ory.clock.now) + 3600,
        "iat": int(ory.clock.now),
        "rat": int(ory.clock.now),
        "auth_time": int(ory.clock.now),
        "nonce": "the-apps-nonce",
        "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        "name": "Ann",
    }


async def test_a_jwt_access_token_is_signed_by_a_key_of_its_own() -> None:
    async with lab(access_token_strategy="jwt") as ory:
        await ory.register()
        tokens = await ory.connect()
        access, identity = [
            await verified(ory, tokens[name]) for name in ("access_token", "id_token")
        ]
        told = await ory.admin.post(
            "/admin/oauth2/introspect", data={"token": tokens["access_token"]}
        )
    assert access.header["kid"] != identity.header["kid"]
    assert access.claims["scp"] == ["openid"]
    assert access.claims["client_id"] == ory.client["client_id"]
    assert told.json()["active"] is True


async def test_a_client_chooses_its_own_kind_of_access_token() -> None:
    async with lab(access_token_strategy="jwt") as ory:
        await ory.register(access_token_strategy="opaque")
        assert (await ory.connect())["access_token"].startswith("ory_at_")


async def test_discovery_promises_what_is_there() -> None:
    async with lab(profile="26", supported_scope=("openid", "email")) as ory:
        document = (await ory.browser.get("/.well-known/openid-configuration")).json()
        again = (await ory.browser.get("/.well-known/oauth-authorization-server")).json()
        for name, url in document.items():
            if name.endswith(("_endpoint", "_uri")):
                path = url.removeprefix(PUBLIC)
                statuses = {
                    (await ory.browser.request(method, path)).status_code
                    for method in ("GET", "POST")
                }
                assert statuses != {404}, name
    assert again == document
    assert document["issuer"] == PUBLIC
    assert document["response_types_supported"] == ["code"]
    assert document["scopes_supported"] == ["openid", "email"]


async def test_the_device_flow_is_absent_from_the_older_profile() -> None:
    async with lab() as ory:
        document = (await ory.browser.get("/.well-known/openid-configuration")).json()
        assert "device_authorization_endpoint" not in document
        assert (await ory.browser.post("/oauth2/device/auth", data={"a": "b"})).status_code == 404
        assert (await ory.browser.get("/oauth2/device/verify")).status_code == 404


@pytest.mark.parametrize(
    ("ttl", "later", "kind"),
    [
        ("ttl_access_token", 61, "access_token"),
        ("ttl_refresh_token", 61, "refresh_token"),
    ],
)
async def test_tokens_end_when_their_time_is_over(ttl: str, later: int, kind: str) -> None:
    lifetimes: dict[str, Any] = {ttl: 60}
    async with lab(**lifetimes) as ory:
        await ory.register()
        tokens = await ory.connect(scope="openid offline")
        assert await active(ory, tokens[kind])
        ory.clock.now += later
        assert not await active(ory, tokens[kind])


async def test_a_clients_own_lifespan_wins() -> None:
    async with lab() as ory:
        await ory.register(authorization_code_grant_access_token_lifespan="1m30s")
        assert (await ory.connect())["expires_in"] == 90


async def test_refresh_tokens_may_live_for_ever() -> None:
    async with lab(ttl_refresh_token=-1) as ory:
        await ory.register()
        tokens = await ory.connect(scope="openid offline")
        ory.clock.now += 10 * 365 * 86_400
        answer = await ory.token(refresh_token=tokens["refresh_token"], **SAID)
    assert answer.status_code == 200


async def test_a_code_that_is_too_old_is_worth_nothing() -> None:
    async with lab(ttl_auth_code=60) as ory:
        await ory.register()
        consent = await ory.accept("login", await ory.authorize(), subject="ann")
        back = await ory.accept("consent", consent, grant_scope=["openid"])
        ory.clock.now += 61
        answer = await ory.token(grant_type="authorization_code", code=query_of(back)["code"])
    assert answer.json()["error"] == "invalid_grant"


async def active(ory: Lab, token: str) -> bool:
    answer = await ory.admin.post("/admin/oauth2/introspect", data={"token": token})
    return bool(answer.json()["active"])


async def test_challenges_are_as_long_as_hydras() -> None:
    async with lab() as ory:
        await ory.register(client_name="Photos")
        login = await ory.authorize()
        consent = await ory.accept("login", login, subject="ann")
    assert 1000 < len(query_of(login)["login_challenge"]) < 1400
    assert 1000 < len(query_of(consent)["consent_challenge"]) < 1600


async def test_a_challenge_of_another_stand_in_is_unknown() -> None:
    async with lab() as one, lab() as other:
        await one.register()
        challenge = query_of(await one.authorize())["login_challenge"]
        address = "/admin/oauth2/auth/requests/login"
        for ory, status in ((one, 200), (other, 404)):
            answer = await ory.admin.get(address, params={"login_challenge": challenge})
            assert answer.status_code == status


@pytest.mark.parametrize(
    ("uri", "called"),
    [
        ("http://127.0.0.1:5555/out", True),
        ("http://localhost/out", True),
        ("https://app.example.org/out", True),
        ("http://app.example.org/out", False),
        ("http://169.254.169.254/latest", False),
        ("file:///etc/passwd", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_a_notice_of_logout_goes_to_this_machine_or_over_tls(uri: str, called: bool) -> None:
    assert backchannel.may_call(uri) is called


async def test_an_app_that_does_not_answer_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[tuple[str, dict[str, Any]]] = []
    stuck = asyncio.Event()

    async def post(self: httpx.AsyncClient, url: str, **how: Any) -> None:
        posted.append((url, how["data"]))
        await stuck.wait()

    async with lab() as ory:
        await ory.register(backchannel_logout_uri="http://127.0.0.1:5555/out")
        await ory.connect()
        page = await ory.browser.get("/oauth2/sessions/logout")
        monkeypatch.setattr(httpx.AsyncClient, "post", post)
        done = await asyncio.wait_for(ory.accept("logout", page), 5)
        monkeypatch.undo()
        token = await verified(ory, posted[0][1]["logout_token"])
        stuck.set()
    assert done.status_code == 302
    assert posted[0][0] == "http://127.0.0.1:5555/out"
    assert token.claims["aud"] == [ory.client["client_id"]]
    assert "sub" not in token.claims


async def test_pkce_is_checked_with_s256() -> None:
    verifier = "v" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    async with lab() as ory:
        await ory.register()
        for method, sent, status in (
            ("S256", verifier, 200),
            ("S256", "w" * 43, 400),
        ):
            page = await ory.authorize(code_challenge=challenge, code_challenge_method=method)
            consent = await ory.accept("login", page, subject="ann")
            back = await ory.accept("consent", consent, grant_scope=["openid"])
            answer = await ory.token(
                grant_type="authorization_code",
                code=query_of(back)["code"],
                code_verifier=sent,
                redirect_uri="http://127.0.0.1:5555/callback",
            )
            assert answer.status_code == status, answer.text
        page = await ory.authorize(code_challenge=challenge, code_challenge_method="plain")
        consent = await ory.accept("login", page, subject="ann")
        back = await ory.accept("consent", consent, grant_scope=["openid"])
    assert query_of(back)["error"] == "invalid_request"


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[" * 200_000, b'"\\ud800"', b"x" * 2_000_000])
async def test_hostile_bodies_are_bad_requests(body: bytes) -> None:
    async with lab() as ory:
        await ory.register()
        challenge = query_of(await ory.authorize())["login_challenge"]
        for method, address in (
            ("PUT", f"/admin/oauth2/auth/requests/login/accept?login_challenge={challenge}"),
            ("POST", "/admin/clients"),
        ):
            answer = await ory.admin.request(method, address, content=body)
            assert answer.status_code == 400, (method, answer.text)
