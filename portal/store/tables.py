"""The tables, one mapped class each. No relationships, so that nothing loads lazily.

Instants are timezone-aware UTC. Secrets (passwords, challenges, session ids, browser ids) are
stored as hashes only.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from portal.store.columns import Json, Text, UtcDateTime

SUBJECT = Text(255)
CLIENT_ID = Text(255)
SHA256_HEX = Text(64)
UUID_TEXT = Text(36)


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True, repr=False, eq=False):
    """Plain records with keyword arguments; columns that may be empty are when left out.

    The naming convention holds from the first migration on, so that constraints can be dropped by
    name on every database.
    """

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - read by SQLAlchemy, never changed
        datetime: UtcDateTime(),
        list[str]: Json(),
        dict[str, Any]: Json(),
        str: Text(),
    }


class User(Base, kw_only=True):
    """Somebody who can sign in. A new ``epoch`` makes all earlier sign-ins void."""

    __tablename__ = "users"

    subject: Mapped[str] = mapped_column(SUBJECT, primary_key=True)
    email: Mapped[str] = mapped_column(Text(320), unique=True)
    """Canonical: :func:`portal.accounts.canonical_email`."""
    email_verified: Mapped[bool] = mapped_column(default=False)
    name: Mapped[str | None] = mapped_column(default=None)
    password_hash: Mapped[str | None] = mapped_column(default=None)
    admin: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[datetime | None] = mapped_column(default=None)
    epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class FlowRecord(Base, kw_only=True):
    """One challenge that a browser brought; it is decided at most once (hydra-contract 7)."""

    __tablename__ = "flows"
    __table_args__ = (sa.Index(None, "created_at"),)

    challenge_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    kind: Mapped[str] = mapped_column(Text(16))
    """``login``, ``consent`` or ``logout``."""
    request_url: Mapped[str]
    client_id: Mapped[str] = mapped_column(CLIENT_ID)
    client_name: Mapped[str]
    subject: Mapped[str | None] = mapped_column(SUBJECT, default=None)
    state: Mapped[str] = mapped_column(Text(16), default="open")
    """``open``, ``automatic`` (answered without asking), ``decided`` (by a person) or ``unsent``
    (decided, but Ory could not be told)."""
    decision: Mapped[str | None] = mapped_column(Text(16), default=None)
    """``accept`` or ``reject``."""
    decision_id: Mapped[str | None] = mapped_column(UUID_TEXT, default=None)
    """A UUIDv7, so that its age can be read from it; travels to Ory as ``context.decision_id``."""
    answer: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """What was decided, so that the same decision can be told to Ory again."""
    browser_hash: Mapped[str | None] = mapped_column(SHA256_HEX, default=None)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime]


class GrantRecord(Base, kw_only=True):
    """What one subject lets one client do; also if only once, as those tokens are revocable too."""

    __tablename__ = "grants"
    __table_args__ = (
        sa.Index(None, "client_id", "subject"),
        sa.Index(None, "granted_at", "subject", "client_id"),
    )

    subject: Mapped[str] = mapped_column(SUBJECT, primary_key=True)
    client_id: Mapped[str] = mapped_column(CLIENT_ID, primary_key=True)
    client_name: Mapped[str]
    client_uri: Mapped[str | None] = mapped_column(default=None)
    scopes: Mapped[list[str]]
    """What living tokens may carry; shown and revocable."""
    audience: Mapped[list[str]]
    remembered_scopes: Mapped[list[str]]
    """What may be given without asking; only "don't ask again" adds to it."""
    remembered_audience: Mapped[list[str]]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    """When the remembered sets stop counting; ``None``: not before they are revoked."""
    hydra_scopes: Mapped[list[str] | None] = mapped_column(default=None)
    """What Ory was last told to remember, on a ``skip=false`` accept; ``None`` after a deletion."""
    decision_id: Mapped[str] = mapped_column(UUID_TEXT)
    granted_at: Mapped[datetime]
    """When a person last decided."""
    last_accept_at: Mapped[datetime]
    """When Ory was last told yes, also silently."""
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
    revoke_reason: Mapped[str | None] = mapped_column(default=None)
    """``user``, ``admin``, ``narrowed``, ``disabled``, ``revoked at Ory`` …"""
    revoke_synced_at: Mapped[datetime | None] = mapped_column(default=None)
    """When Ory confirmed the deletion."""


class ClientPolicy(Base, kw_only=True):
    """What the operator demands of one client; Ory knows nothing of it."""

    __tablename__ = "client_policies"

    client_id: Mapped[str] = mapped_column(CLIENT_ID, primary_key=True)
    verified: Mapped[bool] = mapped_column(default=False)
    """The organisation vouches for it, and people are told so."""
    required_scopes: Mapped[list[str]]
    """Nobody can allow the client and leave out one of these that it asks for."""
    longest_grant: Mapped[int | None] = mapped_column(default=None)
    """Seconds after a decision for which it may be remembered; ``None``: as for every client."""
    updated_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(SUBJECT)


class LoginSession(Base, kw_only=True):
    """What is known about one of Ory's login sessions, to say it again when Ory skips the login."""

    __tablename__ = "login_sessions"
    __table_args__ = (sa.Index(None, "subject"), sa.Index(None, "last_used_at"))

    session_id_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    subject: Mapped[str] = mapped_column(SUBJECT)
    acr: Mapped[str]
    amr: Mapped[list[str]]
    authenticated_at: Mapped[datetime]
    epoch: Mapped[int]
    remembered: Mapped[bool]
    browser_hash: Mapped[str | None] = mapped_column(SHA256_HEX, default=None)
    """The browser that answered the login; only it is shown personal data."""
    address: Mapped[str]
    user_agent: Mapped[str]
    last_used_at: Mapped[datetime]


class PortalSession(Base, kw_only=True):
    """Our own session, for ``/account`` and ``/admin`` alone."""

    __tablename__ = "portal_sessions"
    __table_args__ = (sa.Index(None, "subject"), sa.Index(None, "seen_at"))

    session_id_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    subject: Mapped[str] = mapped_column(SUBJECT)
    epoch: Mapped[int]
    authenticated_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    address: Mapped[str]
    user_agent: Mapped[str]


class LoginAttempt(Base, kw_only=True):
    """One bucket of failed sign-ins: of an account, a known browser or a network.

    Times are seconds since 1970, because the statement that counts and judges calculates with them.
    """

    __tablename__ = "login_attempts"
    __table_args__ = (sa.Index(None, "updated_at"),)

    bucket: Mapped[str] = mapped_column(Text(100), primary_key=True)
    failures: Mapped[int]
    """Since the last success or the last quiet spell."""
    streak: Mapped[int]
    """Since the last success."""
    updated_at: Mapped[float]
    blocked_until: Mapped[float]


class KnownBrowser(Base, kw_only=True):
    """A browser in which somebody signed in before: strangers cannot lock its owner out."""

    __tablename__ = "known_browsers"
    __table_args__ = (sa.Index(None, "used_at"),)

    account_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    browser_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    used_at: Mapped[datetime]


class AuditEvent(Base, kw_only=True):
    """Who did what to what, from where, when. Rows are only ever added."""

    __tablename__ = "audit_events"
    __table_args__ = (
        sa.Index(None, "occurred_at", "id"),
        sa.Index(None, "subject", "occurred_at"),
        sa.Index(None, "client_id", "occurred_at"),
    )

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    occurred_at: Mapped[datetime]
    action: Mapped[str] = mapped_column(Text(64))
    actor: Mapped[str | None] = mapped_column(SUBJECT, default=None)
    """A subject, ``cli`` or ``system``; ``None`` for somebody who is not signed in."""
    subject: Mapped[str | None] = mapped_column(SUBJECT, default=None)
    client_id: Mapped[str | None] = mapped_column(CLIENT_ID, default=None)
    detail: Mapped[dict[str, Any]]
    address: Mapped[str]
    user_agent: Mapped[str]


class Revocation(Base, kw_only=True):
    """One deletion that Ory has to be told, kept until confirmed and swept once more."""

    __tablename__ = "revocations"
    __table_args__ = (
        sa.Index(None, "state", "due_at"),
        sa.Index(None, "subject", "client_id"),
    )

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    subject: Mapped[str] = mapped_column(SUBJECT)
    client_id: Mapped[str | None] = mapped_column(CLIENT_ID, default=None)
    """``None``: every client of the subject."""
    end_logins: Mapped[bool]
    """Also end the subject's login sessions at Ory."""
    reason: Mapped[str]
    revoked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Text(16))
    """``pending``: not confirmed by Ory; ``sweeping``: to be looked at once more; ``done``."""
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(default=None)
    synced_at: Mapped[datetime | None] = mapped_column(default=None)
