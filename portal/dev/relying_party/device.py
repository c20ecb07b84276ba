"""The flow of a device without a browser (RFC 8628): show a code, then ask until somebody entered
it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from portal.dev.relying_party.asked import Asked
from portal.dev.relying_party.browsers import Attempt, Result
from portal.dev.relying_party.config import RelyingPartyConfig
from portal.dev.relying_party.flow import RelyingParty
from portal.dev.relying_party.http import ProviderError
from portal.dev.relying_party.outcome import FlowResult, outcome
from portal.dev.relying_party.provider import DeviceAnswer, OAuthError, Provider, TokenAnswer

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
USUAL_WAIT: Final = 5.0
"""Seconds between two questions where Ory does not say how many (RFC 8628, 3.2)."""
SLOWER: Final = 5.0
LONGEST_WAIT: Final = 60.0
log = logging.getLogger("portal.dev.relying_party")


async def perform_device(
    config: RelyingPartyConfig,
    provider: Provider,
    *,
    show: Callable[[DeviceAnswer], None],
    waiting: Callable[[float], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> FlowResult:
    """Run the flow to its end. *show* is given the code; *waiting* the seconds that are left."""
    asked = Asked(scope=config.scope, audience=config.audience)
    answer = await provider.device(**asked.parameters())
    show(answer)
    found = await provider.discover()
    attempt = Attempt(asked=asked, issuer=found.issuer, started_at=time.time())
    result = Result(attempt=attempt)
    try:
        tokens = await _poll(provider, answer, waiting=waiting, sleep=sleep)
        party = RelyingParty(config, provider)
        expected = party.expected(attempt, found, tokens, nonce_required=False)
        await party.accept(result, tokens, expected)
    except OAuthError as exc:
        result.error, result.description = exc.error, exc.description
    return outcome(result)


async def _poll(
    provider: Provider,
    answer: DeviceAnswer,
    *,
    waiting: Callable[[float], None],
    sleep: Callable[[float], Awaitable[None]],
) -> TokenAnswer:
    ends = time.monotonic() + min(max(answer.expires_in, 0), 3600)
    interval = min(answer.interval, LONGEST_WAIT) if answer.interval > 0 else USUAL_WAIT
    while (left := ends - time.monotonic()) > 0:
        waiting(left)
        await sleep(interval)
        try:
            return await provider.token(grant_type=GRANT_TYPE, device_code=answer.device_code)
        except OAuthError as exc:
            if exc.error == "slow_down":
                interval = min(interval + SLOWER, LONGEST_WAIT)
            elif exc.error != "authorization_pending":
                raise
        except ProviderError as exc:  # the network may come back before the code expires
            log.info("still waiting: %s", exc)
            interval = min(interval + SLOWER, LONGEST_WAIT)
    raise OAuthError("expired_token", "nobody entered the code in time")
