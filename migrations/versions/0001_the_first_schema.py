"""The first schema: users, flows, grants, sessions, attempts, audit events and revocations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(255), nullable=True),
        sa.Column("subject", sa.String(255), nullable=True),
        sa.Column("client_id", sa.String(255), nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
    )
    op.create_index(
        "ix_audit_events_client_id_occurred_at", "audit_events", ["client_id", "occurred_at"]
    )
    op.create_index("ix_audit_events_occurred_at_id", "audit_events", ["occurred_at", "id"])
    op.create_index(
        "ix_audit_events_subject_occurred_at", "audit_events", ["subject", "occurred_at"]
    )

    op.create_table(
        "flows",
        sa.Column("challenge_hash", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("request_url", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("client_name", sa.String(), nullable=False),
        sa.Column("subject", sa.String(255), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decision", sa.String(16), nullable=True),
        sa.Column("decision_id", sa.String(36), nullable=True),
        sa.Column("answer", JSON, nullable=True),
        sa.Column("browser_hash", sa.String(64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("challenge_hash", name="pk_flows"),
    )
    op.create_index("ix_flows_created_at", "flows", ["created_at"])

    op.create_table(
        "grants",
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("client_name", sa.String(), nullable=False),
        sa.Column("client_uri", sa.String(), nullable=True),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("audience", JSON, nullable=False),
        sa.Column("remembered_scopes", JSON, nullable=False),
        sa.Column("remembered_audience", JSON, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hydra_scopes", JSON, nullable=True),
        sa.Column("decision_id", sa.String(36), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_accept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoke_reason", sa.String(), nullable=True),
        sa.Column("revoke_synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("subject", "client_id", name="pk_grants"),
    )
    op.create_index("ix_grants_client_id_subject", "grants", ["client_id", "subject"])
    op.create_index(
        "ix_grants_granted_at_subject_client_id", "grants", ["granted_at", "subject", "client_id"]
    )

    op.create_table(
        "known_browsers",
        sa.Column("account_hash", sa.String(64), nullable=False),
        sa.Column("browser_hash", sa.String(64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_hash", "browser_hash", name="pk_known_browsers"),
    )
    op.create_index("ix_known_browsers_used_at", "known_browsers", ["used_at"])

    op.create_table(
        "login_attempts",
        sa.Column("bucket", sa.String(100), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("blocked_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name="pk_login_attempts"),
    )
    op.create_index("ix_login_attempts_updated_at", "login_attempts", ["updated_at"])

    op.create_table(
        "login_sessions",
        sa.Column("session_id_hash", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("acr", sa.String(), nullable=False),
        sa.Column("amr", JSON, nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("remembered", sa.Boolean(), nullable=False),
        sa.Column("browser_hash", sa.String(64), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session_id_hash", name="pk_login_sessions"),
    )
    op.create_index("ix_login_sessions_last_used_at", "login_sessions", ["last_used_at"])
    op.create_index("ix_login_sessions_subject", "login_sessions", ["subject"])

    op.create_table(
        "portal_sessions",
        sa.Column("session_id_hash", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("session_id_hash", name="pk_portal_sessions"),
    )
    op.create_index("ix_portal_sessions_seen_at", "portal_sessions", ["seen_at"])
    op.create_index("ix_portal_sessions_subject", "portal_sessions", ["subject"])

    op.create_table(
        "revocations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("client_id", sa.String(255), nullable=True),
        sa.Column("end_logins", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_revocations"),
    )
    op.create_index("ix_revocations_state_due_at", "revocations", ["state", "due_at"])
    op.create_index("ix_revocations_subject_client_id", "revocations", ["subject", "client_id"])

    op.create_table(
        "users",
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )


def downgrade() -> None:
    for table in (
        "users",
        "revocations",
        "portal_sessions",
        "login_sessions",
        "login_attempts",
        "known_browsers",
        "grants",
        "flows",
        "audit_events",
    ):
        op.drop_table(table)
