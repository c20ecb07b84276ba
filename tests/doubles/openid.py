"""An OpenID provider in memory, with real signatures, that says yes to everybody; and lies on
request.

It is an ASGI application: `transport()` puts it behind a client, and a server can run it, too.
What it answers can be changed before each step, so that a test says only what is wrong.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from joserfc import jws
from joserfc.jwk import KeySet, RSAKey

ISSUER = "http://ory.test"
SUBJECT = "ann-71f0"
CLIENT_ID = "photos"
SECRET = "canary-client-secret"
Answer = tuple[int, Any]


class OpenIDDouble:
    """Attributes named ``change_…`` are applied to what it would have answered."""

    def __init__(self, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.reset()

    def reset(self) -> None:
        """As if it had just been started."""
        self.key = _KEY
        self.published: list[Any] = [self.key]
        self.client_secret: str | None = SECRET
        self.secret_in = "basic"
        self.says_no_method = False
        """Whether it keeps to itself what is wrong with how a client proves who it is."""
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        """Method, path and form of every request."""
        self.headers: list[dict[str, str]] = []
        self.redirect_to: str | None = None
        """Where the authorization endpoint sends the browser instead of back to the app."""
        self.change_callback: Callable[[dict[str, str]], dict[str, str]] = lambda answer: answer
        self.change_claims: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.change_answer: Callable[[dict[str, Any]], Any] = lambda answer: answer
        self.change_discovery: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.answers: dict[str, Answer | bytes] = {}
        """Answers by path, instead of its own."""
        self.userinfo: dict[str, Any] = {"sub": SUBJECT, "email": "ann@example.org"}
        self.registered: dict[str, Any] = {"client_id": CLIENT_ID}
        self.granted: str | None = None
        self.device_steps: list[Answer] = []
        self.opaque = True
        self.delay = 0.0
        """Seconds before each answer."""
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh: dict[str, dict[str, str]] = {}
        self._dead: set[str] = set()

    def transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(app=self)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.requests]

    def signed(self, claims: dict[str, Any], *, key: Any = None, kid: str | None = None) -> str:
        key = key or self.key
        header, payload = {"alg": "RS256", "kid": kid or key.kid}, json.dumps(claims).encode()
        return jws.serialize_compact(header, payload, key, algorithms=["RS256"])

    def unsigned(self, claims: dict[str, Any]) -> str:
        """``alg: none``."""
        return f"{self._unsigned(claims, alg='none')}."

    def signed_with_the_public_key(self, claims: dict[str, Any]) -> str:
        """HS256 with what everybody can read as the secret."""
        text = self._unsigned(claims, alg="HS256")
        secret = self.key.as_pem(private=False)
        return f"{text}.{_b64(hmac.digest(secret, text.encode(), 'sha256'))}"

    def _unsigned(self, claims: dict[str, Any], *, alg: str) -> str:
        parts = ({"alg": alg, "kid": self.key.kid}, claims)
        return ".".join(_b64(json.dumps(part).encode()) for part in parts)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        path, query = scope["path"], dict(parse_qsl(scope["query_string"].decode()))
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        headers = {k.decode().lower(): v.decode() for k, v in scope["headers"]}
        self.requests.append((scope["method"], path, form or query))
        self.headers.append(headers)
        await asyncio.sleep(self.delay)
        found = self.answers.get(path) or self._answer(path, query, form, headers)
        status, document = (200, found) if isinstance(found, bytes) else found
        sent = [(b"content-type", b"application/json")]
        if status in (302, 303):
            sent, document = [(b"location", str(document).encode())], b""
        elif isinstance(document, str):
            sent, document = [(b"content-type", b"application/jwt")], document.encode()
        elif not isinstance(document, bytes):
            document = json.dumps(document).encode()
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": document})

    def _answer(
        self, path: str, query: dict[str, str], form: dict[str, str], headers: dict[str, str]
    ) -> Answer:
        answers: dict[str, Callable[[], Answer]] = {
            "/.well-known/openid-configuration": lambda: (200, self._discovery()),
            "/keys": lambda: (200, KeySet(self.published).as_dict(private=False)),
            "/auth": lambda: (302, self._authorize(query)),
            "/token": lambda: self._token(form, headers),
            "/userinfo": lambda: (200, self.userinfo),
            "/revoke": lambda: self._revoke(form),
            "/device": lambda: (200, self._device()),
            "/admin/oauth2/introspect": lambda: (200, self._introspect(form["token"])),
            f"/admin/clients/{CLIENT_ID}": lambda: (200, self.registered),
        }
        unknown = {"error": "Not Found", "error_description": "no such path"}
        return answers[path]() if path in answers else (404, unknown)

    def _revoke(self, form: dict[str, str]) -> Answer:
        self._dead.add(form["token"])
        return 200, b""

    def _introspect(self, token: str) -> dict[str, Any]:
        if token in self._dead:
            return {"active": False}
        return {"active": True, "sub": SUBJECT, "client_id": CLIENT_ID}

    def _device(self) -> dict[str, Any]:
        return {
            "device_code": "canary-device-code",
            "user_code": "ABCD-EFGH",
            "verification_uri": f"{self.issuer}/device/verify",
            "verification_uri_complete": f"{self.issuer}/device/verify?user_code=ABCD-EFGH",
            "expires_in": 600,
            "interval": 0.01,
        }

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "end_session_endpoint": f"{self.issuer}/logout",
            "device_authorization_endpoint": f"{self.issuer}/device",
        } | self.change_discovery

    def _authorize(self, query: dict[str, str]) -> str:
        if self.redirect_to is not None:
            return self.redirect_to
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        answer = self.change_callback({"code": code, "state": query["state"]})
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def _token(self, form: dict[str, str], headers: dict[str, str]) -> Answer:
        if not self._knows(form, headers):
            return 401, {"error": "invalid_client", "error_description": self._finds(form, headers)}
        grant = form.get("grant_type", "")
        if grant.endswith("device_code") and self.device_steps:
            return self.device_steps.pop(0)
        if grant.endswith("device_code"):
            asked = {"scope": "openid offline", "nonce": ""}
        elif grant == "refresh_token":
            asked = self._refresh.pop(form["refresh_token"], {})
        else:
            asked = self._redeem(form)
        if not asked:
            return 400, {"error": "invalid_grant", "error_description": "not good any more"}
        return 200, self.change_answer(self._tokens(asked))

    def _redeem(self, form: dict[str, str]) -> dict[str, str]:
        asked = self._codes.pop(form.get("code", ""), {})
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        fits = asked and asked["redirect_uri"] == form.get("redirect_uri")
        return asked if fits and asked["code_challenge"] == _b64(digest) else {}

    def _knows(self, form: dict[str, str], headers: dict[str, str]) -> bool:
        if self.client_secret is None:
            return form.get("client_id") == CLIENT_ID and "authorization" not in headers
        if self.secret_in == "body":
            return form.get("client_secret") == self.client_secret
        credentials = base64.b64encode(f"{CLIENT_ID}:{self.client_secret}".encode()).decode()
        return headers.get("authorization") == f"Basic {credentials}"

    def _finds(self, form: dict[str, str], headers: dict[str, str]) -> str:
        """Hydra's own words: about the method where that is wrong, else no more than a no."""
        registered = "none" if self.client_secret is None else f"client_secret_{self.secret_in}"
        registered = registered.replace("_body", "_post")
        used = "client_secret_basic" if "authorization" in headers else "client_secret_post"
        if self.says_no_method:
            return ""
        sent = "authorization" in headers or "client_secret" in form
        if not sent or used == registered:
            return "Client authentication failed."
        return (
            "Client authentication failed. The OAuth 2.0 Client supports client authentication "
            f"method '{registered}', but method '{used}' was requested. You must configure the "
            f"OAuth 2.0 client's 'token_endpoint_auth_method' value to accept '{used}'."
        )

    def _tokens(self, asked: dict[str, str]) -> dict[str, Any]:
        now = int(time.time())
        access = f"ory_at_{secrets.token_urlsafe(16)}"
        if not self.opaque:
            access = self.signed({"iss": self.issuer, "sub": SUBJECT, "exp": now + 3600})
        refresh = f"ory_rt_{secrets.token_urlsafe(16)}"
        self._refresh[refresh] = asked
        claims = {
            "iss": self.issuer,
            "sub": SUBJECT,
            "aud": [CLIENT_ID],
            "exp": now + 3600,
            "iat": now,
            "auth_time": now,
            "at_hash": _b64(hashlib.sha256(access.encode()).digest()[:16]),
            "email": "ann@example.org",
        }
        if asked.get("nonce"):
            claims["nonce"] = asked["nonce"]
        return {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": 3599,
            "refresh_token": refresh,
            "id_token": self.sign(self.change_claims(claims)),
            "scope": asked.get("scope", "") if self.granted is None else self.granted,
        }


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_KEY = RSAKey.generate_key(2048, {"kid": "key-1", "use": "sig"}, auto_kid=False)
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "key-2", "use": "sig"}, auto_kid=False)
