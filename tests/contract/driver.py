"""Drive an Ory server from outside: as an app, a browser, and the pages that it sends browsers to.

It knows HTTP and the documents, nothing of the portal and nothing of the stand-in. Nobody listens
at the addresses of the pages and of the apps: a browser here follows redirects as long as they stay
at Ory, and stops at the first address elsewhere.
"""

import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from tests.contract import documents

UI = "http://localhost:3000"
LOGIN_UI, CONSENT_UI, LOGOUT_UI = f"{UI}/login", f"{UI}/consent", f"{UI}/logout"
DEVICE_UI, DEVICE_DONE = f"{UI}/device/verify", f"{UI}/device/success"
ERROR_UI, HOME = f"{UI}/error", f"{UI}/"
CALLBACK = "http://127.0.0.1:5555/callback"
AFTER_LOGOUT = "http://127.0.0.1:5555/after-logout"
SCOPE = "openid offline profile read write"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
MOST_REDIRECTS = 10
_TLS = ssl.create_default_context()
"""Made once, because it is dear; nothing here speaks TLS."""

Document = dict[str, Any]


def open_http() -> httpx.Client:
    """A client without proxy, patience for a slow machine, and no redirects of its own."""
    return httpx.Client(verify=_TLS, trust_env=False, timeout=30)


@dataclass(frozen=True, kw_only=True)
class Ory:
    """A server under test, seen from its admin side and as an OpenID provider."""

    profile: str
    """``2.3`` or ``26``: which column of the contract holds."""
    public_url: str
    admin_url: str
    closed: bool
    """Whether a member that the contract does not name is an error: it is in a stand-in."""
    http: httpx.Client = field(repr=False)

    def admin(self, method: str, path: str, **how: Any) -> httpx.Response:
        return self.http.request(method, f"{self.admin_url}/admin{path}", **how)

    def public(self, method: str, path: str, **how: Any) -> httpx.Response:
        return self.http.request(method, f"{self.public_url}{path}", **how)

    def document(self, answer: httpx.Response, shape: Document, *, status: int = 200) -> Document:
        """The body of an answer that succeeded and has this shape."""
        assert answer.status_code == status, (answer.status_code, answer.text[:300])
        body = answer.json()
        shape = documents.by_profile(shape, self.profile)
        wrong = list(documents.problems(shape, body, closed=self.closed))
        assert not wrong, wrong
        return dict(body)

    # --- login, consent and logout requests

    def get(self, kind: str, challenge: str) -> httpx.Response:
        """Ask for a request of *kind* ``login``, ``consent`` or ``logout``."""
        query = {f"{kind}_challenge": challenge}
        return self.admin("GET", f"/oauth2/auth/requests/{kind}", params=query)

    def put(self, kind: str, verdict: str, challenge: str, **how: Any) -> httpx.Response:
        """Accept or reject one."""
        query = {f"{kind}_challenge": challenge}
        return self.admin("PUT", f"/oauth2/auth/requests/{kind}/{verdict}", params=query, **how)

    def login_request(self, challenge: str) -> Document:
        return self.document(self.get("login", challenge), documents.LOGIN_REQUEST)

    def consent_request(self, challenge: str) -> Document:
        return self.document(self.get("consent", challenge), documents.CONSENT_REQUEST)

    def logout_request(self, challenge: str) -> Document:
        return self.document(self.get("logout", challenge), documents.LOGOUT_REQUEST)

    def accept(self, kind: str, challenge: str, **body: Any) -> str:
        """Where the browser goes after an accept."""
        return self._decide(kind, "accept", challenge, body)

    def reject(self, kind: str, challenge: str, **body: Any) -> str:
        """Where the browser goes after a reject."""
        return self._decide(kind, "reject", challenge, {"error": "access_denied"} | body)

    def _decide(self, kind: str, verdict: str, challenge: str, body: Document) -> str:
        answer = self.put(kind, verdict, challenge, json=body)
        return str(self.document(answer, documents.REDIRECT)["redirect_to"])

    # --- what it remembers

    def list_consents(self, subject: str, **query: str) -> list[Document]:
        """The consents of *subject*, as one page has them."""
        answer = self.list_page(subject, **query)
        assert answer.status_code == 200, answer.text
        shape = documents.by_profile(documents.CONSENT_SESSION, self.profile)
        wrong = list(documents.problems([shape], answer.json(), closed=self.closed))
        assert not wrong, wrong
        return list(answer.json())

    def list_page(self, subject: str, **query: str) -> httpx.Response:
        return self.admin(
            "GET", "/oauth2/auth/sessions/consent", params={"subject": subject} | query
        )

    def delete_consents(self, **query: str) -> int:
        """The status that deleting answers."""
        return self.admin("DELETE", "/oauth2/auth/sessions/consent", params=query).status_code

    def delete_logins(self, **query: str) -> int:
        return self.admin("DELETE", "/oauth2/auth/sessions/login", params=query).status_code

    def introspect(self, token: str, **form: str) -> Document:
        answer = self.admin("POST", "/oauth2/introspect", data={"token": token} | form)
        assert answer.status_code == 200, answer.text
        if not answer.json()["active"]:
            return dict(answer.json())
        return self.document(answer, documents.INTROSPECTION)

    def is_active(self, token: str) -> bool:
        return bool(self.introspect(token)["active"])

    # --- clients and public documents

    def create_client(self, **fields: Any) -> httpx.Response:
        return self.admin("POST", "/clients", json=fields)

    def register(self, **fields: Any) -> "App":
        """An app that may do what apps do here; *fields* as in Ory's client document."""
        registration: Document = {
            "client_name": "Photos",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": SCOPE,
            "redirect_uris": [CALLBACK],
        } | fields
        if registration["redirect_uris"] == [CALLBACK]:
            registration |= {"post_logout_redirect_uris": [AFTER_LOGOUT]}
        answer = self.create_client(**registration)
        made = self.document(answer, documents.CREATED_CLIENT, status=201)
        return App(
            ory=self,
            client_id=made["client_id"],
            secret=made.get("client_secret", ""),
            auth_method=made["token_endpoint_auth_method"],
            redirect_uri=registration["redirect_uris"][0],
        )

    def discovery(self) -> Document:
        answer = self.public("GET", "/.well-known/openid-configuration")
        assert answer.status_code == 200, answer.text
        shape = documents.by_profile(documents.DISCOVERY, self.profile)
        wrong = list(documents.problems(shape, answer.json(), closed=False))
        assert not wrong, wrong
        return dict(answer.json())


@dataclass(frozen=True, kw_only=True)
class App:
    """A client that is registered, with what it needs to play its part."""

    ory: Ory = field(repr=False)
    client_id: str
    secret: str = field(repr=False)
    auth_method: str
    redirect_uri: str

    def authorize_url(self, scope: str = "openid", **parameters: str) -> str:
        """Where the app sends a browser."""
        return f"{self.ory.public_url}/oauth2/auth?{urlencode(self.asks(scope, **parameters))}"

    def asks(self, scope: str = "openid", **parameters: str) -> dict[str, str]:
        """The parameters of an authorization request."""
        return {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": scope,
            "state": secrets.token_urlsafe(16),
        } | parameters

    def logout_url(self, id_token: str, **parameters: str) -> str:
        """Where the app sends a browser that shall be signed out."""
        query = {"id_token_hint": id_token} | parameters
        return f"{self.ory.public_url}/oauth2/sessions/logout?{urlencode(query)}"

    def token(self, **form: str) -> httpx.Response:
        """Ask the token endpoint, as the method says with which the app is registered."""
        return self.post("/oauth2/token", **form)

    def post(self, path: str, **form: str) -> httpx.Response:
        if self.auth_method == "client_secret_basic":
            return self.ory.public("POST", path, data=form, auth=(self.client_id, self.secret))
        form |= {"client_id": self.client_id}
        if self.auth_method == "client_secret_post":
            form |= {"client_secret": self.secret}
        return self.ory.public("POST", path, data=form)

    def redeem(self, code: str, **form: str) -> httpx.Response:
        """Ask for the tokens behind *code*."""
        fields = {"grant_type": "authorization_code", "code": code} | form
        return self.token(**{"redirect_uri": self.redirect_uri} | fields)

    def exchange(self, code: str, **form: str) -> Document:
        """The tokens for *code*."""
        return self.ory.document(self.redeem(code, **form), documents.TOKENS)

    def refresh(self, refresh_token: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def refreshed(self, refresh_token: str) -> Document:
        """New tokens for an old one."""
        return self.ory.document(self.refresh(refresh_token), documents.TOKENS)

    def revoke(self, token: str) -> httpx.Response:
        return self.post("/oauth2/revoke", token=token)

    def ask_for_device(self, scope: str) -> Document:
        """What a device gets that asks for a code to show to its user."""
        answer = self.post("/oauth2/device/auth", client_id=self.client_id, scope=scope)
        return self.ory.document(answer, documents.DEVICE_AUTHORIZATION)

    def poll(self, waiting: Document) -> Document:
        """What a device is told that waits; it slows down when it shall (RFC 8628, 3.5)."""
        while True:
            answer = self.token(grant_type=DEVICE_GRANT, device_code=waiting["device_code"])
            if answer.json().get("error") != "slow_down":
                return dict(answer.json())
            time.sleep(waiting["interval"])

    def userinfo(self, access_token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.ory.public("GET", "/userinfo", headers=headers)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Where a browser has stopped: outside of Ory, or at an answer of Ory that is no redirect."""

    url: httpx.URL
    trail: list[httpx.Response] = field(repr=False)
    """Ory's answers on the way, the last one at the end."""

    @property
    def answer(self) -> httpx.Response:
        return self.trail[-1]

    @property
    def place(self) -> str:
        """The address without query and fragment."""
        return str(self.url.copy_with(query=None, fragment=None))

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.url.query.decode(), keep_blank_values=True))

    @property
    def fragment(self) -> dict[str, str]:
        return dict(parse_qsl(self.url.fragment))

    @property
    def challenge(self) -> str:
        """What the page at which Ory has sent the browser is asked about."""
        kinds = {
            LOGIN_UI: "login_challenge",
            CONSENT_UI: "consent_challenge",
            LOGOUT_UI: "logout_challenge",
            DEVICE_UI: "device_challenge",
        }
        assert self.place in kinds, f"no question at {self}"
        return self.query[kinds[self.place]]

    @property
    def code(self) -> str:
        assert "code" in self.query, f"no code at {self}"
        return self.query["code"]

    @property
    def error(self) -> str:
        """What the app is told at its callback; a page elsewhere has told it nothing."""
        assert self.place not in {LOGIN_UI, CONSENT_UI, ERROR_UI}, f"not at the app: {self}"
        assert "error" in self.query, f"no error at {self}"
        return self.query["error"]

    def cookies(self) -> Iterator[Morsel[str]]:
        """Every cookie that Ory has set on the way."""
        for answer in self.trail:
            for line in answer.headers.get_list("set-cookie"):
                yield from SimpleCookie(line).values()

    @property
    def session_cookie(self) -> Morsel[str] | None:
        """The last word on the way about the cookie of the login session."""
        found = [c for c in self.cookies() if c.key.startswith("ory_hydra_session")]
        return found[-1] if found else None

    def __str__(self) -> str:
        said = {k: v for k, v in self.query.items() if k.startswith("error")}
        return f"{self.place} {sorted(self.query)} {said} {self.answer.status_code}"


class Browser:
    """One person's browser: its own cookies."""

    def __init__(self, ory: Ory) -> None:
        self.ory = ory
        self.http = open_http()

    def open(self, url: str, **how: Any) -> Page:
        """Go to *url* and on to where Ory sends the browser; *how* as in httpx, such as a form."""
        method = "POST" if how else "GET"
        trail: list[httpx.Response] = []
        here = httpx.URL(url)
        for _ in range(MOST_REDIRECTS):
            if not str(here).startswith(f"{self.ory.public_url}/"):
                return Page(url=here, trail=trail)
            trail.append(self.http.request(method, here, **how))
            if not trail[-1].has_redirect_location:
                return Page(url=here, trail=trail)
            here = here.join(trail[-1].headers["location"])
            method, how = "GET", {}
        raise AssertionError(f"more than {MOST_REDIRECTS} redirects, the last to {here}")

    def authorize(self, app: App, scope: str = "openid", **parameters: str) -> Page:
        """Arrive at Ory from *app*."""
        return self.open(app.authorize_url(scope, **parameters))

    def sign_in(self, page: Page, subject: str, **body: Any) -> Page:
        """Accept the login request of *page*, and go on."""
        return self.open(self.ory.accept("login", page.challenge, subject=subject, **body))

    def allow(self, page: Page, **body: Any) -> Page:
        """Accept the consent request of *page*, by default all that it asks for, and go on."""
        asked = self.ory.consent_request(page.challenge)
        whole = {
            "grant_scope": asked["requested_scope"],
            "grant_access_token_audience": asked["requested_access_token_audience"],
        }
        return self.open(self.ory.accept("consent", page.challenge, **whole | body))

    def type_code(self, page: Page, user_code: str) -> Page:
        """Accept *user_code* at the device page, and go on."""
        return self.open(self.ory.accept("device", page.challenge, user_code=user_code))

    def deny(self, kind: str, page: Page, **body: Any) -> Page:
        """Reject the request of *page*, and go on."""
        return self.open(self.ory.reject(kind, page.challenge, **body))

    def connect(
        self,
        app: App,
        subject: str,
        scope: str = "openid",
        *,
        login: Document | None = None,
        consent: Document | None = None,
        **parameters: str,
    ) -> Document:
        """A whole flow of *app*, with what the pages answer; its tokens."""
        page = self.sign_in(self.authorize(app, scope, **parameters), subject, **login or {})
        return app.exchange(self.allow(page, **consent or {}).code)

    def ask_consent(self, app: App, subject: str, scope: str = "openid", **parameters: str) -> Page:
        """Up to the consent page; nothing of the login is remembered."""
        return self.sign_in(self.authorize(app, scope, **parameters), subject)

    def would_skip_login(self, app: App, **parameters: str) -> bool:
        """Whether a new request of *app* finds the browser signed in."""
        page = self.authorize(app, **parameters)
        return bool(self.ory.login_request(page.challenge)["skip"])

    def would_skip_consent(
        self, app: App, subject: str, scope: str = "openid", **more: str
    ) -> bool:
        """Whether Ory says that a new request of *app* needs no consent."""
        page = self.ask_consent(app, subject, scope, **more)
        return bool(self.ory.consent_request(page.challenge)["skip"])

    def close(self) -> None:
        self.http.close()


NewApp = Callable[..., App]
NewBrowser = Callable[[], Browser]
