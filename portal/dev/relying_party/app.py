"""The client as an ASGI application: read, ask the flow, answer with a page or a redirect."""

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from jinja2 import Environment
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import Cookie, State
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import ASGIApp

from portal.dev.relying_party import pages
from portal.dev.relying_party.advice import advice_on_token
from portal.dev.relying_party.asked import Asked, AskedError, parse_max_age
from portal.dev.relying_party.browsers import Result
from portal.dev.relying_party.config import RelyingPartyConfig
from portal.dev.relying_party.flow import CallbackError, RelyingParty
from portal.dev.relying_party.guard import (
    Forms,
    Guard,
    HostileInputError,
    new_cookie,
    pairs,
    usable_cookie,
)
from portal.dev.relying_party.http import ProviderError
from portal.dev.relying_party.outcome import FlowResult
from portal.dev.relying_party.pages import ContinuePage, Page, ProblemPage
from portal.dev.relying_party.provider import OAuthError, Provider

AnyRequest = Request[Any, Any, Any]
AnyResponse = Response[Any]
POSTED_HERE: Final = "continued"
"""A field of the page that sends Ory's answer once more, from here."""
log = logging.getLogger("portal.dev.relying_party")


class Site:
    """What the handlers work with."""

    def __init__(self, party: RelyingParty) -> None:
        self.party = party
        self.config = party.config
        self.forms = Forms()
        self._templates: Environment = pages.environment()

    @property
    def cookie_name(self) -> str:
        """Cookies know no ports: without the number two clients would share one."""
        return f"local_client_{self.config.port}"

    def cookie(self, request: AnyRequest) -> str | None:
        """The browser's cookie, if it has one."""
        return usable_cookie(request.cookies.get(self.cookie_name))

    def show(self, page: Page, *, status: int = 200, cookie: str | None = None) -> AnyResponse:
        """Render *page*."""
        text = self._templates.get_template(page.template).render(page=page)
        response = Response(text, status_code=status, media_type="text/html; charset=utf-8")
        return self._with(response, cookie)

    def go(self, url: str, *, status: int = 303, cookie: str | None = None) -> AnyResponse:
        """Send the browser to *url*, byte for byte."""
        response: AnyResponse = Response(b"", status_code=status, headers={"location": url})
        return self._with(response, cookie)

    def _with(self, response: AnyResponse, cookie: str | None) -> AnyResponse:
        if cookie is not None:
            secure = self.config.origin.startswith("https:")
            response.set_cookie(
                Cookie(
                    key=self.cookie_name,
                    value=cookie,
                    path="/",
                    httponly=True,
                    samesite="lax",
                    secure=secure,
                )
            )
        return response


def create_relying_party(
    config: RelyingPartyConfig,
    *,
    on_result: Callable[[FlowResult], None] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> ASGIApp:
    """The client as an application; *on_result* is told how each flow ended.

    An answer that this browser did not ask for is no end of a flow. *transport* takes the place of
    the connections to Ory.
    """
    provider = Provider(config, transport=transport)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await provider.close()

    site = Site(RelyingParty(config, provider, on_result=on_result))
    app = Litestar(
        route_handlers=[*HANDLERS, *_callbacks(config)],
        exception_handlers={
            HTTPException: _refused,
            HostileInputError: _hostile,
            Exception: _broken,
        },
        lifespan=[lifespan],
        state=State({"site": site}),
        openapi_config=None,
        logging_config=None,
    )
    return Guard(app, config)


def _callbacks(config: RelyingPartyConfig) -> list[HTTPRouteHandler]:
    path = config.callback_path
    return [get(path)(answered), post(path, status_code=303)(answered_by_form)]


def _site(request: AnyRequest) -> Site:
    site: Site = request.app.state.site
    return site


@get("/")
async def welcome(request: AnyRequest) -> AnyResponse:
    """The start page."""
    site = _site(request)
    cookie = site.cookie(request) or new_cookie()
    page = pages.welcome_page(site.config, form_token=site.forms.token(cookie))
    return site.show(page, cookie=cookie)


@get("/perform-flow")
async def perform_flow(request: AnyRequest) -> AnyResponse:
    """Send the browser to Ory, as configured."""
    site = _site(request)
    return await _begin(site, site.cookie(request) or new_cookie(), site.config.asked, status=302)


@post("/again", status_code=303)
async def again(request: AnyRequest) -> AnyResponse:
    """The same with what was filled in."""
    site = _site(request)
    cookie, form = await _own_form(request)
    try:
        asked = _asked(form)
    except AskedError as exc:
        page = pages.AgainForm(
            form_token=site.forms.token(cookie),
            values={name: form.get(name, "") for name in _FIELDS},
            error=str(exc),
        )
        return site.show(page, status=422)
    return await _begin(site, cookie, asked, status=303)


async def _begin(site: Site, cookie: str, asked: Asked, *, status: int) -> AnyResponse:
    try:
        url = await site.party.begin(cookie, asked)
    except ProviderError as exc:
        log.info("authorize: %s", exc)
        page = ProblemPage(title="Ory cannot be asked", message=_sentence(exc))
        return site.show(page, status=503)
    return site.go(url, status=status, cookie=cookie)


async def answered(request: AnyRequest) -> AnyResponse:
    """Ory's answer in the address; the page that is shown has another one."""
    return await _finish(request, pairs(request.scope["query_string"]))


async def answered_by_form(request: AnyRequest) -> AnyResponse:
    """Ory's answer in a form (``response_mode=form_post``); nothing of it gets into an address."""
    answer = pairs(await request.body())
    site = _site(request)
    if site.cookie(request) is None and POSTED_HERE not in answer:
        fields = [*answer.items(), (POSTED_HERE, "yes")]
        return site.show(ContinuePage(action=site.config.callback_path, fields=fields))
    return await _finish(request, answer)


async def _finish(request: AnyRequest, answer: dict[str, str]) -> AnyResponse:
    site = _site(request)
    cookie = site.cookie(request)
    browser = site.party.browsers.find(cookie)
    try:
        result = await site.party.finish(browser, answer)
    except CallbackError as exc:
        log.info("callback: ignored an answer that this browser did not ask for, or used before")
        link = ("/", "To the start page")
        if exc.result_id is not None:
            link = (f"/tokens/{exc.result_id}", "To what came of it")
        page = ProblemPage(title="Not an answer to this browser", message=str(exc), link=link)
        return site.show(page, status=pages.PROBLEM)
    return site.go(f"/tokens/{result.id}")


@get("/tokens/{result_id:str}")
async def tokens(request: AnyRequest, result_id: FromPath[str]) -> AnyResponse:
    """What came of an attempt of this browser."""
    site = _site(request)
    cookie, result = _result(request, result_id)
    page = pages.result_page(result, site.config, form_token=site.forms.token(cookie))
    result.notice = result.trouble = ""
    return site.show(page, status=pages.PROBLEM if result.error else 200)


@post("/tokens/{result_id:str}/{action:str}", status_code=303)
async def use_tokens(
    request: AnyRequest, result_id: FromPath[str], action: FromPath[str]
) -> AnyResponse:
    """A button: what is done with the tokens. The page is shown again with what came of it."""
    site = _site(request)
    _, result = _result(request, result_id)
    await _own_form(request)
    buttons: dict[str, Callable[[Result], Awaitable[str | None]]] = {
        "refresh": site.party.refresh,
        "userinfo": site.party.userinfo,
        "introspect": site.party.introspect,
        "revoke": site.party.revoke,
        "logout": site.party.logout_url,
    }
    if action not in buttons:
        raise NotFoundException
    target = None
    try:
        async with result.lock:
            target = await buttons[action](result)
    except ProviderError as exc:
        result.trouble = f"{action}: {exc}"
        log.info("%s: %s", action, exc)
    except OAuthError as exc:
        todo = advice_on_token(exc.error, exc.description, site.config)
        result.trouble = f"{action}: {exc} {todo}".rstrip()
        log.info("%s: %s", action, exc)
    else:
        log.info("%s: done", action)
    return site.go(target or f"/tokens/{result.id}")


@get("/after-logout")
async def after_logout(request: AnyRequest) -> AnyResponse:
    """Where Ory sends the browser when it has ended its login session."""
    return _site(request).show(pages.AfterLogoutPage())


@get("/style/{name:str}", sync_to_thread=False)
def style(name: FromPath[str]) -> AnyResponse:
    """The stylesheet, under an address that changes with it."""
    if not pages.STYLE_PATH.endswith(f"/{name}"):
        raise NotFoundException
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(pages.STYLE, media_type="text/css; charset=utf-8", headers=headers)


HANDLERS: Final = (welcome, perform_flow, again, tokens, use_tokens, after_logout, style)
_FIELDS: Final = (
    *("scope", "audience", "prompt", "max_age"),
    *("acr_values", "login_hint", "ui_locales", "claims"),
)


def _asked(form: dict[str, str]) -> Asked:
    values = {name: form.get(name, "").strip() for name in _FIELDS}
    return Asked(
        scope=tuple(values["scope"].replace(",", " ").split()),
        audience=tuple(values["audience"].replace(",", " ").split()),
        prompt=values["prompt"],
        max_age=parse_max_age(values["max_age"]),
        acr_values=values["acr_values"],
        login_hint=values["login_hint"],
        ui_locales=values["ui_locales"],
        claims=values["claims"],
    )


async def _own_form(request: AnyRequest) -> tuple[str, dict[str, str]]:
    """The cookie and the fields of a form that this browser was shown here."""
    site = _site(request)
    cookie, form = site.cookie(request), pairs(await request.body())
    if cookie is None or not site.forms.fits(form.get("form_token", ""), cookie):
        raise HTTPException(
            "This form is not from a page that this browser was shown, or the client was started "
            "again since. Open the start page and try again.",
            status_code=403,
        )
    return cookie, form


def _result(request: AnyRequest, result_id: str) -> tuple[str, Result]:
    """A result, for the browser that it belongs to and no other."""
    site = _site(request)
    cookie = site.cookie(request)
    browser = site.party.browsers.find(cookie)
    result = browser.results.get(result_id) if browser else None
    if cookie is None or result is None:
        raise HTTPException(
            "This browser has no such result here. Results are kept in memory, for the browser "
            "that they belong to, until the client ends.",
            status_code=404,
        )
    return cookie, result


def _refused(request: AnyRequest, exc: HTTPException) -> AnyResponse:
    titles = {404: "There is nothing here", 403: "This form was not taken"}
    known = type(exc) is HTTPException
    message = exc.detail if known else "Go on from the start page."
    title = titles.get(exc.status_code, "This was not understood")
    return _site(request).show(ProblemPage(title=title, message=message), status=exc.status_code)


def _hostile(request: AnyRequest, exc: HostileInputError) -> AnyResponse:
    page = ProblemPage(title="This was not understood", message=str(exc))
    return _site(request).show(page, status=pages.PROBLEM)


def _broken(request: AnyRequest, exc: Exception) -> AnyResponse:
    """A mistake in this client: where, for the log. What was in it may be secret."""
    where = "".join(traceback.format_tb(exc.__traceback__))
    log.error("a bug in the local client: %s\n%s", type(exc).__name__, where)
    page = ProblemPage(
        title="Something broke here", message="It is a mistake in this client; the log says where."
    )
    return _site(request).show(page, status=500)


def _sentence(exc: Exception) -> str:
    text = str(exc)
    return text[:1].upper() + text[1:]
