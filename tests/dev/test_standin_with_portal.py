"""The portal in front of a stand-in, in one process and one event loop, as the demo runs them."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest

from portal.app import create_app, open_services
from portal.dev.serving import Site, listen, port_of, serving
from portal.dev.standin import StandInConfig, create_standin
from portal.services import Services
from portal.settings import Settings
from portal.store.tables import User
from tests.driver import Browser
from tests.fixtures.portal import CHEAP, KEY, hashed
from tests.journeys.steps import allow, disconnect, is_consent, is_login, sign_in
from tests.real.portal import Person

ANN = Person(email="ann@example.org", password="the password of ann", subject="ann-71f0")
CALLBACK = "http://127.0.0.1:5555/callback"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, kw_only=True)
class Town:
    """Where portal and stand-in are, and a client that is registered there."""

    portal: str
    public: str
    admin: str
    http: httpx.AsyncClient
    browser: Browser
    client: dict[str, Any]

    @property
    def client_id(self) -> str:
        return str(self.client["client_id"])

    @property
    def name(self) -> str:
        return str(self.client["client_name"])

    def authorize_url(self, scope: str, **parameters: str) -> str:
        asked = {
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": scope,
            "state": "a-state-of-the-app",
        }
        return f"{self.public}/oauth2/auth?{urlencode(asked | parameters)}"

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Ask the public side as the client."""
        who = {name: self.client[name] for name in ("client_id", "client_secret")}
        return await self.http.post(f"{self.public}{path}", data=fields | who)

    async def is_active(self, token: str) -> bool:
        answer = await self.http.post(
            f"{self.admin}/admin/oauth2/introspect", data={"token": token}
        )
        return bool(answer.json()["active"])

    def back_at_the_app(self) -> dict[str, str]:
        """What the app is told; nobody listens at its address."""
        return self.browser.page.query


class Elsewhere(httpx.AsyncBaseTransport):
    """The network, in which the app's callback is a plain page."""

    def __init__(self) -> None:
        self._network = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if str(request.url).startswith(CALLBACK):
            return httpx.Response(200, html="<!doctype html><title>App</title>", request=request)
        return await self._network.handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()


@asynccontextmanager
async def town(profile: str, database: Path) -> AsyncIterator[Town]:
    sockets = [listen(0) for _ in range(3)]
    at, public, admin = (f"http://127.0.0.1:{port_of(bound)}" for bound in sockets)
    config = StandInConfig.for_portal(at, public_url=public, admin_url=admin, profile=profile)
    standin = create_standin(config)
    environment = {
        "HYDRA_ADMIN_URL": admin,
        "HYDRA_PUBLIC_URL": public,
        "BASE_URL": at,
        "SECRET_KEY": KEY,
        "DATABASE_URL": f"sqlite:///{database}",
        "PORTAL_DATA_DIR": str(database.parent),
        "PORTAL_UNDO_FOR": "0",
    }
    settings = msgspec.structs.replace(
        Settings.from_env(environment),
        **{f"argon2_{name}": cost for name, cost in CHEAP.items()},
    )

    @asynccontextmanager
    async def opening(settings: Settings) -> AsyncIterator[Services]:
        async with open_services(settings) as services:
            await add_ann(services)
            yield services

    portal = create_app(settings, background=False, opening=opening)
    apps = (portal, standin.public, standin.admin)
    async with AsyncExitStack() as stack:
        sites = [Site(app, bound) for app, bound in zip(apps, sockets, strict=True)]
        await stack.enter_async_context(serving(*sites))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        opened = partial(httpx.AsyncClient, transport=Elsewhere(), timeout=30)
        browser = Browser(await stack.enter_async_context(opened()))
        registered = await http.post(f"{admin}/admin/clients", json=registration())
        yield Town(
            portal=at,
            public=public,
            admin=admin,
            http=http,
            browser=browser,
            client=registered.json(),
        )


def registration() -> dict[str, Any]:
    return {
        "client_name": "Photos",
        "grant_types": ["authorization_code", "refresh_token", DEVICE_GRANT],
        "scope": "openid offline email",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "client_secret_post",
    }


async def add_ann(services: Services) -> None:
    now = datetime.now(UTC)
    user = User(
        subject=ANN.subject,
        email=ANN.email,
        email_verified=True,
        name="Ann",
        password_hash=hashed(ANN.password),
        created_at=now,
        updated_at=now,
    )
    async with services.store.writing() as rows:
        await rows.users.add(user)


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "portal.db"))


@pytest.mark.parametrize("profile", ["2.3", "26"])
async def test_sign_in_allow_tokens_refresh_and_disconnect(profile: str, database: Path) -> None:
    async with town(profile, database) as here:
        browser = here.browser
        await browser.open(here.authorize_url("openid offline email"))
        await sign_in(browser, ANN, remember=True)
        await allow(browser, "openid", "offline", "email", remember=True)
        back = here.back_at_the_app()
        assert (back["state"], back["scope"]) == ("a-state-of-the-app", "openid offline email")

        answer = await here.post(
            "/oauth2/token",
            grant_type="authorization_code",
            code=back["code"],
            redirect_uri=CALLBACK,
        )
        tokens = answer.json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        told = (await here.http.get(f"{here.public}/userinfo", headers=bearer)).json()
        assert (told["sub"], told["email"]) == (ANN.subject, ANN.email)

        answer = await here.post(
            "/oauth2/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"]
        )
        fresh = answer.json()
        assert await here.is_active(fresh["access_token"])

        await browser.open(here.authorize_url("openid offline email", prompt="none"))
        assert "code" in here.back_at_the_app()  # remembered: nobody is asked

        await browser.open(f"{here.portal}/account/apps")
        if is_login(browser.page):
            await sign_in(browser, ANN)
        await disconnect(browser, here)  # type: ignore[arg-type]  # an app, as far as it looks
        assert not await here.is_active(fresh["access_token"])
        assert not await here.is_active(fresh["refresh_token"])

        await browser.open(here.authorize_url("openid offline email"))
        assert is_consent(browser.page)
        await browser.click("reject")
        assert here.back_at_the_app()["error"] == "access_denied"


async def test_a_device_gets_its_tokens_from_a_person_elsewhere(database: Path) -> None:
    async with town("26", database) as here:
        browser = here.browser
        codes = (await here.post("/oauth2/device/auth", scope="openid email")).json()
        waiting = {"grant_type": DEVICE_GRANT, "device_code": codes["device_code"]}
        await browser.open(codes["verification_uri"])
        browser.fill("code", codes["user_code"])
        await browser.click("verify")
        await sign_in(browser, ANN)
        still = await here.post("/oauth2/token", **waiting)
        assert still.json()["error"] == "authorization_pending"
        browser.choose("grant_scope", "openid", "email")
        page = await browser.click("accept")
        assert page.url.path == "/device/success"
        tokens = (await here.post("/oauth2/token", **waiting)).json()
        assert await here.is_active(tokens["access_token"])
        again = await here.post("/oauth2/token", **waiting)
    assert again.json()["error"] == "invalid_grant"


async def test_logging_out_ends_the_session_at_the_stand_in(database: Path) -> None:
    async with town("26", database) as here:
        browser = here.browser
        await browser.open(here.authorize_url("openid"))
        await sign_in(browser, ANN, remember=True)
        await allow(browser, "openid", remember=True)
        await browser.open(f"{here.public}/oauth2/sessions/logout")
        await browser.click("accept")
        assert str(browser.page.url).startswith(here.portal)
        await browser.open(here.authorize_url("openid", prompt="none"))
        assert here.back_at_the_app()["error"] == "login_required"
