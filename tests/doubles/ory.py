"""An in-memory Ory admin API at the network edge, for tests of everything above the Ory client.

It knows Ory's documents and nothing of the portal: a field misspelt in the client fails here as it
would fail at Ory. What it copies from the real thing: challenges never wear out (accept twice is
200 twice), unknown body fields are 400 (`release="2.3"`) or ignored (`release="26"`), scopes are
not validated, an accepted consent is listed only after the browser came back with its verifier
(`follow`).

    double = OryDouble()
    challenge = double.plant_login(client={"client_id": "photos"}, requested_scope=["openid"])
    http = httpx.AsyncClient(transport=double.transport())
    ...
    assert double.decisions == [("login", "accept", {"subject": "alice", "remember": False})]
"""

import asyncio
import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

JSON = dict[str, Any]

_REQUEST_KINDS = ("login", "consent", "logout")
_DEVICE_PATH = "/oauth2/device/verify"
_BODY_FIELDS = {
    ("login", "accept"): {
        *(
            "subject",
            "remember",
            "remember_for",
            "extend_session_lifespan",
            "acr",
            "amr",
            "context",
        ),
        *("force_subject_identifier", "identity_provider_session_id"),
    },
    ("consent", "accept"): {
        *("grant_scope", "grant_access_token_audience", "remember", "remember_for", "session"),
        *("context", "handled_at"),
    },
}
_REJECT_FIELDS = {"error", "error_description", "error_hint", "error_debug", "status_code"}


def client_document(client_id: str = "photos", **fields: Any) -> JSON:
    """A client as Ory prints it inside requests and lists: everything present, no secret."""
    return {
        "client_id": client_id,
        "client_name": client_id.title(),
        "redirect_uris": ["https://photos.test/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid offline offline_access profile email",
        "audience": [],
        "owner": "",
        "policy_uri": "",
        "allowed_cors_origins": [],
        "tos_uri": "",
        "client_uri": "",
        "logo_uri": "",
        "contacts": None,
        "client_secret_expires_at": 0,
        "subject_type": "public",
        "jwks": {},
        "token_endpoint_auth_method": "client_secret_basic",
        "userinfo_signed_response_alg": "none",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "metadata": None,
        "skip_consent": False,
        "skip_logout_consent": None,
        "authorization_code_grant_access_token_lifespan": None,
        **fields,
    }


class OryDouble:
    """State, fault switches and records of one pretended Ory; `transport()` is its network edge."""

    def __init__(
        self,
        *,
        admin_url: str = "http://ory.test:4445",
        public_url: str = "http://ory.test:4444",
        release: str = "2.3",
        api_key: str | None = None,
    ) -> None:
        self.admin_url, self.public_url = admin_url, public_url
        self.release, self.api_key = release, api_key
        self.decisions: list[tuple[str, str, JSON | None]] = []
        """What was decided, oldest first: (kind, "accept" or "reject", body)."""
        self.deletions: list[tuple[str, dict[str, str]]] = []
        """What was deleted, oldest first: ("consent" | "login" | "client", the query)."""
        self.calls: list[tuple[str, str]] = []
        """Every call that arrived: (method, path below /admin)."""
        self.clients: dict[str, JSON] = {}
        self._requests: dict[tuple[str, str], JSON] = {}
        self._user_codes: dict[str, str] = {}
        self._expired: set[str] = set()
        self._used: dict[str, str] = {}
        self._sessions: dict[str, list[JSON]] = {}
        self._accepted: dict[str, JSON] = {}
        self._delay = 0.0
        self._fault: httpx.Response | type[httpx.TransportError] | None = None
        self._fault_calls: int | None = None

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    # --- what a test plants -------------------------------------------------------------------

    def plant_login(self, client: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """A login request; *client* and *fields* override the members of Ory's document."""
        return self._plant("login", client, {"session_id": secrets.token_hex(16)} | fields)

    def plant_consent(self, client: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """A consent request of subject "alice" unless told otherwise."""
        document: JSON = {
            "subject": "alice",
            "login_challenge": secrets.token_hex(16),
            "login_session_id": secrets.token_hex(16),
            "acr": "",
            "amr": [],
            "context": None,
        }
        if self.release != "2.3":
            document["consent_request_id"] = secrets.token_hex(16)
        return self._plant("consent", client, document | fields)

    def plant_logout(self, client: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """A logout request: started by *client*, else by Ory's own page."""
        challenge = secrets.token_hex(16)
        self._requests["logout", challenge] = {
            "challenge": challenge,
            "subject": "alice",
            "sid": secrets.token_hex(16),
            "request_url": "/oauth2/sessions/logout",
            "rp_initiated": client is not None,
            "client": None if client is None else client_document(**client),
            "expires_at": None,
            "requested_at": None,
        } | fields
        return challenge

    def plant_device(self, **query: str) -> str:
        """A device challenge, as a browser gets it at Ory's address for devices."""
        challenge = secrets.token_urlsafe(264)
        asked = f"?{urlencode(query)}" if query else ""
        self._requests["device", challenge] = {
            "request_url": f"{self.public_url}{_DEVICE_PATH}{asked}"
        }
        return challenge

    def plant_user_code(self, user_code: str, client_id: str = "tv") -> None:
        """A code that some device of *client_id* shows now; it is good for any device challenge."""
        self._user_codes[user_code] = client_id

    def device_address(self, **query: str) -> str:
        """What ``request_url`` is in the login and consent requests of a device flow."""
        asked = {"user_code": "****", "client_id": "tv"} | query
        return f"{self.public_url}{_DEVICE_PATH}?{urlencode(asked)}"

    def plant_consent_session(
        self, subject: str = "alice", client_id: str = "photos", **fields: Any
    ) -> JSON:
        """A consent that Ory lists for *subject*, as if given and redeemed earlier."""
        challenge = self.plant_consent({"client_id": client_id}, subject=subject)
        request = self._requests.pop(("consent", challenge))
        session = self._session_document(
            request, {"grant_scope": ["openid"], "remember": True} | fields
        )
        self._sessions.setdefault(subject, []).insert(0, session)
        return session

    def plant_client(self, client_id: str = "photos", **fields: Any) -> JSON:
        self.clients[client_id] = client_document(client_id, **fields)
        return self.clients[client_id]

    def expire(self, challenge: str) -> None:
        """From now on the challenge is older than Ory's lifetime of challenges."""
        self._expired.add(challenge)

    def use_up(
        self, challenge: str, redirect_to: str = "/oauth2/sessions/logout?logout_verifier=x"
    ) -> None:
        """From now on the challenge answers 410, as Hydra 2.3 does after a completed logout."""
        self._used[challenge] = redirect_to

    def follow(self, redirect_to: str) -> None:
        """Pretend that the browser came back with the verifier: only now is a consent listed."""
        verifier = parse_qs(urlsplit(redirect_to).query).get("consent_verifier", [""])[0]
        session = self._accepted.pop(verifier, None)
        if session is not None:
            subject = session["consent_request"]["subject"]
            self._sessions.setdefault(subject, []).insert(0, session)

    def sessions_of(self, subject: str) -> list[JSON]:
        """The consent sessions that Ory would list: none of a deleted client."""
        rows = self._sessions.get(subject, [])
        return [r for r in rows if r["consent_request"]["client"]["client_id"] in self.clients]

    def decided(self, kind: str, verb: str) -> list[JSON | None]:
        """The bodies of all decisions of one kind."""
        return [body for what, how, body in self.decisions if (what, how) == (kind, verb)]

    # --- fault switches; `times` bounds them, `heal` ends them --------------------------------

    def down(self, *, times: int | None = None) -> None:
        """Nobody listens: every call is a refused connection."""
        self._fault, self._fault_calls = httpx.ConnectError, times

    def slow(self, seconds: float) -> None:
        """Every answer takes *seconds*."""
        self._delay = seconds

    def garbage(self, *, times: int | None = None) -> None:
        """200 with something that is not Ory's document."""
        self._fault = httpx.Response(200, html="<html>Welcome to nginx</html>")
        self._fault_calls = times

    def status(self, code: int, body: Any = None, *, headers: Mapping[str, str] | None = None,
               times: int | None = None) -> None:  # fmt: skip
        """Every call answers *code* with *body* (an object becomes JSON, a string goes as HTML)."""
        kind = {"html": body} if isinstance(body, str) else {"json": {} if body is None else body}
        self._fault, self._fault_calls = httpx.Response(code, headers=headers, **kind), times

    def heal(self) -> None:
        self._fault, self._fault_calls, self._delay = None, None, 0.0

    # --- the edge -----------------------------------------------------------------------------

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.calls.append((request.method, path.removeprefix("/admin")))
        if self._delay:
            await asyncio.sleep(self._delay)
        if (fault := self._take_fault()) is not None:
            if isinstance(fault, httpx.Response):
                return httpx.Response(
                    fault.status_code, headers=fault.headers, content=fault.content
                )
            raise fault("connection refused", request=request)
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return httpx.Response(401, json={"error": {"code": 401, "status": "Unauthorized"}})
        return self._route(request, path, dict(request.url.params))

    def _take_fault(self) -> httpx.Response | type[httpx.TransportError] | None:
        fault = self._fault
        if fault is not None and self._fault_calls is not None:
            self._fault_calls -= 1
            if self._fault_calls <= 0:
                self._fault = None
        return fault

    def _route(self, request: httpx.Request, path: str, query: dict[str, str]) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        if path in ("/health/ready", "/health/alive"):
            return httpx.Response(200, json={"status": "ok"})
        return self._route_admin(request, path, query, body)

    def _route_admin(
        self, request: httpx.Request, path: str, query: dict[str, str], body: Any
    ) -> httpx.Response:
        match request.method, path.strip("/").split("/"):
            case "GET", ["admin", "oauth2", "auth", "requests", kind] if kind in _REQUEST_KINDS:
                return self._request(kind, query)
            case "PUT", ["admin", "oauth2", "auth", "requests", kind, "accept" | "reject" as verb]:
                return self._decide(kind, verb, query, body)
            case "GET", ["admin", "oauth2", "auth", "sessions", "consent"]:
                return self._list_sessions(query)
            case "DELETE", ["admin", "oauth2", "auth", "sessions", "consent" | "login" as kind]:
                return self._delete_sessions(kind, query)
            case method, ["admin", "clients", *rest]:
                return self._clients(method, rest, body, query)
        return httpx.Response(404, html="404 page not found")

    def _request(self, kind: str, query: Mapping[str, str]) -> httpx.Response:
        challenge = query.get(f"{kind}_challenge", "")
        if (kind, challenge) not in self._requests:
            return _error(404, "Not Found", "Unable to locate the requested resource")
        if challenge in self._used:
            return httpx.Response(410, json={"redirect_to": self._used[challenge]})
        if challenge in self._expired:
            return _error(401, "request_unauthorized", "The request could not be authorized.")
        return httpx.Response(200, json=self._requests[kind, challenge])

    def _decide(self, kind: str, verb: str, query: Mapping[str, str], body: Any) -> httpx.Response:
        if kind == "device":
            return self._accept_device(verb, query, body)
        found = self._request(kind, query)
        if found.status_code not in (200, 410):
            return found
        request = self._requests[kind, query[f"{kind}_challenge"]]
        if refusal := self._refuse(kind, verb, body):
            return refusal
        self.decisions.append((kind, verb, body))
        if kind == "logout" and verb == "reject":
            return httpx.Response(204)
        return httpx.Response(
            200, json={"redirect_to": self._redirect_to(kind, verb, request, body)}
        )

    def _accept_device(self, verb: str, query: Mapping[str, str], body: Any) -> httpx.Response:
        """Wrong, expired and used codes are one 400; the others may be told again and again."""
        if verb != "accept" or self.release == "2.3":
            return httpx.Response(404, html="404 page not found")
        found = self._request("device", query)
        if found.status_code != 200:
            return found
        client_id = self._user_codes.get(body.get("user_code") if isinstance(body, dict) else "")
        if client_id is None:
            return _error(400, "invalid_request", "The 'user_code' session could not be found.")
        self.decisions.append(("device", "accept", body))
        verifier = {"device_verifier": secrets.token_urlsafe(32), "client_id": client_id}
        target = self._redirect_to("device", "accept", found.json(), verifier)
        return httpx.Response(200, json={"redirect_to": target})

    def _refuse(self, kind: str, verb: str, body: Any) -> httpx.Response | None:
        if kind == "logout":
            return None
        if not isinstance(body, dict):
            return _error(400, "error", "The error is unrecognizable")
        allowed = _BODY_FIELDS[kind, verb] if verb == "accept" else _REJECT_FIELDS
        extra = set(body) - allowed | set(body.get("session") or {}) - {"access_token", "id_token"}
        if extra and self.release == "2.3":
            return _error(400, "invalid_request", f"json: unknown field {sorted(extra)[0]!r}")
        if (kind, verb) == ("login", "accept") and not body.get("subject"):
            return _error(400, "invalid_request", "Field 'subject' must not be empty.")
        return None

    def _redirect_to(self, kind: str, verb: str, request: JSON, body: Any) -> str:
        verifier = secrets.token_urlsafe(32)
        if kind == "logout":
            return f"{self.public_url}/oauth2/sessions/logout?logout_verifier={verifier}"
        url: str = request["request_url"]
        join = "&" if "?" in url else "?"
        if kind == "device":
            return f"{url}{join}{urlencode(body)}"
        if (
            kind == "login"
            and verb == "accept"
            and request["skip"]
            and body["subject"] != request["subject"]
        ):
            return f"{url}{join}prompt=login"
        if (kind, verb) == ("consent", "accept"):
            self._accepted[verifier] = self._session_document(request, body)
        return f"{url}{join}{kind}_verifier={verifier}"

    def _plant(self, kind: str, client: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> str:
        challenge = secrets.token_urlsafe(48) + "=="
        shown = client_document(**(client or {}))
        self.clients.setdefault(shown["client_id"], shown)
        scopes: Sequence[str] = fields.get("requested_scope", ["openid"]) or ()
        query = {
            "client_id": shown["client_id"],
            "response_type": "code",
            "scope": " ".join(scopes),
            "state": "s" * 16,
        }
        self._requests[kind, challenge] = {
            "challenge": challenge,
            "requested_scope": list(scopes),
            "requested_access_token_audience": [],
            "skip": False,
            "subject": "",
            "oidc_context": {},
            "client": shown,
            "request_url": f"{self.public_url}/oauth2/auth?{urlencode(query)}",
        } | dict(fields)
        return challenge

    def _session_document(self, request: JSON, body: Mapping[str, Any]) -> JSON:
        session: JSON = {
            "grant_scope": [],
            "grant_access_token_audience": [],
            "session": {"access_token": {}, "id_token": {}},
            "remember": False,
            "remember_for": 0,
            "handled_at": "2026-01-01T00:00:00Z",
            "context": request.get("context"),
            "consent_request": request,
        }
        if "consent_request_id" in request:
            session["consent_request_id"] = request["consent_request_id"]
        return session | {key: value for key, value in body.items() if value is not None}

    def _list_sessions(self, query: Mapping[str, str]) -> httpx.Response:
        if not query.get("subject"):
            return _error(
                400,
                "invalid_request",
                "Query parameter 'subject' is not defined but should have been.",
            )
        if query["subject"] not in self._sessions:
            return httpx.Response(200, json=[])
        rows = self.sessions_of(query["subject"])
        size = int(query.get("page_size", 250))
        start = (
            _offset(query.get("page_token", ""))
            if self.release == "2.3"
            else int(query.get("page_token", 0))
        )
        headers = {
            "X-Total-Count": str(len(rows)),
            "Link": '</?page_size=0&page_token=x>; rel="next"',
        }
        if self.release != "2.3":
            next_page = urlencode({**query, "page_token": str(start + size)})
            link = f'</admin/oauth2/auth/sessions/consent?{next_page}>; rel="next"'
            headers = {"Link": link} if start + size < len(rows) else {}
        return httpx.Response(200, json=rows[start : start + size], headers=headers)

    def _delete_sessions(self, kind: str, query: dict[str, str]) -> httpx.Response:
        if refusal := self._refuse_deletion(kind, query):
            return refusal
        self.deletions.append((kind, query))
        if kind == "consent":
            for subject, rows in self._sessions.items():
                self._sessions[subject] = [row for row in rows if not _names(query, subject, row)]
        return httpx.Response(204)

    def _refuse_deletion(self, kind: str, query: Mapping[str, str]) -> httpx.Response | None:
        allowed = (
            [{"subject", "client"}, {"subject", "all"}]
            if kind == "consent"
            else [{"subject"}, {"sid"}]
        )
        if kind == "consent" and self.release != "2.3":
            allowed.append({"consent_request_id"})
        if set(query) in allowed and all(query.values()) and query.get("all", "true") == "true":
            return None
        return _error(400, "invalid_request", "The parameters do not fit together.")

    def _clients(
        self, method: str, rest: list[str], body: Any, query: Mapping[str, str]
    ) -> httpx.Response:
        if method == "POST":
            return self._create_client(body)
        if not rest:
            size, start = int(query.get("page_size", 250)), int(query.get("page_token") or 0)
            rows = list(self.clients.values())
            following = urlencode(dict(query) | {"page_token": start + size})
            link = f'</admin/clients?{following}>; rel="next"'
            headers = {"Link": link} if start + size < len(rows) else {}
            return httpx.Response(200, json=rows[start : start + size], headers=headers)
        if rest[0] not in self.clients:
            return _error(404, "Unable to locate the resource", "")
        if method == "DELETE":
            del self.clients[rest[0]]
            self.deletions.append(("client", {"client_id": rest[0]}))
            return httpx.Response(204)
        if method == "PATCH":
            return self._patch_client(rest[0], body)
        return httpx.Response(200, json=self.clients[rest[0]])

    def _patch_client(self, client_id: str, operations: list[JSON]) -> httpx.Response:
        """Only ``add`` has an effect, as at Hydra 2.3: ``remove`` is answered 200 and does
        nothing."""
        changes = {o["path"].removeprefix("/"): o["value"] for o in operations if o["op"] == "add"}
        if refusal := _refused_metadata(changes):
            return refusal
        if "scope" in changes:
            changes["scope"] = changes["scope"] or "offline_access offline openid"
        secret = {n: changes.pop(n) for n in ("client_secret",) if n in changes}
        self.clients[client_id] |= changes | {"updated_at": f"2026-01-02T00:00:{len(self.calls)}Z"}
        return httpx.Response(200, json=self.clients[client_id] | secret)

    def _create_client(self, body: JSON) -> httpx.Response:
        client_id = body.get("client_id") or secrets.token_hex(8)
        if client_id in self.clients:
            return _error(
                409,
                "Unable to insert or update resource because it exists already",
                "",
            )
        if refusal := _refused_metadata(body):
            return refusal
        self.clients[client_id] = client_document(**(body | {"client_id": client_id}))
        made = dict(self.clients[client_id])
        if made["token_endpoint_auth_method"] != "none":
            made.setdefault("client_secret", secrets.token_urlsafe(20))
        return httpx.Response(201, json=made)


def _refused_metadata(members: JSON) -> httpx.Response | None:
    """The two refusals that tests provoke, in Hydra's words."""
    if any("#" in uri for uri in members.get("redirect_uris") or ()):
        return _error(
            400,
            "invalid_redirect_uri",
            "The value of one or more redirect_uris is invalid. Unable to parse redirect URL",
        )
    if members.get("subject_type") not in (None, "", "public", "pairwise"):
        return _error(
            400,
            "invalid_client_metadata",
            "The value of one of the Client Metadata fields is invalid and the server has "
            "rejected this request. Note that an Authorization Server MAY choose to substitute a "
            "valid value for any requested parameter of a Client's Metadata. Subject type "
            f"{members['subject_type']} is not supported by server, only [public] are allowed.",
        )
    return None


def _error(status: int, error: str, description: str) -> httpx.Response:
    return httpx.Response(status, json={"error": error, "error_description": description})


def _offset(token: str) -> int:
    """Hydra 2.3's page token: base64url of {"offset":"N","v":2}; garbage means the first page."""
    try:
        return int(json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))["offset"])
    except (ValueError, KeyError):
        return 0


def _names(query: Mapping[str, str], subject: str, row: JSON) -> bool:
    if "consent_request_id" in query:
        return bool(row.get("consent_request_id") == query["consent_request_id"])
    client_id = row["consent_request"]["client"]["client_id"]
    return subject == query["subject"] and query.get("client", client_id) == client_id
