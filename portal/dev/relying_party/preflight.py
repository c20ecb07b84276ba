"""What can be known before anybody clicks: that Ory answers, and that it knows this client and its
secret.
"""

from typing import Final
from urllib.parse import parse_qsl, urlsplit

from portal.dev.relying_party.advice import advice
from portal.dev.relying_party.asked import Asked
from portal.dev.relying_party.authorization import authorization_url
from portal.dev.relying_party.browsers import Attempt
from portal.dev.relying_party.config import RelyingPartyConfig
from portal.dev.relying_party.http import ProviderError, place
from portal.dev.relying_party.provider import OAuthError, Provider
from portal.dev.relying_party.words import one_line

HOPELESS: Final = (
    *("invalid_client", "invalid_request", "invalid_scope", "unauthorized_client"),
    *("unsupported_response_type", "unsupported_response_mode"),
)
"""Errors that no person at the login page can do anything about."""
FALLBACK: Final = "/oauth2/fallbacks/login"
"""Ory's own page in place of a login page that it was not told."""
NO_LOGIN_PAGE: Final = (
    "Ory does not know the login page yet and shows a page of its own instead. "
    "`portal ory-config` says how to tell it."
)
NO_CODE: Final = "made-up-to-see-whether-the-client-secret-is-right"


async def preflight(config: RelyingPartyConfig, provider: Provider) -> str:
    """Raise :class:`ProviderError`, with one line, if the flow cannot work; a warning, or nothing.

    An authorization request is started as a browser would, and left there: Ory either sends it on
    to the login page, or says what is wrong with the client.
    """
    found = await provider.discover()
    asked = Asked(scope=config.scope, audience=config.audience)
    attempt = Attempt(asked=asked, issuer=found.issuer, started_at=0)
    location = await provider.where_to(authorization_url(config, found, attempt))
    answer = _query_of(location or "", asked_at=found.authorization_endpoint)
    _refuse_hopeless(answer.get("error", ""), answer.get("error_description", ""), config)
    await _prove_secret(config, provider, attempt)
    leads_to = urlsplit(location or "").path
    return NO_LOGIN_PAGE if leads_to.endswith(FALLBACK) else ""


async def _prove_secret(config: RelyingPartyConfig, provider: Provider, attempt: Attempt) -> None:
    """Redeem a code that nobody was given: Ory first looks who asks, and then finds no such code.

    Nothing changes by it. A token endpoint that does not answer just now may do so later.
    """
    try:
        await provider.token(
            grant_type="authorization_code",
            code=NO_CODE,
            redirect_uri=config.redirect_uri,
            code_verifier=attempt.verifier,
        )
    except OAuthError as exc:
        _refuse_hopeless(exc.error, exc.description, config)
    except ProviderError:
        return


def _refuse_hopeless(error: str, description: str, config: RelyingPartyConfig) -> None:
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
