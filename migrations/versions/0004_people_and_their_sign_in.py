"""People and their sign-in: profiles, attributes, second factors, mailed links, kinds of hashes.

What this derives from users that exist (``name_key``, ``password_kind``) is filled in by the
background job, so that the migration is short.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
INSTANT = sa.DateTime(timezone=True)
SUBJECT = sa.String(255)
SHA256_HEX = sa.String(64)
SOME_USERS = {
    "admins": ("admin", "email"),
    "disabled_email": ("disabled_at IS NOT NULL", "email"),
    "disabled_newest": ("disabled_at IS NOT NULL", "created_at", "subject"),
    "unverified_email": ("NOT email_verified", "email"),
    "unverified_newest": ("NOT email_verified", "created_at", "subject"),
    "unnamed": ("password_hash IS NOT NULL AND password_kind IS NULL", "subject"),
    "unfolded": ("name IS NOT NULL AND name_key IS NULL", "subject"),
}
"""Partial indexes: their condition, and their columns."""


def upgrade() -> None:
    _extend_users()
    op.add_column("client_policies", sa.Column("required_acr", sa.String(16), nullable=True))
    op.add_column("login_sessions", sa.Column("sealed_id", sa.String(), nullable=True))
    for name in ("ended_at", "end_due_at", "end_confirmed_at"):
        op.add_column("login_sessions", sa.Column(name, INSTANT, nullable=True))
    _index("login_sessions", "end_due_at", where="end_due_at IS NOT NULL")
    op.add_column(
        "revocations",
        sa.Column("keep_grants", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "portal_sessions", sa.Column("acr", sa.String(16), server_default="aal1", nullable=False)
    )
    op.add_column(
        "portal_sessions", sa.Column("amr", JSON, server_default=sa.text("'[]'"), nullable=False)
    )
    _add_factors()
    _add_links_and_mails()


def _extend_users() -> None:
    op.add_column("users", sa.Column("name_key", _compared_by_bytes(255), nullable=True))
    for name in ("profile", "attributes"):
        op.add_column(
            "users", sa.Column(name, JSON, server_default=sa.text("'{}'"), nullable=False)
        )
    op.add_column("users", sa.Column("password_kind", sa.String(64), nullable=True))
    op.add_column("users", sa.Column("password_set_at", INSTANT, nullable=True))
    op.add_column(
        "users",
        sa.Column("password_expired", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    _index("users", "name_key", "email", where="name_key IS NOT NULL")
    _index("users", "password_kind", where="password_kind IS NOT NULL")
    _index("users", "created_at", "subject")
    for name, (where, *columns) in SOME_USERS.items():
        op.create_index(
            f"ix_users_{name}",
            "users",
            columns,
            postgresql_where=sa.text(where),
            sqlite_where=sa.text(where),
        )


def _compared_by_bytes(length: int) -> sa.String:
    """So that an index finds the beginning of one; SQLite does nothing else."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    return sa.String(length, collation="C" if is_postgresql else None)


def _add_factors() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("key_hash", SHA256_HEX, nullable=False),
        sa.Column("subject", SUBJECT, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("amr", JSON, nullable=False),
        sa.Column("remember", sa.Boolean(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name="pk_sign_ins"),
    )
    _index("sign_ins", "subject")
    _index("sign_ins", "started_at")
    op.create_table(
        "passkeys",
        sa.Column("credential_id", sa.String(1400), nullable=False),
        sa.Column("subject", SUBJECT, nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", JSON, nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("credential_id", name="pk_passkeys"),
    )
    _index("passkeys", "subject")
    op.create_table(
        "totp_factors",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("subject", SUBJECT, nullable=False),
        sa.Column("sealed_secret", sa.String(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_totp_factors"),
    )
    _index("totp_factors", "subject")
    op.create_table(
        "recovery_codes",
        sa.Column("subject", SUBJECT, nullable=False),
        sa.Column("code_hash", SHA256_HEX, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("subject", "code_hash", name="pk_recovery_codes"),
    )
    op.create_table(
        "spent_proofs",
        sa.Column("proof_hash", SHA256_HEX, nullable=False),
        sa.Column("spent_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("proof_hash", name="pk_spent_proofs"),
    )
    _index("spent_proofs", "spent_at")


def _add_links_and_mails() -> None:
    op.create_table(
        "mailed_links",
        sa.Column("token_hash", SHA256_HEX, nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("subject", SUBJECT, nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("browser_hash", SHA256_HEX, nullable=True),
        sa.Column("actor", SUBJECT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name="pk_mailed_links"),
    )
    _index("mailed_links", "purpose", "email")
    _index("mailed_links", "subject", where="subject IS NOT NULL")
    _index("mailed_links", "expires_at")
    op.create_table(
        "outgoing_mails",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_mails"),
    )
    _index("outgoing_mails", "due_at")


def _index(table: str, *columns: str, where: str | None = None) -> None:
    some = sa.text(where) if where else None
    op.create_index(
        f"ix_{table}_{'_'.join(columns)}",
        table,
        list(columns),
        postgresql_where=some,
        sqlite_where=some,
    )


def downgrade() -> None:
    for table in (
        "outgoing_mails",
        "mailed_links",
        "spent_proofs",
        "recovery_codes",
        "totp_factors",
        "passkeys",
        "sign_ins",
    ):
        op.drop_table(table)
    op.drop_column("portal_sessions", "amr")
    op.drop_column("portal_sessions", "acr")
    op.drop_column("revocations", "keep_grants")
    op.drop_index("ix_login_sessions_end_due_at", "login_sessions")
    for column in ("end_confirmed_at", "end_due_at", "ended_at", "sealed_id"):
        op.drop_column("login_sessions", column)
    op.drop_column("client_policies", "required_acr")
    for index in (*SOME_USERS, "created_at_subject", "password_kind", "name_key_email"):
        op.drop_index(f"ix_users_{index}", "users")
    for column in (
        "password_expired",
        "password_set_at",
        "password_kind",
        "attributes",
        "profile",
        "name_key",
    ):
        op.drop_column("users", column)
