"""A local OAuth2 and OpenID Connect client to try a flow with, which checks what comes back.

It serves the pages of ``hydra perform authorization-code`` on a loopback port: a welcome page with
"Authorize application", and at the end the tokens, decoded here. The checks in
:mod:`~portal.dev.relying_party.idtoken` and :mod:`~portal.dev.relying_party.flow` are what an app
of one's own should make, too.
"""

from portal.dev.relying_party.app import create_relying_party
from portal.dev.relying_party.asked import Asked
from portal.dev.relying_party.config import ConfigError, RelyingPartyConfig
from portal.dev.relying_party.outcome import FlowResult

__all__ = ["Asked", "ConfigError", "FlowResult", "RelyingPartyConfig", "create_relying_party"]
