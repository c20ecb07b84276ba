"""A sample of every page in every state that changes its shape, for tests and for looking at."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from portal.account.pages import AppsPage, ConnectedApp, DisconnectPage
from portal.admin.forms import ClientForm
from portal.admin.pages import (
    Box,
    ClientPage,
    ClientRowView,
    ClientSecretPage,
    ClientsPage,
    DeleteClientPage,
    FieldProblem,
    GrantRowView,
    GrantsPage,
    NewSecretPage,
    RevokePage,
)
from portal.apps import AppView, Link
from portal.consent.pages import (
    AudienceView,
    ConsentPage,
    PermissionView,
    SummaryLine,
    SummaryPage,
    element_ids,
)
from portal.device.flow import CONNECTED, DENIED, NOT_VALID
from portal.device.pages import CodePage, StartPage
from portal.login.pages import LoginPage
from portal.logout.pages import DonePage, LogoutPage
from portal.page import Page
from portal.web.pages import ProblemPage
from portal.welcome.pages import WelcomePage

CHALLENGE: Final = "Zm9vYmFyYmF6" * 12
MARCH: Final = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
JUNE: Final = datetime(2026, 6, 1, 18, 5, tzinfo=UTC)
LINKS: Final = (
    Link(title="Website", href="https://photos.example.org/", host="photos.example.org"),
    Link(
        title="Privacy policy", href="https://photos.example.org/privacy", host="photos.example.org"
    ),
    Link(title="Terms of service", href="https://legal.example.net/tos", host="legal.example.net"),
)
PHOTOS: Final = AppView(
    client_id="photos",
    name="Photo Printer",
    initials="PP",
    hosts=("photos.example.org",),
    links=LINKS,
    verified=True,
)
BARE: Final = AppView(client_id="b7f1", name="b7f1", initials="B")
LONG: Final = AppView(
    client_id="0f" * 64,
    name="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft AG",
    initials="DP",
    hosts=(
        "a-very-long-subdomain-name.of-an-even-longer-host.example-company.example.org:8443",
        "127.0.0.1:5555",
    ),
    links=LINKS,
)


def permission(scope: str, title: str, description: str, **more: Any) -> PermissionView:
    """One box; its id as the flow chooses it."""
    ((element_id,), _) = element_ids([scope])
    return PermissionView(
        scope=scope, element_id=element_id, title=title, description=description, **more
    )


PERMISSIONS: Final = (
    permission(
        "openid",
        "Know that it is you",
        "The app learns an identifier for your account, so that it recognises you next time.",
        ticked=True,
    ),
    permission(
        "email",
        "See your e-mail address",
        "Your e-mail address, and whether it has been confirmed.",
        shared="ann@example.org",
        ticked=True,
    ),
    permission(
        "offline_access",
        "Keep access while you are away",
        "The app can keep using the permissions you allow when you are not using it.",
        emphasised=True,
        is_new=True,
        needed=True,
    ),
    permission(
        "photos.read",
        "photos.read",
        "A permission that the app has defined itself. Allow it only if you know what it is for.",
        is_new=True,
    ),
)
AUDIENCE: Final = (
    AudienceView(value="https://api.example.org/photos", element_id="audience-1", ticked=True),
    AudienceView(value="https://print.example.net", element_id="audience-2"),
)
SUMMARY: Final = (
    SummaryLine(title="Know that it is you"),
    SummaryLine(title="See your e-mail address", shared="ann@example.org"),
)
CONSENT: Final = ConsentPage(
    challenge=CHALLENGE,
    app=PHOTOS,
    account="ann@example.org",
    switch_url="https://ory.example.org/oauth2/auth?client_id=photos&prompt=login",
    permissions=PERMISSIONS,
    audience=AUDIENCE,
    summary=SUMMARY,
)
ROWS: Final = (
    GrantRowView(
        subject="0197c0de-5ab1-7000-8000-000000000001",
        email="ann@example.org",
        client_id="photos",
        app_name="Photo Printer",
        permissions=("openid", "email", "offline_access"),
        since=MARCH,
        last_used=JUNE,
        remembered=True,
    ),
    GrantRowView(
        subject="0197c0de-5ab1-7000-8000-000000000002",
        email="bob@example.org",
        client_id="b7f1",
        app_name="Minutes",
        since=MARCH,
        last_used=MARCH,
        expires=JUNE,
        remembered=True,
    ),
    GrantRowView(
        subject="s" * 255,
        client_id="c" * 255,
        app_name=LONG.name,
        permissions=("openid", "https://api.example.org/auth/" + "very-" * 20 + "long"),
        since=MARCH,
        last_used=JUNE,
        state="pending",
        state_text="Removal under way",
    ),
    GrantRowView(
        subject="foo@bar.com",
        email="foo@bar.com",
        client_id="calendar",
        app_name="Calendar",
        permissions=("openid",),
        since=MARCH,
        last_used=JUNE,
    ),
)
APPS: Final = (
    ConnectedApp(
        client_id="photos",
        app=PHOTOS,
        permissions=("Know that it is you", "See your e-mail address"),
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
        permissions=(
            "See your name",
            "Read, change and delete every photo in each of your albums",
            "https://api.example.org/" + "long-" * 20,
        ),
        since=MARCH,
        last_used=JUNE,
    ),
    ConnectedApp(
        client_id="old",
        app=BARE,
        permissions=("See your name",),
        since=MARCH,
        last_used=JUNE,
        state="pending",
    ),
)
CLIENTS: Final = (
    ClientRowView(
        client_id="photos",
        name="Photo Printer",
        verified=True,
        hosts=("photos.example.org", "127.0.0.1:5555"),
        people=1,
    ),
    ClientRowView(
        client_id="c" * 255,
        name=LONG.name,
        public=True,
        skips=True,
        hosts=(LONG.hosts[0], "com.example.app: (an app on this device)"),
        people=1234,
    ),
    ClientRowView(client_id="b7f1", name="b7f1"),
)
CLIENT: Final = ClientPage(
    account="admin@example.org",
    form=ClientForm(
        client_id="photos",
        client_name="Photo Printer",
        redirect_uris="https://photos.example.org/callback\nhttp://127.0.0.1:5555/callback",
        scope="openid offline email",
        token_endpoint_auth_method="client_secret_basic",
        client_uri="https://photos.example.org/",
        contacts="ann@example.org",
        verified=True,
        required_scopes="openid",
        longest_grant="30d",
    ),
    seen="0123456789abcdef",
    app_name="Photo Printer",
    grant_types=(
        Box(value="authorization_code", text="Sign people in", chosen=True),
        Box(value="urn:example:own", text="urn:example:own", chosen=True),
        Box(value="client_credentials", text="Act for itself"),
    ),
    response_types=(Box(value="code", text="code", chosen=True), Box(value="token", text="token")),
    auth_methods=(
        Box(value="client_secret_basic", text="Secret in the header", chosen=True),
        Box(value="none", text="None"),
    ),
    created=MARCH,
    people=3,
)
STALE: Final = "This form was open for too long. Please try again."

SAMPLES: Final[dict[str, Page]] = {
    "login": LoginPage(challenge=CHALLENGE, app=PHOTOS),
    "login-hint": LoginPage(challenge=CHALLENGE, app=LONG, email="ann@example.org", remember=True),
    "login-refused": LoginPage(
        status=401,
        challenge=CHALLENGE,
        app=PHOTOS,
        email="ann@example.org",
        remember=True,
        error="This e-mail and password do not fit together. Check both, then try again.",
    ),
    "login-no-email": LoginPage(
        status=422, challenge=CHALLENGE, app=BARE, error="Enter your e-mail address."
    ),
    "login-device": LoginPage(challenge=CHALLENGE, app=PHOTOS, is_device=True),
    "login-admin": LoginPage(next_path="/admin/grants", may_remember=False),
    "login-portal": LoginPage(next_path="/account/apps", may_remember=False),
    "consent": CONSENT,
    "consent-fresh": msgspec.structs.replace(
        CONSENT, app=LONG, audience=(), summary=(), permissions=PERMISSIONS[2:]
    ),
    "consent-refused": msgspec.structs.replace(
        CONSENT,
        status=422,
        summary=(),
        remember=True,
        remember_text="for 30 days",
        error="Choose at least one permission, or deny.",
    ),
    "consent-other-browser": msgspec.structs.replace(
        CONSENT, account=None, app=BARE, may_remember=False, audience=()
    ),
    "consent-nothing-asked": ConsentPage(
        challenge=CHALLENGE, app=PHOTOS, account="ann@example.org"
    ),
    "consent-nothing-asked-refused": ConsentPage(
        challenge=CHALLENGE,
        app=PHOTOS,
        error="This form was open for too long. Please decide again.",
    ),
    "consent-empty-allowed": msgspec.structs.replace(CONSENT, may_allow_nothing=True),
    "consent-device": msgspec.structs.replace(
        CONSENT, is_device=True, audience=(), may_remember=False
    ),
    "device": CodePage(challenge=CHALLENGE),
    "device-link": CodePage(challenge=CHALLENGE, code="WDJB-MJHT", came_with_link=True),
    "device-refused": CodePage(
        status=422, challenge=CHALLENGE, code="wdjb mjht", capitals=True, error=NOT_VALID
    ),
    "device-start": StartPage(start_url="https://ory.example.org/oauth2/device/verify"),
    "device-start-unknown": StartPage(),
    "device-connected": CONNECTED,
    "device-denied": DENIED,
    "summary": SummaryPage(lines=SUMMARY),
    "summary-empty": SummaryPage(),
    "logout": LogoutPage(challenge=CHALLENGE, app=PHOTOS, account="ann@example.org"),
    "logout-portal": LogoutPage(account="ann@example.org"),
    "logout-refused": LogoutPage(
        status=403, challenge=CHALLENGE, account="ann@example.org", error=STALE
    ),
    "done": DonePage(title="You are logged out", message="You can close this window."),
    "done-app": DonePage(title="You stay signed in", message="Nothing was changed.", app=PHOTOS),
    "problem": ProblemPage(
        status=410,
        title="This link has expired",
        message="For your safety a request is only good for a short while. Start again at the app.",
        start_again="https://ory.example.org/oauth2/auth?client_id=photos",
        reference="0197c0de-5ab1-7000-8000-000000000001",
    ),
    "problem-retry": ProblemPage(
        status=503,
        title="Please try again in a moment",
        message="A service that we need does not answer right now. Nothing was lost.",
        retry=True,
        code="temporarily_unavailable",
        reference="0197c0de-5ab1-7000-8000-000000000001",
    ),
    "problem-account": ProblemPage(
        status=403,
        title="This is not for you",
        message="Your account may not see this page.",
        account="ann@example.org",
    ),
    "problem-bare": ProblemPage(status=404, title="There is no such page", message="Sorry."),
    "welcome": WelcomePage(),
    "welcome-logged-out": WelcomePage(logged_out=True),
    "welcome-development": WelcomePage(development=True),
    "welcome-admin": WelcomePage(account="ann@example.org", is_admin=True),
    "apps": AppsPage(account="ann@example.org", apps=APPS),
    "apps-empty": AppsPage(account="ann@example.org", is_admin=True),
    "apps-notice": AppsPage(
        account="ann@example.org", apps=APPS[:1], notice="“Calendar” has no access any more."
    ),
    "disconnect": DisconnectPage(
        app=PHOTOS, client_id="photos", permissions=("Know that it is you", "See your name")
    ),
    "disconnect-bare": DisconnectPage(app=BARE, client_id="b7f1"),
    "disconnect-refused": DisconnectPage(status=403, app=BARE, client_id="b7f1", error=STALE),
    "grants": GrantsPage(
        account="admin@example.org",
        rows=ROWS,
        next_url="/admin/grants?after=2026-03-14",
        total_text="4 connected apps",
    ),
    "grants-none": GrantsPage(account="admin@example.org", total_text="No connected apps"),
    "grants-not-found": GrantsPage(
        account="admin@example.org",
        user="nobody",
        state="revoked",
        total_text="No connected apps found",
        notice="Access was removed.",
    ),
    "revoke": RevokePage(
        subject="0197c0de-5ab1-7000-8000-000000000001",
        email="ann@example.org",
        client_id="photos",
        app_name="Photo Printer",
        permissions=("openid", "email"),
    ),
    "revoke-refused": RevokePage(
        status=403, subject="s" * 255, client_id="photos", app_name=LONG.name, error=STALE
    ),
    "clients": ClientsPage(
        account="admin@example.org",
        rows=CLIENTS,
        next_url="/admin/clients?start=50",
        total_text="Apps 1 to 3 of 1,000",
        bound_text="Ory has more apps than are listed.",
        notice="Saved.",
    ),
    "clients-none": ClientsPage(account="admin@example.org", total_text="0 apps"),
    "clients-not-found": ClientsPage(
        account="admin@example.org", app="nobody", total_text="0 apps"
    ),
    "client": msgspec.structs.replace(CLIENT, notice="Saved."),
    "client-public": msgspec.structs.replace(
        CLIENT, has_secret=False, created=None, people=1, usual_duration="90d"
    ),
    "client-new": msgspec.structs.replace(CLIENT, is_new=True, people=0, created=None),
    "client-refused": msgspec.structs.replace(
        CLIENT,
        status=422,
        is_new=True,
        error="2 fields need another look.",
        problems=tuple(
            FieldProblem(field=field, text="Choose something else.")
            for field in (*ClientForm.__struct_fields__, "client_id")
            if field not in ("form_token", "seen")
        ),
    ),
    "client-conflict": msgspec.structs.replace(CLIENT, status=409, error="Save again."),
    "client-registered": ClientSecretPage(
        client_id="photos", app_name="Photo Printer", secret="kept-nowhere-else"
    ),
    "client-registered-public": ClientSecretPage(client_id="c" * 255, app_name=LONG.name),
    "client-new-secret": ClientSecretPage(
        client_id="photos", app_name="Photo Printer", secret="kept-nowhere-else", is_new=False
    ),
    "client-delete": DeleteClientPage(client_id="photos", app_name="Photo Printer", people=1),
    "client-delete-many": DeleteClientPage(client_id="photos", app_name=LONG.name, people=12),
    "client-delete-unused": DeleteClientPage(client_id="b7f1", app_name="b7f1"),
    "client-delete-forgotten": DeleteClientPage(
        status=403, client_id="b7f1", app_name="b7f1", people=2, known=False, error=STALE
    ),
    "client-secret": NewSecretPage(client_id="photos", app_name="Photo Printer"),
    "client-secret-refused": NewSecretPage(
        status=403, client_id="photos", app_name="Photo Printer", error=STALE
    ),
    "revoke-unknown-user": RevokePage(subject="gone", client_id="photos", app_name="Photo Printer"),
}

_ADDRESSES: Final = {"href", "switch_url", "start_again", "start_url", "next_url"}
"""Fields that are checked to be addresses before a page gets them; only their tails are free."""


def fill(value: Any, text: str) -> Any:
    """Put *text* into every piece of text of a page, wherever it came from."""
    return _map(value, lambda name, old: f"{old}#{text}" if name in _ADDRESSES else text)


def _map(value: Any, change: Callable[[str, str], str], name: str = "") -> Any:
    if isinstance(value, str):
        return change(name, value) if value else value
    if isinstance(value, tuple):
        return tuple(_map(item, change, name) for item in value)
    if isinstance(value, msgspec.Struct):
        fields = {f: _map(getattr(value, f), change, f) for f in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    return value
