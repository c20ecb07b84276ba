"""Ory's two sides, and a portal below ``/sso``, on one loopback port: as far as one sign-in goes.

Everything it says can be changed by a test. It knows nothing of the portal's code.
"""

import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PREFIX = "/sso"


class TwoSides:
    """A thread serves it until :meth:`close`."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, key: str | None = None) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.double = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://localhost:{self._server.server_port}"
        self.key = key
        self.seen: list[tuple[str, str, str | None]] = []
        """Method, path and ``Authorization`` of each request."""
        self.clients: dict[str, dict[str, Any]] = {}
        self.ended: list[str] = []
        """Subjects whose sessions were ended."""
        self.chooses_ids = False
        self.clock_ahead: float | None = 0.0
        """Seconds; None: there is no date that can be read."""
        self.csrf = "csrf=s3cr3t-of-a-cookie; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax"
        self.urls = {
            "login": f"{self.url}{PREFIX}/login",
            "consent": f"{self.url}{PREFIX}/consent",
            "logout": f"{self.url}{PREFIX}/logout",
            "error": f"{self.url}{PREFIX}/error",
            "post_logout_redirect": f"{self.url}{PREFIX}/",
            "device": f"{self.url}{PREFIX}/device/verify",
        }
        self.discovery: dict[str, Any] = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/oauth2/auth",
            "token_endpoint": f"{self.url}/oauth2/token",
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "scopes_supported": [
                "openid",
                "offline",
                "offline_access",
                "email",
                "profile",
                "phone",
                "address",
            ],
            "claims_supported": [
                "sub",
                "name",
                "given_name",
                "family_name",
                "middle_name",
                "nickname",
                "preferred_username",
                "profile",
                "picture",
                "website",
                "gender",
                "birthdate",
                "zoneinfo",
                "locale",
                "updated_at",
                "email",
                "email_verified",
                "phone_number",
                "phone_number_verified",
                "address",
            ],
        }
        self.public_url = self.url
        """What it calls itself in redirects."""
        self.instead: dict[str, tuple[int, dict[str, str], bytes]] = {}
        """Path → status, headers and body, in place of the usual answer."""
        self.hangs: set[str] = set()
        """Paths that are never answered."""
        self.reached = threading.Event()
        """Something hangs."""
        self.closing = threading.Event()
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def say(self, path: str, status: int, document: Any = None, **headers: str) -> None:
        """Answer *path* so from now on; text goes as it is."""
        if isinstance(document, bytes):
            self.instead[path] = (status, headers, document)
            return
        kind = {"Content-Type": "application/json"}
        self.instead[path] = (status, {**kind, **headers}, json.dumps(document).encode())

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    double: TwoSides

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that do not trust us hang up."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        ahead = self.server.double.clock_ahead
        return "yesterday" if ahead is None else formatdate(time.time() + ahead, usegmt=True)

    def serve(self) -> None:
        double, parts = self.server.double, urlsplit(self.path)
        authorization = self.headers.get("Authorization")
        double.seen.append((self.command, parts.path, authorization))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        if parts.path in double.hangs:
            double.reached.set()
            double.closing.wait(30)
            return
        if parts.path in double.instead:
            self._answer(*double.instead[parts.path])
            return
        is_admin = parts.path.startswith("/admin/")
        if is_admin and double.key is not None and authorization != f"Bearer {double.key}":
            self._json(401, {"error": {"code": 401, "status": "Unauthorized"}})
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._route(parts.path, query, body)

    def _route(self, path: str, query: dict[str, str], body: dict[str, Any]) -> None:
        double = self.server.double
        routes: dict[str, Callable[[], None]] = {
            "/.well-known/openid-configuration": lambda: self._json(200, double.discovery),
            "/version": lambda: self._json(200, {"version": "v2.3.0"}),
            "/health/alive": lambda: self._json(200, {"status": "ok"}),
            "/health/ready": lambda: self._json(200, {"status": "ok"}),
            f"{PREFIX}/health/ready": lambda: self._json(200, {"status": "ok", "ory": "ok"}),
            "/oauth2/auth": lambda: self._authorize(query),
            "/oauth2/sessions/logout": self._logout,
            "/oauth2/device/verify": lambda: self._redirect(
                f"{double.urls['device']}?device_challenge={secrets.token_hex(16)}"
            ),
            "/admin/clients": lambda: self._clients(body),
            "/admin/oauth2/auth/requests/login": lambda: self._login_request(query),
            "/admin/oauth2/auth/requests/login/accept": self._accept,
            "/admin/oauth2/auth/sessions/login": lambda: self._end_sessions(query),
        }
        if path.startswith("/admin/clients/"):
            self._client(path.rpartition("/")[2])
        elif path in routes:
            routes[path]()
        else:
            self._answer(404, {"Content-Type": "text/plain"}, b"404 page not found")

    def _authorize(self, query: dict[str, str]) -> None:
        double = self.server.double
        if query.get("client_id") not in double.clients:
            told = "error=invalid_client&error_description=unknown+client"
            self._redirect(f"{double.urls['error']}?{told}")
        elif "login_verifier" in query:
            if "csrf=s3cr3t" not in self.headers.get("Cookie", ""):
                self._redirect(f"{double.urls['error']}?error=request_forbidden")
            else:
                target = f"{double.urls['consent']}?consent_challenge={secrets.token_hex(16)}"
                self._redirect(target, "ory_session=of-the-doctor; Path=/; HttpOnly")
        else:
            target = f"{double.urls['login']}?login_challenge={secrets.token_hex(16)}"
            self._redirect(target, *([double.csrf] if double.csrf else []))

    def _logout(self) -> None:
        double = self.server.double
        if "ory_session=" in self.headers.get("Cookie", ""):
            self._redirect(f"{double.urls['logout']}?logout_challenge={secrets.token_hex(16)}")
        else:
            self._redirect(double.urls["post_logout_redirect"])

    def _clients(self, body: dict[str, Any]) -> None:
        double = self.server.double
        if self.command == "GET":
            self._json(200, list(double.clients.values())[:1])
            return
        if double.chooses_ids and "client_id" in body:
            self._json(400, {"error": "invalid_request", "error_description": "no id, please"})
            return
        made = {"client_id": secrets.token_hex(8), **body}
        double.clients[made["client_id"]] = made
        self._json(201, made)

    def _client(self, client_id: str) -> None:
        double = self.server.double
        if client_id not in double.clients:
            self._json(404, {"error": "Unable to locate the resource", "error_description": ""})
        elif self.command == "DELETE":
            del double.clients[client_id]
            self._answer(204, {}, b"")
        else:
            self._json(200, double.clients[client_id])

    def _login_request(self, query: dict[str, str]) -> None:
        double = self.server.double
        document = {
            "challenge": query["login_challenge"],
            "client": next(iter(double.clients.values())),
            "request_url": f"{double.public_url}/oauth2/auth?client_id=x",
            "skip": False,
            "subject": "",
        }
        self._json(200, document)

    def _accept(self) -> None:
        double = self.server.double
        client_id = next(iter(double.clients))
        again = f"/oauth2/auth?client_id={client_id}&login_verifier={secrets.token_hex(16)}"
        self._json(200, {"redirect_to": f"{double.public_url}{again}"})

    def _end_sessions(self, query: dict[str, str]) -> None:
        self.server.double.ended.append(query["subject"])
        self._answer(204, {}, b"")

    def _redirect(self, target: str, *cookies: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        for cookie in cookies:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, status: int, document: Any) -> None:
        kind = {"Content-Type": "application/json"}
        self._answer(status, kind, json.dumps(document).encode())

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        with suppress(ConnectionError):  # whoever asked had enough
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


for _method in ("GET", "POST", "PUT", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler.serve)
