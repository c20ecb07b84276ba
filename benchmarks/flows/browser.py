"""One browser and its way through a sign-in, by plain HTTP.

Only the steps at the app under test are timed; what Hydra answers between them is not.
"""

import html
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookies import CookieError, Morsel, SimpleCookie
from typing import Final, Literal
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import aiohttp

from benchmarks.flows.servers import CALLBACK, HOST, ORIGIN, SCOPE, App, Ory

Step = Literal["GET login", "POST login", "GET consent", "POST consent"]
FULL: Final[tuple[Step, ...]] = ("GET login", "POST login", "GET consent", "POST consent")
SILENT: Final[tuple[Step, ...]] = ("GET login", "GET consent")
Timed = Callable[[Step, float], None]
Meanwhile = Callable[[], Awaitable[object]]

HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
}
_FORM = re.compile(r"<form\b[^>]*>(.*?)</form>", re.DOTALL)
_INPUT = re.compile(r"<(?:input|button)\b[^>]*>", re.DOTALL)
_ATTRIBUTE = re.compile(r'([\w-]+)(?:="([^"]*)")?')


class FlowError(RuntimeError):
    """Something answered what it should not."""


@dataclass(frozen=True)
class Person:
    """Who signs in, and from where."""

    email: str
    password: str
    address: str


@dataclass
class Browser:
    """Cookies by host, and somebody in front of it."""

    http: aiohttp.ClientSession
    ory: Ory
    app: App
    person: Person
    timed: Timed
    _cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    async def flow(
        self, *, remember: bool = False, silent: bool = False, meanwhile: Meanwhile | None = None
    ) -> None:
        """One complete authorization code flow, code and tokens included; *meanwhile* between the
        form and its answer.
        """
        flow = Flow(self, remember=remember, silent=silent)
        await flow.start()
        await flow.get_login()
        if silent != flow.has_code_in_sight:
            raise FlowError(f"{self.app.name}: the login page was {'' if silent else 'not '}shown")
        if meanwhile:
            await meanwhile()
        if not silent:
            await flow.post_login()
        await flow.get_consent()
        if not silent:
            await flow.post_consent()
        await flow.finish()

    async def get(self, url: str) -> tuple[str, str]:
        """The address that the answer leads to, and its body."""
        return await self._send("GET", url)

    async def post(self, url: str, fields: list[tuple[str, str]]) -> tuple[str, str]:
        return await self._send("POST", url, fields)

    async def _send(
        self, method: str, url: str, fields: list[tuple[str, str]] | None = None
    ) -> tuple[str, str]:
        parts = urlsplit(url)
        at_app = parts.hostname == HOST
        headers = dict(HEADERS)
        if at_app:
            sent_to = f"http://127.0.0.1:{self.app.port}{parts.path}?{parts.query}".rstrip("?")
            headers |= {"Host": HOST, "X-Forwarded-For": self.person.address}
            headers |= {"X-Forwarded-Proto": "https"}
        else:
            sent_to = url
        if fields is not None:
            headers |= {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
            headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        jar = self._cookies.setdefault(parts.netloc, {})
        if jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        body = None if fields is None else urlencode(fields)
        started = time.perf_counter()
        async with self.http.request(
            method, sent_to, data=body, headers=headers, allow_redirects=False
        ) as answer:
            text = await answer.text()
            took = time.perf_counter() - started
            if at_app:
                step: Step = f"{method} {parts.path.strip('/')}"  # type: ignore[assignment]
                self.timed(step, took)
            keep(jar, answer.headers.getall("Set-Cookie", []))
            if answer.status >= 400:
                raise FlowError(f"{method} {parts.path}: {answer.status} {text[:2000]}")
            location = answer.headers.get("Location", "")
        return urljoin(url, location) if location else "", text


class Flow:
    """A flow step by step, so that many can be brought to the same one."""

    def __init__(self, browser: Browser, *, remember: bool = False, silent: bool = False) -> None:
        self._browser, self._remember = browser, remember
        ory = browser.ory
        self._client = ory.remembered if remember or silent else ory.asking
        self._next, self._page = "", ""
        self._login, self._consent = "", ""

    @property
    def has_code_in_sight(self) -> bool:
        """Nothing was shown at the last step: Ory goes on."""
        return bool(self._next)

    async def start(self) -> None:
        """The app of a third party sends its user to Ory."""
        ory = self._browser.ory
        query = {
            "client_id": self._client.id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": SCOPE,
            "state": secrets.token_urlsafe(16),
        }
        if self._remember:  # also where an earlier browser of the same user had it remembered
            query["prompt"] = "consent"
        await self._go(f"{ory.public_url}/oauth2/auth?{urlencode(query)}")
        self._login = self._expect("/login")

    async def get_login(self) -> None:
        await self._go(self._login)

    async def post_login(self) -> None:
        person = self._browser.person
        given = [("email", person.email), ("password", person.password)]
        await self._submit(self._login, given)

    async def to_consent(self) -> None:
        """Ory, between the two."""
        await self._go(self._expect("/oauth2/auth"))
        self._consent = self._expect("/consent")

    async def get_consent(self) -> None:
        if not self._consent:
            await self.to_consent()
        await self._go(self._consent)

    async def post_consent(self) -> None:
        await self._submit(self._consent, [("grant_scope", scope) for scope in SCOPE.split()])

    async def finish(self) -> None:
        """Ory gives the code, the app redeems it."""
        browser = self._browser
        await self._go(self._expect("/oauth2/auth"))
        code = parse_qs(urlsplit(self._expect("/callback")).query).get("code")
        if not code:
            raise FlowError(f"{browser.app.name}: no code in {self._next}")
        fields = {
            "grant_type": "authorization_code",
            "code": code[0],
            "redirect_uri": CALLBACK,
            "client_id": self._client.id,
            "client_secret": self._client.secret,
        }
        url = f"{browser.ory.public_url}/oauth2/token"
        async with browser.http.post(url, data=fields) as answer:
            tokens = await answer.json()
        if tokens.get("scope") != SCOPE or "id_token" not in tokens:
            raise FlowError(f"{browser.app.name}: {tokens}")

    async def _go(self, url: str) -> None:
        self._next, self._page = await self._browser.get(url)

    async def _submit(self, url: str, given: list[tuple[str, str]]) -> None:
        fields = form_fields(self._page)
        remember = fields.pop("remember", "1")
        sent = [*fields.items(), *given]
        if self._remember:
            sent.append(("remember", remember))
        self._next, self._page = await self._browser.post(url.partition("?")[0], sent)

    def _expect(self, path: str) -> str:
        if urlsplit(self._next).path != path:
            where = self._next or self._page[:2000]
            raise FlowError(f"{self._browser.app.name}: {path} expected, not {where}")
        return self._next


def form_fields(page: str) -> dict[str, str]:
    """What a browser would send of the form with ``#accept``: hidden fields and that button.

    And the value of ``remember``, where there is such a box: the last one, where there are several.
    """
    form = next((text for text in _FORM.findall(page) if 'id="accept"' in text), None)
    if form is None:
        raise FlowError(f"no form: {page[:2000]}")
    fields = {}
    for tag in _INPUT.findall(form):
        has = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(tag)}
        hidden = has.get("type") == "hidden"
        if hidden or has.get("id") == "accept" or has.get("name") == "remember":
            fields[has["name"]] = has.get("value", "")
    return fields


def keep(jar: dict[str, str], set_cookies: list[str]) -> None:
    """Take over what an answer sets, and forget what it takes back."""
    for line in set_cookies:
        try:
            morsels = SimpleCookie(line)
        except CookieError:
            continue
        for name, morsel in morsels.items():
            if _is_over(morsel):
                jar.pop(name, None)
            else:
                jar[name] = morsel.coded_value


def _is_over(morsel: Morsel[str]) -> bool:
    """Max-Age counts before Expires (RFC 6265, 5.3)."""
    if morsel["max-age"]:
        return int(morsel["max-age"]) <= 0
    if morsel["expires"]:
        return parsedate_to_datetime(morsel["expires"]) <= datetime.now(UTC)
    return False
