"""Tells apps that a session has ended, behind the answer (OpenID Connect Back-Channel Logout)."""

import logging
from typing import Final
from urllib.parse import urlsplit

import httpx

from portal.dev.serving import is_loopback
from portal.dev.standin.client import Client
from portal.dev.standin.state import State

SECONDS: Final = 5.0
_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_log = logging.getLogger(__name__)


def may_call(uri: str) -> bool:
    """Loopback, or https: the stand-in is no tool to reach into networks."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    )


def logout_token(client: Client, session_id: str, state: State) -> str:
    """Who it is for, and which session: no subject, as Hydra's."""
    return state.id_token_key.sign(
        {
            "iss": state.config.public_url,
            "aud": [client.client_id],
            "iat": state.seconds(),
            "jti": state.uuid(),
            "events": {_EVENT: {}},
            "sid": session_id,
        }
    )


async def notify(calls: list[tuple[str, str]]) -> None:
    """POST each token to its address; an app that does not listen is told once, no more."""
    async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as http:
        for uri, token in calls:
            try:
                await http.post(uri, data={"logout_token": token})
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                _log.warning("a back-channel logout did not arrive: %s", type(exc).__name__)
