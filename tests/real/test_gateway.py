"""The gateway lets through what Ory Network would, and says no in its words."""

import json
import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.hydra.server import free_port
from tests.real.certificates import Authority
from tests.real.gateway import Gateway

KEY = "ory_pat_of-the-project"
BEARER = {"Authorization": f"Bearer {KEY}"}


class Echo(BaseHTTPRequestHandler):
    """Tells what arrived; at ``/slow`` in pieces, without saying how many."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = {"side": self.server.server_port, "path": self.path, "headers": headers}
        self.answer(json.dumps(told | {"body": body.decode()}).encode())

    def do_GET(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def answer(self, text: bytes) -> None:
        self.send_response(204 if self.command == "DELETE" else 200)
        if self.command == "DELETE":
            self.end_headers()
            return
        if self.path == "/slow":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (text[:7], text[7:]):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def upstreams() -> Iterator[list[int]]:
    """The ports of a public and an admin side."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Echo) for _ in range(2)]
    for server in servers:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield [server.server_port for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def gateway(upstreams: list[int], authority: Authority) -> Iterator[Gateway]:
    public, admin = upstreams
    gateway = Gateway(tls=authority.server(), public_port=public, admin_port=admin, keys=[KEY])
    yield gateway
    gateway.close()


@pytest.fixture
def http(gateway: Gateway, authority: Authority) -> Iterator[httpx.Client]:
    trusted = ssl.create_default_context(cafile=authority.file)
    with httpx.Client(verify=trusted, trust_env=False, base_url=gateway.url) as http:
        yield http


@pytest.mark.parametrize(
    "credentials", [None, "", "Bearer", "Bearer ory_pat_other", f"Basic {KEY}"]
)
@pytest.mark.parametrize("path", ["/admin", "/admin/clients", "/admin/clients?x=/public"])
def test_the_admin_side_is_closed_without_the_key(
    http: httpx.Client, credentials: str | None, path: str
) -> None:
    headers = {} if credentials is None else {"Authorization": credentials}
    answer = http.post(path, headers=headers, json={"a": 1})
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (401, "Unauthorized")
    assert {"request", "reason", "message"} <= set(error)
    assert http.get("/still-the-same-connection").status_code == 200


def test_the_key_opens_the_admin_side_and_stays_at_the_gateway(
    http: httpx.Client, gateway: Gateway, upstreams: list[int]
) -> None:
    told = http.post("/admin/clients?a=b", headers=BEARER, content=b"ping").json()
    assert (told["side"], told["path"], told["body"]) == (
        upstreams[1],
        "/admin/clients?a=b",
        "ping",
    )
    assert told["headers"]["x-forwarded-proto"] == "https"
    assert told["headers"]["host"] == gateway.url.removeprefix("https://")
    assert "authorization" not in told["headers"]


def test_the_public_side_needs_no_key_and_gets_its_own_credentials(
    http: httpx.Client, gateway: Gateway, upstreams: list[int]
) -> None:
    told = http.post("/oauth2/token", auth=("photos", "secret"), data={"a": "b"}).json()
    assert (told["side"], told["body"]) == (upstreams[0], "a=b")
    assert told["headers"]["authorization"].startswith("Basic ")
    assert [(seen.path, seen.authorized, seen.with_key) for seen in gateway.seen] == [
        ("/oauth2/token", True, False)
    ]


def test_what_was_seen_holds_no_key_and_no_query(http: httpx.Client, gateway: Gateway) -> None:
    http.get("/admin/clients?secret=x", headers=BEARER)
    assert gateway.seen[0].with_key
    assert KEY not in repr(gateway.seen)
    assert "secret" not in repr(gateway.seen)


def test_pieces_go_both_ways(http: httpx.Client) -> None:
    told = http.post("/slow", content=iter([b"one ", b"two"])).json()
    assert told["body"] == "one two"


def test_an_answer_without_a_body_has_none(http: httpx.Client) -> None:
    assert http.delete("/admin/clients/x", headers=BEARER).status_code == 204
    assert http.get("/next").status_code == 200


def test_it_is_out_of_breath_as_often_as_it_is_told(http: httpx.Client, gateway: Gateway) -> None:
    gateway.limit(retry_after=7, times=2)
    answers = [http.get("/admin/clients", headers=BEARER) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert answers[0].json()["error"]["code"] == 429


def test_it_sends_elsewhere_and_comes_back(http: httpx.Client, gateway: Gateway) -> None:
    gateway.redirect("https://elsewhere.test/admin")
    answer = http.get("/admin/clients", headers=BEARER)
    assert (answer.status_code, answer.headers["location"]) == (307, "https://elsewhere.test/admin")
    gateway.heal()
    assert http.get("/admin/clients", headers=BEARER).status_code == 200


def test_nobody_behind_it_is_a_502_on_both_sides(authority: Authority) -> None:
    gateway = Gateway(
        tls=authority.server(), public_port=free_port(), admin_port=free_port(), keys=[KEY]
    )
    trusted = ssl.create_default_context(cafile=authority.file)
    with httpx.Client(verify=trusted, trust_env=False, base_url=gateway.url) as http:
        for path in ("/health/ready", "/admin/clients"):
            answer = http.post(path, headers=BEARER, content=b"x" * 1_000)
            assert (answer.status_code, answer.json()["error"]["code"]) == (502, 502)
    gateway.close()


def test_a_caller_who_says_nothing_or_nonsense_holds_up_nobody(
    http: httpx.Client, gateway: Gateway
) -> None:
    address = ("127.0.0.1", int(gateway.url.rsplit(":", 1)[1]))
    with socket.create_connection(address), socket.create_connection(address) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert http.get("/").status_code == 200
