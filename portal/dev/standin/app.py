"""The two sides of a stand-in as ASGI applications, and what stands in front of both."""

import logging
import secrets
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from portal.dev.serving import is_loopback
from portal.dev.standin import faults, pages
from portal.dev.standin.authorize import Authorize
from portal.dev.standin.clients import Clients
from portal.dev.standin.config import StandInConfig
from portal.dev.standin.device import PATH as DEVICE_PATH
from portal.dev.standin.device import Device
from portal.dev.standin.discovery import Discovery
from portal.dev.standin.errors import OAuthError, unrecognizable
from portal.dev.standin.faults import Faults
from portal.dev.standin.http import (
    NO_CACHE,
    Handler,
    Request,
    Response,
    Route,
    Routes,
    page,
    read_body,
    redirect,
    refusal,
    send_response,
    text,
    to_request,
)
from portal.dev.standin.introspection import Introspection
from portal.dev.standin.logout import Logout
from portal.dev.standin.requests import Requests
from portal.dev.standin.sessions import Sessions
from portal.dev.standin.state import State
from portal.dev.standin.tokens import Tokens

_PREFIX: Final = "/admin"
_UNCACHED: Final = ("/health/", "/version", "/standin/")
_OPEN: Final = ("/health/", "/standin/")
"""Paths of the admin side that want no key."""
_log = logging.getLogger("portal.dev.standin")


@dataclass(frozen=True)
class StandIn:
    """Serve both; they share one memory."""

    config: StandInConfig
    public: Any
    admin: Any
    state: State = field(repr=False)


def create_standin(config: StandInConfig, *, state: State | None = None) -> StandIn:
    """A stand-in; tests pass a *state* with a clock of their own."""
    state = state or State(config)
    trouble = Faults()
    public = Application(side="public", routes=_public(state), state=state, faults=trouble)
    admin = Application(side="admin", routes=_admin(state, trouble), state=state, faults=trouble)
    return StandIn(config, public, admin, state)


def _public(state: State) -> Routes:
    authorize, logout, tokens = Authorize(state), Logout(state), Tokens(state)
    introspection, discovery, device = Introspection(state), Discovery(state), Device(state)
    routes = [
        Route("GET", "/", discovery.home),
        Route("GET", "/oauth2/auth", authorize),
        Route("POST", "/oauth2/auth", authorize),
        Route("POST", "/oauth2/token", tokens.exchange),
        Route("POST", "/oauth2/revoke", tokens.revoke),
        Route("GET", "/oauth2/sessions/logout", logout),
        Route("POST", "/oauth2/sessions/logout", logout),
        Route("GET", "/userinfo", introspection.userinfo),
        Route("POST", "/userinfo", introspection.userinfo),
        Route("GET", "/.well-known/openid-configuration", discovery.configuration),
        Route("GET", "/.well-known/jwks.json", discovery.keys),
        *_health(discovery),
    ]
    if state.profile.has_device_flow:
        routes += [
            Route("POST", "/oauth2/device/auth", device.authorize),
            Route("GET", DEVICE_PATH, device.verify),
            Route("GET", "/.well-known/oauth-authorization-server", discovery.configuration),
        ]
    return Routes(*routes)


def _admin(state: State, trouble: Faults) -> Routes:
    requests, logout, clients = Requests(state), Logout(state), Clients(state)
    sessions = Sessions(state, sign_out=logout.sign_out)
    introspection, discovery, device = Introspection(state), Discovery(state), Device(state)
    at, by_id = f"{_PREFIX}/oauth2/auth", f"{_PREFIX}/clients/{{client_id}}"
    routes = [
        Route("GET", f"{at}/requests/login", requests.get_login),
        Route("PUT", f"{at}/requests/login/accept", requests.accept_login),
        Route("PUT", f"{at}/requests/login/reject", requests.reject_login),
        Route("GET", f"{at}/requests/consent", requests.get_consent),
        Route("PUT", f"{at}/requests/consent/accept", requests.accept_consent),
        Route("PUT", f"{at}/requests/consent/reject", requests.reject_consent),
        Route("GET", f"{at}/requests/logout", logout.get),
        Route("PUT", f"{at}/requests/logout/accept", logout.accept),
        Route("PUT", f"{at}/requests/logout/reject", logout.reject),
        Route("GET", f"{at}/sessions/consent", sessions.list_consents),
        Route("DELETE", f"{at}/sessions/consent", sessions.delete_consents),
        Route("DELETE", f"{at}/sessions/login", sessions.delete_logins),
        Route("POST", f"{_PREFIX}/oauth2/introspect", introspection.introspect),
        Route("DELETE", f"{_PREFIX}/oauth2/tokens", introspection.delete_tokens),
        Route("GET", f"{_PREFIX}/clients", clients.list),
        Route("POST", f"{_PREFIX}/clients", clients.create),
        Route("GET", by_id, clients.get),
        Route("PUT", by_id, clients.replace),
        Route("PATCH", by_id, clients.patch),
        Route("DELETE", by_id, clients.delete),
        Route("PUT", f"{by_id}/lifespans", clients.set_lifespans),
        Route("GET", "/version", discovery.version),
        Route("GET", faults.PATH, trouble.show),
        Route("PUT", faults.PATH, trouble.order),
        Route("DELETE", faults.PATH, trouble.heal),
        *_health(discovery),
    ]
    if state.profile.has_device_flow:
        routes.append(Route("PUT", f"{at}/requests/device/accept", device.accept))
    if state.profile.rotates_secrets:
        routes += [
            Route("POST", f"{by_id}/secrets/rotate", clients.rotate_secret),
            Route("DELETE", f"{by_id}/secrets/rotate", clients.forget_rotated),
        ]
    return Routes(*routes)


def _health(discovery: Discovery) -> list[Route]:
    paths = ("/health/alive", "/health/ready")
    return [Route("GET", path, discovery.health) for path in paths]


@dataclass(frozen=True, kw_only=True)
class Application:
    """One side: who may ask at all, what is wrong today, who answers."""

    side: Literal["public", "admin"]
    routes: Routes
    state: State
    faults: Faults

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            request = to_request(scope, await read_body(receive))
        except OAuthError as exc:
            await send_response(send, refusal(exc))
            return
        refused = self._stop(request)
        if refused is not None:
            await send_response(send, refused)
            return
        met = [] if request.path == faults.PATH else self.faults.take(self.side, request.path)
        await faults.suffer(met, lambda: self._answer(request), send)

    def _stop(self, request: Request) -> Response | None:
        """Other sites' pages must not get through to this machine's loopback addresses."""
        if not _names_loopback(request.headers.get("host", "")):
            return text("This is a stand-in for development: it answers loopback names only.", 421)
        if self.side == "public":
            return None
        if _comes_from_elsewhere(request):
            return text("This is a stand-in for development: pages of other sites may not.", 403)
        key = self.state.config.api_key
        if key and not request.path.startswith(_OPEN) and not _shows(request, key):
            return faults.gateway_refusal(401)
        return None

    def _answer(self, request: Request) -> Response:
        route, parameters, allowed = self.routes.find(request.method, request.path)
        if route is not None:
            return self._handle(route.handler, replace(request, parameters=parameters))
        prefixed = f"{_PREFIX}{request.path}"
        if self.side == "admin" and self.routes.knows(prefixed):
            return self._without_prefix(request, prefixed)
        return self._unknown(allowed)

    def _handle(self, handler: Handler, request: Request) -> Response:
        try:
            response = handler(request)
        except OAuthError as exc:
            response = refusal(exc)
        except Exception:
            _log.exception("the stand-in has a bug")
            response = refusal(unrecognizable())
        return self._uncached(request, response)

    def _without_prefix(self, request: Request, prefixed: str) -> Response:
        """The admin API as it was called before it had a prefix."""
        if not self.state.profile.redirects_to_prefix:
            return self._answer(replace(request, path=prefixed))
        at = f"{self.state.config.admin_url}{_PREFIX}{request.target}"
        return self._uncached(request, redirect(at, 307))

    def _unknown(self, allowed: list[str]) -> Response:
        if allowed and self.state.profile.says_method_not_allowed:
            methods = ", ".join(sorted({*allowed, "OPTIONS"}))
            return text("Method Not Allowed", 405).adding(("allow", methods))
        if self.side == "public":
            return text("404 page not found", 404)
        return page(pages.unknown_route(), 404)

    def _uncached(self, request: Request, response: Response) -> Response:
        if response.has("location") and response.status in {302, 307} and request.method != "GET":
            response = response.bare()
        is_plain = response.has("cache-control") or request.path.startswith(_UNCACHED)
        forbids = self.state.profile.always_forbids_caching or request.method == "GET"
        return response if is_plain or not forbids else response.adding(NO_CACHE)


async def _live(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name.endswith(".localhost")


def _comes_from_elsewhere(request: Request) -> bool:
    origin = request.headers.get("origin", "")
    if origin and not _names_loopback(origin.partition("://")[2]):
        return True
    return request.headers.get("sec-fetch-site") == "cross-site"


def _shows(request: Request, key: str) -> bool:
    return secrets.compare_digest(request.bearer().encode(), key.encode())
