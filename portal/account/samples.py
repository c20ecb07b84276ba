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
from portal.sample_data import (
    BARE,
    JUNE,
    LONG_ID,
    MARCH,
    counted,
    email_datum,
    long_named,
    photos,
    stale,
    words,
)
from portal.writing import quoted

SERVICES: Final = (
    ServiceView(value="https://api.example.org/photos"),
    ServiceView(value="https://print.example.net", ticked=False),
)


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    has = (
        HasPermission(
            scope="openid",
            title=words("Know that it is you"),
            description=words(
                "The app learns an ID that stands for you. So it knows you when you come back."
            ),
            needed=True,
        ),
        HasPermission(
            scope="email",
            title=words("See your e-mail address"),
            description=words("Your e-mail address, and whether it is confirmed."),
            data=email_datum(),
            asks=True,
            ticked=False,
        ),
        HasPermission(
            scope="https://api.example.org/" + "long-" * 20,
            title="https://api.example.org/" + "long-" * 20,
            description=words("The app made this permission up. Nobody has told us what it does."),
            emphasised=True,
            caution=words("Allow it only if you know what it is for."),
        ),
    )
    apps = (
        ConnectedApp(
            client_id="photos",
            app=photos(),
            permissions=has,
            services=SERVICES,
            since=MARCH,
            last_used=JUNE,
            remembered=True,
        ),
        ConnectedApp(
            client_id="b7f1", app=BARE, since=MARCH, last_used=JUNE, expires=JUNE, remembered=True
        ),
        ConnectedApp(
            client_id=LONG_ID,
            app=msgspec.structs.replace(long_named(), verified=True),
            permissions=has[1:],
            since=MARCH,
            last_used=JUNE,
            narrowed=True,
        ),
        ConnectedApp(
            client_id="over",
            app=BARE,
            permissions=has[:1],
            since=MARCH,
            last_used=JUNE,
            expires=JUNE,
            remembered=True,
            lasted=counted("{count} day", "{count} days", 30),
            state="expired",
        ),
        ConnectedApp(
            client_id="old",
            app=BARE,
            permissions=has[:1],
            since=MARCH,
            last_used=JUNE,
            state="pending",
        ),
    )
    just_removed = msgspec.structs.replace(apps[0], state="undoable", refresh_after=14)
    return {
        "apps": AppsPage(account="ann@example.org", apps=apps),
        "apps-empty": AppsPage(account="ann@example.org", is_admin=True),
        "apps-notice": AppsPage(
            account="ann@example.org",
            apps=apps[:1],
            notice=words("Undone: the app has its access again, as before."),
        ),
        "apps-removed": AppsPage(account="ann@example.org", apps=(just_removed, *apps[1:3])),
        "apps-refused": AppsPage(
            status=403, account="ann@example.org", apps=(just_removed,), error=stale()
        ),
        "app-removed": AppPage(connected=msgspec.structs.replace(just_removed, state="removed")),
        "app-expired": AppPage(connected=msgspec.structs.replace(apps[3], lasted="")),
        "disconnect": DisconnectPage(app=photos(), client_id="photos", permissions=has),
        "disconnect-bare": DisconnectPage(app=BARE, client_id="b7f1"),
        "disconnect-refused": DisconnectPage(status=403, app=BARE, client_id="b7f1", error=stale()),
        "change": ChangePage(
            app=photos(),
            client_id="photos",
            seen="0123456789abcdef",
            permissions=has,
            services=SERVICES,
            remembered=True,
        ),
        "change-refused": ChangePage(
            status=422,
            app=long_named(),
            client_id="photos",
            seen="0123456789abcdef",
            permissions=has,
            error=words(
                "{app} needs {permissions}: keep that ticked, or remove its access instead.",
                app="Photo Printer",
                permissions=quoted((words("Know that it is you"),)),
            ),
        ),
    }
