"""The product's own connections against servers that misbehave in every way we could think of."""

import asyncio
import gc
import json
import traceback
from typing import Any

import pytest

from portal.ory.errors import OryError, OryKeyError, OryNonsenseError, OryUnavailableError
from tests.doubles import loopback
from tests.doubles.loopback import Loopback, http_bytes, raw, says
from tests.doubles.ory import client_document
from tests.ory.conftest import OpenProduct

CHALLENGE = "canary-challenge-0123456789-ABCDEFGHIJ=="
KEY = "ory_pat_canary-key"
LOGIN = {
    "challenge": CHALLENGE,
    "client": client_document(),
    "request_url": "http://ory.test:4444/oauth2/auth?client_id=photos&state=canary-state",
    "skip": False,
    "subject": "",
}
OK = says(200, LOGIN)
TRUNCATED = raw(http_bytes(200, json.dumps(LOGIN).encode())[:-40], then_close=True)


async def ask(product: OpenProduct, server: Loopback, **variables: str) -> Any:
    async with server.running(), product(server.url, **variables) as ory:
        return await ory.get_login_request(CHALLENGE)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (loopback.drip, OryUnavailableError),
        (loopback.hang, OryUnavailableError),
        (loopback.hang_up, OryUnavailableError),
        (loopback.flood, OryNonsenseError),
        (says(200, LOGIN, content_length=str(60_000_000)), OryUnavailableError),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", then_close=True), OryNonsenseError),
        (raw(b"\x16\x03\x01\x00\xa5\x01\x00", then_close=True), OryNonsenseError),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", then_close=True), OryNonsenseError),
        (raw(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 99_999 + b"\r\n\r\n"), OryNonsenseError),
        (raw(http_bytes(200, b"zz", transfer_encoding="chunked")), OryNonsenseError),
        (TRUNCATED, OryNonsenseError),
        (says(302, {}, location="/elsewhere"), OryNonsenseError),
        (says(302, {}, location="http://[broken"), OryNonsenseError),
        (says(200, LOGIN, content_type="text/html"), OryNonsenseError),
        (says(200, LOGIN, content_encoding="gzip"), OryNonsenseError),
        (says(200, b"\xff\xfe{}"), OryNonsenseError),
        (says(200, b'"\\ud800"'), OryNonsenseError),
        (says(200, b"[" * 200_000), OryNonsenseError),
        (says(200, b'{"client":' * 900 + b"1" + b"}" * 900), OryNonsenseError),
        (says(200, b"9" * 6000), OryNonsenseError),
        (says(200, b""), OryNonsenseError),
        (says(200, LOGIN | {"client": {"client_id": 7}}), OryNonsenseError),
        (says(200, LOGIN | {"request_url": "no address"}), OryNonsenseError),
        (says(500, {"error": "boom"}), OryUnavailableError),
    ],
)
async def test_a_server_gone_wrong_is_one_typed_error_in_time(
    product: OpenProduct, answer: loopback.Answer, expected: type[OryError]
) -> None:
    server = Loopback(answer)
    with pytest.raises(OryError) as raised:
        await ask(product, server, ORY_PAT=KEY)
    assert type(raised.value) is expected
    told = "".join(traceback.format_exception(raised.value))
    assert not any(secret in told for secret in (CHALLENGE, KEY, "canary-state", server.url))
    gc.collect()  # a connection left open would warn here


async def test_nobody_listening_is_told_at_once(product: OpenProduct) -> None:
    server = Loopback(OK)
    async with server.running():
        pass
    async with product(server.url) as ory:
        with pytest.raises(OryUnavailableError, match="ConnectError"):
            await ory.get_login_request(CHALLENGE)
        assert await ory.ready() is False


async def test_a_flood_is_cut_off(product: OpenProduct) -> None:
    server = Loopback(loopback.flood)
    with pytest.raises(OryNonsenseError, match="larger than"):
        await ask(product, server)
    assert server.sent_all == 0


async def test_calls_share_one_connection(product: OpenProduct) -> None:
    server = Loopback(OK)
    async with server.running(), product(server.url) as ory:
        for _ in range(5):
            await ory.get_login_request(CHALLENGE)
    assert (server.connections, len(server.requests)) == (1, 5)


async def test_an_idle_connection_closed_by_ory_goes_unnoticed(product: OpenProduct) -> None:
    async def answer_then_close(writer: asyncio.StreamWriter) -> None:
        await OK(writer)
        writer.close()

    server = Loopback(answer_then_close)
    async with server.running(), product(server.url) as ory:
        for _ in range(3):
            await ory.get_login_request(CHALLENGE)
            await asyncio.sleep(0.02)
    assert len(server.requests) == 3


async def test_a_cancelled_call_leaves_a_working_client(product: OpenProduct) -> None:
    server = Loopback(loopback.hang, OK)
    async with server.running(), product(server.url) as ory:
        call = asyncio.ensure_future(ory.get_login_request(CHALLENGE))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await ory.get_login_request(CHALLENGE)).challenge == CHALLENGE


async def test_a_truncated_answer_is_asked_for_again(product: OpenProduct) -> None:
    assert await ask(product, Loopback(TRUNCATED, OK))


async def test_a_redirect_is_not_followed_and_the_key_stays_home(product: OpenProduct) -> None:
    thief = Loopback(OK)
    async with thief.running():
        server = Loopback(says(307, {}, location=f"{thief.url}/admin"))
        with pytest.raises(OryNonsenseError):
            await ask(product, server, ORY_PAT=KEY)
    assert f"Authorization: Bearer {KEY}" in server.requests[0]
    assert thief.connections == 0


async def test_proxies_and_credentials_of_the_environment_are_ignored(
    product: OpenProduct, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    proxy, server = Loopback(OK), Loopback(OK)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password stolen\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with proxy.running():
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        await ask(product, server)
    assert proxy.connections == 0
    assert "authorization" not in server.requests[0].lower()


async def test_cookies_of_ory_are_not_kept(product: OpenProduct) -> None:
    server = Loopback(says(200, LOGIN, set_cookie="sid=alice; Path=/"))
    async with server.running(), product(server.url) as ory:
        for _ in range(2):
            await ory.get_login_request(CHALLENGE)
    assert "cookie" not in server.requests[1].lower()


async def test_a_call_says_what_it_must_and_no_more(product: OpenProduct) -> None:
    server = Loopback(OK)
    await ask(product, server, MOCK_TLS_TERMINATION="1")
    first, *headers = server.requests[0].strip().split("\r\n")
    assert first.startswith("GET /admin/oauth2/auth/requests/login?login_challenge=canary-")
    names = sorted(line.partition(":")[0].lower() for line in headers)
    assert names == ["accept", "accept-encoding", "host", "x-forwarded-proto"]


async def test_the_health_check_does_without_the_key(product: OpenProduct) -> None:
    server = Loopback(says(200, {"status": "ok"}))
    async with server.running(), product(server.url, ORY_PAT=KEY) as ory:
        assert await ory.ready() is True
    assert KEY not in server.requests[0]


async def test_a_new_key_in_the_file_is_used_within_the_same_call(
    product: OpenProduct, tmp_path: Any
) -> None:
    file = tmp_path / "key"
    file.write_text("ory_pat_old\n")

    async def rotate_and_refuse(writer: asyncio.StreamWriter) -> None:
        file.write_text("ory_pat_new-one\n")
        await says(401, {"error": {"code": 401, "status": "Unauthorized"}})(writer)

    server = Loopback(rotate_and_refuse, OK)
    assert await ask(product, server, ORY_PAT_FILE=str(file))
    keys = [line for head in server.requests for line in head.split("\r\n") if "Bearer" in line]
    assert keys == ["Authorization: Bearer ory_pat_old", "Authorization: Bearer ory_pat_new-one"]


async def test_the_same_key_is_not_offered_twice(product: OpenProduct) -> None:
    server = Loopback(says(401, {"error": {"code": 401}}))
    with pytest.raises(OryKeyError):
        await ask(product, server, ORY_PAT=KEY)
    assert len(server.requests) == 1
