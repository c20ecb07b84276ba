"""Kept here, listed at Ory: what differs is found and mended, and nothing else is touched."""

import asyncio
import dataclasses
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine

from portal import jobs
from portal.grants import NARROWED, revoke
from portal.ory.errors import OryKeyError, OryNonsenseError, OryUnavailableError
from portal.reconciliation import runs
from portal.reconciliation.comparing import Findings, compare_subject
from portal.reconciliation.drift import KINDS
from portal.revocations import carry_out
from portal.store.audit import ACTIONS
from portal.store.tables import AuditEvent, GrantRecord, Reconciliation
from tests.doubles.ory import OryDouble
from tests.fixtures.portal import NewPortal, Portal
from tests.real.portal import Person
from tests.store.records import id_at

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BEFORE = NOW - 9 * DAY
SETTLED = timedelta(minutes=36)
"""More than the longest life of a challenge, and its grace."""


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Locks and claims are where databases differ: both."""
    return database_url


async def keep(portal: Portal, person: Person, client_id: str = "photos", **fields: Any) -> None:
    """A grant of nine days ago that Ory ought to list, and has listed."""
    usual = {
        "granted_at": BEFORE,
        "last_accept_at": BEFORE,
        "listable": True,
        "listed_at": BEFORE,
        "scopes": ["openid"],
        "remembered_scopes": ["openid"],
        "hydra_scopes": ["openid"],
        "decision_id": id_at(BEFORE),
    }
    await portal.add_grant(person, client_id, **usual | fields)


def list_at_ory(
    ory: OryDouble, person: Person, client_id: str = "photos", *, at: datetime = BEFORE, **more: Any
) -> None:
    """A consent that was given there by nobody we know."""
    ory.plant_consent_session(
        person.subject, client_id, handled_at=at.isoformat().replace("+00:00", "Z"), **more
    )


async def compare(portal: Portal, person: Person, **options: Any) -> list[tuple[str, str]]:
    """Kinds and clients of what was found."""
    found = await compare_subject(portal.services, person.subject, **{"now": NOW} | options)
    return shown(found)


def shown(found: Findings) -> list[tuple[str, str]]:
    return [(drift.kind, drift.client_id) for drift in found.drift]


async def events(portal: Portal) -> list[AuditEvent]:
    async with portal.store.reading() as rows:
        page = await rows.audit.list_page(after=None, limit=1000, oldest_first=True)
    return list(page.events)


async def the_grant(portal: Portal, person: Person, client_id: str = "photos") -> GrantRecord:
    grant = await portal.grant(person, client_id)
    assert grant is not None
    return grant


async def deletions(portal: Portal) -> int:
    """Carry out everything that waits in the outbox: how many pieces."""
    with time_machine.travel(NOW + MINUTE, tick=False):
        return await jobs.work_off(portal.services, now=NOW + MINUTE)


# What agrees


async def test_nothing_is_found_where_both_agree(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await keep(portal, ann)
    list_at_ory(ory, ann)
    assert await compare(portal, ann) == []
    assert await portal.actions() == []
    assert (await the_grant(portal, ann)).listed_at == NOW


async def test_a_grant_that_was_seen_lately_is_not_written_again(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await keep(portal, ann, listed_at=NOW - timedelta(hours=23))
    list_at_ory(ory, ann)
    await compare(portal, ann)
    assert (await the_grant(portal, ann)).listed_at == NOW - timedelta(hours=23)


# Revoked at Ory


@pytest.mark.parametrize(
    "sign", [{"listed_at": BEFORE}, {"listed_at": None, "last_accept_at": BEFORE + DAY}]
)
async def test_what_ory_does_not_list_any_more_was_revoked_there(
    portal: Portal, ory: OryDouble, ann: Person, sign: dict[str, Any]
) -> None:
    ory.plant_client("photos")
    await keep(portal, ann, **sign)
    assert await compare(portal, ann) == [("grant.revoked_at_ory", "photos")]
    grant = await the_grant(portal, ann)
    assert (grant.revoked_at, grant.revoke_reason) == (NOW, "revoked at Ory")
    assert grant.revoke_synced_at is not None
    (event,) = await events(portal)
    assert (event.action, event.actor) == ("grant.revoked_at_ory", "system")
    assert (event.subject, event.client_id) == (ann.subject, "photos")
    assert event.detail["scopes"] == ["openid"]
    assert await compare(portal, ann) == []


async def test_what_ory_never_lists_is_deleted_with_what_it_does_not_list_any_more(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    """Where one flow alone was revoked, tokens of others that nobody is shown live on."""
    ory.plant_client("photos")
    await keep(portal, ann)
    await compare(portal, ann)
    assert ory.deletions == [("consent", {"subject": ann.subject, "client": "photos"})]


async def test_what_was_never_listed_and_accepted_once_never_came_to_be(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    ory.plant_client("photos")
    await keep(portal, ann, listed_at=None)
    assert await compare(portal, ann) == [("grant.abandoned", "photos")]
    grant = await the_grant(portal, ann)
    assert grant.revoke_reason == "never completed"
    assert grant.revoke_synced_at is not None
    assert await portal.actions() == ["grant.abandoned"]


async def test_ory_s_silence_means_nothing_while_an_accept_may_be_on_its_way(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await keep(portal, ann, last_accept_at=NOW - timedelta(minutes=34))
    ory.plant_client("photos")
    assert await compare(portal, ann) == []
    assert await compare(portal, ann, now=NOW + 2 * MINUTE) == [("grant.revoked_at_ory", "photos")]


async def test_ory_s_silence_means_nothing_about_what_it_never_lists(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    """It leaves out what was accepted under ``skip=true``."""
    await keep(portal, ann, listable=False, listed_at=None)
    ory.plant_client("photos")
    assert await compare(portal, ann) == []


# Clients deleted at Ory


async def test_a_client_that_ory_has_deleted_ends_for_everybody_at_once(
    portal: Portal, ory: OryDouble, ann: Person, bob: Person
) -> None:
    for person in (ann, bob):
        await keep(portal, person, listable=False)
    assert await compare(portal, ann) == [("client.deleted", "photos")]
    for person in (ann, bob):
        grant = await the_grant(portal, person)
        assert (grant.revoke_reason, grant.revoke_synced_at) == ("client deleted", NOW)
    (event,) = await events(portal)
    assert (event.action, event.actor, event.client_id) == ("client.deleted", "system", "photos")
    assert event.detail["grants"] == 2
    assert await compare(portal, bob) == []


async def test_each_client_is_asked_about_once(
    portal: Portal, ory: OryDouble, ann: Person, bob: Person
) -> None:
    ory.plant_client("photos")
    for person in (ann, bob):
        await keep(portal, person, listable=False)
    run = await started(portal)
    await runs.carry_on(run, portal.services, now=NOW)
    assert ory.calls.count(("GET", "/clients/photos")) == 1


async def test_nothing_is_concluded_about_an_app_that_cannot_be_asked_about(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await keep(portal, ann, "a/b", listable=False)
    assert await compare(portal, ann) == []


# Imported


async def test_a_consent_of_another_login_app_is_imported_to_be_seen_and_revoked(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    list_at_ory(ory, ann, at=BEFORE, grant_scope=["openid"], remember=True)
    list_at_ory(
        *(ory, ann),
        at=BEFORE + DAY,
        grant_scope=["openid", "email"],
        grant_access_token_audience=["https://api.test"],
        remember=False,
        context={"decision_id": "of-another-app"},
    )
    assert await compare(portal, ann) == [("grant.imported", "photos")]
    grant = await the_grant(portal, ann)
    assert set(grant.scopes) == {"openid", "email"}
    assert grant.audience == ["https://api.test"]
    assert (grant.remembered_scopes, grant.remembered_audience) == ([], [])
    assert (grant.hydra_scopes, grant.expires_at) == (None, None)
    assert (grant.granted_at, grant.last_accept_at) == (BEFORE + DAY, BEFORE + DAY)
    assert (grant.listable, grant.listed_at) == (True, NOW)
    assert grant.decision_id == "of-another-app"
    assert await portal.actions() == ["grant.imported"]
    assert await compare(portal, ann) == []
    async with portal.store.writing() as rows:
        revocation = await revoke(
            rows, subject=ann.subject, client_id="photos", reason="user", now=NOW
        )
    await carry_out(revocation, portal.services)
    assert ory.sessions_of(ann.subject) == []


@pytest.mark.parametrize(
    "context",
    [None, [], {"decision_id": 7}, {"decision_id": "x" * 37}, {"decision_id": "\x00"}, "text", {}],
)
async def test_a_context_that_is_not_ours_does_no_harm(
    portal: Portal, ory: OryDouble, ann: Person, context: Any
) -> None:
    list_at_ory(ory, ann, context=context)
    assert await compare(portal, ann) == [("grant.imported", "photos")]
    assert len((await the_grant(portal, ann)).decision_id) == 36


@pytest.mark.parametrize(
    "moment", ["", "yesterday", "2999-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]
)
async def test_a_moment_that_cannot_be_is_taken_as_now(
    portal: Portal, ory: OryDouble, ann: Person, moment: str
) -> None:
    ory.plant_consent_session(ann.subject, handled_at=moment)
    assert await compare(portal, ann) == [("grant.imported", "photos")]
    assert (await the_grant(portal, ann)).granted_at == NOW


async def test_what_no_database_can_keep_is_left_out_and_the_rest_is_not(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    list_at_ory(ory, ann, "a", grant_scope=["open\x00id"])
    list_at_ory(ory, ann, "b")
    assert await compare(portal, ann) == [("grant.imported", "b")]


async def test_a_consent_for_a_time_says_nothing_when_it_is_not_listed_any_more(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    """Ory's list forgets it then, while its tokens live on (hydra-contract 3.6)."""
    list_at_ory(ory, ann, remember_for=3600)
    await compare(portal, ann)
    ory._sessions.clear()
    assert await compare(portal, ann, now=NOW + 9 * DAY) == []
    assert (await the_grant(portal, ann)).revoked_at is None


async def test_what_was_allowed_elsewhere_after_a_revocation_is_imported(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await keep(portal, ann, revoked_at=NOW - DAY, revoke_synced_at=NOW - DAY)
    list_at_ory(ory, ann, at=NOW - timedelta(hours=1), grant_scope=["email"])
    assert await compare(portal, ann) == [("grant.imported", "photos")]
    grant = await the_grant(portal, ann)
    assert (grant.revoked_at, grant.scopes, grant.remembered_scopes) == (None, ["email"], [])


@pytest.mark.parametrize("release", ["2.3", "26"])
async def test_a_list_of_several_pages_is_read_to_its_end(
    portal: Portal, ory: OryDouble, ann: Person, release: str
) -> None:
    ory.release = release
    for number in range(250):
        list_at_ory(ory, ann, f"app-{number}")
    assert len(await compare(portal, ann)) == 250


# Alive at Ory although revoked here


@pytest.mark.parametrize(
    "given",
    [
        {"at": NOW - 2 * DAY},
        {"at": NOW - MINUTE, "context": {"decision_id": id_at(NOW - 2 * DAY)}},
        {"at": NOW - 2 * DAY, "context": {"decision_id": "of-another-app"}},
    ],
)
async def test_what_was_revoked_here_and_lives_there_is_deleted_again(
    portal: Portal, ory: OryDouble, ann: Person, given: dict[str, Any]
) -> None:
    await keep(portal, ann, revoked_at=NOW - DAY, revoke_synced_at=NOW - DAY, revoke_reason="user")
    list_at_ory(ory, ann, **given)
    assert await compare(portal, ann) == [("grant.revived", "photos")]
    assert ory.deletions == [("consent", {"subject": ann.subject, "client": "photos"})]
    grant = await the_grant(portal, ann)
    assert (grant.revoked_at, grant.revoke_reason) == (NOW - DAY, "user")
    assert grant.revoke_synced_at is not None
    assert await portal.actions() == ["grant.revived"]
    assert await compare(portal, ann) == []


async def test_a_decision_that_is_younger_than_the_revocation_is_no_revival(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    """Ory's clock is behind, so its moment is older; the id of the decision tells."""
    await keep(portal, ann, revoked_at=NOW - DAY, revoke_synced_at=NOW - DAY)
    decision = {"decision_id": id_at(NOW - DAY + MINUTE)}
    list_at_ory(ory, ann, at=NOW - DAY - MINUTE, context=decision)
    assert await compare(portal, ann) == [("grant.imported", "photos")]


async def test_the_very_consent_that_was_revoked_is_a_revival_whatever_the_clocks_say(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    """The clock of the replica that decided was ahead of the one that revoked."""
    ours = id_at(NOW - DAY + MINUTE)
    await keep(portal, ann, decision_id=ours, revoked_at=NOW - DAY, revoke_synced_at=NOW - DAY)
    list_at_ory(ory, ann, at=NOW - DAY + MINUTE, context={"decision_id": ours})
    assert await compare(portal, ann) == [("grant.revived", "photos")]


async def test_a_deletion_that_ory_does_not_hear_waits_in_the_outbox(
    portal: Portal, ory: OryDouble, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(portal, ann, revoked_at=NOW - DAY, revoke_synced_at=NOW - DAY)
    list_at_ory(ory, ann)
    monkeypatch.setattr(ory, "_delete_sessions", lambda *_: httpx.Response(503))
    assert await compare(portal, ann) == [("grant.revived", "photos")]
    assert (await the_grant(portal, ann)).revoke_synced_at is None
    assert await compare(portal, ann) == [], "it is under way"
    monkeypatch.undo()
    assert await deletions(portal) == 1
    assert ory.sessions_of(ann.subject) == []
    assert (await the_grant(portal, ann)).revoke_synced_at is not None


async def test_what_the_outbox_has_yet_to_tell_is_no_drift(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await keep(portal, ann)
    list_at_ory(ory, ann, grant_scope=["openid", "email"])
    async with portal.store.writing() as rows:
        await revoke(rows, subject=ann.subject, client_id="photos", reason="user", now=NOW)
    assert await compare(portal, ann) == []
    assert ory.deletions == []


async def test_what_is_narrowed_is_not_widened_before_ory_has_heard_of_it(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    async with portal.store.writing() as rows:
        await revoke(rows, subject=ann.subject, client_id=None, reason="narrowed", now=NOW)
    await keep(portal, ann)
    list_at_ory(ory, ann, grant_scope=["openid", "email"])
    assert await compare(portal, ann) == []


# Widened


async def test_more_that_was_given_elsewhere_is_shown_and_never_given_silently(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await keep(portal, ann)
    list_at_ory(ory, ann)
    list_at_ory(
        ory, ann, grant_scope=["email", "openid"], grant_access_token_audience=["https://api.test"]
    )
    assert await compare(portal, ann) == [("grant.widened", "photos")]
    grant = await the_grant(portal, ann)
    assert (grant.scopes, grant.audience) == (["openid", "email"], ["https://api.test"])
    assert (grant.remembered_scopes, grant.remembered_audience) == (["openid"], [])
    (event,) = await events(portal)
    assert (event.detail["scopes"], event.detail["audience"]) == (["email"], ["https://api.test"])
    assert await compare(portal, ann) == []


@pytest.mark.parametrize("younger", [True, False])
async def test_what_was_on_its_way_when_its_person_left_it_less_widens_nothing(
    portal: Portal, ory: OryDouble, ann: Person, younger: bool
) -> None:
    """The second sweep deletes it; what was given elsewhere after that is another matter."""
    ours, others = id_at(BEFORE + MINUTE), id_at(BEFORE + DAY)
    await keep(portal, ann, **LEFT | {"decision_id": ours})
    more = ["openid", "email"]
    for decision_id in (id_at(BEFORE - MINUTE), ours, *([others] if younger else [])):
        list_at_ory(ory, ann, context={"decision_id": decision_id}, grant_scope=more)
    found = await compare(portal, ann)
    assert found == ([("grant.widened", "photos")] if younger else [])
    assert (await the_grant(portal, ann)).scopes == (more if younger else ["openid"])


# Decisions made meanwhile, and only looking

LEFT: dict[str, Any] = {
    "scopes": ["openid"],
    "hydra_scopes": None,
    "listable": False,
    "listed_at": None,
    "revoke_reason": NARROWED,
}
"""What a narrowing to one permission makes of a grant; the decision stays the same."""

MEANWHILE: list[dict[str, Any]] = [
    {"decision_id": id_at(NOW), "last_accept_at": NOW, "granted_at": NOW},
    {"last_accept_at": NOW},
    {"revoked_at": NOW, "revoke_reason": "user"},
]


@pytest.mark.parametrize("changed", MEANWHILE)
@pytest.mark.parametrize("there", ["nothing", "more"])
async def test_a_decision_made_while_ory_was_asked_wins(
    portal: Portal,
    ory: OryDouble,
    ann: Person,
    changed: dict[str, Any],
    there: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await keep(portal, ann)
    if there == "more":
        list_at_ory(ory, ann, grant_scope=["openid", "email"])
    before = await the_grant(portal, ann)
    list_consents = portal.services.ory.list_consent_sessions

    async def decide_meanwhile(subject: str) -> Any:
        listed = await list_consents(subject)
        await keep(portal, ann, **{"decision_id": before.decision_id} | changed)
        return listed

    monkeypatch.setattr(portal.services.ory, "list_consent_sessions", decide_meanwhile)
    assert await compare(portal, ann) == []
    after = await the_grant(portal, ann)
    assert after.scopes == ["openid"]
    assert after.revoked_at == changed.get("revoked_at")
    assert await portal.actions() == []


async def test_a_grant_that_was_given_while_ory_was_asked_is_not_imported_over(
    portal: Portal, ory: OryDouble, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_at_ory(ory, ann, grant_scope=["email"])
    list_consents = portal.services.ory.list_consent_sessions

    async def decide_meanwhile(subject: str) -> Any:
        await keep(portal, ann)
        return await list_consents(subject)

    monkeypatch.setattr(portal.services.ory, "list_consent_sessions", decide_meanwhile)
    assert await compare(portal, ann) == []
    assert (await the_grant(portal, ann)).remembered_scopes == ["openid"]


@pytest.mark.parametrize("there", ["nothing", "what it was"])
async def test_a_narrowing_while_ory_was_asked_wins(
    portal: Portal, ory: OryDouble, ann: Person, there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ory has deleted by then what the grant had, and lists nothing or what it had before."""
    await keep(portal, ann, scopes=["openid", "email"])
    if there == "what it was":
        list_at_ory(ory, ann, grant_scope=["openid", "email"])
    before = await the_grant(portal, ann)
    list_consents = portal.services.ory.list_consent_sessions

    async def narrow_meanwhile(subject: str) -> Any:
        listed = await list_consents(subject)
        await keep(portal, ann, **LEFT | {"decision_id": before.decision_id})
        return listed

    monkeypatch.setattr(portal.services.ory, "list_consent_sessions", narrow_meanwhile)
    assert await compare(portal, ann) == []
    after = await the_grant(portal, ann)
    assert (after.revoked_at, after.scopes) == (None, ["openid"])
    assert (after.listable, after.listed_at) == (False, None), "Ory has nothing of it now"
    assert await portal.actions() == []


async def test_of_two_who_find_the_same_at_once_one_tells_it(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await keep(portal, ann)
    list_at_ory(ory, ann, grant_scope=["openid", "email"])
    list_at_ory(ory, ann, "mail")
    found = await asyncio.gather(*(compare(portal, ann) for _ in range(2)))
    assert sorted(drift for one in found for drift in one) == [
        ("grant.imported", "mail"),
        ("grant.widened", "photos"),
    ]
    assert sorted(await portal.actions()) == ["grant.imported", "grant.widened"]


async def test_only_looking_changes_nothing(portal: Portal, ory: OryDouble, ann: Person) -> None:
    await keep(portal, ann, "a")
    await keep(portal, ann, "b", listed_at=None)
    await keep(portal, ann, "c", revoked_at=NOW - DAY, revoke_synced_at=NOW - DAY)
    await keep(portal, ann, "d")
    await keep(portal, ann, "e")
    for client_id in ("a", "b", "c", "d"):
        ory.plant_client(client_id)
    list_at_ory(ory, ann, "c")
    list_at_ory(ory, ann, "d", grant_scope=["email"])
    list_at_ory(ory, ann, "f")
    async with portal.store.reading() as rows:
        before = await rows.grants.of_subject(ann.subject)
    expected = [
        ("grant.revoked_at_ory", "a"),
        ("grant.abandoned", "b"),
        ("grant.revived", "c"),
        ("grant.widened", "d"),
        ("client.deleted", "e"),
        ("grant.imported", "f"),
    ]
    assert await compare(portal, ann, dry_run=True) == expected
    async with portal.store.reading() as rows:
        after = await rows.grants.of_subject(ann.subject)
    assert [as_dict(grant) for grant in after] == [as_dict(grant) for grant in before]
    assert await portal.actions() == []
    assert ory.deletions == []
    assert await compare(portal, ann) == expected
    assert await compare(portal, ann) == []


def as_dict(grant: GrantRecord) -> dict[str, Any]:
    names = [f.name for f in dataclasses.fields(grant) if f.name != "state"]  # type: ignore[arg-type]  # mapped classes are dataclasses
    return {name: getattr(grant, name) for name in names}


async def test_comparing_one_person_is_written_down(
    portal: Portal, ory: OryDouble, ann: Person, admin: Person
) -> None:
    list_at_ory(ory, ann)
    found = await runs.reconcile_subject(portal.services, ann.subject, actor=admin.subject, now=NOW)
    assert shown(found) == [("grant.imported", "photos")]
    async with portal.store.reading() as rows:
        (run,) = await rows.reconciliations.list_newest(9)
    assert (run.actor, run.subject, run.state) == (admin.subject, ann.subject, "done")
    assert (run.checked, run.found) == (1, {"grant.imported": 1})
    imported, finished = await events(portal)
    assert imported.detail["reconciliation"] == run.id
    assert (finished.action, finished.actor) == ("reconciliation.finished", admin.subject)
    assert finished.subject == ann.subject


# Runs


async def started(portal: Portal, **options: Any) -> Reconciliation:
    run = await runs.start(portal.services, **{"actor": "cli", "now": NOW} | options)
    assert run is not None
    return run


async def newest(portal: Portal) -> Reconciliation:
    async with portal.store.reading() as rows:
        return (await rows.reconciliations.list_newest(1))[0]


async def to_the_end(portal: Portal, *, now: datetime = NOW) -> Reconciliation:
    for step in range(1, 50):
        if not await runs.advance(portal.services, now=now + step * timedelta(seconds=3)):
            break
    return await newest(portal)


async def crowd(portal: Portal, ory: OryDouble, size: int) -> list[Person]:
    """People of whom each has something that nobody here has heard of."""
    people = [await portal.add_user(f"p{number:02}@example.org") for number in range(size)]
    for person in people:
        list_at_ory(ory, person)
    return people


async def test_a_run_compares_everybody_who_is_known(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    """Users, and subjects of grants who are no users here."""
    stranger = Person(email="", password="", subject="zoe-0815")
    await keep(portal, stranger)
    list_at_ory(ory, stranger)
    list_at_ory(ory, stranger, "notes")
    list_at_ory(ory, ann)
    await started(portal)
    run = await to_the_end(portal)
    assert (run.state, run.checked, run.found) == ("done", 2, {"grant.imported": 2})
    assert run.finished_at is not None
    assert await portal.actions() == [
        *("reconciliation.started", "grant.imported", "grant.imported", "reconciliation.finished")
    ]
    await started(portal, now=NOW + DAY)
    run = await to_the_end(portal, now=NOW + DAY)
    assert (run.state, run.found) == ("done", {})


async def test_a_run_is_taken_up_where_it_was(portal: Portal, ory: OryDouble) -> None:
    people = await crowd(portal, ory, 9)
    run = await started(portal)
    found = await runs.carry_on(run, portal.services, now=NOW, at_most=4)
    assert found.checked == 4
    kept = await newest(portal)
    assert (kept.checked, kept.cursor, kept.state) == (4, people[3].subject, "running")
    ory.calls.clear()
    run = await to_the_end(portal)
    assert (run.state, run.checked, run.found) == ("done", 9, {"grant.imported": 9})
    assert len([path for _, path in ory.calls if path.endswith("sessions/consent")]) == 5


async def test_a_portion_ends_when_its_time_is_over(portal: Portal, ory: OryDouble) -> None:
    await crowd(portal, ory, 3)
    run = await started(portal)
    found = await runs.carry_on(run, portal.services, now=NOW, seconds=0)
    assert found.checked == 1


async def test_two_do_not_work_on_one_run(portal: Portal, ory: OryDouble) -> None:
    await crowd(portal, ory, 1)
    run = await started(portal)
    async with portal.store.writing() as rows:
        assert await rows.reconciliations.claim_due(now=NOW, lease=runs.LEASE)
        assert await rows.reconciliations.claim_due(now=NOW, lease=runs.LEASE) is None
        assert await rows.reconciliations.claim(run.id, now=NOW, lease=runs.LEASE) is None
    assert await runs.advance(portal.services, now=NOW) is False
    assert await runs.advance(portal.services, now=NOW + runs.LEASE) is True
    assert (await newest(portal)).state == "done"


async def test_one_that_was_overtaken_does_not_turn_the_run_back(
    portal: Portal, ory: OryDouble
) -> None:
    await crowd(portal, ory, 4)
    slow = await started(portal)
    fast = await newest(portal)
    await runs.carry_on(fast, portal.services, now=NOW, at_most=3)
    await runs.carry_on(slow, portal.services, now=NOW, at_most=1)
    assert (await newest(portal)).checked == 3


async def test_two_runs_do_not_go_on_at_once(portal: Portal) -> None:
    await started(portal)
    assert await runs.start(portal.services, actor="cli", now=NOW, dry_run=True) is None
    await to_the_end(portal)
    assert await runs.start(portal.services, actor="cli", now=NOW) is not None


@pytest.mark.parametrize(("asked", "waits"), [(None, 30), ("300", 300)])
async def test_while_ory_is_away_a_run_waits_and_goes_on_later(
    portal: Portal, ory: OryDouble, asked: str | None, waits: int
) -> None:
    await crowd(portal, ory, 3)
    run = await started(portal)
    await runs.carry_on(run, portal.services, now=NOW, at_most=1)
    ory.status(429 if asked else 503, headers={"Retry-After": asked} if asked else None)
    later = NOW + timedelta(seconds=9)
    assert await runs.advance(portal.services, now=later) is False
    run = await newest(portal)
    assert (run.state, run.checked, run.last_error) == ("running", 1, "OryUnavailableError")
    assert run.due_at >= later + timedelta(seconds=waits)
    ory.heal()
    assert await runs.advance(portal.services, now=later) is False, "not yet"
    run = await to_the_end(portal, now=later + timedelta(seconds=waits + 1))
    assert (run.state, run.checked, run.last_error) == ("done", 3, None)


async def test_what_was_found_before_ory_went_away_is_kept(
    portal: Portal, ory: OryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await crowd(portal, ory, 3)
    before, answer = {person.subject for person in people[:2]}, ory._list_sessions
    monkeypatch.setattr(
        ory,
        "_list_sessions",
        lambda query: answer(query) if query["subject"] in before else httpx.Response(503),
    )
    run = await started(portal)
    with pytest.raises(OryUnavailableError):
        await runs.carry_on(run, portal.services, now=NOW)
    run = await newest(portal)
    assert (run.checked, run.found, run.cursor) == (2, {"grant.imported": 2}, people[1].subject)


async def test_a_key_that_ory_refuses_makes_a_run_wait(portal: Portal, ory: OryDouble) -> None:
    await crowd(portal, ory, 1)
    run = await started(portal)
    ory.status(401, {"error": {"code": 401}})
    with pytest.raises(OryKeyError):
        await runs.carry_on(run, portal.services, now=NOW)
    assert (await newest(portal)).checked == 0


@pytest.mark.parametrize("spoilt", [0, 1, 3])
@pytest.mark.parametrize("status", [200, 500])
async def test_a_list_that_cannot_be_read_does_not_stop_the_others(
    portal: Portal, ory: OryDouble, monkeypatch: pytest.MonkeyPatch, spoilt: int, status: int
) -> None:
    people = await crowd(portal, ory, 4)
    answer = ory._list_sessions
    monkeypatch.setattr(
        ory,
        "_list_sessions",
        lambda query: (
            httpx.Response(status, html="x")
            if query["subject"] == people[spoilt].subject
            else answer(query)
        ),
    )
    await started(portal)
    run = await to_the_end(portal)
    assert (run.state, run.checked) == ("done", 3)
    assert run.found == {"grant.imported": 3, "unread": 1}


async def test_lists_one_after_the_other_that_cannot_be_read_do_not_stop_the_others(
    portal: Portal, ory: OryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One app that many people use can be enough, if its registration is too large to be listed."""
    people = await crowd(portal, ory, 4)
    spoilt = {person.subject for person in people[:3]}
    answer = ory._list_sessions
    monkeypatch.setattr(
        ory,
        "_list_sessions",
        lambda query: (
            httpx.Response(200, html="x") if query["subject"] in spoilt else answer(query)
        ),
    )
    await started(portal)
    run = await to_the_end(portal)
    assert (run.state, run.found) == ("done", {"grant.imported": 1, "unread": 3})


async def test_nonsense_about_everybody_is_not_taken_for_an_answer(
    portal: Portal, ory: OryDouble
) -> None:
    await crowd(portal, ory, 4)
    run = await started(portal)
    ory.garbage()
    with pytest.raises(OryNonsenseError):
        await runs.carry_on(run, portal.services, now=NOW)
    run = await newest(portal)
    assert (run.state, run.cursor, run.found) == ("running", None, {})


async def test_a_dry_run_counts_and_changes_nothing(portal: Portal, ory: OryDouble) -> None:
    (person,) = await crowd(portal, ory, 1)
    await started(portal, dry_run=True)
    run = await to_the_end(portal)
    assert (run.state, run.found) == ("done", {"grant.imported": 1})
    assert await portal.grant(person) is None


async def test_old_runs_are_forgotten(portal: Portal) -> None:
    await started(portal)
    await to_the_end(portal)
    await jobs.forget(portal.services, now=NOW + 89 * DAY)
    assert await newest(portal)
    await jobs.forget(portal.services, now=NOW + 91 * DAY)
    async with portal.store.reading() as rows:
        assert await rows.reconciliations.list_newest(9) == ()


# On time


async def test_the_first_run_comes_an_hour_after_the_portal_came_into_use(portal: Portal) -> None:
    assert await runs.advance(portal.services, now=NOW) is False, "nobody has ever used it"
    async with portal.store.writing() as rows:
        await rows.audit.add("user.created", at=NOW, actor="cli")
    assert await runs.advance(portal.services, now=NOW + 59 * MINUTE) is False
    assert await runs.advance(portal.services, now=NOW + 60 * MINUTE) is True
    run = await newest(portal)
    assert (run.actor, run.subject, run.dry_run) == ("system", None, False)


async def test_the_next_run_comes_a_day_after_the_last_one_ended(new_portal: NewPortal) -> None:
    portal = await new_portal(PORTAL_RECONCILE_EVERY="1d")
    await started(portal, dry_run=True, now=NOW + timedelta(hours=1))
    await to_the_end(portal, now=NOW + timedelta(hours=1))
    async with portal.store.writing() as rows:
        await rows.audit.add("user.created", at=NOW + 9 * DAY, actor="cli")
    await started(portal, now=NOW)
    ended = (await to_the_end(portal)).finished_at
    assert ended is not None or (await last_of_everybody(portal)).finished_at is not None
    assert await runs.advance(portal.services, now=NOW + DAY - MINUTE) is False
    assert await runs.advance(portal.services, now=NOW + DAY + MINUTE) is True
    assert (await last_of_everybody(portal)).actor == "system"


async def last_of_everybody(portal: Portal) -> Reconciliation:
    async with portal.store.reading() as rows:
        found = await rows.reconciliations.last()
    assert found is not None
    return found


async def test_of_two_who_find_that_it_is_time_one_starts_a_run(portal: Portal) -> None:
    await started(portal, now=NOW - 2 * DAY)
    await to_the_end(portal, now=NOW - 2 * DAY)
    last = await last_of_everybody(portal)
    first = await runs.start(portal.services, actor="system", now=NOW, not_since=last.created_at)
    assert first is not None
    await to_the_end(portal)
    late = NOW + MINUTE
    assert (
        await runs.start(portal.services, actor="system", now=late, not_since=last.created_at)
        is None
    )


async def test_without_a_period_nothing_starts_by_itself(new_portal: NewPortal) -> None:
    portal = await new_portal(PORTAL_RECONCILE_EVERY="0")
    async with portal.store.writing() as rows:
        await rows.audit.add("user.created", at=BEFORE, actor="cli")
    assert await runs.advance(portal.services, now=NOW) is False


@pytest.mark.parametrize("apps", [1, 3])
async def test_an_ory_that_knows_no_app_is_not_believed(
    portal: Portal, ory: OryDouble, ann: Person, apps: int
) -> None:
    """Its address was likely mixed up: everybody's grants would end. Whoever means it, says so."""
    for number in range(apps):
        await keep(portal, ann, f"app-{number}")
    await started(portal, actor="system")
    run = await to_the_end(portal)
    assert run.state == "stopped"
    assert run.last_error is not None
    assert "HYDRA_ADMIN_URL" in run.last_error
    assert (await the_grant(portal, ann, "app-0")).revoked_at is None
    await started(portal, actor="cli")
    run = await to_the_end(portal)
    assert (run.state, run.found) == ("done", {"client.deleted": apps})


# What must hold afterwards, whatever happened before


@pytest.mark.parametrize("seed", range(6))
async def test_afterwards_everything_that_ory_lists_can_be_seen_and_nothing_revoked_lives(
    portal: Portal, ory: OryDouble, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
    people = [await portal.add_user(f"p{number}@example.org") for number in range(4)]
    for person in people:
        for client_id in ("a", "b", "c", "d", "e", "f"):
            await something(chance, portal, ory, person, client_id)
    for client_id in chance.sample("abcdef", 2):
        ory.clients.pop(client_id, None)
    await started(portal)
    assert (await to_the_end(portal)).state == "done"
    with time_machine.travel(NOW + DAY, tick=False):
        await jobs.work_off(portal.services, now=NOW + DAY)
    for person in people:
        for session in ory.sessions_of(person.subject):
            client_id = session["consent_request"]["client"]["client_id"]
            grant = await the_grant(portal, person, client_id)
            assert grant.revoked_at is None, "what is listed lives here, too"
            assert set(session["grant_scope"]) <= set(grant.scopes)
    await started(portal, now=NOW + DAY)
    assert (await to_the_end(portal, now=NOW + DAY)).found == {}


async def something(
    chance: random.Random, portal: Portal, ory: OryDouble, person: Person, client_id: str
) -> None:
    """Any state of the pair here, and any at Ory."""
    ory.plant_client(client_id)
    moments = [NOW - days * DAY for days in (9, 5, 3, 1)]
    if chance.random() < 0.8:
        given, used, revoked = sorted(chance.choice(moments) for _ in range(3))
        fields: dict[str, Any] = {
            "granted_at": given,
            "last_accept_at": used,
            "decision_id": id_at(given),
            "listable": chance.random() < 0.7,
            "listed_at": chance.choice([None, used]),
            "scopes": chance.sample(["openid", "email", "profile"], chance.randint(1, 3)),
        }
        if chance.random() < 0.5:
            fields |= {"revoked_at": revoked, "revoke_reason": "user"}
            fields |= {"revoke_synced_at": chance.choice([None, revoked])}
        await keep(portal, person, client_id, **fields)
    for _ in range(chance.choice([0, 0, 1, 2])):
        at = chance.choice(moments)
        context = chance.choice([None, {"decision_id": id_at(at)}])
        scope = chance.sample(["openid", "email", "profile"], chance.randint(1, 3))
        list_at_ory(ory, person, client_id, at=at, context=context, grant_scope=scope)


def test_what_is_found_is_told_by_the_audit_trail() -> None:
    assert set(KINDS) < set(ACTIONS)
