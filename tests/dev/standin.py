"""A stand-in in memory, with a clock of its own, and the two answers that every flow needs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from portal.dev.standin import StandInConfig, create_standin
from portal.dev.standin.state import State

PORTAL = "http://localhost:3000"
PUBLIC, ADMIN = "http://127.0.0.1:4444", "http://127.0.0.1:4445"
CALLBACK = "http://127.0.0.1:5555/callback"
NOTICE = "for development only"


@dataclass
class Clock:
    """Stands still until a test turns it."""

    now: float = 1_795_538_923.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Lab:
    """Both sides of a stand-in, and a browser that goes to its public side and nowhere else."""

    config: StandInConfig
    clock: Clock
    state: State
    admin: httpx.AsyncClient
    browser: httpx.AsyncClient
    client: dict[str, Any] = field(default_factory=dict)

    async def register(self, **fields: Any) -> dict[str, Any]:
        """A client that may do what the tests do; it is the one that the next steps use."""
        wanted = {
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid offline profile",
            "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "client_secret_post",
        }
        answer = await self.admin.post("/admin/clients", json=wanted | fields)
        assert answer.status_code == 201, answer.text
        self.client = answer.json()
        return self.client

    async def authorize(self, scope: str = "openid", **parameters: str) -> httpx.Response:
        """Where the app's request is answered with."""
        asked = {
            "client_id": self.client["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": scope,
            "state": "a-state-of-the-app",
        }
        return await self.browser.get("/oauth2/auth", params=asked | parameters)

    async def accept(self, kind: str, page: httpx.Response, **body: Any) -> httpx.Response:
        """The answer of the *kind* of page at which *page* arrived, and where the browser lands."""
        challenge = query_of(page)[f"{kind}_challenge"]
        decided = await self.admin.put(
            f"/admin/oauth2/auth/requests/{kind}/accept",
            params={f"{kind}_challenge": challenge},
            json=body,
        )
        assert decided.status_code == 200, decided.text
        return await self.browser.get(decided.json()["redirect_to"])

    async def connect(
        self, subject: str = "ann", scope: str = "openid", **parameters: str
    ) -> dict[str, Any]:
        """A whole flow; its tokens."""
        consent = await self.accept(
            "login",
            await self.authorize(scope, **parameters),
            subject=subject,
            remember=True,
            remember_for=3600,
        )
        back = await self.accept(
            "consent",
            consent,
            grant_scope=scope.split(),
            session={"id_token": {"name": "Ann", "sub": "mallory", "iss": "https://evil.example"}},
        )
        tokens = await self.token(
            grant_type="authorization_code", code=query_of(back)["code"], redirect_uri=CALLBACK
        )
        assert tokens.status_code == 200, tokens.text
        return dict(tokens.json())

    async def token(self, **fields: str) -> httpx.Response:
        who = {name: self.client[name] for name in ("client_id", "client_secret")}
        return await self.browser.post("/oauth2/token", data=fields | who)


def query_of(page: httpx.Response) -> dict[str, str]:
    """The parameters of the address that a redirect leads to."""
    return dict(parse_qsl(urlsplit(page.headers["location"]).query, keep_blank_values=True))


@asynccontextmanager
async def lab(*, key: str | None = None, **fields: Any) -> AsyncIterator[Lab]:
    """A stand-in; *fields* of its configuration, *key* is what the admin client sends."""
    config = StandInConfig.for_portal(PORTAL, public_url=PUBLIC, admin_url=ADMIN, **fields)
    clock = Clock()
    state = State(config, now=clock)
    standin = create_standin(config, state=state)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    admin = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=standin.admin), base_url=ADMIN, headers=headers
    )
    public = httpx.AsyncClient(transport=httpx.ASGITransport(app=standin.public), base_url=PUBLIC)
    async with admin, public:
        yield Lab(config=config, clock=clock, state=state, admin=admin, browser=public)
