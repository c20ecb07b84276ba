"""What the pages about second factors post. Whose factor it is says the session, never the form."""

import msgspec

from portal.factors.changes import Kind


class PasskeyForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A passkey that the browser has made."""

    credential: str = ""
    name: str = ""
    form_token: str = ""


class AppForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code of an app that was told the sealed secret."""

    sealed: str = ""
    code: str = ""
    name: str = ""
    form_token: str = ""


class CodesForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The wish for new recovery codes."""

    form_token: str = ""


class RenameForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another name for a factor."""

    kind: Kind
    id: str
    name: str = ""
    form_token: str = ""


class RemoveForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The factor to remove."""

    kind: Kind
    id: str
    form_token: str = ""
