"""One browser's visit: its cookies, its origin, and the form tokens that are bound to them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from litestar.datastructures import Cookie

from portal import i18n
from portal.origin import MAX_USER_AGENT, Origin, client_address
from portal.services import Visitor
from portal.web.cookies import (
    BROWSER,
    BROWSER_LIFETIME,
    LANGUAGE,
    LOGGED_OUT,
    SESSION,
    id_hash,
    new_id,
)
from portal.web.inputs import AnyRequest
from portal.web.wiring import Web

NOTE_LIFETIME: Final = 60
"""Seconds: the way by Ory and back takes a moment."""


@dataclass(slots=True)
class Visit:
    """Made once per request by :func:`visit`; collects the cookies that the response will set."""

    web: Web
    visitor: Visitor
    browser_id: str | None
    session_id: str | None
    set_cookies: list[Cookie] = field(default_factory=list)

    def form_token(self, purpose: str, challenge: str = "") -> str:
        """A token for a form that this browser is about to be shown; gives it the browser cookie if
        need be.
        """
        if self.browser_id is None:
            self.browser_id = new_id()
            cookie = self.web.cookies.write(BROWSER, self.browser_id, lifetime=BROWSER_LIFETIME)
            self.set_cookies.append(cookie)
        bound = self._bound(self.browser_id, purpose, challenge)
        return self.web.tokens.make(*bound, now=self.visitor.now.timestamp())

    def token_fits(self, token: str, purpose: str, challenge: str = "") -> bool:
        """Whether *token* is one that :meth:`form_token` made for this browser, purpose and
        challenge.
        """
        if self.browser_id is None:
            return False
        bound = self._bound(self.browser_id, purpose, challenge)
        return self.web.tokens.fits(token, *bound, now=self.visitor.now.timestamp())

    def why_stale(self, token: str, purpose: str) -> str | None:
        """Why a form posted with *token* is not one of this browser's; ``None`` if it is."""
        return None if self.token_fits(token, purpose) else self.visitor.why_stale

    def note_logout(self) -> None:
        """Let the next page that this browser opens here know that Ory was told to log it out."""
        note = self.form_token(LOGGED_OUT).rstrip("=")  # which cookies would quote
        cookie = self.web.cookies.write(LOGGED_OUT, note, lifetime=NOTE_LIFETIME)
        self.set_cookies[:] = [other for other in self.set_cookies if other.key != cookie.key]
        self.set_cookies.append(cookie)

    def was_logged_out(self, note: str) -> bool:
        """Whether *note* is what :meth:`note_logout` left in this browser."""
        return self.token_fits(f"{note}=", LOGGED_OUT)

    def _bound(self, browser_id: str, purpose: str, challenge: str) -> tuple[str, ...]:
        """Forms of an app's flow outlive a portal session that begins or ends in another tab; all
        others do not.
        """
        session = "" if challenge else self.session_id or ""
        return (browser_id, session, purpose, challenge)


def visit(request: AnyRequest) -> Visit:
    """The visit that *request* belongs to."""
    state = request.scope["state"]
    if "visit" not in state:
        state["visit"] = _begin(request)
    found: Visit = state["visit"]
    return found


def _begin(request: AnyRequest) -> Visit:
    web: Web = request.app.state.web
    i18n.begin(
        chosen=request.cookies.get(web.cookies.name(LANGUAGE), ""),
        browser=request.headers.get("accept-language", ""),
    )
    browser_id = web.cookies.read(request.cookies, BROWSER)
    noted = web.cookies.name(LOGGED_OUT) in request.cookies
    client = request.scope.get("client")
    origin = Origin(
        address=client_address(
            client[0] if client else "",
            request.headers.getall("x-forwarded-for", []),
            web.settings.trusted_proxies,
        ),
        user_agent=request.headers.get("user-agent", "")[:MAX_USER_AGENT],
    )
    return Visit(
        web=web,
        visitor=Visitor(
            browser_hash=id_hash(browser_id) if browser_id else None,
            origin=origin,
            now=datetime.now(UTC),
        ),
        browser_id=browser_id,
        session_id=web.cookies.read(request.cookies, SESSION),
        set_cookies=[web.cookies.remove(LOGGED_OUT)] if noted else [],
    )
