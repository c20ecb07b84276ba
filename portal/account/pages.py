"""What a person sees of the apps that they connected."""

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from portal.apps import AppView
from portal.page import Page


class ConnectedApp(msgspec.Struct, frozen=True, kw_only=True):
    """One app and what it was allowed."""

    client_id: str
    app: AppView
    permissions: tuple[str, ...] = ()
    """Titles, not scopes."""
    since: datetime
    last_used: datetime
    expires: datetime | None = None
    """When the app has to ask again; ``None`` while ``remembered``: not before it is removed."""
    remembered: bool = False
    state: Literal["active", "pending"] = "active"
    """``pending``: removed here, Ory has yet to be told."""


class AppsPage(Page, frozen=True, kw_only=True):
    """The connected apps of whoever is signed in."""

    template: ClassVar[str] = "account/apps.html"
    purpose: ClassVar[str] = "account.disconnect"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = False
    apps: tuple[ConnectedApp, ...] = ()
    notice: str | None = None


class DisconnectPage(Page, frozen=True, kw_only=True):
    """The question whether to remove an app's access."""

    template: ClassVar[str] = "account/disconnect.html"
    purpose: ClassVar[str] = "account.disconnect"
    challenge: ClassVar[str | None] = None

    app: AppView
    client_id: str
    permissions: tuple[str, ...] = ()
    error: str | None = None
    """Why the same form came back."""
