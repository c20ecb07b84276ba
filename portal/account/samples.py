"""Samples of the pages of ``account``, in every state that changes their shape."""

from typing import Final

import msgspec

from portal.account.pages import (
    AppPage,
    AppsPage,
    ChangePage,
    ConnectedApp,
    DisconnectPage,
    ServiceView,
)
from portal.account.pages import PermissionView as HasPermission
from portal.page import Page
from portal.sample_data import BARE, EMAIL, JUNE, LONG, MARCH, PHOTOS, STALE

HAS: Final = (
    HasPermission(
        scope="openid",
        title="Know that it is you",
        description="The app learns an ID that stands for you. So it knows you when you come back.",
        needed=True,
    ),
    HasPermission(
        scope="email",
        title="See your e-mail address",
        description="Your e-mail address, and whether it is confirmed.",
        data=EMAIL,
        asks=True,
        ticked=False,
    ),
    HasPermission(
        scope="https://api.example.org/" + "long-" * 20,
        title="https://api.example.org/" + "long-" * 20,
        description="The app made this permission up. Nobody has told us what it does.",
        emphasised=True,
        caution="Allow it only if you know what it is for.",
    ),
)
SERVICES: Final = (
    ServiceView(value="https://api.example.org/photos"),
    ServiceView(value="https://print.example.net", ticked=False),
)
APPS: Final = (
    ConnectedApp(
        client_id="photos",
        app=PHOTOS,
        permissions=HAS,
        services=SERVICES,
        since=MARCH,
        last_used=JUNE,
        remembered=True,
    ),
    ConnectedApp(
        client_id="b7f1", app=BARE, since=MARCH, last_used=JUNE, expires=JUNE, remembered=True
    ),
    ConnectedApp(
        client_id=LONG.client_id,
        app=msgspec.structs.replace(LONG, verified=True),
        permissions=HAS[1:],
        since=MARCH,
        last_used=JUNE,
        narrowed=True,
    ),
    ConnectedApp(
        client_id="over",
        app=BARE,
        permissions=HAS[:1],
        since=MARCH,
        last_used=JUNE,
        expires=JUNE,
        remembered=True,
        lasted="30 days",
        state="expired",
    ),
    ConnectedApp(
        client_id="old",
        app=BARE,
        permissions=HAS[:1],
        since=MARCH,
        last_used=JUNE,
        state="pending",
    ),
)
JUST_REMOVED: Final = msgspec.structs.replace(APPS[0], state="undoable", refresh_after=14)
SAMPLES: Final[dict[str, Page]] = {
    "apps": AppsPage(account="ann@example.org", apps=APPS),
    "apps-empty": AppsPage(account="ann@example.org", is_admin=True),
    "apps-notice": AppsPage(
        account="ann@example.org", apps=APPS[:1], notice="Undone: the app has its access again."
    ),
    "apps-removed": AppsPage(account="ann@example.org", apps=(JUST_REMOVED, *APPS[1:3])),
    "apps-refused": AppsPage(
        status=403, account="ann@example.org", apps=(JUST_REMOVED,), error=STALE
    ),
    "app-removed": AppPage(connected=msgspec.structs.replace(JUST_REMOVED, state="removed")),
    "app-expired": AppPage(connected=msgspec.structs.replace(APPS[3], lasted="")),
    "disconnect": DisconnectPage(app=PHOTOS, client_id="photos", permissions=HAS),
    "disconnect-bare": DisconnectPage(app=BARE, client_id="b7f1"),
    "disconnect-refused": DisconnectPage(status=403, app=BARE, client_id="b7f1", error=STALE),
    "change": ChangePage(
        app=PHOTOS,
        client_id="photos",
        seen="0123456789abcdef",
        permissions=HAS,
        services=SERVICES,
        remembered=True,
    ),
    "change-refused": ChangePage(
        status=422,
        app=LONG,
        client_id="photos",
        seen="0123456789abcdef",
        permissions=HAS,
        error="Photo Printer needs “Know that it is you”: keep that ticked.",
    ),
}
