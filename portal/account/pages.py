"""What a person sees of the apps that they connected."""

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from portal.apps import AppView
from portal.claims import Datum
from portal.page import Page

State = Literal["active", "expired", "undoable", "pending", "removed"]


class PermissionView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an app may do, in words; where it can be left out, a box to untick."""

    scope: str
    title: str
    description: str
    data: tuple[Datum, ...] = ()
    """What the app sees by it, as it is: ``E-mail: ann@example.org``."""
    emphasised: bool = False
    caution: str = ""
    """Why it is."""
    asks: bool = False
    """The app asks for it each time, though not for all of what it has."""
    needed: bool = False
    """The operator says that the app cannot be without it."""
    ticked: bool = True


class ServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """One service at which an app may use its permissions."""

    value: str
    ticked: bool = True


class ConnectedApp(msgspec.Struct, frozen=True, kw_only=True):
    """One app and what it was allowed."""

    client_id: str
    app: AppView
    permissions: tuple[PermissionView, ...] = ()
    services: tuple[ServiceView, ...] = ()
    since: datetime
    last_used: datetime
    remembered: bool = False
    """Whether anything of it is given without asking, or was while it lasted."""
    expires: datetime | None = None
    """When the app has to ask again; ``None`` while ``remembered``: not before it is removed."""
    lasted: str = ""
    """While ``expired``: how long its person chose, "30 days"; empty where the operator allows no
    more.
    """
    narrowed: bool = False
    """The person has left it less, and it has not fetched that yet."""
    state: State = "active"
    """``undoable``: removed here a moment ago; ``pending``: Ory has yet to be told."""
    refresh_after: int = 0
    """While ``undoable``: the seconds after which it should be gone."""


class AppsPage(Page, frozen=True, kw_only=True):
    """The connected apps of whoever is signed in."""

    template: ClassVar[str] = "account/apps.html"
    purpose: ClassVar[str] = "account.undo"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = False
    apps: tuple[ConnectedApp, ...] = ()
    """What was removed a moment ago comes first, then what was used last."""
    notice: str | None = None
    error: str | None = None
    """Why the form in it was not taken."""


class AppPage(Page, frozen=True, kw_only=True):
    """What has become of one app; the piece of the list alone."""

    template: ClassVar[str] = "account/_one.html"
    partial: ClassVar[str | None] = "account/_one.html"
    purpose: ClassVar[str] = "account.undo"
    challenge: ClassVar[str | None] = None

    connected: ConnectedApp


class DisconnectPage(Page, frozen=True, kw_only=True):
    """The question whether to remove an app's access."""

    template: ClassVar[str] = "account/disconnect.html"
    purpose: ClassVar[str] = "account.disconnect"
    challenge: ClassVar[str | None] = None

    app: AppView
    client_id: str
    permissions: tuple[PermissionView, ...] = ()
    error: str | None = None
    """Why the same form came back."""


class ChangePage(Page, frozen=True, kw_only=True):
    """The question what of its permissions an app is left."""

    template: ClassVar[str] = "account/change.html"
    purpose: ClassVar[str] = "account.change"
    challenge: ClassVar[str | None] = None

    app: AppView
    client_id: str
    seen: str
    """What the form was made from: :func:`portal.account.view.fingerprint`."""
    permissions: tuple[PermissionView, ...] = ()
    services: tuple[ServiceView, ...] = ()
    remembered: bool = False
    """Whether what is left is given without a question."""
    error: str | None = None
