"""The samples as a browser gets them: by HTTP, with the portal's own policy, headers and files.

Also the one place that knows where the samples are. What is posted, and what htmx asks for, is
answered by the sample that was planned for it, as the portal would answer: with the page, or with
its piece if htmx asks.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from litestar import Litestar, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from playwright.async_api import Page as Window

from portal import i18n
from portal.dev.serving import Site, listen, port_of, serving
from portal.page import Page
from portal.samples import SAMPLES, in_language
from portal.settings import Settings
from portal.web.assets import serve_asset
from portal.web.edge import Edge
from portal.web.inputs import AnyRequest
from portal.web.respond import respond
from portal.web.visit import visit
from portal.web.wiring import Web

PREFIX: Final = "/portal"
WHOLE: Final[dict[str, Page]] = {
    name: page for name, page in sorted(SAMPLES.items()) if page.template != page.partial
}
"""Without the pieces that are never a page."""


def spoken() -> Iterator[i18n.Language]:
    """The languages that have a catalog."""
    for language in i18n.LANGUAGES:
        try:
            language.catalog.info()
        except FileNotFoundError:
            continue
        yield language


SPOKEN: Final = tuple(language.tag for language in spoken())


def settings_at(base_url: str) -> Settings:
    """A portal's, under a prefix."""
    return Settings.from_env(
        {
            "HYDRA_ADMIN_URL": "http://127.0.0.1:4445",
            "HYDRA_PUBLIC_URL": "https://ory.example.org",
            "BASE_URL": base_url,
            "SECRET_KEY": "0123456789abcdef0123456789abcdef-for-tests",
        }
    )


@dataclass(frozen=True)
class Shown:
    """A sample at its address."""

    name: str
    url: str

    async def open(self, window: Window) -> None:
        """Load it; what does not come as the sample says is no page to judge."""
        answer = await window.goto(self.url)
        assert answer is not None
        assert answer.status == WHOLE[self.name].status, f"{self.name}: {answer.status}"


class SampleSite:
    """A running server of samples."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.answers: dict[str, str] = {}
        """Names of the samples that answer what is asked and posted, by path."""
        self.posted: list[str] = []

    @classmethod
    def example(cls) -> "SampleSite":
        """One that nobody serves, for what needs no browser."""
        return cls(settings_at(f"http://127.0.0.1:3000{PREFIX}"))

    def show(self, name: str, language: str = i18n.DEFAULT) -> Shown:
        return Shown(name, f"{self.settings.base_url}/samples/{language}/{name}")

    def app(self) -> Edge:
        litestar = Litestar(
            route_handlers=[_show, _answer, _answer_post, serve_asset],
            state=State({"web": Web.of(self.settings), "site": self}),
            openapi_config=None,
            logging_config=None,
        )
        return Edge(litestar, self.settings)


@get("/samples/{language:str}/{name:str}", sync_to_thread=False)
def _show(request: AnyRequest, language: FromPath[str], name: FromPath[str]) -> Response[Any]:
    if name not in WHOLE or language not in SPOKEN:
        raise NotFoundException
    page = in_language(language)[name]
    if page.status >= 400:  # what answers a post cannot be called again by its address
        request.scope["method"] = "POST"
    return _respond(request, page, language)


@get("/{path:path}", sync_to_thread=False)
def _answer(request: AnyRequest, path: FromPath[str]) -> Response[Any]:
    return _planned(request, f"/{path.strip('/')}")


@post("/{path:path}", status_code=200, sync_to_thread=False)
def _answer_post(request: AnyRequest, path: FromPath[str]) -> Response[Any]:
    site: SampleSite = request.app.state.site
    path = f"/{path.strip('/')}"
    site.posted.append(path)
    return _planned(request, path)


def _planned(request: AnyRequest, path: str) -> Response[Any]:
    site: SampleSite = request.app.state.site
    if path not in site.answers:
        raise NotFoundException
    return _respond(request, SAMPLES[site.answers[path]], i18n.DEFAULT)


def _respond(request: AnyRequest, page: Page, language: str) -> Response[Any]:
    visit(request)  # begins the language of this request
    i18n.heed_app([language])
    return respond(request, page)


@asynccontextmanager
async def sample_site() -> AsyncIterator[SampleSite]:
    """Serve the samples on a free port of this machine, for as long as the context lasts."""
    socket = listen(0)
    site = SampleSite(settings_at(f"http://127.0.0.1:{port_of(socket)}{PREFIX}"))
    async with serving(Site(site.app(), socket)):
        yield site
