"""Samples of the administrators' pages; those about people are in ``user_samples``."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from portal.admin.audit_pages import AuditPage, EventPage, EventRowView
from portal.admin.bulk_pages import JobPage, JobsPage, JobView, RevokeAllPage, StuckView, WordView
from portal.admin.client_pages import (
    LABELS,
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
from portal.admin.search_pages import Chip
from portal.admin.searching import Choice
from portal.page import Page
from portal.sample_data import JUNE, LONG, MARCH, STALE

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
            actor_text="The portal",
            address="203.0.113.7",
        ),
        EventRowView(
            id="0197c0de-5ab1-7000-8000-00000000e001",
            at=MARCH,
            action="consent.allowed",
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
        actor_text="The portal",
        subject="s" * 255,
        client_id="c" * 255,
        app_name=LONG.name,
    ),
    EventRowView(
        id="0197c0de-5ab1-7000-8000-000000000003",
        at=datetime(2026, 3, 14, tzinfo=UTC),
        action="login.failed",
        address="2001:db8::1",
    ),
)
DRIFT: Final = DriftPage(
    account="admin@example.org",
    runs=(
        RunView(
            started_by="The portal",
            started=JUNE,
            state="waiting",
            checked=1,
            found=(("grant.revoked_at_ory", 1_234), ("unread", 1)),
            trouble="Ory does not answer, or asked to wait.",
        ),
        RunView(
            started_by="ann@example.org",
            started=MARCH,
            finished=JUNE,
            person="bob@example.org",
            state="done",
            checked=1,
            only_looked=True,
        ),
        RunView(
            started_by="The portal",
            started=MARCH,
            finished=MARCH,
            state="stopped",
            checked=12_345,
            trouble="Ory knows none of the apps that people allowed last.",
        ),
    ),
    every=timedelta(days=1),
    found=(
        FoundView(
            person="ann@example.org",
            client_id="photos",
            app_name="Photo Printer",
            kind="grant.revoked_at_ory",
            at=JUNE,
            permissions=("openid", "email"),
        ),
        FoundView(
            client_id="c" * 255,
            app_name=LONG.name,
            kind="client.deleted",
            at=MARCH,
        ),
    ),
    next_url="/admin/grants/drift?after=0197c0de",
    looked_until=MARCH,
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
WORDS: Final = (
    WordView(name="client", label="App", value="photo", text="photo"),
    WordView(name="used", label="Last used", value="before-90d", text="Not for 90 days"),
)
JOB: Final = JobView(
    id="0197c0de-5ab1-7000-8000-00000000b001",
    state="removing",
    words=WORDS,
    started_by="admin@example.org",
    started=JUNE,
    matched=1234,
    revoked=800,
    confirmed=350,
)
STOPPED: Final = msgspec.structs.replace(JOB, state="stopped", finished=JUNE, confirmed=800)
FINISHED: Final = msgspec.structs.replace(
    JOB, state="done", finished=JUNE, matched=0, revoked=0, confirmed=0
)
SAMPLES: Final[dict[str, Page]] = {
    "audit": AuditPage(
        account="admin@example.org",
        order=AUDIT_ORDER,
        rows=EVENTS,
        total_text="3 events, and there are more. Newest first.",
        presets=(("/admin/audit?since=2026-03-14", "Today"),),
        next_url="/admin/audit?after=WyJuZXdlc3QiXQ==",
        next_text="Show older ones",
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
        chips=(
            Chip(label="Who did it", text="cli", url="/admin/audit?what=grant.revoked"),
            Chip(label="What", text="Access removed", url="/admin/audit?actor=cli"),
        ),
        order=AUDIT_ORDER,
        searched=True,
        total_text="Nothing. Newest first.",
        cautions=("The last day is before the first one, so there is nothing between them.",),
    ),
    "audit-garbled": AuditPage(
        status=400,
        account="admin@example.org",
        user="u" * 400,
        what="user.vanished",
        since="2026-02-31",
        order=Choice(name="order", label="Order", options=AUDIT_ORDER.options, chosen="sideways"),
        total_text="Nothing was searched for.",
        error="This cannot be searched for. Correct what is marked, then search again.",
        problems=(
            ("user", "Whose account", "This is longer than anything there is to find."),
            ("what", "What", "Nothing of this name happens here. Choose one from the list."),
            ("since", "From day", "There is no such day. Write it like this: 2026-12-31."),
            ("order", "Order", "There is no such order. Choose one from the list."),
        ),
    ),
    "audit-lost": AuditPage(
        status=400,
        account="admin@example.org",
        order=AUDIT_ORDER,
        total_text="Nothing was searched for.",
        error="This address does not lead to a page of the list. Begin at the first page.",
        first_url="/admin/audit",
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
        next_text="Show older ones",
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
        chips=(Chip(label="Person", text="ann", url="/admin/grants"),),
        rows=(
            *ROWS[:1],
            msgspec.structs.replace(ROWS[1], state="expired"),
            msgspec.structs.replace(ROWS[0], state="at_ory", ended=JUNE, verified=True),
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
    "grants-garbled": GrantsPage(
        status=400,
        account="admin@example.org",
        scope="s" * 400,
        choices=(
            Choice(name="allowed", label="Allowed", options=ALLOWED, chosen="2d"),
            Choice(name="used", label="Last used", options=ALLOWED),
        ),
        total_text="Nothing was searched for.",
        error="This cannot be searched for. Correct what is marked, then search again.",
        problems=(
            ("scope", "Permission", "This is longer than anything there is to find."),
            ("allowed", "Allowed", "There is no such time to search for."),
        ),
    ),
    "grant": ONE,
    "grant-removed": msgspec.structs.replace(
        ONE,
        row=msgspec.structs.replace(ROWS[0], email=None, state="pending", ended=JUNE),
        remembered_permissions=(),
        origin=None,
        reason="An administrator removed it.",
        removals=(
            RemovalView(attempts=2, due=JUNE, trouble="Ory does not answer, or asked to wait."),
            RemovalView(attempts=0, due=JUNE, undo_until=JUNE),
        ),
        events=(),
        more_events=False,
        back="",
    ),
    "grant-confirmed": msgspec.structs.replace(
        ONE,
        row=msgspec.structs.replace(ROWS[1], state="revoked", ended=JUNE),
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
    "job-goes-on": JobPage(account="admin@example.org", job=JOB, told="removing-1"),
    "job-refused": JobPage(status=403, account="admin@example.org", job=JOB, error=STALE),
    "job-waiting": JobPage(
        account="admin@example.org",
        job=msgspec.structs.replace(JOB, state="waiting", finished=JUNE),
        stuck=(
            StuckView(
                person="ann@example.org",
                app_name="Photo Printer",
                trouble="Ory does not answer, or asked to wait.",
                attempts=1,
                due=JUNE,
            ),
            StuckView(
                person="s" * 255,
                app_name=LONG.name,
                trouble="What answers is not Ory. Look at HYDRA_ADMIN_URL.",
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
    "drift": DRIFT,
    "drift-none": DriftPage(account="admin@example.org", every=timedelta(days=1)),
    "drift-started": DriftPage(
        account="admin@example.org",
        runs=(RunView(started_by="admin@example.org", started=JUNE, state="comparing"),),
        every=timedelta(hours=12),
        notice="The comparison has started.",
    ),
    "drift-goes-on": msgspec.structs.replace(DRIFT, told="comparing-0"),
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
    "clients-garbled": ClientsPage(
        status=400,
        account="admin@example.org",
        app="a" * 400,
        first_url="/admin/clients",
        total_text="Nothing was searched for.",
        error="This cannot be searched for. Correct what is marked, then search again.",
        problems=(("app", "App", "This is longer than anything there is to find."),),
    ),
    "clients-lost": ClientsPage(
        account="admin@example.org", total_text="3 apps", first_url="/admin/clients"
    ),
    "client": msgspec.structs.replace(CLIENT, notice="Saved."),
    "client-public": msgspec.structs.replace(
        CLIENT, has_secret=False, created=None, people=1, usual_duration="90 days"
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
            if field in LABELS
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
