"""Everything that the client asks of Ory by itself. Answers are taken only if they are what they
should be.
"""

import time
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from portal.dev.relying_party.config import (
    ConfigError,
    RelyingPartyConfig,
    require_web_address,
)
from portal.dev.relying_party.http import Answer, Http, ProviderError, place
from portal.dev.relying_party.words import one_line

DISCOVERY: Final = "/.well-known/openid-configuration"
IN_BODY: Final = "client_secret_post"
KEYS_FOR: Final = 300.0
"""Seconds after which keys are read again even if none is missed."""
_KEY_TYPES: Final = ("RSA", "EC", "OKP")


class OAuthError(Exception):
    """Ory's answer is an error of OAuth2, such as ``invalid_grant``."""

    def __init__(self, error: str, description: str = "") -> None:
        self.error = one_line(error, 80)
        self.description = one_line(description, 500)
        super().__init__(f"{self.error}: {self.description}" if description else self.error)


class Discovery(msgspec.Struct, frozen=True):
    """The parts of the discovery document that are used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    revocation_endpoint: str | None = None
    end_session_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool = False


class TokenAnswer(msgspec.Struct, frozen=True):
    """What the token endpoint answers."""

    access_token: str
    token_type: str
    expires_in: int | float | None = None
    refresh_token: str | None = None
    id_token: str | None = None
    scope: str | None = None

    def __repr__(self) -> str:
        return "TokenAnswer(***)"


class DeviceAnswer(msgspec.Struct, frozen=True):
    """What the device authorization endpoint answers."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: int | float
    verification_uri_complete: str | None = None
    interval: int | float = 5

    def __repr__(self) -> str:
        return "DeviceAnswer(***)"


class Provider:
    """Ory, as a client sees it. Connections are opened when needed; :meth:`close` ends them."""

    def __init__(
        self, config: RelyingPartyConfig, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._config = config
        self._http = Http(config, transport=transport)
        self._discovery: Discovery | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._in_body = False
        """Whether Ory wants the client's secret in the form instead of a header."""

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()

    async def discover(self) -> Discovery:
        """Read the discovery document once; its issuer must be the address that was configured."""
        if self._discovery is not None:
            return self._discovery
        base = self._config.public_url
        answer = await self._http.call("GET", base + DISCOVERY)
        if answer.status != 200:
            raise ProviderError(
                f"{base} answers {answer.status} to {DISCOVERY}. Is it Ory's public address? "
                "Hydra's public port is usually 4444 (-e, or HYDRA_PUBLIC_URL)."
            )
        found = _decoded(answer, Discovery, "no discovery document", base)
        _require_endpoints(found, base)
        if found.issuer.rstrip("/") != base:
            issuer = one_line(found.issuer, 200)
            raise ProviderError(
                f"issuer mismatch: Ory was asked at {base}, but it says that it is {issuer}. "
                f"Use its own name: -e {issuer.rstrip('/')} (localhost is not 127.0.0.1)."
            )
        self._discovery = found
        return found

    async def keys(self, *, again: bool = False) -> KeySet:
        """Read the keys that Ory signs with; *again* if one is missed."""
        now = time.monotonic()
        if self._keys is not None and not again and now - self._keys[0] < KEYS_FOR:
            return self._keys[1]
        url = (await self.discover()).jwks_uri
        answer = await self._http.call("GET", url)
        document = answer.json_object()
        listed = document.get("keys") if document and answer.status == 200 else None
        if not isinstance(listed, list):
            raise ProviderError(f"what {place(url)} answers ({answer.status}) is no set of keys.")
        public = [key for key in listed if isinstance(key, dict) and key.get("kty") in _KEY_TYPES]
        try:
            keys = KeySet.import_key_set({"keys": public})
        except (JoseError, ValueError, KeyError, TypeError) as exc:
            raise ProviderError(f"the keys at {place(url)} cannot be used.") from exc
        self._keys = (now, keys)
        return keys

    async def token(self, **fields: str) -> TokenAnswer:
        """Ask the token endpoint; a refusal is an :class:`OAuthError`."""
        url = self._config.token_url or (await self.discover()).token_endpoint
        answer = await self._authenticated(url, fields)
        if answer.status != 200:
            raise _refusal(answer, url)
        found = _decoded(answer, TokenAnswer, "no answer with tokens", url)
        if not found.access_token or found.token_type.lower() != "bearer":
            raise ProviderError(f"what {place(url)} answers holds no bearer token.")
        return found

    async def device(self, **fields: str) -> DeviceAnswer:
        """Start the flow of a device without a browser."""
        url = (await self.discover()).device_authorization_endpoint
        if url is None:
            raise ProviderError(
                f"the Ory at {self._config.public_url} has no device flow: "
                "Hydra has it since 25.4, and Hydra 2.3 has not."
            )
        answer = await self._authenticated(url, fields)
        if answer.status != 200:
            raise _refusal(answer, url)
        return _decoded(answer, DeviceAnswer, "no answer with a code for a device", url)

    async def userinfo(self, access_token: str) -> dict[str, Any] | str:
        """Ask who the access token is for: claims, or a signed token with them."""
        url = (await self.discover()).userinfo_endpoint
        if url is None:
            raise ProviderError("this Ory has no UserInfo endpoint.")
        answer = await self._http.call(
            "GET", url, headers={"Authorization": f"Bearer {access_token}"}
        )
        if answer.status != 200:
            raise _refusal(answer, url)
        if answer.media_type == "application/jwt":
            return answer.body.decode("ascii", "replace").strip()
        found = answer.json_object()
        if found is None:
            raise ProviderError(f"what {place(url)} answers is no set of claims.")
        return found

    async def revoke(self, token: str) -> None:
        """Revoke a token; with a refresh token all that came from it ends."""
        url = (await self.discover()).revocation_endpoint
        if url is None:
            raise ProviderError("this Ory has no revocation endpoint.")
        answer = await self._authenticated(url, {"token": token})
        if answer.status not in (200, 204):
            raise _refusal(answer, url)

    async def introspect(self, token: str) -> dict[str, Any]:
        """Ask the admin API what it knows of a token."""
        answer = await self._admin("POST", "/admin/oauth2/introspect", data={"token": token})
        found = answer.json_object()
        if answer.status in (401, 403):
            raise ProviderError("Ory's admin API refuses the key. Check ORY_API_KEY.")
        if answer.status != 200 or found is None or "active" not in found:
            raise ProviderError(
                f"{self._config.admin_url} does not introspect tokens ({answer.status}). "
                "Check HYDRA_ADMIN_URL; Hydra's admin port is usually 4445."
            )
        return found

    async def registered(self) -> dict[str, Any] | None:
        """Read the client as Ory knows it; None where the admin API cannot be asked."""
        if not self._config.admin_url:
            return None
        client = quote(self._config.client_id, safe="")
        try:
            answer = await self._admin("GET", f"/admin/clients/{client}")
        except ProviderError:
            return None
        return answer.json_object() if answer.status == 200 else None

    async def where_to(self, url: str) -> str | None:
        """Start *url* as a browser would; where it redirects to, if it does."""
        return (await self._http.call("GET", url)).location

    async def _admin(self, method: str, path: str, **more: Any) -> Answer:
        if not self._config.admin_url:
            raise ProviderError("Ory's admin API is not configured: set HYDRA_ADMIN_URL.")
        key = self._config.admin_key() if self._config.admin_key else None
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await self._http.call(method, self._config.admin_url + path, headers=headers, **more)

    async def _authenticated(self, url: str, fields: dict[str, str]) -> Answer:
        """Post a form as this client. Ory takes the secret in one of two places: the second one is
        tried where that can help, and its answer counts unless it says no more than the first.
        """
        secret, client = self._config.client_secret, self._config.client_id
        if secret is None:
            return await self._http.call("POST", url, data=fields | {"client_id": client})
        in_body = fields | {"client_id": client, "client_secret": secret}
        if self._in_body:
            return await self._http.call("POST", url, data=in_body)
        auth = httpx.BasicAuth(quote(client, safe=""), quote(secret, safe=""))
        answer = await self._http.call("POST", url, data=fields, auth=auth)
        if answer.status not in (400, 401) or _error_of(answer) != "invalid_client":
            return answer
        wanted = _wants(answer, IN_BODY)
        if wanted is False or not await self._allows(IN_BODY):
            return answer
        second = await self._http.call("POST", url, data=in_body)
        self._in_body = bool(wanted) or _error_of(second) != "invalid_client"
        return second if self._in_body else answer

    async def _allows(self, method: str) -> bool:
        """Whether Ory may take the secret like this; discovery need not say."""
        listed = (await self.discover()).token_endpoint_auth_methods_supported
        return listed is None or method in listed


def _require_endpoints(found: Discovery, base: str) -> None:
    """Addresses that a client may send secrets to; none weaker than the one it was given."""
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if not isinstance(value, str):
            continue
        schemes = ("https:",) if base.startswith("https:") else ("https:", "http:")
        try:
            require_web_address(name, value)
            usable = value.startswith(schemes)
        except ConfigError:
            usable = False
        if not usable:
            raise ProviderError(
                f"the discovery document at {base} has a {name} that cannot be used: "
                f"{one_line(value, 100)}."
            )


Kind = TypeVar("Kind")


def _decoded(answer: Answer, kind: type[Kind], what: str, url: str) -> Kind:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ProviderError(f"what {place(url)} answers is {what}.") from exc


def _error_of(answer: Answer) -> str:
    return _text_of(answer, "error")


def _text_of(answer: Answer, name: str) -> str:
    found = (answer.json_object() or {}).get(name)
    return found if isinstance(found, str) else ""


def _wants(answer: Answer, method: str) -> bool | None:
    """Whether Ory refuses a client for the way in which it proves who it is, and wants *method*.

    Hydra says so in words. None: it says nothing at all.
    """
    description = _text_of(answer, "error_description")
    return f"client authentication method '{method}'" in description if description else None


def _refusal(answer: Answer, url: str) -> Exception:
    """Ory's own words, or that there are none."""
    error = _error_of(answer)
    if answer.status == 429:
        return ProviderError(f"{place(url)} has had too many questions (429). Wait a moment.")
    if not error:
        return ProviderError(f"{place(url)} answers {answer.status}, without a reason.")
    return OAuthError(error, _text_of(answer, "error_description"))
