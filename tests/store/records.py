"""Records to start from; every field can be given."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from portal.store import Store
from portal.store.tables import (
    BulkRevocation,
    FlowRecord,
    GrantRecord,
    LoginSession,
    PortalSession,
    Revocation,
    User,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def user(subject: str = "ann", **fields: Any) -> User:
    values: dict[str, Any] = {
        "subject": subject,
        "email": f"{subject}@example.org",
        "password_hash": "hash",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return User(**values | fields)


def flow(challenge_hash: str = "c" * 64, **fields: Any) -> FlowRecord:
    values: dict[str, Any] = {
        "challenge_hash": challenge_hash,
        "kind": "consent",
        "request_url": "https://ory.example/oauth2/auth?client_id=photos",
        "client_id": "photos",
        "client_name": "Photos",
        "created_at": NOW,
    }
    return FlowRecord(**values | fields)


def grant(subject: str = "ann", client_id: str = "photos", **fields: Any) -> GrantRecord:
    values: dict[str, Any] = {
        "subject": subject,
        "client_id": client_id,
        "client_name": client_id.title(),
        "scopes": ["openid"],
        "audience": [],
        "remembered_scopes": [],
        "remembered_audience": [],
        "decision_id": "d-1",
        "granted_at": NOW,
        "last_accept_at": NOW,
    }
    return GrantRecord(**values | fields)


def login_session(session_id_hash: str = "s" * 64, **fields: Any) -> LoginSession:
    values: dict[str, Any] = {
        "session_id_hash": session_id_hash,
        "subject": "ann",
        "acr": "0",
        "amr": ["pwd"],
        "authenticated_at": NOW,
        "epoch": 0,
        "remembered": True,
        "address": "192.0.2.1",
        "user_agent": "Firefox",
        "last_used_at": NOW,
    }
    return LoginSession(**values | fields)


def portal_session(session_id_hash: str = "p" * 64, **fields: Any) -> PortalSession:
    values: dict[str, Any] = {
        "session_id_hash": session_id_hash,
        "subject": "ann",
        "epoch": 0,
        "authenticated_at": NOW,
        "seen_at": NOW,
        "address": "192.0.2.1",
        "user_agent": "Firefox",
    }
    return PortalSession(**values | fields)


def revocation(revocation_id: str = "r-1", **fields: Any) -> Revocation:
    values: dict[str, Any] = {
        "id": revocation_id,
        "subject": "ann",
        "client_id": "photos",
        "end_logins": False,
        "reason": "user",
        "revoked_at": NOW,
        "state": "pending",
        "due_at": NOW,
    }
    return Revocation(**values | fields)


def bulk_revocation(bulk_id: str = "b-1", **fields: Any) -> BulkRevocation:
    values: dict[str, Any] = {
        "id": bulk_id,
        "actor": "ann",
        "selection": {},
        "words": {"client": "photos"},
        "granted_until": NOW,
        "matched": 3,
        "created_at": NOW,
        "due_at": NOW,
    }
    return BulkRevocation(**values | fields)


async def save(store: Store, *grants: GrantRecord) -> None:
    """Save *grants* in one transaction."""
    async with store.writing() as rows:
        for record in grants:
            await rows.grants.save(record)


def id_at(moment: datetime) -> str:
    """The id of a decision of that moment: a UUIDv7."""
    milliseconds = int(moment.timestamp() * 1000)
    return str(UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | secrets.randbits(62)))
