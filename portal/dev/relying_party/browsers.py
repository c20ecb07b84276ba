"""What is known of each browser: attempts that are under way, and results. In memory, bounded.

A browser is whoever holds the cookie. An attempt belongs to it alone and is good for one answer, so
a link with somebody else's code in it does nothing here.
"""

import asyncio
import base64
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from portal.dev.relying_party.asked import Asked
from portal.dev.relying_party.idtoken import Check, Decoded
from portal.dev.relying_party.provider import TokenAnswer

MOST_BROWSERS: Final = 200
MOST_ATTEMPTS: Final = 20
MOST_RESULTS: Final = 20
LIFETIME: Final = 3600.0
"""Seconds that an attempt waits for its answer; Ory itself waits for half an hour."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One way to Ory and back. Its secrets are made here and never shown."""

    asked: Asked
    issuer: str
    started_at: float
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def challenge(self) -> str:
        """What Ory is told of the verifier (PKCE, S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(kw_only=True)
class Result:
    """How an attempt ended, and what was done with its tokens since."""

    attempt: Attempt
    checks: tuple[Check, ...] = ()
    error: str = ""
    """The code of the problem; empty while all is well."""
    description: str = ""
    tokens: TokenAnswer | None = field(default=None, repr=False)
    received_at: float = 0
    id_token: Decoded | None = field(default=None, repr=False)
    """What the ID token says; believed only without an error."""
    access_token: Decoded | None = field(default=None, repr=False)
    """What the access token says, if it is no opaque one."""
    access_checks: tuple[Check, ...] = ()
    granted: tuple[str, ...] = ()
    revoked: bool = False
    """The tokens were ended here; until they are replaced."""
    said: dict[str, Any] = field(default_factory=dict, repr=False)
    """Answers to the buttons, by their heading."""
    notice: str = ""
    trouble: str = ""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """One button at a time: a refresh token that is used twice ends all tokens."""


@dataclass
class Browser:
    """One browser's attempts and results."""

    attempts: OrderedDict[str, Attempt] = field(default_factory=OrderedDict)
    answered: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """State of a used attempt → id of its result."""
    results: OrderedDict[str, Result] = field(default_factory=OrderedDict)


class Browsers:
    """All browsers, by their cookie; the one that was seen longest ago is forgotten first."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: OrderedDict[str, Browser] = OrderedDict()

    def find(self, cookie: str | None) -> Browser | None:
        """Look a browser up."""
        if cookie is None or cookie not in self._known:
            return None
        self._known.move_to_end(cookie)
        return self._known[cookie]

    def start(self, cookie: str, *, asked: Asked, issuer: str) -> Attempt:
        """Begin an attempt for the browser with *cookie*."""
        browser = self.find(cookie)
        if browser is None:
            browser = self._known[cookie] = Browser()
            _shrink(self._known, MOST_BROWSERS)
        attempt = Attempt(asked=asked, issuer=issuer, started_at=self._clock())
        browser.attempts[attempt.state] = attempt
        _shrink(browser.attempts, MOST_ATTEMPTS)
        return attempt

    def take(self, browser: Browser, state: str) -> Attempt | None:
        """Use up the attempt with *state*; None if there is none, or it is too old."""
        attempt = browser.attempts.pop(state, None)
        if attempt is None or self._clock() - attempt.started_at > LIFETIME:
            return None
        return attempt

    @staticmethod
    def keep(browser: Browser, result: Result) -> None:
        """Keep a result for its page."""
        browser.results[result.id] = result
        browser.answered[result.attempt.state] = result.id
        _shrink(browser.results, MOST_RESULTS)
        _shrink(browser.answered, MOST_RESULTS)


def _shrink(kept: "OrderedDict[str, Any]", most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
