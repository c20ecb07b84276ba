"""What the account pages post."""

import msgspec


class DisconnectForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One app to disconnect; whose it is says the session, never the form."""

    client_id: str
    form_token: str = ""
