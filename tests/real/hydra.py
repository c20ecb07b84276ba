"""The real Hydra as tests see it: its admin API, its command line, and clients made in one line."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.hydra.server import HydraSettings
from tests.real.relying_party import App, RelyingParty

SCOPE = "openid offline email profile photos.read"


@dataclass(frozen=True, kw_only=True)
class RealHydra:
    """A Hydra that runs, or a stand-in. Admin calls go to it directly, past any fault proxy."""

    settings: HydraSettings
    http: httpx.Client = field(repr=False)

    @property
    def bin(self) -> Path:
        return self.settings.bin

    @property
    def public_url(self) -> str:
        return self.settings.public_url

    @property
    def admin_url(self) -> str:
        return self.settings.admin_url

    @property
    def admin_port(self) -> int:
        return self.settings.admin_port

    def cli(self, *arguments: str) -> str:
        """What Hydra's own command prints."""
        command = [str(self.bin), *arguments, "--endpoint", self.admin_url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def create_client(self, rp: RelyingParty, **fields: Any) -> App:
        """Register an app that comes back to *rp*; *fields* as in Hydra's ``OAuth2Client``."""
        document = {
            "client_name": "Photos",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": SCOPE,
            "redirect_uris": [rp.callback],
            "post_logout_redirect_uris": [rp.after_logout],
            "token_endpoint_auth_method": "client_secret_post",
        } | fields
        answer = self.http.post(f"{self.admin_url}/admin/clients", json=document)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return App(
            public_url=self.public_url,
            admin_url=self.admin_url,
            client_id=made["client_id"],
            client_secret=made.get("client_secret", ""),
            redirect_uri=document["redirect_uris"][0],
            name=made["client_name"],
            http=self.http,
        )

    def consent_sessions(self, subject: str) -> list[dict[str, Any]]:
        answer = self.http.get(f"{self._consents}?subject={subject}")
        return list(answer.json())

    def revoke_consent(self, subject: str, client_id: str) -> None:
        """Delete a consent behind the portal's back."""
        answer = self.http.delete(f"{self._consents}?subject={subject}&client={client_id}")
        assert answer.status_code == 204, answer.text

    @property
    def _consents(self) -> str:
        return f"{self.admin_url}/admin/oauth2/auth/sessions/consent"
