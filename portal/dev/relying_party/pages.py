"""What the pages show, prepared so that the templates only have to write it down."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal.dev.relying_party.advice import advice
from portal.dev.relying_party.asked import PROMPTS, Asked
from portal.dev.relying_party.browsers import Result
from portal.dev.relying_party.config import RelyingPartyConfig
from portal.dev.relying_party.idtoken import Check, Decoded
from portal.dev.relying_party.outcome import FAILED, expiry
from portal.dev.relying_party.words import moment

TEMPLATES: Final = Path(__file__).resolve().parent.parent / "templates" / "relying_party"
STYLE: Final = (TEMPLATES / "client.css").read_bytes()
STYLE_PATH: Final = f"/style/{hashlib.sha256(STYLE).hexdigest()[:12]}.css"
FIRST: Final = ("sub", "iss")
"""What the tutorial looks for."""
TIMES: Final = ("auth_time", "exp", "iat", "nbf", "rat", "updated_at")
PROBLEM: Final = 400

Rows = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class WelcomePage:
    """``/``: what this is, and what will be asked."""

    template = "welcome.html"

    asking: Rows
    again: "AgainForm"


@dataclass(frozen=True, kw_only=True)
class AgainForm:
    """The form that asks once more, with other parameters."""

    template = "again.html"

    form_token: str
    values: Mapping[str, str]
    error: str = ""
    prompts: tuple[str, ...] = PROMPTS


@dataclass(frozen=True, kw_only=True)
class Jwt:
    """A token that can be read."""

    title: str
    header: Rows
    claims: Rows
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TokensPage:
    """What came back, and what can be done with it."""

    template = "tokens.html"

    id: str
    scopes: list[tuple[str, str]]
    """Scope, and ``granted``, ``missing`` or ``extra``."""
    expires: str
    revoked: bool
    checks: tuple[Check, ...]
    jwts: list[Jwt]
    opaque: list[str]
    raw: Rows
    said: list[tuple[str, Rows]]
    notice: str
    trouble: str
    can_refresh: bool
    can_introspect: bool
    again: AgainForm


@dataclass(frozen=True, kw_only=True)
class RefusedPage:
    """Why there are no tokens."""

    template = "refused.html"

    title: str
    error: str
    description: str
    advice: str
    checks: tuple[Check, ...]
    jwts: list[Jwt]
    again: AgainForm


@dataclass(frozen=True, kw_only=True)
class ProblemPage:
    """Something that has nothing to do with a result."""

    template = "problem.html"

    title: str
    message: str
    link: tuple[str, str] = ("/", "To the start page")


@dataclass(frozen=True, kw_only=True)
class ContinuePage:
    """Ory's site has posted the answer, without the cookie: one click sends it from here."""

    template = "continue.html"

    action: str
    fields: Rows = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AfterLogoutPage:
    """Where Ory sends the browser after a logout."""

    template = "after_logout.html"


Page = (
    WelcomePage
    | AgainForm
    | TokensPage
    | RefusedPage
    | ProblemPage
    | ContinuePage
    | AfterLogoutPage
)


def environment() -> Environment:
    """The templates of this client: escaping on, undefined names are errors."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals["style"] = STYLE_PATH
    env.globals["path"] = str
    return env


def welcome_page(config: RelyingPartyConfig, *, form_token: str) -> WelcomePage:
    """Prepare ``/``."""
    asking = [
        ("at", config.public_url),
        ("as client", config.client_id),
        ("coming back to", config.redirect_uri),
        *config.asked.parameters().items(),
    ]
    form = again_form(config.asked, form_token=form_token)
    return WelcomePage(asking=asking, again=form)


def again_form(asked: Asked, *, form_token: str) -> AgainForm:
    """Prepare the form, filled in with what was asked last."""
    names = ("scope", "audience", "prompt", "max_age", "acr_values", "login_hint", "ui_locales")
    sent = asked.parameters()
    values = {name: sent.get(name, "") for name in (*names, "claims")}
    return AgainForm(form_token=form_token, values=values)


def result_page(
    result: Result, config: RelyingPartyConfig, *, form_token: str
) -> TokensPage | RefusedPage:
    """Prepare the page of a result, whichever it is."""
    again = again_form(result.attempt.asked, form_token=form_token)
    if result.error or result.tokens is None:
        return _refused_page(result, config, again)
    tokens = result.tokens
    ends = expiry(tokens, received_at=result.received_at)
    jwts = [_jwt("ID token", result.id_token)] if result.id_token else []
    if result.access_token:
        jwts.append(_jwt("Access token", result.access_token, result.access_checks))
    raw = [("Access token", tokens.access_token)]
    raw += [("Refresh token", tokens.refresh_token)] if tokens.refresh_token else []
    raw += [("ID token", tokens.id_token)] if tokens.id_token else []
    readable = {jwt.title for jwt in jwts}
    return TokensPage(
        id=result.id,
        scopes=_scopes(result.attempt.asked.scope, result.granted),
        expires=moment(ends.timestamp()) if ends else "Ory does not say",
        revoked=result.revoked,
        checks=result.checks,
        jwts=jwts,
        opaque=[title for title, _ in raw if title not in readable],
        raw=raw,
        said=[(title, rows(answer)) for title, answer in result.said.items()],
        notice=result.notice,
        trouble=result.trouble,
        can_refresh=tokens.refresh_token is not None,
        can_introspect=config.admin_url is not None,
        again=again,
    )


def _refused_page(result: Result, config: RelyingPartyConfig, again: AgainForm) -> RefusedPage:
    failed = result.error == FAILED
    decoded = result.id_token if failed else None
    title = "These tokens must not be used" if failed else "No tokens"
    return RefusedPage(
        title=title,
        error=result.error,
        description=result.description,
        advice=advice(result.error, result.description, config),
        checks=result.checks,
        jwts=[_jwt("ID token, as it came", decoded)] if decoded else [],
        again=again,
    )


def rows(claims: Mapping[str, Any]) -> Rows:
    """Write claims down, those that people look for first; times also as people read them."""
    names = [name for name in FIRST if name in claims]
    names += [name for name in claims if name not in FIRST]
    return [(_clean(name), _value(name, claims[name])) for name in names]


def _value(name: str, value: object) -> str:
    if isinstance(value, str):
        return _clean(value)
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(too deep to be shown)"
    if name in TIMES and isinstance(value, int | float) and (when := moment(value)):
        text = f"{text} ({when})"
    return _clean(text)


def _clean(text: str) -> str:
    """Lone surrogates cannot be sent as UTF-8; direction marks would turn the page around."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _jwt(title: str, decoded: Decoded, checks: Iterable[Check] = ()) -> Jwt:
    return Jwt(
        title=title,
        header=rows(decoded.header),
        claims=rows(decoded.claims),
        checks=tuple(checks),
    )


def _scopes(asked: tuple[str, ...], granted: tuple[str, ...]) -> list[tuple[str, str]]:
    found = [(name, "granted" if name in granted else "missing") for name in asked]
    return found + [(_clean(name), "extra") for name in granted if name not in asked]
