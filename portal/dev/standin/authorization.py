"""An authorization request: read, checked, and answered at the app or at the page for errors."""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from portal.dev.standin import pages
from portal.dev.standin.client import Client
from portal.dev.standin.errors import (
    INVALID_CLIENT,
    INVALID_REQUEST,
    INVALID_STATE,
    REGISTRATION_NOT_SUPPORTED,
    REQUEST_NOT_SUPPORTED,
    REQUEST_URI_NOT_SUPPORTED,
    UNSUPPORTED_RESPONSE_MODE,
    UNSUPPORTED_RESPONSE_TYPE,
    OAuthError,
)
from portal.dev.standin.http import (
    NO_STORE,
    Fields,
    Request,
    Response,
    redirect,
    set_query,
    to_header,
)
from portal.dev.standin.scopes import STRATEGIES, check_audience, check_scopes
from portal.dev.standin.state import State

_SHORTEST_STATE: Final = 8
_MODES: Final = frozenset(("", "query", "fragment", "form_post"))


class AuthorizeRequest:
    """It fills up while it is checked: an error is answered by what is known by then."""

    def __init__(self, request: Request) -> None:
        self.form = request.form
        self.state = self.form.get("state")
        self.client = Client()
        self.redirect_uri = ""
        """Empty until it is known to be the client's."""
        self.scope: list[str] = []
        self.audience: list[str] = []
        self.mode = "query"

    @property
    def prompt(self) -> list[str]:
        return self.form.words("prompt")


def check(asked: AuthorizeRequest, state: State) -> None:
    """Hydra's checks in Hydra's order; raises the first that fails."""
    form = asked.form
    client = state.find_client(form.get("client_id"))
    if client is None:
        raise INVALID_CLIENT("The requested OAuth 2.0 Client does not exist.")
    asked.client = client
    asked.scope = _once(form.words("scope"))
    if "openid" in asked.scope:
        _refuse_request_objects(form)
    mode = form.get("response_mode")
    if mode not in _MODES:
        raise UNSUPPORTED_RESPONSE_MODE(f'Request with unsupported response_mode "{mode}".')
    asked.redirect_uri = _match_redirect_uri(form.get("redirect_uri"), client, asked.scope)
    asked.mode = mode or "query"
    check_scopes(STRATEGIES[state.config.scope_strategy], client.scopes, asked.scope)
    asked.audience = _audience(form)
    check_audience(client.audience, asked.audience)
    if form.get("registration"):
        raise REGISTRATION_NOT_SUPPORTED()
    _check_response_type(form, client)
    if len(asked.state) < _SHORTEST_STATE:
        raise INVALID_STATE(
            "Request parameter 'state' must be at least be 8 characters long to ensure sufficient "
            "entropy."
        )


def _once(words: list[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _audience(form: Fields) -> list[str]:
    said = form.all("audience")
    return _once([a for a in said if a] if len(said) > 1 else form.words("audience"))


def _refuse_request_objects(form: Fields) -> None:
    if form.get("request") and form.get("request_uri"):
        raise INVALID_REQUEST(
            "OpenID Connect parameters 'request' and 'request_uri' were both given, but you can "
            "use at most one."
        )
    if form.get("request"):
        raise REQUEST_NOT_SUPPORTED()
    if form.get("request_uri"):
        raise REQUEST_URI_NOT_SUPPORTED()


def _check_response_type(form: Fields, client: Client) -> None:
    said = form.get("response_type")
    if not said.strip():
        raise UNSUPPORTED_RESPONSE_TYPE("`The request is missing the 'response_type' parameter.")
    registered = [set(known.split()) for known in client.response_types or ["code"]]
    if set(said.split()) not in registered:
        raise UNSUPPORTED_RESPONSE_TYPE(
            f"The client is not allowed to request response_type '{said}'."
        )
    if said.split() != ["code"]:
        raise UNSUPPORTED_RESPONSE_TYPE("This stand-in knows the response_type 'code' alone.")


def _match_redirect_uri(said: str, client: Client, scope: list[str]) -> str:
    """The address to go back to, if it is registered; on loopback the port does not matter."""
    registered = client.redirect_uris or []
    if not said and "openid" in scope:
        raise INVALID_REQUEST(
            "The 'redirect_uri' parameter is required when using OpenID Connect 1.0."
        )
    if not said and len(registered) == 1 and _is_valid(registered[0]):
        return registered[0]
    if said and _is_valid(said) and any(_matches(said, known) for known in registered):
        return said
    raise INVALID_REQUEST(
        "The 'redirect_uri' parameter does not match any of the OAuth 2.0 Client's pre-registered "
        "redirect urls."
    )


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_valid(url: str) -> bool:
    parts = _split(url)
    return parts is not None and bool(parts.scheme) and "#" not in url


def _matches(said: str, known: str) -> bool:
    if said == known:
        return True
    one, other = _split(said), _split(known)
    return (
        one is not None
        and other is not None
        and one.scheme == "http"
        and _is_loopback_address(one.hostname)
        and (one.hostname, one.path, one.query) == (other.hostname, other.path, other.query)
    )


def _is_loopback_address(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_trusted_redirect(uri: str) -> bool:
    """Where a public client may be skipped, or asked silently: https, or http on this machine."""
    parts = _split(uri)
    if parts is None:
        return False
    host = parts.hostname or ""
    is_local = host == "localhost" or host.endswith(".localhost") or _is_loopback_address(host)
    return parts.scheme == "https" or (parts.scheme == "http" and is_local)


def to_app(asked: AuthorizeRequest, parameters: dict[str, str]) -> Response:
    """Back to the app, by the way that it wants to be answered."""
    if asked.mode == "form_post":
        html = pages.form_post(target=asked.redirect_uri, parameters=parameters)
        kind = ("content-type", "text/html;charset=UTF-8")
        return Response(headers=(*NO_STORE, kind), body=html.encode())
    return Response(
        status=303, headers=(*NO_STORE, ("location", to_header(_target(asked, parameters))))
    )


def _target(asked: AuthorizeRequest, parameters: dict[str, str]) -> str:
    parts = urlsplit(asked.redirect_uri)
    if asked.mode == "fragment":
        return urlunsplit(parts._replace(fragment=Fields(parameters.items()).encode()))
    query = Fields([*parameters.items(), *Fields.parse(parts.query).pairs()])
    return urlunsplit(parts._replace(query=query.encode()))


def refuse(asked: AuthorizeRequest, error: OAuthError, state: State) -> Response:
    """To the app where its address is known to be its own; else to the page for errors."""
    if not asked.redirect_uri:
        return to_error_page(error, state)
    return to_app(asked, error.document() | {"state": asked.state})


def to_error_page(error: OAuthError, state: State) -> Response:
    """Where the person learns of an error that no app may be told."""
    return redirect(set_query(state.config.error_url, **error.document()))
