"""What the errors of OAuth2 and OpenID Connect mean here, and what to do about them."""

from typing import Final

from portal.dev.relying_party.config import RelyingPartyConfig

ADVICE: Final = {
    "access_denied": "Somebody said no, at sign-in or at the question for permissions; or the link "
    "was used a second time. Start again, and allow at least one permission.",
    "invalid_scope": "The client is not registered for one of these scopes. See its scopes with "
    "`portal clients get CLIENT_ID`, and ask for fewer with --scope.",
    "request_forbidden": "Ory misses the cookie that it set in this browser. Either another tab "
    "began a newer sign-in of the same app, or Ory and its pages are used under two names, such as "
    "localhost and 127.0.0.1, or cookies are blocked. Close the other tabs and start again.",
    "request_unauthorized": "It took too long, and Ory has forgotten the request. Start again.",
    "login_required": "prompt=none was asked, but nobody is signed in at Ory in this browser (or "
    "the sign-in is older than max_age). Sign in once without prompt=none, and tick “Stay signed "
    "in”.",
    "consent_required": "prompt=none was asked, but this app may not get everything it asks for "
    "without a question. Allow it once and choose a longer time than “This time only”.",
    "interaction_required": "prompt=none was asked, but a page has to be shown first.",
    "invalid_client": "The client secret is wrong (or belongs to another client, or Ory does not "
    "know the client id: see `portal clients list`). A lost secret cannot be shown again: make a "
    "new client with `portal clients create`.",
    "invalid_grant": "The code or token was used before, was revoked, or has expired. Start again.",
    "invalid_request": "Ory finds fault with the request; its description says with what.",
    "unauthorized_client": "The client is not registered for this grant type or response type. "
    "Register it with --grant-type authorization_code,refresh_token and --response-type code.",
    "unsupported_response_type": "The client is not registered for response type code.",
    "unsupported_response_mode": "Ory does not know this response mode; try --response-mode query.",
    "server_error": "Something broke at Ory. Its log says what.",
    "temporarily_unavailable": "Ory has too much to do. Try again in a moment.",
    "expired_token": "Nobody entered the code in time. Run the command again.",
}

ENDED: Final = ("request_unauthorized", "invalid_token")
"""What Ory answers to an access token that is good no more."""
UNKNOWN: Final = (
    "Ory does not know this client id. See `portal clients list`, or make a client with "
    "`portal clients create`."
)
PUBLIC: Final = (
    "This client is public: it has no secret, and none may be sent. Leave --client-secret and "
    "OAUTH2_CLIENT_SECRET out."
)
SECRETLESS: Final = (
    "This client has a secret, and none was given: --client-secret-stdin reads it, or set "
    "OAUTH2_CLIENT_SECRET."
)


def advice(error: str, description: str, config: RelyingPartyConfig) -> str:
    """Say what to do about *error*; empty if that is unknown."""
    if error == "invalid_client" and (todo := _about_client(description, config)):
        return todo
    if "redirect_uri" in description or "redirect uri" in description.lower():
        return (
            "The client has to be registered with exactly the address that Ory shall send people "
            f"back to: portal clients create --redirect-uri {config.redirect_uri}"
        )
    return ADVICE.get(error, "").replace("CLIENT_ID", config.client_id)


def advice_on_token(error: str, description: str, config: RelyingPartyConfig) -> str:
    """The same where a token was used; there the same error may mean something else."""
    if error in ENDED:
        return "This access token was revoked or has expired. Refresh, or authorize again."
    return advice(error, description, config)


def _about_client(description: str, config: RelyingPartyConfig) -> str:
    """Ory has one name for four mistakes; its description tells some of them apart."""
    if "does not exist" in description:
        return UNKNOWN
    if "client authentication method 'none'" in description:
        return PUBLIC
    return SECRETLESS if config.client_secret is None else ""
