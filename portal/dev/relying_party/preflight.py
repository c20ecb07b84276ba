"""What can be known before anybody clicks: that Ory answers, and that it knows this client."""

from typing import Final
from urllib.parse import parse_qsl, urlsplit

from portal.dev.relying_party.advice import advice
from portal.dev.relying_party.asked import Asked
from portal.dev.relying_party.authorization import authorization_url
from portal.dev.relying_party.browsers import Attempt
from portal.dev.relying_party.config import RelyingPartyConfig
from portal.dev.relying_party.http import ProviderError, place
from portal.dev.relying_party.provider import Provider
from portal.dev.relying_party.words import one_line

HOPELESS: Final = (
    *("invalid_client", "invalid_request", "invalid_scope", "unauthorized_client"),
    *("unsupported_response_type", "unsupported_response_mode"),
)
"""Errors that no person at the login page can do anything about."""


async def preflight(config: RelyingPartyConfig, provider: Provider) -> None:
    """Raise :class:`ProviderError`, with one line, if the flow cannot work.

    An authorization request is started as a browser would, and left there: Ory either sends it on
    to the login page, or says what is wrong with the client.
    """
    found = await provider.discover()
    asked = Asked(scope=config.scope, audience=config.audience)
    attempt = Attempt(asked=asked, issuer=found.issuer, started_at=0)
    location = await provider.where_to(authorization_url(config, found, attempt))
    answer = _query_of(location or "", asked_at=found.authorization_endpoint)
    error, description = answer.get("error", ""), answer.get("error_description", "")
    if error not in HOPELESS:
        return
    said = one_line(f"{error}: {description}".rstrip(": "), 300)
    todo = advice(error, description, config)
    raise ProviderError(f"Ory refuses this client ({said.rstrip('.')}). {todo}".rstrip())


def _query_of(location: str, *, asked_at: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(urlsplit(location).query))
    except ValueError as exc:
        where = place(asked_at)
        raise ProviderError(f"{where} sends browsers to an address that cannot be read.") from exc
