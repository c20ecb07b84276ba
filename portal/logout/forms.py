"""What the logout form posts."""

from typing import Literal

import msgspec


class LogoutForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With a challenge it answers Ory, without one it ends the portal session."""

    action: Literal["accept", "reject"]
    form_token: str = ""
    logout_challenge: str = ""
