"""Who asks the token endpoint: a client, by the method that it is registered with and no other."""

import secrets

from portal.dev.standin.client import Client
from portal.dev.standin.errors import INVALID_CLIENT, INVALID_REQUEST
from portal.dev.standin.http import Request
from portal.dev.standin.state import State


def authenticate(request: Request, state: State) -> Client:
    """The client, or ``invalid_client``."""
    basic = request.basic_auth()
    posted = request.post.get("client_id"), request.post.get("client_secret")
    client_id, secret = basic or posted
    if not client_id:
        raise INVALID_REQUEST(
            "Client credentials missing or malformed in both HTTP Authorization header and HTTP "
            "POST body."
        )
    found = state.registrations.get(client_id)
    if found is None:
        raise INVALID_CLIENT()
    method = found.client.token_endpoint_auth_method
    if posted[0] and posted[1] and method != "client_secret_post":
        raise _wrong_method(method, "client_secret_post")
    if basic and basic[1] and method != "client_secret_basic":
        raise _wrong_method(method, "client_secret_basic")
    if found.client.is_public:
        return found.client
    if not any(secrets.compare_digest(secret.encode(), s.encode()) for s in found.secrets):
        raise INVALID_CLIENT()
    return found.client


def _wrong_method(registered: str, used: str) -> Exception:
    return INVALID_CLIENT(
        f"The OAuth 2.0 Client supports client authentication method '{registered}', but method "
        f"'{used}' was requested. You must configure the OAuth 2.0 client's "
        f"'token_endpoint_auth_method' value to accept '{used}'."
    )
