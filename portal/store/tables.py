"""The tables, one mapped class each. No relationships, so that nothing loads lazily.

Instants are timezone-aware UTC. Secrets (passwords, challenges, session ids, browser ids) are
stored as hashes only.
"""

from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from portal.store.columns import Json, Text, UtcDateTime

SUBJECT = Text(255)
CLIENT_ID = Text(255)
SHA256_HEX = Text(64)
UUID_TEXT = Text(36)
AT_ORY = "revoked at Ory"
"""The ``revoke_reason`` of grants that somebody revoked behind the portal's back."""
GrantState = Literal["active", "expired", "pending", "revoked", "at_ory"]
GRANT_STATES: tuple[GrantState, ...] = get_args(GrantState)
"""Living; living, but asked about again; revoked and Ory has yet to confirm it; revoked; revoked at
Ory itself."""
GRANT_STATE = (
    "CASE WHEN revoked_at IS NULL AND expired_at IS NULL THEN 'active' "
    "WHEN revoked_at IS NULL THEN 'expired' "
    "WHEN revoke_synced_at IS NULL THEN 'pending' "
    f"WHEN revoke_reason = '{AT_ORY}' THEN 'at_ory' ELSE 'revoked' END"
)


def _some(name: str, *columns: str, where: str | None = None) -> sa.Index:
    """Index the rows that have the first of *columns*, as most have not."""
    given = f"{columns[0]} IS NOT NULL" + (f" AND {where}" if where else "")
    return sa.Index(name, *columns, postgresql_where=sa.text(given), sqlite_where=sa.text(given))


def _where(name: str, condition: str, *columns: str) -> sa.Index:
    """Index the rows of which *condition* holds."""
    given = sa.text(condition)
    return sa.Index(name, *columns, postgresql_where=given, sqlite_where=given)


def _seen(*columns: str) -> sa.Index:
    """Index grants so that a search sees what it asks of them without fetching a row."""
    asked = ("scope_set", "granted_at", "last_accept_at")
    return sa.Index(
        None, *columns, postgresql_include=[name for name in asked if name not in columns]
    )


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
    __table_args__ = (
        _some("ix_users_name_key_email", "name_key", "email"),
        _some("ix_users_password_kind", "password_kind"),
        _where("ix_users_admins", "admin", "email"),
        _where("ix_users_disabled_email", "disabled_at IS NOT NULL", "email"),
        _where("ix_users_disabled_newest", "disabled_at IS NOT NULL", "created_at", "subject"),
        _where("ix_users_unverified_email", "NOT email_verified", "email"),
        _where("ix_users_unverified_newest", "NOT email_verified", "created_at", "subject"),
        _where("ix_users_unfolded", "name IS NOT NULL AND name_key IS NULL", "subject"),
        _where(
            "ix_users_unnamed", "password_hash IS NOT NULL AND password_kind IS NULL", "subject"
        ),
        sa.Index(None, "created_at", "subject"),
    )

    subject: Mapped[str] = mapped_column(SUBJECT, primary_key=True)
    email: Mapped[str] = mapped_column(Text(320), unique=True)
    """Canonical: :func:`portal.accounts.canonical_email`. Compared by its bytes, on PostgreSQL by
    the collation C: so its index finds beginnings."""
    email_verified: Mapped[bool] = mapped_column(default=False)
    name: Mapped[str | None] = mapped_column(default=None)
    name_key: Mapped[str | None] = mapped_column(Text(255), default=None)
    """``name`` as :func:`portal.accounts.spelling.name_key` folds it, to be found by its
    beginning."""
    profile: Mapped[dict[str, Any]] = mapped_column(
        default_factory=dict, server_default=sa.text("'{}'")
    )
    """Further standard claims about the person by their OpenID names (OpenID Connect Core, 5.1);
    only those that are known."""
    attributes: Mapped[dict[str, Any]] = mapped_column(
        default_factory=dict, server_default=sa.text("'{}'")
    )
    """What the operator defined (``PORTAL_ATTRIBUTES``) and this person has."""
    password_hash: Mapped[str | None] = mapped_column(default=None)
    """In PHC format, possibly made elsewhere; ``None``: no password."""
    password_kind: Mapped[str | None] = mapped_column(Text(64), default=None)
    """Algorithm and parameters of the hash: :func:`portal.passwords.kind_of`. What costs alike is
    called alike."""
    password_set_at: Mapped[datetime | None] = mapped_column(default=None)
    password_expired: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """An administrator wants another one: it opens nothing but the form for a new one."""
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
        _seen("state", "granted_at", "subject", "client_id"),
        _seen("state", "last_accept_at", "subject", "client_id"),
        _seen("client_id", "state", "granted_at", "subject"),
        _seen("client_id", "state", "last_accept_at", "subject"),
        _seen("scope_set", "state", "granted_at", "subject", "client_id"),
        _seen("scope_set", "state", "last_accept_at", "subject", "client_id"),
        _some(
            "ix_grants_expires_at",
            "expires_at",
            where="expired_at IS NULL AND revoked_at IS NULL",
        ),
        _some("ix_grants_revoke_synced_at", "revoke_synced_at"),
    )

    subject: Mapped[str] = mapped_column(SUBJECT, primary_key=True)
    client_id: Mapped[str] = mapped_column(CLIENT_ID, primary_key=True)
    client_name: Mapped[str]
    client_uri: Mapped[str | None] = mapped_column(default=None)
    scopes: Mapped[list[str]]
    """What living tokens may carry; shown and revocable."""
    scope_set: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    """Names ``scopes`` as :class:`ScopeSet` does, so that an index finds them; set when saved, 0
    before that."""
    audience: Mapped[list[str]]
    remembered_scopes: Mapped[list[str]]
    """What may be given without asking; only "don't ask again" adds to it."""
    remembered_audience: Mapped[list[str]]
    remembered_at: Mapped[datetime | None] = mapped_column(default=None)
    """When "don't ask again" was last chosen; ``None``: never, or before that was noted."""
    remember_for: Mapped[int | None] = mapped_column(default=None)
    """The seconds that were chosen then; 0: until it is revoked."""
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    """When the remembered sets stop counting; ``None``: not before they are revoked."""
    expired_at: Mapped[datetime | None] = mapped_column(default=None)
    """When that was written down, by the background job; what counts is ``expires_at``."""
    hydra_scopes: Mapped[list[str] | None] = mapped_column(default=None)
    """What Ory was last told to remember, on a ``skip=false`` accept; ``None`` after a deletion."""
    listable: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """Ory was told yes on a ``skip=false`` accept since the last deletion: once the browser has
    come back, its listing shows the grant (hydra-contract 4.1)."""
    listed_at: Mapped[datetime | None] = mapped_column(default=None)
    """When Ory was last seen to list it."""
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
    state: Mapped[str] = mapped_column(
        Text(16), sa.Computed(GRANT_STATE), init=False, nullable=True
    )
    """One of :data:`GRANT_STATES`, derived by the database from the columns above: for queries. A
    record does not carry it.
    """


class ScopeSet(Base, kw_only=True):
    """A combination of scopes that some grant has: few, where grants are many."""

    __tablename__ = "scope_sets"
    __table_args__ = (
        sa.Index(
            None, "scopes", postgresql_using="gin", postgresql_ops={"scopes": "jsonb_path_ops"}
        ),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    """:func:`portal.store.grants.scope_set_id`."""
    scopes: Mapped[list[str]]


class KnownClient(Base, kw_only=True):
    """A client that somebody has ever allowed, by its last name: what a search looks through."""

    __tablename__ = "known_clients"

    client_id: Mapped[str] = mapped_column(CLIENT_ID, primary_key=True)
    client_name: Mapped[str]
    client_uri: Mapped[str | None] = mapped_column(default=None)


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
    required_acr: Mapped[str | None] = mapped_column(Text(16), default=None)
    """``aal2``: nobody gets there without a second factor."""
    updated_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(SUBJECT)
    applied_at: Mapped[datetime | None] = mapped_column(default=None)
    """When ``expires_at`` of the grants from before was brought in line with ``longest_grant``;
    ``None``: that is still to be done."""


class LoginSession(Base, kw_only=True):
    """What is known about one of Ory's login sessions, to say it again when Ory skips the login."""

    __tablename__ = "login_sessions"
    __table_args__ = (
        sa.Index(None, "subject"),
        sa.Index(None, "last_used_at"),
        _some("ix_login_sessions_end_due_at", "end_due_at"),
    )

    session_id_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    sealed_id: Mapped[str | None] = mapped_column(default=None)
    """Ory's ``session_id``, sealed, to end this one alone; ``None`` from before that was kept."""
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
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    """Somebody ended it: it counts no more, whatever Ory remembers."""
    end_due_at: Mapped[datetime | None] = mapped_column(default=None)
    """When Ory is to be told so, and once more when every accept that was on its way has arrived;
    ``None``: not ended, or Ory cannot be told, because ``sealed_id`` is missing."""
    end_confirmed_at: Mapped[datetime | None] = mapped_column(default=None)
    """When Ory first confirmed it."""


class PortalSession(Base, kw_only=True):
    """Our own session, for ``/account`` and ``/admin`` alone."""

    __tablename__ = "portal_sessions"
    __table_args__ = (sa.Index(None, "subject"), sa.Index(None, "seen_at"))

    session_id_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    subject: Mapped[str] = mapped_column(SUBJECT)
    epoch: Mapped[int]
    acr: Mapped[str] = mapped_column(Text(16), default="aal1", server_default="aal1")
    amr: Mapped[list[str]] = mapped_column(default_factory=list, server_default=sa.text("'[]'"))
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
        sa.Index(None, "action", "occurred_at", "id"),
        sa.Index(None, "actor", "occurred_at", "id"),
        sa.Index(None, "subject", "occurred_at", "id"),
        sa.Index(None, "client_id", "occurred_at", "id"),
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
        _some("ix_revocations_bulk_id_state", "bulk_id", "state"),
        sa.Index(
            "ix_revocations_single_state_due_at",
            "state",
            "due_at",
            postgresql_where=sa.text("bulk_id IS NULL"),
            sqlite_where=sa.text("bulk_id IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    subject: Mapped[str] = mapped_column(SUBJECT)
    client_id: Mapped[str | None] = mapped_column(CLIENT_ID, default=None)
    """``None``: every client of the subject."""
    end_logins: Mapped[bool]
    """Also end the subject's login sessions at Ory."""
    keep_grants: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """End the login sessions alone: what apps were allowed stays."""
    reason: Mapped[str]
    revoked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Text(16))
    """``pending``: not confirmed by Ory; ``sweeping``: to be looked at once more; ``done``."""
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(default=None)
    synced_at: Mapped[datetime | None] = mapped_column(default=None)
    undo_until: Mapped[datetime | None] = mapped_column(default=None)
    """Until then whoever asked for it can take it back; it is not carried out before."""
    bulk_id: Mapped[str | None] = mapped_column(UUID_TEXT, default=None)
    """The :class:`BulkRevocation` that it is a part of."""


class BulkRevocation(Base, kw_only=True):
    """Everything that a search found is to be revoked: a job that outlives whoever started it."""

    __tablename__ = "bulk_revocations"
    __table_args__ = (sa.Index(None, "state", "due_at"), sa.Index(None, "created_at", "id"))

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    actor: Mapped[str] = mapped_column(SUBJECT)
    """A subject or ``cli``."""
    selection: Mapped[dict[str, Any]]
    """A :class:`portal.store.grant_index.Selection`: what is to be revoked, settled for good."""
    words: Mapped[dict[str, Any]]
    """The search as it was typed, to be shown."""
    granted_until: Mapped[datetime]
    """What was allowed later is not meant."""
    matched: Mapped[int]
    """How many grants the operator was told."""
    revoked: Mapped[int] = mapped_column(default=0)
    """How many were revoked here so far; how far Ory is, ``revocations`` know."""
    state: Mapped[str] = mapped_column(Text(16), default="running")
    """``running``: grants are being revoked here; ``stopped`` by somebody; ``done``."""
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """When somebody should go on with it: pushed back by whoever works on it."""
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    address: Mapped[str] = mapped_column(default="")
    user_agent: Mapped[str] = mapped_column(default="")


class Reconciliation(Base, kw_only=True):
    """One comparison of all grants, or one subject's, with what Ory lists."""

    __tablename__ = "reconciliations"
    __table_args__ = (sa.Index(None, "state", "due_at"), sa.Index(None, "created_at", "id"))

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    actor: Mapped[str] = mapped_column(SUBJECT)
    """A subject, ``cli``, or ``system`` where it was time for one."""
    subject: Mapped[str | None] = mapped_column(SUBJECT, default=None)
    """Whose grants; ``None``: everybody's."""
    dry_run: Mapped[bool] = mapped_column(default=False)
    """Only look: nothing is changed."""
    cursor: Mapped[str | None] = mapped_column(SUBJECT, default=None)
    """The last subject that was compared."""
    state: Mapped[str] = mapped_column(Text(16), default="running")
    """``running``, ``stopped`` or ``done``."""
    checked: Mapped[int] = mapped_column(default=0)
    """How many subjects were compared."""
    found: Mapped[dict[str, Any]]
    """How often each kind of drift was found."""
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    last_error: Mapped[str | None] = mapped_column(default=None)


class SignIn(Base, kw_only=True):
    """A sign-in that is half done: what one browser has proved for one challenge so far."""

    __tablename__ = "sign_ins"
    __table_args__ = (sa.Index(None, "subject"), sa.Index(None, "started_at"))

    key_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    """Of the browser and of the login challenge; the portal's own sign-in has none."""
    subject: Mapped[str] = mapped_column(SUBJECT)
    epoch: Mapped[int]
    amr: Mapped[list[str]]
    """What was proved (RFC 8176)."""
    remember: Mapped[bool]
    started_at: Mapped[datetime]


class Passkey(Base, kw_only=True):
    """A WebAuthn credential: only its public half is known here."""

    __tablename__ = "passkeys"
    __table_args__ = (sa.Index(None, "subject"),)

    credential_id: Mapped[str] = mapped_column(Text(1400), primary_key=True)
    """Base64url, as browsers write it; at most 1,023 bytes (WebAuthn, 4)."""
    subject: Mapped[str] = mapped_column(SUBJECT)
    public_key: Mapped[str]
    """COSE key, base64url."""
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)
    transports: Mapped[list[str]]
    backed_up: Mapped[bool]
    """It can be on several devices: synchronised by whoever made it."""
    name: Mapped[str] = mapped_column(Text(64))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)


class TotpFactor(Base, kw_only=True):
    """An app that makes one-time codes (RFC 6238)."""

    __tablename__ = "totp_factors"
    __table_args__ = (sa.Index(None, "subject"),)

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    subject: Mapped[str] = mapped_column(SUBJECT)
    sealed_secret: Mapped[str]
    last_step: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    """Of the last code that was taken: it and earlier ones are not taken again (RFC 6238, 5.2)."""
    name: Mapped[str] = mapped_column(Text(64))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)


class RecoveryCode(Base, kw_only=True):
    """A code on paper that stands in for a lost second factor, once."""

    __tablename__ = "recovery_codes"

    subject: Mapped[str] = mapped_column(SUBJECT, primary_key=True)
    code_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class MailedLink(Base, kw_only=True):
    """A link that was mailed to somebody; it works once, and not for long."""

    __tablename__ = "mailed_links"
    __table_args__ = (
        sa.Index(None, "purpose", "email"),
        _some("ix_mailed_links_subject", "subject"),
        sa.Index(None, "expires_at"),
    )

    token_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    purpose: Mapped[str] = mapped_column(Text(16))
    """``reset``, ``verify``, ``invite``, ``register``, ``leave`` (an address, confirmed there) or
    ``move`` (to another one)."""
    email: Mapped[str] = mapped_column(Text(320))
    """Where it was sent."""
    subject: Mapped[str | None] = mapped_column(SUBJECT, default=None)
    """Whose account; ``None``: there is none yet."""
    epoch: Mapped[int | None] = mapped_column(default=None)
    """Of the account when it was asked for: what happened since voids it."""
    detail: Mapped[dict[str, Any]]
    browser_hash: Mapped[str | None] = mapped_column(SHA256_HEX, default=None)
    """The browser that asked for it; in another one the address has to be typed again."""
    actor: Mapped[str | None] = mapped_column(SUBJECT, default=None)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class OutgoingMail(Base, kw_only=True):
    """A mail to send: kept, sealed, until the mail server has taken it."""

    __tablename__ = "outgoing_mails"
    __table_args__ = (sa.Index(None, "due_at"),)

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    sealed: Mapped[str]
    """Recipient, kind and values; also of a mail that is sent to nobody."""
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(default=None)


class SpentProof(Base, kw_only=True):
    """What must not be presented twice: the challenge that a passkey has signed."""

    __tablename__ = "spent_proofs"
    __table_args__ = (sa.Index(None, "spent_at"),)

    proof_hash: Mapped[str] = mapped_column(SHA256_HEX, primary_key=True)
    spent_at: Mapped[datetime]
