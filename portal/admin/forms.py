"""What the admin pages post."""

import hashlib
from typing import Literal

import msgspec


class RevokeForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One grant to revoke."""

    subject: str
    client_id: str
    back: str = ""
    """The search to return to, as a query."""
    form_token: str = ""


class RevokeAllForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a search found; the words are those of its address."""

    user: str = ""
    client: str = ""
    scope: str = ""
    state: str = ""
    allowed: str = ""
    used: str = ""
    expected: int
    """How many the question was about."""
    form_token: str = ""


class StopForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job to stop; which one, its address says."""

    form_token: str = ""


class CompareForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everybody is to be compared with what Ory lists."""

    form_token: str = ""


class ComparePersonForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person is."""

    person: str
    """An address or a subject."""
    form_token: str = ""


class ClientForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An app's registration, in the names of Ory's document, and the portal's policy about it.

    Lists are typed one entry a line, scopes with blanks between them.
    """

    client_id: str
    seen: str = ""
    """What the form was made from: :func:`portal.admin.client_registration.fingerprint`."""
    client_name: str = ""
    redirect_uris: str = ""
    post_logout_redirect_uris: str = ""
    scope: str = ""
    audience: str = ""
    grant_types: tuple[str, ...] = ()
    response_types: tuple[str, ...] = ()
    token_endpoint_auth_method: str = ""
    client_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    logo_uri: str = ""
    jwks_uri: str = ""
    owner: str = ""
    contacts: str = ""
    skip_consent: bool = False
    skip_logout_consent: bool = False
    verified: bool = False
    required_scopes: str = ""
    longest_grant: str = ""
    """A duration as in the settings, ``30d``; empty: no limit of its own."""
    second_factor: bool = False
    """Nobody gets there without one."""
    form_token: str = ""


class OneClientForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One app to delete, or to give a new secret."""

    client_id: str
    form_token: str = ""


class CreateUserForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody new: by a password that the administrator chooses, or by an invitation."""

    email: str = ""
    name: str = ""
    admin: bool = False
    how: Literal["password", "invitation"]
    """Which button was pressed."""
    password: str = ""
    must_change: bool = False
    """The password is for the first sign-in alone."""
    form_token: str = ""


class InvitationForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An invitation to withdraw."""

    email: str
    form_token: str = ""


class ActForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of :data:`portal.admin.user_acts.ACTS` to one person."""

    subject: str
    act: str
    form_token: str = ""


class AddressForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another address for somebody."""

    subject: str
    email: str = ""
    form_token: str = ""


class EndSessionForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place where somebody is signed in."""

    subject: str
    kind: Literal["portal", "login"]
    handle: str
    form_token: str = ""


def digest(shown: object) -> str:
    """What a form was made from, in short: whoever saves over somebody else's change is told."""
    return hashlib.sha256(msgspec.json.encode(shown, order="sorted")).hexdigest()[:16]
