"""What the admin pages post."""

import msgspec


class RevokeForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One grant to revoke."""

    subject: str
    client_id: str
    form_token: str = ""
