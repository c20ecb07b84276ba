"""What all mails have in common that somebody may ask for: how often, and who may use the link.

Each request counts in two buckets, that of the network it came from and that of the address it is
for, whether that address has an account or not. Strangers who use up an address's bucket lock
nobody out: each of their requests has sent its owner a link that works.
"""

import hashlib
import math
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from portal import links
from portal.accounts.errors import (
    AccountError,
    InvalidEmailError,
    WeakPasswordError,
    as_sentence,
)
from portal.accounts.spelling import canonical_identifier
from portal.apps import clean_name
from portal.decisions import challenge_hash, with_sign_in
from portal.i18n import N_
from portal.ory.authorization import AuthorizationParameters
from portal.page import Page, ResultPage
from portal.passwords import PasswordTooLongError
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import MailedLink
from portal.throttle import please_wait

AnyPage = TypeVar("AnyPage", bound=Page)

NETWORK_BURST: Final = 20
NETWORK_SECONDS_EACH: Final = 30.0
ADDRESS_BURST: Final = 3
ADDRESS_SECONDS_EACH: Final = 600.0
GUESS_BURST: Final = 5
GUESS_SECONDS_EACH: Final = 60.0


class WaitError(AccountError):
    """Asked for too often; try again in ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = math.ceil(seconds)

    @property
    def sentence(self) -> str:
        """The same for the person, in their language."""
        return please_wait(self.seconds)


class SameAddressError(AccountError):
    """The new address is the old one."""


class WrongAddressError(AccountError):
    """The link was sent to another address than the one that was typed."""

    def __init__(self) -> None:
        super().__init__(N_("This is not the address that the mail was sent to."))


REFUSALS: Final = (
    *(WaitError, WrongAddressError, SameAddressError),
    *(InvalidEmailError, WeakPasswordError, PasswordTooLongError),
)
"""What whoever sent the form can put right: nothing was used up."""


def refused(page: AnyPage, exc: AccountError | PasswordTooLongError) -> AnyPage:
    """*page* once more, saying what is wrong beside the field that has to be typed again; as it is,
    where its link stopped working meanwhile.
    """
    if isinstance(page, ResultPage):
        return page
    if isinstance(exc, WaitError):
        return replace(page, status=429, retry_after=exc.seconds, error=as_sentence(exc))
    field = "address_problem" if isinstance(exc, WrongAddressError) else "problem"
    return replace(page, status=422, **{field: as_sentence(exc)})


def stale(page: AnyPage, visitor: Visitor) -> AnyPage:
    """*page* once more with a fresh token, because the old one does not fit."""
    if isinstance(page, ResultPage):
        return page
    return replace(page, status=403, error=visitor.why_stale)


async def admit(rows: Rows, visitor: Visitor, *addresses: str) -> None:
    """Count a request for mails to *addresses*, or raise :class:`WaitError`, which undoes the unit:
    then nothing is counted.

    The network first and the rest in one order, as everywhere: PostgreSQL ends one of two that
    lock crosswise.
    """
    limits = [(f"mail-net:{visitor.origin.network}", NETWORK_BURST, NETWORK_SECONDS_EACH)]
    hashed = sorted(hashlib.sha256(address.encode()).hexdigest() for address in addresses)
    limits += [(f"mail-to:{each}", ADDRESS_BURST, ADDRESS_SECONDS_EACH) for each in hashed]
    now = visitor.now.timestamp()
    for bucket, burst, seconds_each in limits:
        wait = await rows.attempts.take(bucket, now=now, burst=burst, seconds_each=seconds_each)
        if wait:
            raise WaitError(wait)


async def require_address(
    services: Services, link: MailedLink, typed: str, *, visitor: Visitor
) -> None:
    """In another browser than the one that asked, whoever has the link has to know where it was
    sent: a link alone, seen over a shoulder or in somebody's log, opens nothing.
    """
    if not links.asks_for_address(link, visitor):
        return
    async with services.store.writing() as rows:
        wait = await rows.attempts.take(
            f"mail-link:{link.token_hash}",
            now=visitor.now.timestamp(),
            burst=GUESS_BURST,
            seconds_each=GUESS_SECONDS_EACH,
        )
    if wait:
        raise WaitError(wait)
    if canonical_identifier(typed) != link.email:
        raise WrongAddressError


def noted(challenge: str | None) -> dict[str, str] | None:
    """What a link keeps of the app's request that it is asked for at: see :func:`way_back`."""
    return {"challenge": challenge_hash(challenge)} if challenge else None


class WayBack(msgspec.Struct, frozen=True):
    """The app's request that somebody was about to answer, to begin anew."""

    app: str
    url: str


async def way_back(services: Services, link: MailedLink, *, visitor: Visitor) -> WayBack | None:
    """Where to go on after the link, if it was asked for on the way to an app in this browser.

    The request begins anew with a sign-in: its challenge may be over, and nobody has proved
    anything to Ory yet.
    """
    challenge_hash = link.detail.get("challenge")
    if not isinstance(challenge_hash, str) or links.asks_for_address(link, visitor):
        return None
    async with services.store.reading() as rows:
        flow = await rows.flows.find(challenge_hash)
    if flow is None:
        return None
    parameters = AuthorizationParameters.of(flow.request_url)
    if parameters.is_device or not parameters.has_query:
        return None
    return WayBack(clean_name(flow.client_name), with_sign_in(flow.request_url))
