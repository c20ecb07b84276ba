"""What all mails have in common that somebody may ask for: how often, and who may use the link.

Each request counts in two buckets, that of the network it came from and that of the address it is
for, whether that address has an account or not. Strangers who use up an address's bucket lock
nobody out: each of their requests has sent its owner a link that works.
"""

import hashlib
from typing import Final

import msgspec

from portal import links
from portal.accounts.errors import AccountError
from portal.accounts.spelling import canonical_identifier
from portal.apps import clean_name
from portal.decisions import with_sign_in
from portal.origin import Origin
from portal.ory.authorization import AuthorizationParameters
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import MailedLink

NETWORK_BURST: Final = 20
NETWORK_SECONDS_EACH: Final = 30.0
ADDRESS_BURST: Final = 3
ADDRESS_SECONDS_EACH: Final = 600.0
GUESS_BURST: Final = 5
GUESS_SECONDS_EACH: Final = 60.0


class WaitError(AccountError):
    """Asked for too often; try again in ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__("too many attempts")
        self.seconds = seconds


class WrongAddressError(AccountError):
    """The link was sent to another address than the one that was typed."""

    def __init__(self) -> None:
        super().__init__("this is not the address that the mail was sent to")


def in_words(exc: Exception) -> str:
    """A refusal as a sentence for a page."""
    text = str(exc)
    return f"{text[:1].upper()}{text[1:]}."


async def admit(rows: Rows, *accounts: str, origin: Origin, now: float) -> float:
    """Count a request for mails to *accounts*, or say how many seconds to wait: then nothing is
    counted.

    The network first and the rest in one order, as everywhere: PostgreSQL ends one of two that
    lock crosswise.
    """
    limits = [(f"mail-net:{origin.network}", NETWORK_BURST, NETWORK_SECONDS_EACH)]
    hashed = sorted(hashlib.sha256(account.encode()).hexdigest() for account in accounts)
    limits += [(f"mail-to:{each}", ADDRESS_BURST, ADDRESS_SECONDS_EACH) for each in hashed]
    taken: list[tuple[str, float]] = []
    for bucket, burst, seconds_each in limits:
        wait = await rows.attempts.take(bucket, now=now, burst=burst, seconds_each=seconds_each)
        if wait:
            for before, seconds in taken:
                await rows.attempts.give_back(before, seconds_each=seconds)
            return wait
        taken.append((bucket, seconds_each))
    return 0.0


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
