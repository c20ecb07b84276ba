"""What the account pages post. Whose app it is says the session, never the form."""

import msgspec


class AppForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One app: to disconnect, or to get back."""

    client_id: str
    form_token: str = ""


class ChangeForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still ticked of what an app has."""

    client_id: str
    seen: str = ""
    grant_scope: tuple[str, ...] = ()
    grant_audience: tuple[str, ...] = ()
    form_token: str = ""
