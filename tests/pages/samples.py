"""A sample of every page in every state that changes its shape, for tests and for looking at."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

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
from portal.admin.audit_pages import AuditPage, EventPage, EventRowView
from portal.admin.bulk_pages import (
    JobPage,
    JobsPage,
    JobView,
    RevokeAllPage,
    StuckView,
    WordView,
)
from portal.admin.client_pages import (
    Box,
    ClientPage,
    ClientRowView,
    ClientSecretPage,
    ClientsPage,
    DeleteClientPage,
    FieldProblem,
    NewSecretPage,
)
from portal.admin.drift_pages import DriftPage, FoundView, ResultView, RunView
from portal.admin.forms import ClientForm
from portal.admin.grant_pages import (
    ALLOWED,
    AtOryPage,
    GrantRowView,
    GrantsPage,
    OneGrantPage,
    OrySessionView,
    RemovalView,
    RevokePage,
)
from portal.admin.searching import Choice
from portal.apps import AppView, Link
from portal.claims.standard import FIELDS
from portal.consent.pages import (
    AudienceView,
    ConsentPage,
    DurationView,
    PermissionView,
    SummaryLine,
    SummaryPage,
    element_ids,
)
from portal.device.flow import CONNECTED, DENIED, NOT_VALID
from portal.device.pages import CodePage, StartPage
from portal.enrolment.pages import (
    AddAppPage,
    AddPasskeyPage,
    AskForCodesPage,
    CodesPage,
    RemovePage,
    RenamePage,
)
from portal.factors.totp import Picture, Setup
from portal.login.pages import LoginPage
from portal.logout.pages import DonePage, LogoutPage
from portal.page import Page
from portal.profile.flow import LOOK_BELOW
from portal.profile.pages import FieldView, KnownView, ProfilePage, ReaderView
from portal.security.flow import ASK_FOR_CURRENT, LAST_ADMIN, MISTYPED, NOTICES
from portal.security.pages import (
    ActivityPage,
    ActivityView,
    DeletePage,
    FactorView,
    GoodbyePage,
    PasswordPage,
    SecurityPage,
)
from portal.sessions import Place
from portal.strength.pages import StrengthPage
from portal.web.pages import ProblemPage
from portal.welcome.pages import WelcomePage
from tests.pages import mail_samples, people_samples, sign_in_samples

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


def durations(*offered: str, chosen: str = "once") -> tuple[DurationView, ...]:
    """This time only, then values and texts in turn; the last is the longest."""
    pairs = [("once", "This time only"), *zip(offered[::2], offered[1::2], strict=True)]
    last = pairs[-1][0]
    return tuple(
        DurationView(
            value=value,
            element_id="remember" if value == last else f"remember-{number}",
            text=text,
            chosen=value == chosen,
        )
        for number, (value, text) in enumerate(pairs, start=1)
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
    durations=durations("2592000", "For 30 days", "always", "Until I revoke it"),
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
ONE: Final = OneGrantPage(
    account="admin@example.org",
    row=ROWS[0],
    audience=("https://api.example.org",),
    remembered_permissions=("openid",),
    remembered_audience=("https://api.example.org",),
    decision_id="0197c0de-5ab1-7000-8000-00000000d001",
    origin=("203.0.113.7", "Mozilla/5.0"),
    events=(
        EventRowView(
            id="0197c0de-5ab1-7000-8000-00000000e002",
            at=JUNE,
            action="grant.used",
            words="Used without asking",
            actor_text="The portal",
            address="203.0.113.7",
        ),
        EventRowView(
            id="0197c0de-5ab1-7000-8000-00000000e001",
            at=MARCH,
            action="consent.allowed",
            words="Allowed",
            actor_text="ann@example.org",
            permissions=("openid",),
            notes=("For 30 days",),
        ),
    ),
    more_events=True,
    back="user=ann&state=active",
)
AT_ORY: Final = AtOryPage(
    account="admin@example.org",
    subject="0197c0de-5ab1-7000-8000-000000000001",
    client_id="photos",
    app_name="Photo Printer",
    sessions=(
        OrySessionView(
            handled_at=MARCH,
            permissions=("openid", "email"),
            audience=("https://api.example.org",),
            remembered=True,
            decision_id="0197c0de-5ab1-7000-8000-00000000d001",
        ),
        OrySessionView(),
    ),
    back="user=ann",
)
AUDIT_ORDER: Final = Choice(
    name="order",
    label="Order",
    options=(("newest", "Newest first"), ("oldest", "Oldest first")),
    chosen="newest",
)
EVENTS: Final = (
    EventRowView(
        id="0197c0de-5ab1-7000-8000-000000000001",
        at=datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC),
        action="grant.narrowed",
        words="Permissions taken away",
        actor="root-71f0",
        actor_text="admin@example.org",
        subject="ann-71f0",
        email="ann@example.org",
        client_id="photos",
        app_name="Photo Printer",
        permissions=("openid",),
        notes=("Taken away: email", "Reason: <b>none</b>"),
        address="203.0.113.7",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0",
    ),
    EventRowView(
        id="0197c0de-5ab1-7000-8000-000000000002",
        at=datetime(2026, 3, 14, tzinfo=UTC),
        action="grant.expired",
        words="Time is over",
        actor_text="The portal",
        subject="s" * 255,
        client_id="c" * 255,
        app_name=LONG.name,
    ),
    EventRowView(
        id="0197c0de-5ab1-7000-8000-000000000003",
        at=datetime(2026, 3, 14, tzinfo=UTC),
        action="login.failed",
        words="Sign-in failed",
        address="2001:db8::1",
    ),
)
DRIFT: Final = DriftPage(
    account="admin@example.org",
    runs=(
        RunView(
            started_by="The portal",
            started=JUNE,
            runs=True,
            state_text="Waiting for Ory",
            checked=1,
            counts=(("Removed at Ory", 1_234),),
            trouble="Ory does not answer",
        ),
        RunView(
            started_by="ann@example.org",
            started=MARCH,
            finished=JUNE,
            person="bob@example.org",
            state_text="Done",
            checked=1,
            only_looked=True,
        ),
        RunView(
            started_by="The portal",
            started=MARCH,
            finished=MARCH,
            state_text="Stopped",
            trouble="Ory knows none of the apps",
        ),
    ),
    every="day",
    found=(
        FoundView(
            person="ann@example.org",
            client_id="photos",
            app_name="Photo Printer",
            what="Removed at Ory",
            done="Marked as removed.",
            at=JUNE,
            permissions=("openid", "email"),
        ),
        FoundView(
            client_id="c" * 255,
            app_name=LONG.name,
            what="App deleted at Ory",
            done="Ended for everybody.",
            at=MARCH,
        ),
    ),
    next_url="/admin/grants/drift?after=0197c0de",
    looked_until=MARCH,
)
HAS: Final = (
    HasPermission(
        scope="openid",
        title="Know that it is you",
        description="The app learns an identifier for you, to recognise you next time.",
        needed=True,
    ),
    HasPermission(
        scope="email",
        title="See your e-mail address",
        description="Your e-mail address, and whether it has been confirmed.",
        shared="ann@example.org",
        asks=True,
        ticked=False,
    ),
    HasPermission(
        scope="https://api.example.org/" + "long-" * 20,
        title="https://api.example.org/" + "long-" * 20,
        description="A permission that the app has defined itself.",
        emphasised=True,
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
WORDS: Final = (
    WordView(name="client", label="App", value="photo", text="photo"),
    WordView(name="used", label="Last used", value="before-90d", text="Not for 90 days"),
)
JOB: Final = JobView(
    id="0197c0de-5ab1-7000-8000-00000000b001",
    state="removing",
    state_text="Removing…",
    words=WORDS,
    started_by="admin@example.org",
    started=JUNE,
    matched=1234,
    revoked=800,
    confirmed=350,
)
STOPPED: Final = msgspec.structs.replace(
    JOB, state="stopped", state_text="Stopped", finished=JUNE, confirmed=800
)
FINISHED: Final = msgspec.structs.replace(
    JOB, state="done", state_text="Done", finished=JUNE, matched=0, revoked=0, confirmed=0
)
STALE: Final = "This form was open for too long. Please try again."

SETUP: Final = Setup(
    sealed="0123abcd.c2VhbGVk",
    secret="JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP",
    uri="otpauth://totp/Example:ann%40example.org?secret=JBSWY3DPEHPK3PXP&issuer=Example",
    qr=Picture(side=29, path="M4 4h7v1h-7zM12 4h2v1h-2z"),
)
NEW_CODES: Final = tuple(f"{n}k3m-7wq{n}-x0c{n}" for n in range(10))
MY_KEY: Final = "Passkey, Chrome on Linux, 3 Mar 2026"
PLACES: Final = (
    Place(
        kind="portal",
        handle="a" * 64,
        browser="Chrome on Windows",
        address="203.0.113.7",
        since=MARCH,
        last_used=JUNE,
        is_here=True,
    ),
    Place(
        kind="login",
        handle="b" * 64,
        browser="Safari on an iPhone",
        address="2001:db8:ffff:ffff:ffff:ffff:ffff:fffe",
        since=MARCH,
        last_used=JUNE,
    ),
    Place(
        kind="login",
        handle="c" * 64,
        browser="An unknown browser",
        address="",
        since=MARCH,
        last_used=MARCH,
        remembered=False,
    ),
    Place(
        kind="login",
        handle="d" * 64,
        browser="Firefox on Linux",
        address="198.51.100.77",
        since=MARCH,
        last_used=MARCH,
        ending=True,
    ),
)
ACTIVITY: Final = (
    ActivityView(
        at=JUNE,
        words="Signed in to “Photo Printer”",
        address="203.0.113.7",
        browser="Chrome on Windows",
    ),
    ActivityView(
        at=MARCH, words="Somebody gave a wrong password", warns=True, address="198.51.100.77"
    ),
    ActivityView(at=MARCH, words="A new password was demanded", by="by an administrator"),
)
PASSKEY: Final = FactorView(kind="passkey", id="kEy", name="My laptop", added=MARCH, last_used=JUNE)
AUTHENTICATOR: Final = FactorView(kind="totp", id="t0tp", name="Phone", added=MARCH)
TOLD: Final = {"name": "Ann Example", "phone_number": "+49 30 000000", "zoneinfo": "Europe/Berlin"}
FILLED: Final = tuple(FieldView(field=field, value=TOLD.get(field.name, "")) for field in FIELDS)
SAMPLES: Final[dict[str, Page]] = {
    **mail_samples.SAMPLES,
    **people_samples.SAMPLES,
    **sign_in_samples.SAMPLES,
    "security": SecurityPage(
        account="ann@example.org",
        email="ann@example.org",
        email_verified=True,
        password_set=MARCH,
        passkeys=(PASSKEY,),
        apps=(AUTHENTICATOR,),
        codes_left=1,
        places=PLACES,
        activity=ACTIVITY,
        more_activity=True,
        notice=NOTICES["elsewhere"],
    ),
    "security-bare": SecurityPage(
        account="ann@example.org",
        email="ann@example.org",
        offers_passkeys=False,
        places=PLACES[:1],
    ),
    "security-lacking": SecurityPage(
        status=403,
        account="admin@example.org",
        is_admin=True,
        email="admin@example.org",
        needs_second_factor=True,
        places=PLACES[:2],
        error=STALE,
    ),
    "security-no-password": SecurityPage(
        account="ann@example.org",
        email="ann@example.org",
        has_password=False,
        passkeys=(PASSKEY,),
        places=PLACES[:1],
    ),
    "activity": ActivityPage(
        account="ann@example.org",
        activity=ACTIVITY,
        next_url="/account/security/activity?after=0192f0a0",
    ),
    "activity-over": ActivityPage(account="ann@example.org", is_admin=True, is_first=False),
    "activity-none": ActivityPage(account="ann@example.org"),
    "own-password": PasswordPage(email="ann@example.org", min_length=15),
    "own-password-wrong": PasswordPage(
        status=422, email="ann@example.org", min_length=15, current_problem=ASK_FOR_CURRENT
    ),
    "own-password-weak": PasswordPage(
        status=422, email="ann@example.org", min_length=15, problem="The password is too short."
    ),
    "own-password-first": PasswordPage(
        status=403, email="ann@example.org", has_password=False, min_length=8, error=STALE
    ),
    "delete-account": DeletePage(
        email="ann@example.org",
        app_names=("Photo Printer", LONG.name),
        app_count=7,
        sign_in_count=4,
        factor_count=1,
        kept_for="for about 2 years",
    ),
    "delete-account-bare": DeletePage(
        status=403, email="ann@example.org", kept_for="for 30 days", error=STALE
    ),
    "delete-account-mistyped": DeletePage(
        status=422,
        email="ann@example.org",
        typed="bob@example.org",
        app_names=("Photo Printer",),
        app_count=1,
        sign_in_count=1,
        factor_count=2,
        kept_for="for 30 days",
        problem=MISTYPED,
    ),
    "delete-account-last-admin": DeletePage(
        email="admin@example.org", kept_for="for 30 days", refusal=LAST_ADMIN
    ),
    "goodbye": GoodbyePage(),
    "profile": ProfilePage(
        account="ann@example.org",
        email="ann@example.org",
        email_verified=True,
        fields=FILLED,
        known=(KnownView(title="Department", value="Sales"),),
        readers=(ReaderView(app="Photo Printer", permissions=("See your e-mail address",)),),
        notice="Saved.",
    ),
    "profile-empty": ProfilePage(
        account="ann@example.org",
        is_admin=True,
        email="ann@example.org",
        fields=tuple(FieldView(field=field) for field in FIELDS),
    ),
    "profile-refused": ProfilePage(
        status=422,
        account="ann@example.org",
        email="ann@example.org",
        fields=tuple(FieldView(field=f, value="x", problem="This is not one.") for f in FIELDS),
        error=LOOK_BELOW,
    ),
    "add-passkey": AddPasskeyPage(options='{"rp":{"name":"Example"}}', suggested=MY_KEY),
    "add-passkey-refused": AddPasskeyPage(
        status=422, options="{}", name="My key", error="This passkey could not be added."
    ),
    "add-app": AddAppPage(setup=SETUP, suggested="Authenticator app on Safari, Mac, 3 Mar 2026"),
    "add-app-wrong": AddAppPage(
        status=422, setup=SETUP, name="Phone", problem="That code is not right."
    ),
    "add-app-refused": AddAppPage(status=403, setup=SETUP, error=STALE),
    "ask-for-codes": AskForCodesPage(left=3),
    "ask-for-codes-one": AskForCodesPage(left=1),
    "ask-for-codes-none": AskForCodesPage(status=403, left=0, error=STALE),
    "codes": CodesPage(codes=NEW_CODES),
    "codes-first": CodesPage(codes=NEW_CODES, added=MY_KEY),
    "rename-factor": RenamePage(kind="passkey", factor_id="kEy", name=MY_KEY, typed=MY_KEY),
    "rename-factor-wrong": RenamePage(
        status=422,
        kind="totp",
        factor_id="kEy",
        name="Phone",
        typed="P" * 65,
        problem="A name has at most 64 characters.",
    ),
    "rename-factor-refused": RenamePage(
        status=403, kind="totp", factor_id="kEy", name="Phone", typed="My phone", error=STALE
    ),
    "remove-factor": RemovePage(
        kind="passkey",
        factor_id="kEy",
        name=MY_KEY,
        left=("With your password and a code from your authenticator app.",),
    ),
    "remove-factor-refused": RemovePage(
        status=403,
        kind="totp",
        factor_id="kEy",
        name="Phone",
        left=("With your password alone. Your recovery codes end, too.",),
        error=STALE,
    ),
    "remove-factor-blocked": RemovePage(
        status=422,
        kind="totp",
        factor_id="kEy",
        name="Phone",
        left=(),
        blocked="This is your last second step, and you cannot sign in here without one.",
    ),
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
        durations=durations("86400", "For 1 day", "2592000", "For 30 days", chosen="2592000"),
        error="Choose at least one permission, or deny.",
    ),
    "consent-other-browser": msgspec.structs.replace(
        CONSENT, account=None, app=BARE, durations=(), audience=()
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
    "consent-device": msgspec.structs.replace(CONSENT, is_device=True, audience=(), durations=()),
    "consent-expired": msgspec.structs.replace(
        CONSENT,
        history="You allowed this on 3 March 2026, for 30 days. That time is over, so you are "
        "asked again.",
        permissions=tuple(
            msgspec.structs.replace(p, ticked=False, was_allowed=not p.is_new) for p in PERMISSIONS
        ),
        summary=(),
    ),
    "consent-removed": msgspec.structs.replace(
        CONSENT,
        history="You removed this app's access on 3 March 2026.",
        permissions=PERMISSIONS[3:],
        durations=durations("604800", "For 7 days"),
        audience=(),
        summary=(),
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
    "strength": StrengthPage(score=4, words="Very hard to guess."),
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
    "audit": AuditPage(
        account="admin@example.org",
        order=AUDIT_ORDER,
        rows=EVENTS,
        total_text="3 events, and there are more. Newest first.",
        presets=(("/admin/audit?since=2026-03-14", "Today"),),
        next_url="/admin/audit?after=WyJuZXdlc3QiXQ==",
        export_urls=(("/admin/audit/export?format=csv", "Export as CSV"),),
    ),
    "audit-none": AuditPage(
        account="admin@example.org", order=AUDIT_ORDER, total_text="Nothing. Newest first."
    ),
    "audit-not-found": AuditPage(
        account="admin@example.org",
        actor="cli",
        user="<nobody>",
        client="photos",
        what="grant.revoked",
        since="2026-03-14",
        until="2026-03-01",
        order=AUDIT_ORDER,
        searched=True,
        total_text="Nothing. Newest first.",
        cautions=("The last day is before the first one, so there is nothing between them.",),
    ),
    "audit-looking": AuditPage(
        account="admin@example.org",
        what="drift",
        order=AUDIT_ORDER,
        searched=True,
        total_text="Nothing so far. Newest first.",
        cautions=("Looked back until 14 March 2026; nothing fits so far.",),
        next_url="/admin/audit?what=drift&after=WyJuZXdlc3QiXQ==",
        next_text="Look further",
        first_url="/admin/audit?what=drift",
    ),
    "audit-event": EventPage(
        account="admin@example.org", row=EVENTS[0], detail='{\n  "app": "Photo Printer"\n}'
    ),
    "audit-event-bare": EventPage(account="admin@example.org", row=EVENTS[2], detail="{}"),
    "grants": GrantsPage(
        account="admin@example.org",
        choices=(Choice(name="allowed", label="Allowed", options=ALLOWED, chosen="30d"),),
        rows=ROWS,
        next_url="/admin/grants?after=2026-03-14",
        total_text="4 entries: 3 people, 4 apps. Newest first.",
    ),
    "grants-none": GrantsPage(account="admin@example.org", total_text="Nothing"),
    "grants-not-found": GrantsPage(
        account="admin@example.org",
        user="nobody",
        searched=True,
        total_text="Nothing. Newest first.",
        notice="Access was removed.",
    ),
    "grants-found": GrantsPage(
        account="admin@example.org",
        user="ann",
        searched=True,
        rows=(
            *ROWS[:1],
            msgspec.structs.replace(ROWS[1], state="expired", state_text="Expired"),
            msgspec.structs.replace(
                ROWS[0], state="at_ory", state_text="Removed at Ory", ended=JUNE, verified=True
            ),
        ),
        total_text="About 1.2 million entries. Last used first.",
        cautions=("More than 100 people fit “ann”.", "Looked back until 3 March 2026."),
        next_url="/admin/grants?user=ann&after=2026",
        next_text="Look further",
        first_url="/admin/grants?user=ann",
        export_urls=(("/admin/grants/export?format=csv&user=ann", "Export as CSV"),),
        remove_all_url="/admin/grants/revoke-all?user=ann",
        back="user=ann",
    ),
    "grants-nothing-here": GrantsPage(
        account="admin@example.org", total_text="Nothing", first_url="/admin/grants"
    ),
    "grant": ONE,
    "grant-removed": msgspec.structs.replace(
        ONE,
        row=msgspec.structs.replace(
            ROWS[0], email=None, state="pending", state_text="Removal under way", ended=JUNE
        ),
        remembered_permissions=(),
        origin=None,
        reason="admin",
        removals=(
            RemovalView(attempts=2, due=JUNE, trouble="Ory does not answer, or asked to wait"),
            RemovalView(attempts=0, due=JUNE, undo_until=JUNE),
        ),
        events=(),
        more_events=False,
        back="",
    ),
    "grant-confirmed": msgspec.structs.replace(
        ONE,
        row=msgspec.structs.replace(ROWS[1], state="revoked", state_text="Removed", ended=JUNE),
        confirmed=JUNE,
    ),
    "at-ory": AT_ORY,
    "at-ory-nothing": msgspec.structs.replace(AT_ORY, sessions=()),
    "at-ory-away": msgspec.structs.replace(
        AT_ORY, status=503, sessions=(), trouble="Ory does not answer."
    ),
    "revoke-found": RevokePage(
        subject="gone",
        client_id="photos",
        app_name="Photo Printer",
        back="user=ann",
        back_url="/admin/grants?user=ann",
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
    "revoke-all": RevokeAllPage(
        words=WORDS,
        consequence="This removes access of 3 apps for 1,100 people: 1,234 connected apps in all.",
        expected=1234,
        back_url="/admin/grants?client=photo&used=before-90d",
    ),
    "revoke-all-changed": RevokeAllPage(
        status=409,
        words=WORDS,
        consequence="This removes about 12,000 connected apps.",
        expected=12_000,
        error="You were told of 9,000, but now it is about 12,000.",
    ),
    "revoke-all-refused": RevokeAllPage(status=422, refusal="Narrow the search first."),
    "job": JobPage(account="admin@example.org", job=JOB),
    "job-refused": JobPage(status=403, account="admin@example.org", job=JOB, error=STALE),
    "job-waiting": JobPage(
        account="admin@example.org",
        job=msgspec.structs.replace(
            JOB, state="waiting", state_text="Waiting for Ory", finished=JUNE
        ),
        stuck=(
            StuckView(
                person="ann@example.org",
                app_name="Photo Printer",
                trouble="Ory does not answer",
                attempts=1,
                due=JUNE,
            ),
            StuckView(
                person="s" * 255,
                app_name=LONG.name,
                trouble="What answers is not Ory",
                attempts=12,
                due=JUNE,
            ),
        ),
        stuck_count=450,
    ),
    "job-stopped": JobPage(account="admin@example.org", job=STOPPED),
    "job-nothing": JobPage(account="admin@example.org", job=FINISHED),
    "jobs": JobsPage(
        account="admin@example.org",
        jobs=(JOB, STOPPED),
        next_url="/admin/grants/jobs?after=0197c0de",
    ),
    "jobs-none": JobsPage(account="admin@example.org"),
    "login-again": LoginPage(
        next_path="/admin/grants/revoke-all",
        may_remember=False,
        email="ann@example.org",
        confirms=True,
    ),
    "drift": DRIFT,
    "drift-none": DriftPage(account="admin@example.org", every="day"),
    "drift-started": DriftPage(
        account="admin@example.org",
        runs=(RunView(started_by="admin@example.org", started=JUNE, runs=True, state_text="…"),),
        notice="The comparison has started.",
    ),
    "drift-of-one": msgspec.structs.replace(
        DRIFT, person="ann@example.org", result=ResultView(person="ann", found=DRIFT.found)
    ),
    "drift-of-one-none": msgspec.structs.replace(
        DRIFT, person="ann@example.org", result=ResultView(person="ann@example.org")
    ),
    "drift-of-nobody": msgspec.structs.replace(
        DRIFT, status=422, person="nobody", person_error="Nobody is called so."
    ),
    "drift-refused": msgspec.structs.replace(DRIFT, status=403, error=STALE),
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

_ADDRESSES: Final = {
    *("href", "switch_url", "start_again", "start_url", "next_url"),
    *("first_url", "export_urls", "remove_all_url", "back_url"),
}
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
