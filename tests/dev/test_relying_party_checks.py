"""What comes back is believed only if everything about it is right: each lie is named on the page,
and no token of it is kept.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import KeySet

from portal.dev.relying_party.idtoken import Expected, decode, verify
from tests.dev.local_client import authorize, failures, local_client, shown
from tests.doubles.openid import CLIENT_ID, ISSUER, OTHER_KEY, SUBJECT, OpenIDDouble

Change = Callable[[dict[str, Any]], dict[str, Any]]


def with_claims(**changed: Any) -> Change:
    return lambda claims: {k: v for k, v in (claims | changed).items() if v is not None}


NOW = int(time.time())
LIES: dict[str, tuple[Change, set[str]]] = {
    "another issuer": (with_claims(iss="https://evil.test"), {"iss"}),
    "the issuer with a slash more": (with_claims(iss=f"{ISSUER}/"), {"iss"}),
    "no issuer": (with_claims(iss=None), {"iss"}),
    "for another client": (with_claims(aud=["mail"]), {"aud"}),
    "for another client, as a text": (with_claims(aud="photos-2"), {"aud"}),
    "for nobody": (with_claims(aud=None), {"aud"}),
    "for two clients, nobody says who asked": (with_claims(aud=[CLIENT_ID, "mail"]), {"azp"}),
    "asked for by another client": (with_claims(azp="mail"), {"azp"}),
    "expired": (with_claims(exp=NOW - 31), {"exp"}),
    "expired long ago": (with_claims(exp=0), {"exp"}),
    "without an end": (with_claims(exp=None), {"exp"}),
    "with a word as its end": (with_claims(exp="9999999999"), {"exp"}),
    "with true as its end": (with_claims(exp=True), {"exp"}),
    "from the future": (with_claims(iat=NOW + 300), {"iat"}),
    "without a beginning": (with_claims(iat=None), {"iat"}),
    "not valid yet": (with_claims(nbf=NOW + 300), {"nbf"}),
    "another nonce": (with_claims(nonce="another"), {"nonce"}),
    "no nonce": (with_claims(nonce=None), {"nonce"}),
    "a list as nonce": (with_claims(nonce=["x"]), {"nonce"}),
    "half a character as nonce": (with_claims(nonce="\ud800"), {"nonce"}),
    "of another access token": (with_claims(at_hash="YWJjZGVmZ2hpamtsbW5vcA"), {"at_hash"}),
    "a number as at_hash": (with_claims(at_hash=7), {"at_hash"}),
    "half a character as at_hash": (with_claims(at_hash="\udfff"), {"at_hash"}),
    "about nobody": (with_claims(sub=""), {"sub"}),
    "about a number": (with_claims(sub=7), {"sub"}),
    "about too long a name": (with_claims(sub="x" * 256), {"sub"}),
    "several at once": (with_claims(iss="x", nonce="x", exp=1), {"iss", "nonce", "exp"}),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_in_the_id_token_is_found(lie: str) -> None:
    change, expected = LIES[lie]
    async with local_client() as client:
        client.op.change_claims = change
        page = await authorize(client.browser())
        assert page.status == 400
        assert failures(page) == expected
        assert "ory_at_" not in page.html
        assert "ory_rt_" not in page.html
        (result,) = client.results
        assert not result.ok
        assert not result.tokens
        assert all(f"{name}: " in result.summary for name in expected)
        assert "\n" not in result.summary


def forged(op: OpenIDDouble, claims: dict[str, Any]) -> str:
    return op.signed(claims, key=OTHER_KEY)


def under_a_known_name(op: OpenIDDouble, claims: dict[str, Any]) -> str:
    """Signed with another key that calls itself as the published one."""
    return op.signed(claims, key=OTHER_KEY, kid=op.key.kid)


def changed_after_signing(op: OpenIDDouble, claims: dict[str, Any]) -> str:
    head, _, signature = op.signed(claims).split(".")
    payload = op.signed(claims | {"email": "eve@example.org"}).split(".")[1]
    return f"{head}.{payload}.{signature}"


FORGERIES: dict[str, Callable[[OpenIDDouble, dict[str, Any]], str]] = {
    "no signature (alg none)": OpenIDDouble.unsigned,
    "HS256 with the public key": OpenIDDouble.signed_with_the_public_key,
    "an unknown key": forged,
    "another key under the known name": under_a_known_name,
    "changed after it was signed": changed_after_signing,
    "no signature at all": lambda op, claims: op.signed(claims).rpartition(".")[0] + ".",
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_signature_that_proves_nothing_is_found(forgery: str) -> None:
    async with local_client() as client:
        client.op.sign = lambda claims: FORGERIES[forgery](client.op, claims)
        page = await authorize(client.browser())
        assert "signature" in failures(page)
        assert not client.results[0].ok


@pytest.mark.parametrize(
    "text", ["", "x", "a.b", "a.b.c", "...", "e30.W10.e30", "e30.e30.é", "x" * 70_000]
)
async def test_an_id_token_that_is_none_is_found(text: str) -> None:
    async with local_client() as client:
        client.op.sign = lambda claims: text
        page = await authorize(client.browser())
        assert failures(page) & {"form", "signature"}
        assert not client.results[0].ok


async def test_a_missing_id_token_is_found() -> None:
    async with local_client() as client:
        client.op.change_answer = lambda answer: answer | {"id_token": None}
        assert failures(await authorize(client.browser())) == {"id_token"}


async def test_a_new_key_is_read_once_when_it_is_missed() -> None:
    async with local_client() as client:
        browser = client.browser()
        assert (await authorize(browser)).status == 200
        client.op.key = OTHER_KEY
        client.op.published = [OTHER_KEY]
        assert (await authorize(browser)).status == 200
        assert client.op.paths().count("/keys") == 2


async def test_small_differences_of_clocks_do_no_harm() -> None:
    async with local_client() as client:
        client.op.change_claims = with_claims(iat=NOW + 20, exp=NOW + 3600)
        assert (await authorize(client.browser())).status == 200
        assert client.results[0].ok


async def test_without_openid_no_id_token_is_needed() -> None:
    async with local_client(scope=("photos.read",)) as client:
        client.op.change_answer = lambda answer: answer | {"id_token": None}
        assert (await authorize(client.browser())).status == 200
        assert set(client.results[0].tokens) == {
            "access_token",
            "token_type",
            "refresh_token",
            "expiry",
        }


async def test_an_old_sign_in_does_not_do_for_max_age_or_prompt_login() -> None:
    long_ago = with_claims(auth_time=NOW - 600)
    for asked in ({"max_age": 300}, {"prompt": "login"}, {"prompt": "login", "max_age": 3600}):
        async with local_client(**asked) as client:
            client.op.change_claims = long_ago
            assert failures(await authorize(client.browser())) == {"auth_time"}
            client.op.change_claims = with_claims(auth_time=None)
            assert failures(await authorize(client.browser())) == {"auth_time"}
            client.op.change_claims = with_claims(auth_time=NOW + 3600)
            assert failures(await authorize(client.browser())) == {"auth_time"}
    async with local_client(max_age=3600) as client:
        client.op.change_claims = long_ago
        assert (await authorize(client.browser())).status == 200


async def test_the_level_of_the_sign_in_is_shown_and_is_no_condition() -> None:
    async with local_client(acr_values="aal2 aal1") as client:
        client.op.change_claims = with_claims(acr="aal1")
        assert "Passed acr" in (await authorize(client.browser())).text
        client.op.change_claims = with_claims(acr="aal0")
        assert "Note acr" in (await authorize(client.browser())).text


@pytest.mark.parametrize("issuer", ["https://evil.test", f"{ISSUER}/", ""])
async def test_an_answer_of_another_issuer_is_refused_and_its_code_stays_unused(
    issuer: str,
) -> None:
    async with local_client() as client:
        client.op.change_callback = lambda answer: answer | {"iss": issuer}
        assert failures(await authorize(client.browser())) == {"iss"}
        assert "/token" not in client.op.paths()


async def test_an_issuer_that_was_promised_and_does_not_come_is_missed() -> None:
    async with local_client() as client:
        client.op.change_discovery = {"authorization_response_iss_parameter_supported": True}
        assert failures(await authorize(client.browser())) == {"iss"}
        client.op.change_callback = lambda answer: answer | {"iss": ISSUER}
        assert (await authorize(client.browser())).status == 200


GARBAGE: dict[str, bytes | tuple[int, Any]] = {
    "nothing": b" ",
    "no JSON": b"<html>no</html>",
    "a list": b"[]",
    "a text as number": b'{"access_token":"a","token_type":"bearer","expires_in":"soon"}',
    "no token": b'{"token_type":"bearer"}',
    "an empty token": b'{"access_token":"","token_type":"bearer"}',
    "a token of another type": b'{"access_token":"a","token_type":"mac"}',
    "a number as token": b'{"access_token":7,"token_type":"bearer"}',
    "half a character": b'{"access_token":"\\ud800","token_type":"bearer"}',
    "bytes": b"\xff\xfe\x00",
    "depth": b'{"a":' * 5_000,
    "two megabytes": b'{"access_token":"' + b"x" * 2_000_000 + b'","token_type":"bearer"}',
    "a server error": (500, b"oops"),
    "a redirect": (302, "http://ory.test/token2"),
    "an error that is no word": (400, {"error": ["x"]}),
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_from_the_token_endpoint_is_an_error_on_the_page(garbage: str) -> None:
    async with local_client() as client:
        client.op.answers["/token"] = GARBAGE[garbage]
        page = await authorize(client.browser())
        assert page.status == 400
        assert shown(page, "error") == "ory_unavailable"
        assert not client.results[0].ok


@pytest.mark.parametrize("seconds", [-1, 1e300, 0])
async def test_odd_lifetimes_do_no_harm(seconds: float) -> None:
    async with local_client() as client:
        client.op.change_answer = lambda answer: answer | {"expires_in": seconds}
        assert (await authorize(client.browser())).status == 200


@pytest.mark.parametrize(
    "garbage", [b"", b"{}", b'{"keys":[]}', b'{"keys":[7]}', b'{"keys":[{"kty":"RSA"}]}']
)
async def test_garbage_instead_of_keys_fails_closed(garbage: bytes) -> None:
    async with local_client() as client:
        client.op.answers["/keys"] = garbage or b" "
        assert failures(await authorize(client.browser())) == {"signature"}


async def test_a_shared_secret_among_the_keys_is_no_key() -> None:
    async with local_client() as client:
        shared = {"kty": "oct", "kid": "key-1", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}
        client.op.answers["/keys"] = (200, {"keys": [shared]})
        assert failures(await authorize(client.browser())) == {"signature"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"issuer": "http://127.0.0.1:4444"}, "mismatch"),
        ({"token_endpoint": "ftp://ory.test"}, "token_endpoint"),
        ({"jwks_uri": "javascript:alert(1)"}, "jwks_uri"),
        ({"jwks_uri": "http://["}, "jwks_uri"),
        ({"authorization_endpoint": "http://["}, "authorization_endpoint"),
        ({"authorization_endpoint": "http:"}, "authorization_endpoint"),
        ({"userinfo_endpoint": "http://ory.test:no-port/"}, "userinfo_endpoint"),
        ({"authorization_endpoint": None}, "no discovery document"),
    ],
)
async def test_a_discovery_document_that_cannot_be_right_is_refused(
    change: dict[str, Any], words: str
) -> None:
    async with local_client() as client:
        client.op.change_discovery = change
        page = await authorize(client.browser())
        assert page.status == 503
        assert words in shown(page, "problem")


async def test_no_name_of_a_scope_repaints_the_terminal() -> None:
    async with local_client() as client:
        client.op.granted = "openid \x1b[2J\u202e"
        await authorize(client.browser())
        assert client.results[-1].ok
        assert client.results[-1].summary.isprintable()


async def test_a_discovery_document_may_not_weaken_https() -> None:
    async with local_client(public_url="https://ory.test", admin_url=None) as client:
        client.op.issuer = "https://ory.test"
        client.op.change_discovery = {"token_endpoint": "http://ory.test/token"}
        page = await authorize(client.browser())
        assert "token_endpoint" in shown(page, "problem")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
CLAIMS = ("iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "auth_time", "acr")


@given(changed=st.dictionaries(st.sampled_from(CLAIMS), JSON, min_size=1))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_no_claim_of_any_kind_breaks_a_check_or_slips_through(changed: dict) -> None:
    op = OpenIDDouble()
    right: dict[str, Any] = {"iss": ISSUER, "sub": SUBJECT, "aud": [CLIENT_ID], "nonce": "n"}
    right |= {"exp": 2_000, "iat": 1_000, "auth_time": 1_000}
    claims = right | changed
    token = op.signed(json.loads(json.dumps(claims)))
    expected = Expected(
        issuer=ISSUER, client_id=CLIENT_ID, access_token="a", nonce="n", started_at=1_000, max_age=0
    )

    async def keys(*, again: bool = False):
        return _keys(op)

    found = await verify(token, expected, keys=keys, now=1_001)
    wrong = {check.name for check in found.checks if check.passed is False}
    assert found.passed == (not wrong)
    for name in ("iss", "nonce"):
        assert (name in wrong) == (claims[name] != right[name])
    assert "signature" not in wrong


def _keys(op: OpenIDDouble) -> KeySet:
    return KeySet.import_key_set(KeySet(op.published).as_dict(private=False))


@given(text=st.text(alphabet=st.characters(codec="utf-8") | st.just("."), max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_decoder(text: str) -> None:
    decode(text)
    decode(f"{text}.{text}.{text}")


async def test_at_hash_is_that_of_the_specification() -> None:
    """The example of OpenID Connect Core, A.3: its access token and its hash."""
    op = OpenIDDouble()
    access, right = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": CLIENT_ID, "nonce": "n", "exp": 9, "iat": 1}
    expected = Expected(issuer=ISSUER, client_id=CLIENT_ID, access_token=access, nonce="n")

    async def keys(*, again: bool = False):
        return _keys(op)

    for at_hash, passed in ((right, True), (right[:-1] + "R", False)):
        token = op.signed(claims | {"at_hash": at_hash})
        assert (await verify(token, expected, keys=keys, now=2)).passed is passed
