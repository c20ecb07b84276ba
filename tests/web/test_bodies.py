"""What arrives has to be a form of ours: small, urlencoded, complete and in time."""

import gzip
import json

import httpx
import pytest

from portal.web import edge
from tests.fixtures.portal import Portal
from tests.web.raw import FORM, HOST, ask

KIB = 1024


@pytest.fixture
def portal(lasting_portal: Portal) -> Portal:
    return lasting_portal


def padded(size: int) -> bytes:
    start = b"action=accept&email="
    return start + b"a" * (size - len(start))


async def test_a_form_of_17_kib_is_read(http: httpx.AsyncClient) -> None:
    answer = await http.post("/login", content=padded(17 * KIB), headers=dict([as_text(FORM)]))
    assert answer.status_code == 403, "read, and refused for its missing token"


@pytest.mark.parametrize("size", [32 * KIB + 1, 33 * KIB, 1024 * KIB])
async def test_a_form_above_32_kib_is_too_large(portal: Portal, size: int) -> None:
    declared = (b"content-length", str(size).encode())
    answer = await ask(portal.app, "POST", "/login", headers=[HOST, FORM, declared])
    assert answer.status == 413


async def test_a_form_of_exactly_32_kib_is_not_too_large(http: httpx.AsyncClient) -> None:
    answer = await http.post("/login", content=padded(32 * KIB), headers=dict([as_text(FORM)]))
    assert answer.status_code == 403


async def test_chunks_are_counted_where_no_length_is_declared(portal: Portal) -> None:
    chunks = [b"a" * KIB] * 33
    answer = await ask(portal.app, "POST", "/login", headers=[HOST, FORM], chunks=chunks)
    assert answer.status == 413


async def test_a_form_in_chunks_is_read_as_one(portal: Portal) -> None:
    chunks = [b"action=re", b"ject&form_", b"token=x"]
    answer = await ask(portal.app, "POST", "/login", headers=[HOST, FORM], chunks=chunks)
    assert answer.status == 403


@pytest.mark.parametrize(
    "lengths", [[b"-1"], [b"1e3"], [b""], ["²".encode("latin-1")], [b"9" * 5000], [b"3", b"4"]]
)
async def test_a_length_that_is_none_is_refused(portal: Portal, lengths: list[bytes]) -> None:
    declared = [(b"content-length", length) for length in lengths]
    answer = await ask(portal.app, "POST", "/login", headers=[HOST, FORM, *declared])
    assert answer.status in (400, 413)


@pytest.mark.parametrize("count", [129, 4000])
async def test_more_fields_than_any_form_has_are_refused(
    http: httpx.AsyncClient, count: int
) -> None:
    body = b"&".join(b"a=" for _ in range(count))
    answer = await http.post("/login", content=body, headers=dict([as_text(FORM)]))
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded-not",
        "",
    ],
)
async def test_anything_but_a_urlencoded_form_is_unsupported(
    http: httpx.AsyncClient, content_type: str
) -> None:
    body = json.dumps({"action": "accept"}).encode()
    answer = await http.post("/login", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 415


async def test_no_content_type_at_all_is_unsupported(http: httpx.AsyncClient) -> None:
    answer = await http.post("/login", content=b"action=accept")
    assert answer.status_code == 415


async def test_a_file_upload_is_unsupported(http: httpx.AsyncClient) -> None:
    answer = await http.post("/login", files={"form_token": b"x"}, data={"action": "accept"})
    assert answer.status_code == 415


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
async def test_a_packed_body_is_unsupported(http: httpx.AsyncClient, encoding: str) -> None:
    headers = dict([as_text(FORM)]) | {"Content-Encoding": encoding}
    answer = await http.post("/login", content=gzip.compress(b"action=accept"), headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        "action=accept&action=accept",
        "action=accept&email=a&email=b",
        "action=accept&form_token=x&form_token=y",
        "action=accept&login_challenge=x&login_challenge=y",
        "action=accept&admin=1",
        "action=accept&subject=somebody-else",
        "action=accept&email[]=a",
        "action=delete",
        "action=Accept",
        "action=",
        "email=a",
        "",
        "action=accept&remember=maybe",
        "=accept",
        "action=accept;email=a",
    ],
)
async def test_a_form_that_is_not_ours_is_refused(http: httpx.AsyncClient, body: str) -> None:
    answer = await http.post("/login", content=body, headers=dict([as_text(FORM)]))
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "login_challenge=aaaaaaaaaaaaaaaaaaaa&login_challenge=bbbbbbbbbbbbbbbbbbbb",
        "next=/account&next=/admin",
    ],
)
async def test_a_parameter_given_twice_is_refused(http: httpx.AsyncClient, query: str) -> None:
    assert (await http.get(f"/login?{query}")).status_code == 400


async def test_a_parameter_that_nobody_knows_does_no_harm(http: httpx.AsyncClient) -> None:
    assert (await http.get("/login?utm_source=mail")).status_code == 200


async def test_a_body_that_never_ends_is_not_waited_for(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "BODY_SECONDS", 0.05)
    answer = await ask(
        portal.app, "POST", "/login", headers=[HOST, FORM], chunks=[b"action="], stall=True
    )
    assert answer.status == 408


async def test_headers_above_32_kib_are_too_many(portal: Portal) -> None:
    many = [(b"x-%d" % number, b"a" * 1000) for number in range(33)]
    answer = await ask(portal.app, "GET", "/", headers=[HOST, *many])
    assert answer.status == 431


async def test_headers_below_32_kib_are_not_too_many(portal: Portal) -> None:
    many = [(b"x-%d" % number, b"a" * 1000) for number in range(30)]
    answer = await ask(portal.app, "GET", "/", headers=[HOST, *many])
    assert answer.status == 200


def as_text(header: tuple[bytes, bytes]) -> tuple[str, str]:
    return header[0].decode(), header[1].decode()
