"""The other side of a journey: an app that sends people to Ory and redeems the codes."""

import html
import json
import secrets
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

POPUP = """<!doctype html><title>App</title><button id="open">Sign in</button><p id="result"></p>
<script>
document.getElementById("open").onclick = () => window.open(%s, "sign-in", "width=500,height=700");
window.addEventListener("message", event => {
  document.getElementById("result").textContent = event.data;
});
</script>"""
CALLBACK = """<!doctype html><title>Back at the app</title>
<h1 id="back">Back at the app</h1><dl>%s</dl>
<script>if (window.opener) window.opener.postMessage(location.search, "*");</script>"""


class RelyingParty:
    """A web server on loopback: ``/callback``, ``/after-logout``, and a page with a pop-up."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.callback = f"{self.url}/callback"
        self.after_logout = f"{self.url}/after-logout"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def received(self) -> list[dict[str, str]]:
        """What came to ``/callback``, oldest first."""
        return self._server.received

    def popup_page(self, authorize_url: str) -> str:
        """The address of a page that opens *authorize_url* in a pop-up."""
        self._server.popup_url = authorize_url
        return f"{self.url}/popup"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.received: list[dict[str, str]] = []
        self.popup_url = ""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        if parts.path == "/callback":
            self.server.received.append(query)
        self._page(self._body(parts.path, query))

    def _body(self, path: str, query: dict[str, str]) -> str:
        if path == "/popup":
            return POPUP % json.dumps(self.server.popup_url)
        rows = "".join(
            f"<dt>{html.escape(name)}</dt><dd id='{html.escape(name)}'>{html.escape(value)}</dd>"
            for name, value in query.items()
        )
        return CALLBACK % rows

    def _page(self, body: str) -> None:
        text = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True, kw_only=True)
class App:
    """A client that is registered at Hydra, with what it needs to run a flow."""

    public_url: str
    admin_url: str
    client_id: str
    client_secret: str
    redirect_uri: str
    name: str
    http: httpx.Client = field(repr=False)

    def authorize_url(self, scope: str = "openid offline", **parameters: str) -> str:
        """Where the app sends a browser."""
        query = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": scope,
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
        } | parameters
        return f"{self.public_url}/oauth2/auth?{urlencode(query)}"

    def logout_url(self, id_token: str, **parameters: str) -> str:
        """Where the app sends a browser that shall be signed out."""
        query = {"id_token_hint": id_token} | parameters
        return f"{self.public_url}/oauth2/sessions/logout?{urlencode(query)}"

    def exchange(self, code: str) -> dict[str, Any]:
        """The tokens for *code*."""
        answer = self._token(
            grant_type="authorization_code", code=code, redirect_uri=self.redirect_uri
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, refresh_token: str) -> httpx.Response:
        return self._token(grant_type="refresh_token", refresh_token=refresh_token)

    def introspect(self, token: str) -> dict[str, Any]:
        """What Hydra says about *token*."""
        answer = self.http.post(f"{self.admin_url}/admin/oauth2/introspect", data={"token": token})
        return dict(answer.json())

    def is_active(self, token: str) -> bool:
        return bool(self.introspect(token)["active"])

    def userinfo(self, access_token: str) -> httpx.Response:
        return self.http.get(
            f"{self.public_url}/userinfo", headers={"Authorization": f"Bearer {access_token}"}
        )

    def _token(self, **fields: str) -> httpx.Response:
        credentials = {"client_id": self.client_id, "client_secret": self.client_secret}
        return self.http.post(f"{self.public_url}/oauth2/token", data=fields | credentials)
