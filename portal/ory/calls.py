"""One call to Ory's admin API: key, time, size and second tries.

What is asked is in :mod:`portal.ory.admin`, what the answers mean in :mod:`portal.ory.answers`.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec

from portal.ory.answers import Answer, error_of
from portal.ory.connections import LARGEST_ANSWER
from portal.ory.errors import OryError, OryKeyError, OryNonsenseError, OryUnavailableError
from portal.pace import Pace

T = TypeVar("T")

Observer = Callable[[str, str, float], None]
"""Told after each call: endpoint, "ok" or the error's code, seconds."""

_LONGEST_WAIT = 2
"""Seconds for which a person is kept waiting because Ory is out of breath (429)."""
_PAUSE = 0.05
_REPEATABLE = frozenset(("GET", "PUT", "PATCH", "DELETE"))
_SUCCESS = frozenset((200, 201, 204))


class _AgainError(Exception):
    """*error*, but a second try after *pause* may end better."""

    def __init__(self, error: OryError, *, pause: float = 0.0, harmless: bool = False) -> None:
        self.error, self.pause, self.harmless = error, pause, harmless


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask, once or twice."""

    endpoint: str
    method: str
    path: str
    query: Mapping[str, str] = {}
    body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    is_challenge: bool = False
    with_key: bool = True

    def __repr__(self) -> str:
        return f"Call({self.endpoint})"


class Caller:
    """Makes calls to one origin, with the key of that origin and of no other."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        api_key: Callable[[], str | None],
        budget: float,
        forwarded_proto: bool,
        observe: Observer | None,
    ) -> None:
        self._http, self._base_url = http, base_url.rstrip("/")
        self._address = httpx.URL(self._base_url)
        self._api_key, self._budget, self._observe = api_key, budget, observe
        self.key_refused = False
        """Whether the last answer that took a key was a refusal of it."""
        self._headers = httpx.Headers(
            {
                "Host": self._address.netloc.decode("ascii"),
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            }
        )
        if forwarded_proto:
            self._headers["X-Forwarded-Proto"] = "https"

    async def ask(self, call: Call, understand: Callable[[Answer], T]) -> T:
        """Return what *understand* makes of Ory's successful answer; raise anything else.

        *understand* may raise ``OryNonsenseError`` and is part of what the observer is told.
        """
        started, outcome = time.perf_counter(), "cancelled"
        try:
            understood = understand(await self._within_budget(call))
            outcome = "ok"
            self.key_refused = self.key_refused and not call.with_key
        except OryError as exc:
            outcome = exc.code
            if isinstance(exc, OryUnavailableError):
                exc.address = self._base_url
            if call.with_key:
                self.key_refused = self.key_refused or isinstance(exc, OryKeyError)
            raise
        finally:
            if self._observe is not None:
                self._observe(call.endpoint, outcome, time.perf_counter() - started)
        return understood

    async def _within_budget(self, call: Call) -> Answer:
        try:
            async with asyncio.timeout(self._budget):
                return await self._with_second_try(call)
        except TimeoutError:
            raise OryUnavailableError(f"{call.endpoint}: no answer in time") from None

    async def _with_second_try(self, call: Call) -> Answer:
        """Try twice where it can help and harms nothing: all but POST may be repeated at Ory."""
        key = self._api_key() if call.with_key else None
        try:
            return await self._once(call, key)
        except _AgainError as again:
            if call.method not in _REPEATABLE and not again.harmless:
                raise again.error from None
            await asyncio.sleep(again.pause)
        except OryKeyError:
            refused, key = key, self._api_key()
            if key == refused:
                raise
        try:
            return await self._once(call, key)
        except _AgainError as again:
            raise again.error from None

    async def _once(self, call: Call, key: str | None) -> Answer:
        answer = await self._exchange(call, key)
        if answer.status in _SUCCESS:
            return answer
        error = error_of(answer, endpoint=call.endpoint, is_challenge=call.is_challenge)
        if answer.status == 429:
            if answer.retry_after is None or answer.retry_after > _LONGEST_WAIT:
                raise error
            raise _AgainError(error, pause=answer.retry_after, harmless=True)
        if answer.status >= 500:
            raise _AgainError(error, pause=_PAUSE)
        raise error

    async def _exchange(self, call: Call, key: str | None) -> Answer:
        """One answer, whole; httpx's errors end here, and their texts are not carried on."""
        try:
            response = await self._http.send(
                self._request(call, key), stream=True, follow_redirects=False
            )
            try:
                return Answer(
                    response.status_code, response.headers, await _body(response, call.endpoint)
                )
            finally:
                await response.aclose()
        except httpx.TimeoutException as exc:
            raise OryUnavailableError(_what(call, exc)) from None
        except (httpx.RemoteProtocolError, httpx.DecodingError) as exc:
            raise _AgainError(OryNonsenseError(_what(call, exc))) from None
        except httpx.RequestError as exc:
            raise _AgainError(OryUnavailableError(_what(call, exc))) from None

    def _request(self, call: Call, key: str | None) -> httpx.Request:
        headers, content = self._headers.copy(), None
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(call.body)
        address = httpx.URL(self._address)
        whole = address._uri_reference
        # all is quoted: httpx would look at each character of a challenge, several times
        address._uri_reference = whole._replace(
            path=f"{whole.path.rstrip('/')}{call.path}",
            query=urlencode(call.query, quote_via=quote, safe="=") if call.query else None,
        )
        return httpx.Request(call.method, address, headers=headers, content=content)


class PacedCaller:
    """Makes the same calls at a pace. While Ory asked to wait it makes none, and says so at once:
    whoever works in the background had better not hold on to its work.
    """

    def __init__(self, caller: Caller, pace: Pace) -> None:
        self._caller, self._pace = caller, pace

    @property
    def key_refused(self) -> bool:
        """As of the caller itself."""
        return self._caller.key_refused

    async def ask(self, call: Call, understand: Callable[[Answer], T]) -> T:
        """Do as :meth:`Caller.ask` does, when it is time."""
        await self._pace.turn()
        if left := math.ceil(self._pace.resting):
            raise OryUnavailableError(f"{call.endpoint}: Ory asked to wait", retry_after=left)
        try:
            answer = await self._caller.ask(call, understand)
        except (OryUnavailableError, OryKeyError) as exc:
            self._pace.went(well=False)
            if isinstance(exc, OryUnavailableError):
                self._pace.rest(exc.retry_after or 0)
            raise
        self._pace.went(well=True)
        return answer


async def _body(response: httpx.Response, endpoint: str) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise OryNonsenseError(f"{endpoint}: a packed answer that nobody asked for")
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - of an asynchronous transport
    body = bytearray()
    async for chunk in stream:  # httpx's own ways around it would unpack and count
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise OryNonsenseError(f"{endpoint}: an answer larger than {LARGEST_ANSWER} bytes")
    return bytes(body)


def _what(call: Call, exc: Exception) -> str:
    return f"{call.endpoint}: {type(exc).__name__}"
