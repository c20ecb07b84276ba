"""What stands in front of Hydra at Ory Network: one https origin for both sides, and an API key.

``/admin/…`` is Hydra's admin port and takes a key, which stays here; everything else is its public
port. The answers for which Hydra itself has no words are those of Ory's gateway: the error is an
object. Nothing is rewritten: a Hydra whose issuer is :attr:`Gateway.url` says the right addresses.
"""

import http.client
import json
import secrets
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
CHUNK = 65_536
PATIENCE = 30
"""Seconds without a byte after which either side is given up."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"),
        *("proxy-connection", "trailer", "transfer-encoding", "upgrade"),
    )
)
KEY_PREFIX = "ory_pat_"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request, with nothing in it that must not be printed."""

    method: str
    path: str
    authorized: bool
    """An ``Authorization`` header came along."""
    with_key: bool
    """It was an API key, accepted or not."""

    @property
    def is_admin(self) -> bool:
        return is_admin(self.path)


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer of the gateway's own."""

    status: HTTPStatus
    reason: str
    headers: Mapping[str, str]

    def body(self) -> bytes:
        error = {
            "code": int(self.status),
            "status": self.status.phrase,
            "request": secrets.token_hex(16),
            "reason": self.reason,
            "message": "The request could not be served.",
        }
        return json.dumps({"error": error}).encode()


UNAUTHORIZED = Said(
    status=HTTPStatus.UNAUTHORIZED, reason="Access credentials are invalid", headers={}
)
BAD_GATEWAY = Said(status=HTTPStatus.BAD_GATEWAY, reason="No upstream", headers={})


class Gateway:
    """Serves https on a port of its own. What is asked of it is in :attr:`seen`.

    ``limit``, ``redirect`` and ``away`` change what ``/admin`` answers, until ``heal``.
    """

    def __init__(
        self, *, tls: ssl.SSLContext, public_port: int, admin_port: int, keys: Iterable[str]
    ) -> None:
        self.keys = frozenset(keys)
        self.seen: list[Seen] = []
        self.ports = {False: public_port, True: admin_port}
        self._lock = threading.Lock()
        self._said: list[Said] = []
        self._always: Said | None = None
        self._server = _Server(self, tls)
        self.url = f"https://localhost:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def limit(self, *, retry_after: int, times: int = 1) -> None:
        """Be out of breath for the next *times* questions."""
        limited = Said(
            status=HTTPStatus.TOO_MANY_REQUESTS,
            reason="The rate limit of the project was reached",
            headers={"Retry-After": str(retry_after)},
        )
        with self._lock:
            self._said += [limited] * times

    def redirect(self, target: str) -> None:
        """Send every caller to *target*."""
        moved = HTTPStatus.TEMPORARY_REDIRECT
        self._always = Said(status=moved, reason="Moved", headers={"Location": target})

    def away(self) -> None:
        """Find no Hydra behind it, on either side."""
        self._always = BAD_GATEWAY

    def heal(self) -> None:
        """Let everything through that has a key."""
        with self._lock:
            self._said.clear()
            self._always = None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def verdict(self, seen: Seen, key: str) -> Said | None:
        """What the gateway itself says to a request; None: it is Hydra's to answer."""
        self.seen.append(seen)
        if self._always is BAD_GATEWAY:
            return BAD_GATEWAY
        if not seen.is_admin:
            return None
        if key not in self.keys:
            return UNAUTHORIZED
        with self._lock:
            return self._said.pop(0) if self._said else self._always


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, gateway: Gateway, tls: ssl.SSLContext) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.gateway, self._tls = gateway, tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread: a silent caller holds up nobody else."""
        request.settimeout(PATIENCE)
        with suppress(OSError), self._tls.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a traceback could hold what was sent."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def serve(self) -> None:
        """Answer one request, whatever its method."""
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        key = credentials.strip() if scheme.lower() == "bearer" else ""
        seen = Seen(
            method=self.command,
            path=urlsplit(self.path).path,
            authorized="Authorization" in self.headers,
            with_key=key.startswith(KEY_PREFIX),
        )
        said = self.server.gateway.verdict(seen, key)
        if said is None:
            self._pass_on(self.server.gateway.ports[seen.is_admin], is_admin=seen.is_admin)
            return
        for _ in self._sent():
            """What nobody wants is read all the same, or the next request could not be found."""
        self._say(said)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def _say(self, said: Said) -> None:
        body = said.body()
        self.send_response(said.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in {**headers, **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _pass_on(self, port: int, *, is_admin: bool) -> None:
        hydra = http.client.HTTPConnection(LOOPBACK, port, timeout=PATIENCE)
        try:
            self._ask(hydra, is_admin=is_admin)
            answer = hydra.getresponse()
        except (OSError, http.client.HTTPException):
            hydra.close()
            self.close_connection = True
            self._say(BAD_GATEWAY)
            return
        with answer:
            self._answer(answer)
        hydra.close()

    def _ask(self, hydra: http.client.HTTPConnection, *, is_admin: bool) -> None:
        """Send the request as it came; of the admin side's headers all but the key."""
        hydra.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        kept_here = HOP_BY_HOP | {"expect"} | ({"authorization"} if is_admin else set())
        for name, value in self.headers.items():
            if name.lower() not in kept_here and not name.lower().startswith("x-forwarded-"):
                hydra.putheader(name, value)
        hydra.putheader("X-Forwarded-Proto", "https")
        if chunked := self._is_chunked():
            hydra.putheader("Transfer-Encoding", "chunked")
        hydra.endheaders()
        for piece in self._sent():
            hydra.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            hydra.send(b"0\r\n\r\n")

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        """Hand on Hydra's answer, each piece when it comes."""
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        bodiless = self.command == "HEAD" or answer.status in (204, 304)
        chunked = not bodiless and answer.length is None
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not bodiless and (piece := answer.read1(CHUNK)):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _is_chunked(self) -> bool:
        return self.headers.get("Transfer-Encoding", "").lower() == "chunked"

    def _sent(self) -> Iterator[bytes]:
        """Read the body of the request, piece by piece."""
        if self._is_chunked():
            yield from unchunked(self.rfile)
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left and (piece := self.rfile.read1(min(left, CHUNK))):
            left -= len(piece)
            yield piece


for _method in METHODS:
    setattr(_Handler, f"do_{_method}", _Handler.serve)


def unchunked(source: BufferedIOBase) -> Iterator[bytes]:
    """Yield the pieces of a body that says its length piece by piece (RFC 9112, 7.1)."""
    while size := int(source.readline(CHUNK).partition(b";")[0], 16):
        yield source.read(size)
        source.readline(CHUNK)
    while source.readline(CHUNK).strip():
        """Trailers: nobody here reads them."""


def is_admin(path: str) -> bool:
    return path == "/admin" or path.startswith("/admin/")
