"""What clients can find out by themselves: discovery, keys, health, version, the page at ``/``."""

from dataclasses import dataclass
from typing import Any

from portal.dev.standin import pages
from portal.dev.standin.http import Request, Response, answer, page
from portal.dev.standin.state import State
from portal.dev.standin.tokens import DEVICE_GRANT

VERSION = "stand-in"


@dataclass(frozen=True)
class Discovery:
    """Says what the stand-in can do, not what Hydra could."""

    state: State

    def configuration(self, _: Request) -> Response:
        return answer(self.document())

    def document(self) -> dict[str, Any]:
        """OpenID Connect Discovery, 3."""
        config = self.state.config
        at = config.public_url
        document: dict[str, Any] = {
            "issuer": at,
            "authorization_endpoint": f"{at}/oauth2/auth",
            "token_endpoint": f"{at}/oauth2/token",
            "jwks_uri": f"{at}/.well-known/jwks.json",
            "subject_types_supported": ["public"],
            "response_types_supported": ["code"],
            "claims_supported": list(config.supported_claims),
            "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "userinfo_endpoint": f"{at}/userinfo",
            "scopes_supported": list(config.supported_scope),
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "client_secret_basic",
                "none",
            ],
            "userinfo_signing_alg_values_supported": ["none", "RS256"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "id_token_signed_response_alg": ["RS256"],
            "userinfo_signed_response_alg": ["RS256"],
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "require_request_uri_registration": True,
            "claims_parameter_supported": False,
            "revocation_endpoint": f"{at}/oauth2/revoke",
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "frontchannel_logout_supported": True,
            "frontchannel_logout_session_supported": True,
            "end_session_endpoint": f"{at}/oauth2/sessions/logout",
            "code_challenge_methods_supported": ["plain", "S256"],
        }
        if self.state.profile.has_device_flow:
            document["device_authorization_endpoint"] = f"{at}/oauth2/device/auth"
            document["grant_types_supported"] = [*document["grant_types_supported"], DEVICE_GRANT]
        return document

    def keys(self, _: Request) -> Response:
        signing = (self.state.id_token_key, self.state.access_token_key)
        return answer({"keys": [key.public() for key in signing]})

    def health(self, _: Request) -> Response:
        return answer({"status": "ok"})

    def version(self, _: Request) -> Response:
        return answer({"version": VERSION})

    def home(self, _: Request) -> Response:
        config = self.state.config
        return page(pages.home(issuer=config.public_url, profile=config.profile))
