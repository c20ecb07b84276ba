"""The address at Ory that a browser is sent to."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from portal.dev.relying_party.browsers import Attempt
from portal.dev.relying_party.config import RelyingPartyConfig
from portal.dev.relying_party.provider import Discovery


def authorization_url(config: RelyingPartyConfig, found: Discovery, attempt: Attempt) -> str:
    """Where the browser is sent; the code comes back to exactly ``redirect_uri``."""
    query = {
        "client_id": config.client_id,
        "redirect_uri": config.redirect_uri,
        "response_type": "code",
        **attempt.asked.parameters(),
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
    }
    if config.response_mode != "query":
        query["response_mode"] = config.response_mode
    return with_query(config.auth_url or found.authorization_endpoint, query)


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Add *query* to an address that may have one."""
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *query.items()]
    return urlunsplit(parts._replace(query=urlencode(pairs), fragment=""))
