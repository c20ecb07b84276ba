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
from portal.sample_data import (
    JUNE,
    LONG_HOSTS,
    LONG_NAME,
    MARCH,
    capital,
    counted,
    stale,
    told,
    words,
)
from portal.writing import day, number, roughly

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


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    rows = (
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
            app_name=LONG_NAME,
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
    one = OneGrantPage(
        account="admin@example.org",
        row=rows[0],
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
                actor_text=words("The portal"),
                address="203.0.113.7",
            ),
            EventRowView(
                id="0197c0de-5ab1-7000-8000-00000000e001",
                at=MARCH,
                action="consent.allowed",
                actor_text="ann@example.org",
                permissions=("openid",),
                notes=(capital(counted("for {count} day", "for {count} days", 30)),),
            ),
        ),
        more_events=True,
        back="user=ann&state=active",
    )
    audit_order = Choice(
        name="order",
        label=words("Order"),
        options=(("newest", words("Newest first")), ("oldest", words("Oldest first"))),
        chosen="newest",
    )
    events = (
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
            notes=(words("Taken away: {permissions}", permissions="email"), "Reason: <b>none</b>"),
            address="203.0.113.7",
            user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0",
        ),
        EventRowView(
            id="0197c0de-5ab1-7000-8000-000000000002",
            at=datetime(2026, 3, 14, tzinfo=UTC),
            action="grant.expired",
            actor_text=words("The portal"),
            subject="s" * 255,
            client_id="c" * 255,
            app_name=LONG_NAME,
        ),
        EventRowView(
            id="0197c0de-5ab1-7000-8000-000000000003",
            at=datetime(2026, 3, 14, tzinfo=UTC),
            action="login.failed",
            actor_text=words("Nobody signed in"),
            address="2001:db8::1",
        ),
    )
    drift = DriftPage(
        account="admin@example.org",
        runs=(
            RunView(
                started_by=words("The portal"),
                started=JUNE,
                state="waiting",
                checked=1,
                found=(("grant.revoked_at_ory", 1_234), ("unread", 1)),
                trouble=words("Ory does not answer, or asked to wait."),
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
                started_by=words("The portal"),
                started=MARCH,
                finished=MARCH,
                state="stopped",
                checked=12_345,
                trouble=words(
                    "Ory knows none of the apps that people allowed last. If "
                    "HYDRA_ADMIN_URL is right, compare by hand."
                ),
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
                app_name=LONG_NAME,
                kind="client.deleted",
                at=MARCH,
            ),
        ),
        next_url="/admin/grants/drift?after=0197c0de",
        looked_until=MARCH,
    )
    clients = (
        ClientRowView(
            client_id="photos",
            name="Photo Printer",
            verified=True,
            hosts=("photos.example.org", "127.0.0.1:5555"),
            people=1,
        ),
        ClientRowView(
            client_id="c" * 255,
            name=LONG_NAME,
            public=True,
            skips=True,
            hosts=(
                LONG_HOSTS[0],
                words("{scheme}: (an app on this device)", scheme="com.example.app"),
            ),
            people=1234,
        ),
        ClientRowView(client_id="b7f1", name="b7f1"),
    )
    client = ClientPage(
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
            Box(
                value="authorization_code",
                text=words("Sign people in (authorization_code)"),
                chosen=True,
            ),
            Box(value="urn:example:own", text="urn:example:own", chosen=True),
            Box(
                value="client_credentials",
                text=words("Act for itself, without a person (client_credentials)"),
            ),
        ),
        response_types=(
            Box(value="code", text="code", chosen=True),
            Box(value="token", text="token"),
        ),
        auth_methods=(
            Box(
                value="client_secret_basic",
                text=words("Secret in the header (client_secret_basic)"),
                chosen=True,
            ),
            Box(value="none", text=words("None: a public app, on devices or in browsers (none)")),
        ),
        created=MARCH,
        people=3,
    )
    terms = (
        WordView(name="client", label=words("App"), value="photo", text="photo"),
        WordView(
            name="used", label=words("Last used"), value="before-90d", text=words("Not for 90 days")
        ),
    )
    job = JobView(
        id="0197c0de-5ab1-7000-8000-00000000b001",
        state="removing",
        words=terms,
        started_by="admin@example.org",
        started=JUNE,
        matched=1234,
        revoked=800,
        confirmed=350,
    )
    stopped = msgspec.structs.replace(job, state="stopped", finished=JUNE, confirmed=800)
    finished = msgspec.structs.replace(
        job, state="done", finished=JUNE, matched=0, revoked=0, confirmed=0
    )
    return {
        "audit": AuditPage(
            account="admin@example.org",
            order=audit_order,
            rows=events,
            total_text=words(
                "{found}. {order}.",
                found=counted(
                    "{count} event, and there are more", "{count} events, and there are more", 3
                ),
                order=words("Newest first"),
            ),
            presets=(("/admin/audit?since=2026-03-14", words("Today")),),
            next_url="/admin/audit?after=WyJuZXdlc3QiXQ==",
            next_text=words("Show older ones"),
            export_urls=(("/admin/audit/export?format=csv", words("Export as CSV")),),
        ),
        "audit-none": AuditPage(
            account="admin@example.org",
            order=audit_order,
            total_text=words(
                "{found}. {order}.", found=words("Nothing"), order=words("Newest first")
            ),
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
                Chip(label=words("Who did it"), text="cli", url="/admin/audit?what=grant.revoked"),
                Chip(
                    label=words("What"), text=words("Access removed"), url="/admin/audit?actor=cli"
                ),
            ),
            order=audit_order,
            searched=True,
            total_text=words(
                "{found}. {order}.", found=words("Nothing"), order=words("Newest first")
            ),
            cautions=(
                words("The last day is before the first one, so there is nothing between them."),
            ),
        ),
        "audit-garbled": AuditPage(
            status=400,
            account="admin@example.org",
            user="u" * 400,
            what="user.vanished",
            since="2026-02-31",
            order=Choice(
                name="order", label=words("Order"), options=audit_order.options, chosen="sideways"
            ),
            total_text=words("Nothing was searched for."),
            error=words("This cannot be searched for. Correct what is marked, then search again."),
            problems=(
                (
                    "user",
                    words("Whose account"),
                    words("This is longer than anything there is to find. Type less of it."),
                ),
                (
                    "what",
                    words("What"),
                    words("Nothing of this name happens here. Choose one from the list."),
                ),
                (
                    "since",
                    words("From day"),
                    words("There is no such day. Write it like this: 2026-12-31."),
                ),
                (
                    "order",
                    words("Order"),
                    words("There is no such order. Choose one from the list."),
                ),
            ),
        ),
        "audit-lost": AuditPage(
            status=400,
            account="admin@example.org",
            order=audit_order,
            total_text=words("Nothing was searched for."),
            error=words(
                "This address does not lead to a page of the list. Begin at the first page."
            ),
            first_url="/admin/audit",
        ),
        "audit-looking": AuditPage(
            account="admin@example.org",
            what="drift",
            order=audit_order,
            searched=True,
            total_text=words(
                "{found}. {order}.", found=words("Nothing so far"), order=words("Newest first")
            ),
            cautions=(words("Looked back until {day}; nothing fits so far.", day=day(MARCH)),),
            next_url="/admin/audit?what=drift&after=WyJuZXdlc3QiXQ==",
            next_text=words("Look further"),
            first_url="/admin/audit?what=drift",
        ),
        "audit-event": EventPage(
            account="admin@example.org", row=events[0], detail='{\n  "app": "Photo Printer"\n}'
        ),
        "audit-event-bare": EventPage(account="admin@example.org", row=events[2], detail="{}"),
        "grants": GrantsPage(
            account="admin@example.org",
            choices=(
                Choice(name="allowed", label=words("Allowed"), options=told(ALLOWED), chosen="30d"),
            ),
            rows=rows,
            next_url="/admin/grants?after=2026-03-14",
            next_text=words("Show older ones"),
            total_text=words(
                "{found}. {order}.",
                found=words(
                    "{entries}: {people}, {apps}",
                    entries=counted("{count} entry", "{count} entries", 4),
                    people=counted("{count} person", "{count} people", 3),
                    apps=counted("{count} app", "{count} apps", 4),
                ),
                order=words("Newest first"),
            ),
        ),
        "grants-none": GrantsPage(account="admin@example.org", total_text=words("Nothing")),
        "grants-not-found": GrantsPage(
            account="admin@example.org",
            user="nobody",
            searched=True,
            total_text=words(
                "{found}. {order}.", found=words("Nothing"), order=words("Newest first")
            ),
            notice=words("Access was removed. The app's tokens do not work any more."),
        ),
        "grants-found": GrantsPage(
            account="admin@example.org",
            user="ann",
            searched=True,
            chips=(Chip(label=words("Person"), text="ann", url="/admin/grants"),),
            rows=(
                *rows[:1],
                msgspec.structs.replace(rows[1], state="expired"),
                msgspec.structs.replace(rows[0], state="at_ory", ended=JUNE, verified=True),
            ),
            total_text=words(
                "{found}. {order}.",
                found=words("About {number} entries", number=roughly(1_234_567)),
                order=words("Last used first"),
            ),
            cautions=(
                words(
                    "More than {most} people fit “{typed}”; these are the first "
                    "{most} by address. Type more of it.",
                    most=100,
                    typed="ann",
                ),
                words("Looked back until {day}; nothing else fits so far.", day=day(MARCH)),
            ),
            next_url="/admin/grants?user=ann&after=2026",
            next_text=words("Look further"),
            first_url="/admin/grants?user=ann",
            export_urls=(("/admin/grants/export?format=csv&user=ann", words("Export as CSV")),),
            remove_all_url="/admin/grants/revoke-all?user=ann",
            back="user=ann",
        ),
        "grants-nothing-here": GrantsPage(
            account="admin@example.org", total_text=words("Nothing"), first_url="/admin/grants"
        ),
        "grants-garbled": GrantsPage(
            status=400,
            account="admin@example.org",
            scope="s" * 400,
            choices=(
                Choice(name="allowed", label=words("Allowed"), options=told(ALLOWED), chosen="2d"),
                Choice(name="used", label=words("Last used"), options=told(ALLOWED)),
            ),
            total_text=words("Nothing was searched for."),
            error=words("This cannot be searched for. Correct what is marked, then search again."),
            problems=(
                (
                    "scope",
                    words("Permission"),
                    words("This is longer than anything there is to find. Type less of it."),
                ),
                (
                    "allowed",
                    words("Allowed"),
                    words("There is no such time to search for. Choose one from the list."),
                ),
            ),
        ),
        "grant": one,
        "grant-removed": msgspec.structs.replace(
            one,
            row=msgspec.structs.replace(rows[0], email=None, state="pending", ended=JUNE),
            remembered_permissions=(),
            origin=None,
            reason=words("An administrator removed it."),
            removals=(
                RemovalView(
                    attempts=2, due=JUNE, trouble=words("Ory does not answer, or asked to wait.")
                ),
                RemovalView(attempts=0, due=JUNE, undo_until=JUNE),
            ),
            events=(),
            more_events=False,
            back="",
        ),
        "grant-confirmed": msgspec.structs.replace(
            one,
            row=msgspec.structs.replace(rows[1], state="revoked", ended=JUNE),
            confirmed=JUNE,
        ),
        "at-ory": AT_ORY,
        "at-ory-nothing": msgspec.structs.replace(AT_ORY, sessions=()),
        "at-ory-away": msgspec.structs.replace(
            AT_ORY,
            status=503,
            sessions=(),
            trouble=words(
                "Ory does not answer right now, so nobody can say. Try again in a moment."
            ),
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
            status=403, subject="s" * 255, client_id="photos", app_name=LONG_NAME, error=stale()
        ),
        "revoke-all": RevokeAllPage(
            words=terms,
            consequence=words(
                "This removes access of {apps} for {people}: {connected} in all.",
                apps=counted("{count} app", "{count} apps", 3),
                people=counted("{count} person", "{count} people", 1100),
                connected=counted("{count} connected app", "{count} connected apps", 1234),
            ),
            expected=1234,
            back_url="/admin/grants?client=photo&used=before-90d",
        ),
        "revoke-all-changed": RevokeAllPage(
            status=409,
            words=terms,
            consequence=words(
                "This removes about {number} connected apps.", number=roughly(12_000)
            ),
            expected=12_000,
            error=words(
                "You were told of {before}, but now it is {now}. Nothing was removed "
                "yet: look again, then decide.",
                before=number(9_000),
                now=number(12_000),
            ),
        ),
        "revoke-all-refused": RevokeAllPage(
            status=422,
            refusal=words(
                "Narrow the search first: without a word to search for, this would "
                "be everything there is."
            ),
        ),
        "job": JobPage(account="admin@example.org", job=job),
        "job-goes-on": JobPage(account="admin@example.org", job=job, told="removing-1"),
        "job-refused": JobPage(status=403, account="admin@example.org", job=job, error=stale()),
        "job-waiting": JobPage(
            account="admin@example.org",
            job=msgspec.structs.replace(job, state="waiting", finished=JUNE),
            stuck=(
                StuckView(
                    person="ann@example.org",
                    app_name="Photo Printer",
                    trouble=words("Ory does not answer, or asked to wait."),
                    attempts=1,
                    due=JUNE,
                ),
                StuckView(
                    person="s" * 255,
                    app_name=LONG_NAME,
                    trouble=words("What answers is not Ory. Look at HYDRA_ADMIN_URL."),
                    attempts=12,
                    due=JUNE,
                ),
            ),
            stuck_count=450,
        ),
        "job-stopped": JobPage(account="admin@example.org", job=stopped),
        "job-nothing": JobPage(account="admin@example.org", job=finished),
        "jobs": JobsPage(
            account="admin@example.org",
            jobs=(job, stopped),
            next_url="/admin/grants/jobs?after=0197c0de",
        ),
        "jobs-none": JobsPage(account="admin@example.org"),
        "drift": drift,
        "drift-none": DriftPage(account="admin@example.org", every=timedelta(days=1)),
        "drift-started": DriftPage(
            account="admin@example.org",
            runs=(RunView(started_by="admin@example.org", started=JUNE, state="comparing"),),
            every=timedelta(hours=12),
            notice=words(
                "The comparison has started. You can close this page: it goes on by itself."
            ),
        ),
        "drift-goes-on": msgspec.structs.replace(drift, told="comparing-0"),
        "drift-of-one": msgspec.structs.replace(
            drift, person="ann@example.org", result=ResultView(person="ann", found=drift.found)
        ),
        "drift-of-one-none": msgspec.structs.replace(
            drift, person="ann@example.org", result=ResultView(person="ann@example.org")
        ),
        "drift-of-nobody": msgspec.structs.replace(
            drift,
            status=422,
            person="nobody",
            person_error=words(
                "Nobody who is known here has this address or subject. Look for them "
                "in the list of people."
            ),
        ),
        "drift-refused": msgspec.structs.replace(drift, status=403, error=stale()),
        "clients": ClientsPage(
            account="admin@example.org",
            rows=clients,
            next_url="/admin/clients?start=50",
            total_text=words(
                "Apps {first} to {last} of {all}", first=number(1), last=number(3), all=number(1000)
            ),
            bound_text=words(
                "Ory has more apps than the {most} that are listed and searched "
                "here. The exact id of an app finds any of them.",
                most=number(5000),
            ),
            notice=words("Saved."),
        ),
        "clients-none": ClientsPage(
            account="admin@example.org", total_text=counted("{count} app", "{count} apps", 0)
        ),
        "clients-not-found": ClientsPage(
            account="admin@example.org",
            app="nobody",
            total_text=counted("{count} app", "{count} apps", 0),
        ),
        "clients-garbled": ClientsPage(
            status=400,
            account="admin@example.org",
            app="a" * 400,
            first_url="/admin/clients",
            total_text=words("Nothing was searched for."),
            error=words("This cannot be searched for. Correct what is marked, then search again."),
            problems=(
                (
                    "app",
                    words("App"),
                    words("This is longer than anything there is to find. Type less of it."),
                ),
            ),
        ),
        "clients-lost": ClientsPage(
            account="admin@example.org",
            total_text=counted("{count} app", "{count} apps", 3),
            first_url="/admin/clients",
        ),
        "client": msgspec.structs.replace(client, notice=words("Saved.")),
        "client-public": msgspec.structs.replace(
            client,
            has_secret=False,
            created=None,
            people=1,
            usual_duration=counted("{count} day", "{count} days", 90),
        ),
        "client-new": msgspec.structs.replace(client, is_new=True, people=0, created=None),
        "client-refused": msgspec.structs.replace(
            client,
            status=422,
            is_new=True,
            error=counted(
                "{count} field needs another look.", "{count} fields need another look.", 2
            ),
            problems=tuple(
                FieldProblem(field=field, text=words("Choose at least one."))
                for field in (*ClientForm.__struct_fields__, "client_id")
                if field in LABELS
            ),
        ),
        "client-conflict": msgspec.structs.replace(
            client,
            status=409,
            error=words(
                "Somebody else has changed this app meanwhile. Save again to put "
                "what you see here in its place."
            ),
        ),
        "client-registered": ClientSecretPage(
            client_id="photos", app_name="Photo Printer", secret="kept-nowhere-else"
        ),
        "client-registered-public": ClientSecretPage(client_id="c" * 255, app_name=LONG_NAME),
        "client-new-secret": ClientSecretPage(
            client_id="photos", app_name="Photo Printer", secret="kept-nowhere-else", is_new=False
        ),
        "client-delete": DeleteClientPage(client_id="photos", app_name="Photo Printer", people=1),
        "client-delete-many": DeleteClientPage(client_id="photos", app_name=LONG_NAME, people=12),
        "client-delete-unused": DeleteClientPage(client_id="b7f1", app_name="b7f1"),
        "client-delete-forgotten": DeleteClientPage(
            status=403, client_id="b7f1", app_name="b7f1", people=2, known=False, error=stale()
        ),
        "client-secret": NewSecretPage(client_id="photos", app_name="Photo Printer"),
        "client-secret-refused": NewSecretPage(
            status=403, client_id="photos", app_name="Photo Printer", error=stale()
        ),
        "revoke-unknown-user": RevokePage(
            subject="gone", client_id="photos", app_name="Photo Printer"
        ),
    }
