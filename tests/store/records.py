"""Records to start from; every field can be given."""

from datetime import UTC, datetime, timedelta
from typing import Any

from portal.store.tables import (
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
