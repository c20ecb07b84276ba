"""One look tells what the background has to do, and writes nothing."""

from datetime import timedelta
from typing import Any

import pytest

from portal.store import Store
from portal.store.due_work import Due
from portal.store.tables import ClientPolicy, OutgoingMail, Reconciliation
from tests.store.records import (
    MINUTE,
    NOW,
    bulk_revocation,
    grant,
    login_session,
    revocation,
    user,
)

KINDS = Due.__struct_fields__


def mail(**fields: Any) -> OutgoingMail:
    return OutgoingMail(**{"id": "m-1", "sealed": "x", "created_at": NOW, "due_at": NOW} | fields)


def comparison(**fields: Any) -> Reconciliation:
    values = {"id": "n-1", "actor": "cli", "found": {}, "created_at": NOW, "due_at": NOW}
    return Reconciliation(**values | fields)


def policy(**fields: Any) -> ClientPolicy:
    values = {"client_id": "photos", "required_scopes": [], "updated_at": NOW, "updated_by": "x"}
    return ClientPolicy(**values | fields)


async def look(store: Store, *, after: timedelta = timedelta()) -> set[str]:
    async with store.reading() as rows:
        due = await rows.due_work.look(now=NOW + after, policies_until=NOW + after - MINUTE)
    return {kind for kind in KINDS if getattr(due, kind)}


async def keep(store: Store, table: str, record: Any) -> None:
    async with store.writing() as rows:
        if table in ("grants", "login_sessions"):
            await rows.users.add(user())
        of = getattr(rows, table)
        await (of.add if hasattr(of, "add") else of.save)(record)


async def test_nothing_is_due_where_nothing_is(store: Store) -> None:
    assert await look(store, after=timedelta(days=999)) == set()


@pytest.mark.parametrize(
    ("kind", "table", "record"),
    [
        ("revocations", "revocations", revocation),
        ("revocations", "revocations", lambda: revocation(bulk_id="b-1")),
        ("revocations", "revocations", lambda: revocation(state="sweeping")),
        (
            "ended_sessions",
            "login_sessions",
            lambda: login_session(ended_at=NOW, end_due_at=NOW, sealed_id="x"),
        ),
        ("mails", "outgoing_mails", mail),
        ("bulk_revocations", "bulk_revocations", bulk_revocation),
        ("reconciliations", "reconciliations", comparison),
        ("expiry", "grants", lambda: grant(remembered_scopes=["openid"], expires_at=NOW)),
        ("expiry", "policies", lambda: policy(updated_at=NOW - MINUTE, longest_grant=60)),
    ],
)
async def test_what_is_due_is_seen_when_its_time_has_come_and_not_before(
    store: Store, kind: str, table: str, record: Any
) -> None:
    await keep(store, table, record())
    assert await look(store, after=-timedelta(microseconds=1)) == set()
    assert await look(store) == {kind}
    assert await look(store, after=MINUTE) == {kind}


@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("revocations", lambda: revocation(state="done")),
        ("login_sessions", login_session),
        ("bulk_revocations", lambda: bulk_revocation(state="done", finished_at=NOW)),
        ("bulk_revocations", lambda: bulk_revocation(state="stopped", finished_at=NOW)),
        ("reconciliations", lambda: comparison(state="done", finished_at=NOW)),
        ("grants", lambda: grant(expires_at=NOW, expired_at=NOW)),
        ("grants", lambda: grant(expires_at=NOW, revoked_at=NOW, revoke_reason="user")),
        ("grants", grant),
        ("policies", lambda: policy(applied_at=NOW)),
    ],
)
async def test_what_is_over_is_nobodys_work(store: Store, table: str, record: Any) -> None:
    await keep(store, table, record())
    assert await look(store, after=timedelta(days=1)) == set()


async def test_what_was_claimed_is_due_again_after_its_lease(store: Store) -> None:
    await keep(store, "revocations", revocation())
    async with store.writing() as rows:
        await rows.revocations.claim_due(now=NOW, limit=1, lease=MINUTE)
    assert await look(store) == set()
    assert await look(store, after=MINUTE) == {"revocations"}
