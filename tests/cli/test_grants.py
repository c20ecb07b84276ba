import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from portal.cli import common, reconciling, revoking
from portal.cli import grants as command
from portal.ory.connect import open_client
from portal.reconciliation import runs
from portal.store import Store
from tests.doubles.ory import OryDouble
from tests.store.records import grant, user

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
LONG_AGO = NOW - 200 * DAY


@pytest.fixture
def ory(monkeypatch):
    double = OryDouble()
    opening = partial(open_client, transport=double.transport())
    monkeypatch.setattr("portal.cli.grants.open_client", opening)
    monkeypatch.setenv("HYDRA_ADMIN_URL", double.admin_url)
    monkeypatch.setenv("PORTAL_ORY_TIMEOUT", "0.5")
    for client_id in ("photos", "notes"):
        double.plant_client(client_id)
    return double


@pytest.fixture
def database(tmp_path, migrated):
    """Run something on the store of the commands."""

    def use(work):
        async def inside():
            store = Store(f"sqlite:///{tmp_path}/portal.db")
            try:
                return await work(store)
            finally:
                await store.dispose()

        return asyncio.run(inside())

    return use


@pytest.fixture
def people(database, ory):
    """Ann has photos, notes and an app that is gone; Bob photos; all listed at Ory but the last."""

    async def work(store):
        async with store.writing() as rows:
            for name in ("ann", "bob"):
                await rows.users.add(user(name))
            old = {"granted_at": LONG_AGO, "last_accept_at": LONG_AGO, "listed_at": LONG_AGO}
            await rows.grants.save(grant("ann", "photos", scopes=["openid", "email"], **old))
            recent = {"granted_at": NOW - DAY, "last_accept_at": NOW - DAY, "listable": True}
            await rows.grants.save(grant("ann", "notes", **recent))
            await rows.grants.save(grant("bob", "photos", **recent))
            over = {"revoked_at": LONG_AGO, "revoke_synced_at": LONG_AGO, "revoke_reason": "user"}
            await rows.grants.save(grant("ann", "gone", **old, **over))

    database(work)
    ory.plant_consent_session("ann", "photos", grant_scope=["openid", "email"])
    ory.plant_consent_session("ann", "notes")
    ory.plant_consent_session("bob", "photos")


def pairs(found):
    assert found.exit_code == 0, found.output
    return [(row["subject"], row["client_id"]) for row in json.loads(found.stdout)]


def refused(found, code=1):
    assert found.exit_code == code, found.output
    assert found.stderr.startswith("portal: ")
    assert found.stderr.count("\n") == 1, found.stderr
    return found.stderr


def state(database, subject, client_id):
    async def work(store):
        async with store.reading() as rows:
            found = await rows.grants.find(subject, client_id)
        if found is None:
            return None
        return (found.revoke_reason, found.revoke_synced_at is not None)

    return database(work)


def audit(database):
    async def work(store):
        async with store.reading() as rows:
            page = await rows.audit.list_page(after=None, limit=99, oldest_first=True)
        return [(event.action, event.actor) for event in page.events]

    return database(work)


# list


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), [("bob", "photos"), ("ann", "notes"), ("ann", "photos"), ("ann", "gone")]),
        (("--subject", "bob"), [("bob", "photos")]),
        (("--user", " BOB@example.org"), [("bob", "photos")]),
        (("--subject", "b"), []),
        (("--client", "phot"), [("bob", "photos"), ("ann", "photos")]),
        (("--scope", "email openid"), [("ann", "photos")]),
        (("--state", "revoked"), [("ann", "gone")]),
        (("--allowed-before", "90d", "--state", "active"), [("ann", "photos")]),
        (("--allowed-after", "90d"), [("bob", "photos"), ("ann", "notes")]),
        (("--used-before", LONG_AGO.date().isoformat()), []),
        (("--used-after", (NOW - 2 * DAY).isoformat(), "--user", "ann@example.org"), 1),
        (("--order", "oldest", "--limit", "1"), 1),
    ],
)
def test_grants_are_listed_by_what_is_named(portal, people, flags, expected):
    found = pairs(portal("grants", "list", "--format", "json", *flags))
    if isinstance(expected, int):
        assert len(found) == expected
    else:
        assert set(found) == set(expected)


def test_the_newest_come_first_unless_told_otherwise(portal, people):
    newest = pairs(portal("grants", "list", "--format", "json"))
    oldest = pairs(portal("grants", "list", "--format", "json", "--order", "oldest"))
    assert newest == oldest[::-1]


def test_a_list_that_is_cut_says_so(portal, people):
    found = portal("grants", "list", "--limit", "2")
    assert len(found.stdout.splitlines()) == 3
    assert "first 2" in found.stderr
    assert "first" not in portal("grants", "list", "--limit", "4").stderr


def test_many_are_listed_over_several_pages(portal, database, ory, monkeypatch):
    async def work(store):
        async with store.writing() as rows:
            for number in range(7):
                await rows.grants.save(grant(f"s-{number}"))

    database(work)
    monkeypatch.setattr(command, "PAGE", 2)
    assert len(set(pairs(portal("grants", "list", "--format", "json")))) == 7


def test_the_table_shows_who_which_app_and_what(portal, people):
    lines = portal("grants", "list", "--subject", "ann", "--state", "active").stdout.splitlines()
    assert lines[0].split()[:2] == ["USER", "CLIENT"]
    assert "ann@example.org" in lines[1]
    assert "openid email" in lines[2]
    assert "no grant" in portal("grants", "list", "--subject", "x").stderr.lower()


# revoke


def test_one_grant_is_revoked_at_once_and_at_ory(portal, people, ory, database):
    found = portal("grants", "revoke", "--user", "ann@example.org", "--client", "photos")
    assert found.exit_code == 0, found.output
    assert "Ory has confirmed" in found.stdout
    assert state(database, "ann", "photos") == ("admin", True)
    assert state(database, "bob", "photos") == (None, False)
    assert ory.deletions == [("consent", {"subject": "ann", "client": "photos"})]
    assert audit(database) == [("grant.revoked", "cli")]


def test_many_are_revoked_by_a_job_that_this_command_finishes(portal, people, ory, database):
    found = portal("grants", "revoke", "--client", "photos", "--yes")
    assert found.exit_code == 0, found.output
    assert "2 grants revoked; Ory has confirmed" in found.stdout
    assert state(database, "ann", "photos") == ("admin", True)
    assert state(database, "bob", "photos") == ("admin", True)
    assert state(database, "ann", "notes") == (None, False)
    assert ("bulk.started", "cli") in audit(database)
    assert ("bulk.finished", "system") in audit(database)
    assert [s["consent_request"]["client"]["client_id"] for s in ory.sessions_of("ann")] == [
        "notes"
    ]


def test_ctrl_c_says_that_what_was_begun_goes_on(portal, people, ory, database, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(revoking.bulk, "advance", interrupted)
    found = portal("grants", "revoke", "--client", "photos", "--yes")
    assert found.exit_code == 1
    assert "what was begun is not undone: the running portal finishes it." in found.stderr
    assert audit(database) == [("bulk.started", "cli")]


def test_without_a_terminal_many_are_not_revoked_unasked(portal, people, ory, database):
    words = refused(portal("grants", "revoke", "--client", "photos"))
    assert "2 grants: of 2 people, to 1 apps" in words
    assert "--yes" in words
    assert ory.deletions == []
    assert audit(database) == []


@pytest.mark.parametrize(("answer", "revoked"), [("y\n", True), ("n\n", False)])
def test_at_a_terminal_it_asks_first(portal, people, ory, database, monkeypatch, answer, revoked):
    monkeypatch.setattr(revoking, "has_terminal", lambda: True)
    found = portal("grants", "revoke", "--client", "photos", stdin=answer)
    assert "This revokes 2 grants" in found.stderr
    assert (found.exit_code == 0) is revoked
    assert bool(ory.deletions) is revoked
    assert bool(audit(database)) is revoked


def test_what_has_ended_is_not_revoked_again(portal, people, ory):
    found = portal("grants", "revoke", "--client", "gone", "--yes")
    assert (found.exit_code, ory.deletions) == (0, [])
    assert "nothing to revoke" in found.stdout


def test_everything_cannot_be_revoked_by_naming_nothing(portal, people, ory, database):
    words = refused(portal("grants", "revoke", "--yes"), code=2)
    assert "Name what to revoke" in words
    assert audit(database) == []


@pytest.mark.parametrize("flag", ["--subject", "--user", "--client", "--scope"])
@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_flag_means_nobody_and_not_everybody(portal, people, ory, database, flag, value):
    words = refused(portal("grants", "revoke", "--state", "active", flag, value, "--yes"), code=2)
    assert f"{flag} is empty" in words
    assert audit(database) == []


@pytest.mark.parametrize("which", [("--client", "photos", "--subject", "ann"), ("--client", "p")])
def test_while_ory_is_away_it_is_revoked_here_and_left_to_the_portal(
    portal, people, ory, database, monkeypatch, which
):
    monkeypatch.setattr(revoking, "PATIENCE", timedelta())
    monkeypatch.setattr(revoking, "POLL", 0.01)
    ory.down()
    found = portal("grants", "revoke", *which, "--yes")
    words = refused(found)
    assert "Ory does not answer" in words
    assert "running portal" in words
    assert state(database, "ann", "photos") == ("admin", False)


def test_nobody_has_to_wait_for_ory(portal, people, ory, database):
    ory.down()
    found = portal("grants", "revoke", "--client", "photos", "--yes", "--no-wait")
    assert found.exit_code == 0, found.output
    assert "as soon as it can be reached" in found.stdout
    assert state(database, "bob", "photos") == ("admin", False)


# reconcile


def test_what_differs_is_told_and_put_right_and_then_nothing_differs(portal, people, ory, database):
    ory._sessions["ann"].pop(1)
    ory.plant_consent_session("bob", "notes", grant_scope=["openid", "email"])
    looked = portal("grants", "reconcile", "--dry-run")
    assert looked.exit_code == 0, looked.output
    assert "imported" in looked.stdout
    assert "nothing was changed" in looked.stderr
    assert state(database, "bob", "notes") is None
    found = portal("grants", "reconcile", "--format", "json")
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    assert document["checked"] == 2
    assert document["dry_run"] is False
    assert [(d["kind"], d["subject"], d["client_id"]) for d in document["drift"]] == [
        ("grant.imported", "bob", "notes")
    ]
    assert document["found"] == {"grant.imported": 1}
    assert state(database, "bob", "notes") == (None, False)
    again = portal("grants", "reconcile")
    assert again.exit_code == 0
    assert "Nothing differs" in again.stderr
    assert "2 people compared." in again.stderr


@pytest.mark.parametrize("who", [("--subject", "bob"), ("--user", "Bob@example.org")])
def test_one_person_is_compared(portal, people, ory, database, who):
    ory.plant_consent_session("bob", "notes")
    ory._sessions["ann"].clear()
    found = portal("grants", "reconcile", *who)
    assert "imported  bob      notes" in found.stdout
    assert "1 person compared, 1 differed." in found.stderr
    assert state(database, "ann", "notes") == (None, False)
    assert audit(database)[-1] == ("reconciliation.finished", "cli")


def test_an_ory_that_does_not_answer_is_one_line_and_it_goes_on_later(
    portal, people, ory, database
):
    ory.down()
    words = refused(portal("grants", "reconcile"))
    assert "Ory does not answer" in words
    assert "HYDRA_ADMIN_URL" in words
    ory.heal()
    found = portal("grants", "reconcile")
    assert found.exit_code == 0, found.output
    assert "Going on with the comparison" in found.stderr
    assert "2 people compared." in found.stderr

    async def work(store):
        async with store.reading() as rows:
            return await rows.reconciliations.list_newest(9)

    (run,) = database(work)
    assert (run.state, run.checked) == ("done", 2)


def test_a_run_that_another_process_works_on_is_watched(portal, people, ory, database, monkeypatch):
    """It dies; when its lease is over, this process goes on."""
    monkeypatch.setattr(reconciling, "POLL", 0.01)

    async def work(store):
        now = datetime.now(UTC)
        run = runs._new_run(actor="system", now=now, dry_run=False)
        run.due_at = now + timedelta(seconds=0.5)
        async with store.writing() as rows:
            assert await rows.reconciliations.start(run)

    database(work)
    found = portal("grants", "reconcile")
    assert found.exit_code == 0, found.output
    assert "2 people compared." in found.stderr


def test_only_looking_does_not_take_up_a_run_that_changes_things(portal, people, ory, database):
    async def work(store):
        run = runs._new_run(actor="system", now=NOW, dry_run=False)
        async with store.writing() as rows:
            assert await rows.reconciliations.start(run)

    database(work)
    assert "changes what differs" in refused(portal("grants", "reconcile", "--dry-run"))


# Mistakes


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("list", "--user", "nobody@example.org"), "there is no user"),
        (("revoke", "--user", "nobody@example.org", "--yes"), "there is no user"),
        (("reconcile", "--user", "nobody@example.org"), "there is no user"),
        (("list", "--user", "ann@example.org", "--subject", "bob"), "two people"),
    ],
)
def test_a_name_that_means_nobody_is_one_line(portal, people, words, told):
    assert told in refused(portal("grants", *words))


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--allowed-before", "yesterday"),
        ("list", "--used-after", "2026-13-01"),
        ("list", "--used-after", "99999999999d"),
        ("list", "--state", "alive"),
        ("list", "--limit", "0"),
        ("revoke", "--order", "newest"),
    ],
)
def test_wrong_usage_is_one_line(portal, people, words):
    assert "--help" in refused(portal("grants", *words), code=2)


def test_without_a_database_or_ory_it_says_what_to_do(portal, tmp_path, monkeypatch):
    assert "portal db upgrade" in refused(portal("grants", "list"))
    assert "HYDRA_ADMIN_URL" in refused(portal("grants", "reconcile"))


def test_listing_needs_no_ory(portal, migrated):
    assert portal("grants", "list").exit_code == 0


def test_a_terminal_sees_progress(people, ory, portal, monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    said = []
    monkeypatch.setattr(common.sys, "stderr", Terminal())
    monkeypatch.setattr(common.click, "echo", lambda text="", **_: said.append(str(text)))
    with common.progress() as show:
        show("2 people compared …")
    assert said == ["\r\x1b[K2 people compared …", "\r\x1b[K"]
    assert sys.stderr.isatty()
