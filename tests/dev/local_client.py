"""The local client in memory, in front of a provider in memory, with a browser."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from portal.dev.relying_party import FlowResult, RelyingPartyConfig, create_relying_party
from tests.doubles.openid import CLIENT_ID, ISSUER, SECRET, OpenIDDouble
from tests.driver import Browser, Document, words

HOME = "http://127.0.0.1:5555/"


@dataclass
class LocalClient:
    """The app, what it told whoever started it, and the provider behind it."""

    op: OpenIDDouble
    config: RelyingPartyConfig
    results: list[FlowResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        transport = self.op.transport()
        self.app = create_relying_party(
            self.config, on_result=self.results.append, transport=transport
        )
        self._browsers: list[httpx.AsyncClient] = []

    def http(self) -> httpx.AsyncClient:
        """A client that knows both the app and the provider by their names."""
        return httpx.AsyncClient(transport=_Both(self.app, self.op))

    def browser(self) -> Browser:
        """One more browser, without cookies."""
        self._browsers.append(self.http())
        return Browser(self._browsers[-1])

    async def close(self) -> None:
        for http in self._browsers:
            await http.aclose()


class _Both(httpx.AsyncBaseTransport):
    def __init__(self, app: Any, op: OpenIDDouble) -> None:
        self._app = httpx.ASGITransport(app=app)
        self._op = op.transport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = self._op if request.url.host == "ory.test" else self._app
        return await target.handle_async_request(request)


@contextlib.asynccontextmanager
async def local_client(op: OpenIDDouble | None = None, **config: Any) -> AsyncIterator[LocalClient]:
    """The client with *config* instead of the usual."""
    given: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "public_url": ISSUER,
        "admin_url": ISSUER,
    }
    made = LocalClient(op or OpenIDDouble(), RelyingPartyConfig(**given | config))
    try:
        yield made
    finally:
        await made.close()


async def authorize(browser: Browser) -> Document:
    """From the welcome page to whatever comes of it."""
    await browser.open(HOME)
    return await browser.follow("Authorize application")


def shown(page: Document, element_id: str) -> str:
    return words(page.element(element_id))


def failures(page: Document) -> set[str]:
    """The names of the checks that failed."""
    return {
        words(item.find("code"))
        for item in page.root.iter("li")
        if "failed" in item.get("class", "")
    }
