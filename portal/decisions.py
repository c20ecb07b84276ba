"""One decision per challenge, whoever asks how often (hydra-contract 7).

Ory answers a used challenge like a fresh one and would take a second, different answer. So the
first decision is written down under the hash of the challenge before Ory hears of it, and
everything after is compared with it.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

import msgspec
import uuid_utils.compat

from portal import i18n
from portal.ory.authorization import AuthorizationParameters
from portal.ory.errors import (
    ChallengeExpiredError,
    ChallengeUnknownError,
    ChallengeUsedError,
    OryError,
)
from portal.ory.models import ConsentRequest, LoginRequest, LogoutRequest, RedirectTo
from portal.page import DEVICE_DENIED, GoTo
from portal.services import Visitor
from portal.store import Rows, Store
from portal.store.tables import FlowRecord

REPEAT_WINDOW: Final = timedelta(seconds=60)
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_=-]{16,8192}")
"""What Ory issues (hydra-contract 7); anything else is not even asked about."""
PORTAL: Final = "portal"
_FORM: Final = "form"
"""The member of an answer that names the form it came by."""
_NOT_AGAIN: Final = frozenset({"login", "none", "registration", "create"})
"""What a request that begins anew does not ask for: to sign in is enough, whoever came to register.
"""
Decision = Literal["accept", "reject"]
T = TypeVar("T")
Q = TypeVar("Q", LoginRequest, ConsentRequest, LogoutRequest)


class DecisionError(Exception):
    """The request cannot be decided (any more); ``start_again`` is the app's request, where it is
    known.
    """

    def __init__(self, start_again: str | None = None) -> None:
        super().__init__(type(self).__doc__)
        self.start_again = start_again


class LinkExpiredError(DecisionError):
    """The challenge is older than Ory's limit."""


class LinkUnknownError(DecisionError):
    """The challenge is garbled, or of another Ory, or of another kind of request."""


class DeviceLinkExpiredError(DecisionError):
    """The device challenge is older than Ory's limit; ``start_again`` is where a code is typed."""


class DeviceLinkUnknownError(DecisionError):
    """The device challenge is garbled, or of another Ory."""


class AlreadyDecidedError(DecisionError):
    """The request has been answered already."""


class OppositeDecisionError(DecisionError):
    """The request has been answered already, and differently."""


class StaleSignInError(DecisionError):
    """The sign-in behind this request does not count any more: the password was changed since."""


class UnusableRequestError(DecisionError):
    """The app sent its request in a way that Ory loses: by POST, without a query (hydra-contract
    2.7).
    """


class UnrequestedError(Exception):
    """The form grants something that the app did not ask for, or for a time that nobody was
    offered.
    """


def usable_challenge(challenge: str | None) -> str | None:
    """A challenge as Ory issues them; anything else leads nowhere."""
    return challenge if challenge and CHALLENGE.fullmatch(challenge) else None


def challenge_hash(challenge: str) -> str:
    """How a challenge is known here; the challenge itself is never stored."""
    return hashlib.sha256(challenge.encode()).hexdigest()


def half_done_key(challenge: str, visitor: Visitor) -> str:
    """How a sign-in of this browser is known that is half done; the portal's own has no
    *challenge*.
    """
    what = challenge_hash(challenge) if challenge else PORTAL
    return hashlib.sha256(f"{visitor.browser_hash or ''}:{what}".encode()).hexdigest()


def login_session_hash(session_id: str) -> str:
    """How Ory's login session is known here; its id is never stored."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def new_decision_id() -> str:
    """A UUIDv7: unguessable enough, and its age can be read from it."""
    return str(uuid_utils.compat.uuid7())


def decided_before(decision_id: str, moment: datetime) -> bool:
    """Whether the decision of that id (a UUIDv7, milliseconds) was made before *moment*; not for
    other ids.
    """
    try:
        parsed = UUID(decision_id)
    except ValueError:
        return False
    return parsed.version == 7 and (parsed.int >> 80) < int(moment.timestamp() * 1000)


def with_sign_in(request_url: str) -> str:
    """The app's request again, with the person asked to sign in: ``prompt=login`` (OpenID Connect
    Core, 3.1.2.1).
    """
    parts = urlsplit(request_url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    wanted = " ".join(value for name, value in pairs if name == "prompt").split()
    prompt = " ".join(["login", *(word for word in wanted if word not in _NOT_AGAIN)])
    kept = [pair for pair in pairs if pair[0] != "prompt"]
    return urlunsplit(parts._replace(query=urlencode([*kept, ("prompt", prompt)])))


async def fetch(call: Callable[[str], Awaitable[Q]], challenge: str, store: Store) -> Q:
    """Get a request from Ory, and speak the language that its app asks for.

    Where Ory does not know it any more, say so with the way to start again.
    """
    if not CHALLENGE.fullmatch(challenge):
        raise LinkUnknownError
    try:
        request = await call(challenge)
    except (ChallengeExpiredError, ChallengeUsedError) as exc:
        raise LinkExpiredError(await _request_url(challenge, store)) from exc
    except ChallengeUnknownError as exc:
        raise LinkUnknownError(await _request_url(challenge, store)) from exc
    i18n.heed_app(request.ui_locales)
    return request


class Settlement(msgspec.Struct, frozen=True):
    """What became of an attempt to decide. ``refusal`` is raised by :meth:`check`, after the
    commit.
    """

    decision_id: str
    is_new: bool
    refusal: DecisionError | None = None

    def check(self) -> None:
        """Raise what speaks against going on."""
        if self.refusal is not None:
            raise self.refusal


async def settle(
    rows: Rows,
    flow: FlowRecord,
    *,
    decision: Decision,
    answer: dict[str, Any],
    visitor: Visitor,
    form_token: str = "",
    may_be_first: bool = False,
) -> Settlement:
    """Make the decision, or find the same one made before, so that a double click does no harm.

    Anything else is refused: nobody changes an answer afterwards, or repeats it from elsewhere or
    much later. With *form_token* the form is known again that decided: :func:`was_decided_by`.
    Where it *may_be_first*, nobody has looked whether there is a row yet.
    """
    decision_id = new_decision_id()
    if form_token:
        answer = answer | {_FORM: challenge_hash(form_token)}

    async def decide() -> bool:
        return await rows.flows.decide(
            flow.challenge_hash,
            decision=decision,
            decision_id=decision_id,
            answer=answer,
            browser_hash=visitor.browser_hash,
            subject=flow.subject,
            at=visitor.now,
        )

    if await decide():
        return Settlement(decision_id, is_new=True)
    before = await rows.flows.find(flow.challenge_hash)
    if before is None and may_be_first:
        before = await rows.flows.open(flow)
        if await decide():
            return Settlement(decision_id, is_new=True)
    if before is None or before.decision_id is None or before.decided_at is None:
        return Settlement("", is_new=False, refusal=AlreadyDecidedError(flow.request_url))
    same = (before.decision, before.subject) == (decision, flow.subject) and (
        _essence(before.answer) == _essence(answer)
    )
    refusal = _refusal(before, visitor, same=same, age=visitor.now - before.decided_at)
    if refusal is None and before.state == "unsent":
        await rows.flows.mark_resent(flow.challenge_hash, at=visitor.now)
    return Settlement(before.decision_id, is_new=False, refusal=refusal)


def was_decided_by(flow: FlowRecord, form_token: str, *, visitor: Visitor) -> bool:
    """Whether this very form decided *flow*, sent from the same browser: it was sent twice.

    What it proved need not be proved again then, and often cannot be: a code is good once.
    """
    noted = (flow.answer or {}).get(_FORM)
    return (
        flow.decision is not None
        and noted == challenge_hash(form_token)
        and flow.browser_hash is not None
        and flow.browser_hash == visitor.browser_hash
    )


async def tell(
    flow: FlowRecord, call: Callable[[], Awaitable[RedirectTo]], store: Store
) -> RedirectTo:
    """Tell Ory what was decided. If that fails, the same decision may be told again, however much
    later.
    """
    try:
        return await call()
    except (ChallengeExpiredError, ChallengeUsedError) as exc:
        raise LinkExpiredError(flow.request_url) from exc
    except ChallengeUnknownError as exc:
        raise LinkUnknownError(flow.request_url) from exc
    except OryError:
        async with store.writing() as rows:
            await rows.flows.mark_unsent(flow.challenge_hash)
        raise


def after_reject(redirect: RedirectTo, parameters: AuthorizationParameters) -> RedirectTo | GoTo:
    """Where the browser goes after Ory heard a no: to the app; in a device flow, to a page of ours.

    Ory shows raw JSON there, and the device is not told anything (hydra-contract 5).
    """
    return DEVICE_DENIED if parameters.is_device else redirect


def _essence(answer: dict[str, Any] | None) -> dict[str, Any]:
    """What was answered, by whichever form."""
    return {name: value for name, value in (answer or {}).items() if name != _FORM}


def _refusal(
    before: FlowRecord, visitor: Visitor, *, same: bool, age: timedelta
) -> DecisionError | None:
    if not same:
        return OppositeDecisionError(before.request_url)
    recent = before.state == "unsent" or age <= REPEAT_WINDOW
    if before.browser_hash != visitor.browser_hash or not recent:
        return AlreadyDecidedError(before.request_url)
    return None


async def _request_url(challenge: str, store: Store) -> str | None:
    async with store.reading() as rows:
        flow = await rows.flows.find(challenge_hash(challenge))
    return flow.request_url if flow else None
