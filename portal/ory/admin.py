"""Ory's admin API as the portal uses it: one method for each endpoint."""

import base64
import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import msgspec

from portal.ory.answers import Answer, read
from portal.ory.authorization import DEVICE_PATH, origin_of
from portal.ory.calls import Call, Caller, Observer, PacedCaller
from portal.ory.errors import ChallengeUsedError, OryError, OryNonsenseError, OryNotFoundError
from portal.ory.models import (
    AcceptConsent,
    AcceptLogin,
    ConsentRequest,
    ConsentSession,
    LoginRequest,
    LogoutRequest,
    OAuth2Client,
    RedirectTo,
    Reject,
)
from portal.pace import Pace

R = TypeVar("R", LoginRequest, ConsentRequest, LogoutRequest)
Q = TypeVar("Q", LoginRequest, ConsentRequest)
T = TypeVar("T")

_REQUESTS = "/admin/oauth2/auth/requests"
_SESSIONS = "/admin/oauth2/auth/sessions"
_PAGE_SIZE = 100
"""A listed consent is about 3 KB: a page must stay far below the largest answer that is read."""
_MOST_PAGES = 200
_NEXT_STEPS = (
    ("/oauth2/sessions/logout", "logout_verifier"),
    (DEVICE_PATH, "device_verifier"),
)


class OryAdmin:
    """Asks Ory's admin API. Every method ends within *budget* seconds and raises only ``OryError``.

    All but POST is tried a second time: at Ory it may be repeated, an accept included.
    *api_key* is asked before each call, and once more when the key was refused.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        public_url: str | None = None,
        api_key: Callable[[], str | None],
        budget: float = 3.0,
        forwarded_proto: bool = False,
        observe: Observer | None = None,
    ) -> None:
        self._caller: Caller | PacedCaller = Caller(
            http,
            base_url=base_url,
            api_key=api_key,
            budget=budget,
            forwarded_proto=forwarded_proto,
            observe=observe,
        )
        self._public_url = public_url.rstrip("/") if public_url else None
        self._public_origin = origin_of(public_url) if public_url else None
        self._seen_origin: str | None = None

    def paced(self, pace: Pace) -> "OryAdmin":
        """The same Ory, asked no faster than *pace*: for work that nobody waits for."""
        if isinstance(self._caller, PacedCaller):
            return self
        other = copy.copy(self)
        other._caller = PacedCaller(self._caller, pace)
        return other

    async def get_login_request(self, challenge: str) -> LoginRequest:
        return self._seen(await self._get_request("login", challenge, LoginRequest))

    async def accept_login(self, request: LoginRequest, body: AcceptLogin) -> RedirectTo:
        return await self._decide("login", "accept", request, body.document())

    async def reject_login(self, request: LoginRequest, body: Reject) -> RedirectTo:
        return await self._decide("login", "reject", request, body.document())

    async def get_consent_request(self, challenge: str) -> ConsentRequest:
        return self._seen(await self._get_request("consent", challenge, ConsentRequest))

    async def accept_consent(self, request: ConsentRequest, body: AcceptConsent) -> RedirectTo:
        return await self._decide("consent", "accept", request, body.document())

    async def reject_consent(self, request: ConsentRequest, body: Reject) -> RedirectTo:
        return await self._decide("consent", "reject", request, body.document())

    async def get_logout_request(self, challenge: str) -> LogoutRequest:
        return await self._get_request("logout", challenge, LogoutRequest)

    async def accept_logout(self, request: LogoutRequest) -> RedirectTo:
        return await self._decide("logout", "accept", request, None)

    async def reject_logout(self, request: LogoutRequest) -> None:
        """Ory answers nothing to this: where the browser goes is the portal's to say."""
        call = _decision("logout", "reject", request.challenge, None)
        await self._about_challenge(call, _expect_nothing(call.endpoint))

    async def accept_device(self, challenge: str, user_code: str) -> RedirectTo:
        """Connect the code that a person typed with their browser.

        Ory tells nothing of a device's request before, and says ``OryRefusalError`` to a code that
        is wrong, too old or used.
        """
        call = _decision("device", "accept", challenge, {"user_code": user_code})
        return await self._redirect(call, None)

    @property
    def device_address(self) -> str | None:
        """Where somebody begins who was shown a code, where Ory's public side is known."""
        base = self._public_url or self._seen_origin
        return f"{base}{DEVICE_PATH}" if base else None

    async def list_consent_sessions(self, subject: str) -> tuple[ConsentSession, ...]:
        """All consents that Ory remembers of *subject*, in no particular order.

        Hydra 2.3 counts in a header and links to wrong pages, so its pages are counted here; later
        releases do not count and link right.
        """
        rows: list[ConsentSession] = []
        query = {"subject": subject, "page_size": str(_PAGE_SIZE)}
        for _ in range(_MOST_PAGES):
            call = Call(
                endpoint="list_consent_sessions",
                method="GET",
                path=f"{_SESSIONS}/consent",
                query=query,
            )
            answer, page = await self._read_page(call, tuple[ConsentSession, ...])
            rows += page
            token = _next_sessions(answer, shown=len(page), so_far=len(rows))
            if token is None:
                return tuple(rows)
            query["page_token"] = token
        raise OryNonsenseError("list_consent_sessions: pages without end")

    async def revoke_consent(self, subject: str, client_id: str | None) -> None:
        """End the tokens and the memory of one client, or of all clients where it is None."""
        target = {"all": "true"} if client_id is None else {"client": client_id}
        await self._delete("revoke_consent", f"{_SESSIONS}/consent", {"subject": subject} | target)

    async def revoke_consent_request(self, consent_request_id: str) -> None:
        """End the tokens of one flow alone; Hydra 2.3 refuses this."""
        query = {"consent_request_id": consent_request_id}
        await self._delete("revoke_consent_request", f"{_SESSIONS}/consent", query)

    async def end_login_sessions(self, subject: str) -> None:
        """Sign *subject* out of Ory everywhere. Tokens and consents live on."""
        await self._delete("end_login_sessions", f"{_SESSIONS}/login", {"subject": subject})

    async def end_login_session(self, sid: str) -> None:
        await self._delete("end_login_session", f"{_SESSIONS}/login", {"sid": sid})

    async def list_clients(self, *, at_most: int | None = None) -> tuple[OAuth2Client, ...]:
        """All clients, or the first *at_most*, in Ory's own order."""
        rows: list[OAuth2Client] = []
        query = {"page_size": str(_PAGE_SIZE)}
        for _ in range(_MOST_PAGES):
            call = Call(endpoint="list_clients", method="GET", path="/admin/clients", query=query)
            answer, page = await self._read_page(call, tuple[OAuth2Client, ...])
            rows += page
            token = answer.next_page_token()
            if token is None or not page or (at_most is not None and len(rows) >= at_most):
                return tuple(rows[:at_most])
            query["page_token"] = token
        raise OryNonsenseError("list_clients: pages without end")

    async def get_client(self, client_id: str) -> OAuth2Client:
        call = Call(endpoint="get_client", method="GET", path=_client_path(client_id))
        return await self._read(call, OAuth2Client)

    async def create_client(self, client: Mapping[str, Any]) -> dict[str, Any]:
        """Register a client; the answer holds its secret, which Ory tells this once."""
        call = Call(endpoint="create_client", method="POST", path="/admin/clients", body=client)
        return await self._caller.ask(call, _made_client)

    async def update_client(self, client_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change the members that *changes* names and no others; an empty value clears one.

        JSON Patch with ``add`` alone, because it replaces as well as adds. Tried on Hydra 2.3.0:
        ``remove`` is answered 200 and removes nothing; an empty scope becomes Hydra's default one.
        A new ``client_secret`` is told in the answer, this once.
        """
        patch = [{"op": "add", "path": f"/{name}", "value": v} for name, v in changes.items()]
        call = Call(
            endpoint="update_client", method="PATCH", path=_client_path(client_id), body=patch
        )
        return await self._read(call, dict[str, Any])

    async def delete_client(self, client_id: str) -> None:
        """Forget a client; its consents and tokens end with it."""
        await self._delete("delete_client", _client_path(client_id), {})

    @property
    def key_refused(self) -> bool:
        """Whether Ory refused the API key when it was last told; nothing is asked for this."""
        return self._caller.key_refused

    async def ready(self) -> bool:
        """Whether Ory says that it can serve; raises nothing."""
        call = Call(endpoint="ready", method="GET", path="/health/ready", with_key=False)
        try:
            await self._caller.ask(call, lambda answer: answer)
        except OryError:
            return False
        return True

    async def _get_request(self, kind: str, challenge: str, document: type[R]) -> R:
        endpoint = f"get_{kind}_request"
        call = Call(
            endpoint=endpoint,
            method="GET",
            path=f"{_REQUESTS}/{kind}",
            query={f"{kind}_challenge": challenge},
            is_challenge=True,
        )
        request = await self._about_challenge(
            call, lambda answer: read(answer, document, endpoint=endpoint)
        )
        return msgspec.structs.replace(request, challenge=challenge)

    def _seen(self, request: Q) -> Q:
        """Remember where Ory's public side is: a logout's own ``request_url`` does not tell."""
        origin = origin_of(request.request_url)
        if origin is None:
            raise OryNonsenseError("a request whose request_url is no address")
        self._seen_origin = origin
        return request

    async def _decide(
        self,
        kind: str,
        verb: str,
        request: LoginRequest | ConsentRequest | LogoutRequest,
        body: Mapping[str, Any] | None,
    ) -> RedirectTo:
        call = _decision(kind, verb, request.challenge, body)
        return await self._redirect(call, origin_of(request.request_url))

    async def _redirect(self, call: Call, requested_at: str | None) -> RedirectTo:
        """The redirect that *call* is answered with; a foreign one is nonsense."""

        def understand(answer: Answer) -> RedirectTo:
            redirect = read(answer, RedirectTo, endpoint=call.endpoint)
            if not self._leads_to_ory(redirect.redirect_to, requested_at):
                raise OryNonsenseError(f"{call.endpoint}: a redirect that does not lead to Ory")
            return redirect

        return await self._about_challenge(call, understand)

    def _leads_to_ory(self, target: str, requested_at: str | None) -> bool:
        origin = origin_of(target)
        known = {requested_at, self._public_origin} - {None}
        if not known:  # a logout or a device, and nobody told where Ory's public side is
            known = {self._seen_origin} - {None}
        if known:
            return origin in known
        return origin is not None and _goes_on_at_ory(target)

    async def _about_challenge(self, call: Call, understand: Callable[[Answer], T]) -> T:
        """Ask; where Ory sends a used challenge is passed on only if it is a page of Ory's."""
        try:
            return await self._caller.ask(call, understand)
        except ChallengeUsedError as exc:
            target = self._at_ory(exc.redirect_to or "")
            raise ChallengeUsedError(str(exc), redirect_to=target) from None

    def _at_ory(self, target: str) -> str | None:
        """*target* as an address of Ory's public side; a relative one is relative to that."""
        base = self._public_url or self._seen_origin
        if base is None:
            return None
        address = f"{base}{target}" if target.startswith("/") else target
        return address if origin_of(address) == origin_of(base) else None

    async def _read(self, call: Call, kind: type[T]) -> T:
        return await self._caller.ask(
            call, lambda answer: read(answer, kind, endpoint=call.endpoint)
        )

    async def _read_page(self, call: Call, kind: type[T]) -> tuple[Answer, T]:
        return await self._caller.ask(
            call, lambda answer: (answer, read(answer, kind, endpoint=call.endpoint))
        )

    async def _delete(self, endpoint: str, path: str, query: Mapping[str, str]) -> None:
        call = Call(endpoint=endpoint, method="DELETE", path=path, query=query)
        await self._caller.ask(call, _expect_nothing(endpoint))


def _decision(kind: str, verb: str, challenge: str, body: Mapping[str, Any] | None) -> Call:
    return Call(
        endpoint=f"{verb}_{kind}",
        method="PUT",
        path=f"{_REQUESTS}/{kind}/{verb}",
        query={f"{kind}_challenge": challenge},
        body=body,
        is_challenge=True,
    )


def _expect_nothing(endpoint: str) -> Callable[[Answer], None]:
    """204 and no other success: a proxy's friendly page must not count as a deletion."""

    def understand(answer: Answer) -> None:
        if answer.status != 204:
            raise OryNonsenseError(f"{endpoint}: {answer.status} instead of 204")

    return understand


def _made_client(answer: Answer) -> dict[str, Any]:
    made = read(answer, dict[str, Any], endpoint="create_client")
    if not isinstance(made.get("client_id"), str) or not made["client_id"]:
        raise OryNonsenseError("create_client: an answer without the id of what was made")
    return made


def _goes_on_at_ory(target: str) -> bool:
    parts = urlsplit(target)
    names = parse_qs(parts.query)
    return any(parts.path.endswith(path) and name in names for path, name in _NEXT_STEPS)


def _client_path(client_id: str) -> str:
    # Ory unescapes before it looks for the route, so these would name another resource of its
    if client_id in ("", ".", "..") or "/" in client_id:
        raise OryNotFoundError("no client has such a name")
    return f"/admin/clients/{quote(client_id, safe='')}"


def _next_sessions(answer: Answer, *, shown: int, so_far: int) -> str | None:
    if "x-total-count" not in answer.headers:
        return answer.next_page_token() if shown else None
    if shown < _PAGE_SIZE:
        return None
    offset = msgspec.json.encode({"offset": str(so_far), "v": 2})
    return base64.urlsafe_b64encode(offset).decode().rstrip("=")
