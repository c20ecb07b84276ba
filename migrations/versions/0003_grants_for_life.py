"""Grants that can be searched among millions, bulk revocations, reconciliations; the audit trail
only grows.

What this derives from grants that exist (``scope_set``, ``known_clients``) is filled in by the
background job, so that the migration is short. Adding ``state`` makes PostgreSQL write the table
anew.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
INSTANT = sa.DateTime(timezone=True)
STATE = (
    "CASE WHEN revoked_at IS NULL AND expired_at IS NULL THEN 'active' "
    "WHEN revoked_at IS NULL THEN 'expired' "
    "WHEN revoke_synced_at IS NULL THEN 'pending' "
    "WHEN revoke_reason = 'revoked at Ory' THEN 'at_ory' ELSE 'revoked' END"
)
YOUNGEST = 30
"""Days in which no event of the audit trail can be deleted, by whatever mistake."""


def upgrade() -> None:
    _compare_addresses_by_bytes("C")
    _extend_grants()
    _add_jobs()
    _extend_audit()


def _compare_addresses_by_bytes(collation: str) -> None:
    """So that an index finds the beginning of one; SQLite does nothing else."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f'ALTER TABLE users ALTER email TYPE VARCHAR(320) COLLATE "{collation}"')


def _extend_grants() -> None:
    op.add_column(
        "grants", sa.Column("scope_set", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column("grants", sa.Column("remembered_at", INSTANT, nullable=True))
    op.add_column("grants", sa.Column("remember_for", sa.Integer(), nullable=True))
    op.add_column("grants", sa.Column("expired_at", INSTANT, nullable=True))
    op.add_column(
        "grants", sa.Column("listable", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("grants", sa.Column("listed_at", INSTANT, nullable=True))
    kind = "STORED" if op.get_bind().dialect.name == "postgresql" else "VIRTUAL"
    op.execute(
        f"ALTER TABLE grants ADD COLUMN state VARCHAR(16) GENERATED ALWAYS AS ({STATE}) {kind}"
    )
    op.execute("UPDATE grants SET listable = true WHERE hydra_scopes IS NOT NULL")
    op.drop_index("ix_grants_client_id_subject", "grants")
    op.drop_index("ix_grants_granted_at_subject_client_id", "grants")
    for moment in ("granted_at", "last_accept_at"):
        _index_seen("state", moment, "subject", "client_id")
        _index_seen("client_id", "state", moment, "subject")
        _index_seen("scope_set", "state", moment, "subject", "client_id")
    unmarked = "expires_at IS NOT NULL AND expired_at IS NULL AND revoked_at IS NULL"
    _index("grants", "expires_at", where=unmarked)
    _index("grants", "revoke_synced_at", where="revoke_synced_at IS NOT NULL")
    op.create_table(
        "scope_sets",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scope_sets"),
    )
    op.create_index(
        "ix_scope_sets_scopes",
        "scope_sets",
        ["scopes"],
        postgresql_using="gin",
        postgresql_ops={"scopes": "jsonb_path_ops"},
    )
    op.create_table(
        "known_clients",
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("client_name", sa.String(), nullable=False),
        sa.Column("client_uri", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("client_id", name="pk_known_clients"),
    )
    op.add_column("client_policies", sa.Column("applied_at", INSTANT, nullable=True))


def _add_jobs() -> None:
    op.add_column("revocations", sa.Column("undo_until", INSTANT, nullable=True))
    op.add_column("revocations", sa.Column("bulk_id", sa.String(36), nullable=True))
    _index("revocations", "bulk_id", "state", where="bulk_id IS NOT NULL")
    op.create_index(
        "ix_revocations_single_state_due_at",
        "revocations",
        ["state", "due_at"],
        postgresql_where=sa.text("bulk_id IS NULL"),
        sqlite_where=sa.text("bulk_id IS NULL"),
    )
    op.create_table(
        "bulk_revocations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("selection", JSON, nullable=False),
        sa.Column("words", JSON, nullable=False),
        sa.Column("granted_until", INSTANT, nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("revoked", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_revocations"),
    )
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=True),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("cursor", sa.String(255), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("found", JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliations"),
    )
    for table in ("bulk_revocations", "reconciliations"):
        _index(table, "state", "due_at")
        _index(table, "created_at", "id")


def _extend_audit() -> None:
    op.drop_index("ix_audit_events_client_id_occurred_at", "audit_events")
    op.drop_index("ix_audit_events_subject_occurred_at", "audit_events")
    for first in ("action", "actor", "subject", "client_id"):
        _index("audit_events", first, "occurred_at", "id")
    if op.get_bind().dialect.name == "postgresql":
        _guard_audit_on_postgresql()
    else:
        _guard_audit_on_sqlite()


def _guard_audit_on_postgresql() -> None:
    op.execute(f"""
        CREATE FUNCTION audit_events_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'DELETE' AND OLD.occurred_at < now() - interval '{YOUNGEST} days' THEN
            RETURN OLD;
          END IF;
          RAISE EXCEPTION 'audit events are only ever added';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_events_only_grow BEFORE UPDATE OR DELETE ON audit_events
        FOR EACH ROW EXECUTE FUNCTION audit_events_only_grow()
    """)
    op.execute("""
        CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION audit_events_only_grow()
    """)


def _guard_audit_on_sqlite() -> None:
    op.execute("""
        CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
        BEGIN SELECT RAISE(ABORT, 'audit events are only ever added'); END
    """)
    op.execute(f"""
        CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
        WHEN OLD.occurred_at >= datetime('now', '-{YOUNGEST} days')
        BEGIN SELECT RAISE(ABORT, 'audit events are only ever added'); END
    """)


def _index_seen(*columns: str) -> None:
    """What a search asks of grants lies in each index: PostgreSQL then fetches no row for it."""
    asked = ("scope_set", "granted_at", "last_accept_at")
    op.create_index(
        f"ix_grants_{'_'.join(columns)}",
        "grants",
        list(columns),
        postgresql_include=[name for name in asked if name not in columns],
    )


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
    _compare_addresses_by_bytes("default")
    _shrink_audit()
    op.drop_table("reconciliations")
    op.drop_table("bulk_revocations")
    op.drop_index("ix_revocations_single_state_due_at", "revocations")
    op.drop_index("ix_revocations_bulk_id_state", "revocations")
    for column in ("bulk_id", "undo_until"):
        op.drop_column("revocations", column)
    op.drop_column("client_policies", "applied_at")
    op.drop_table("known_clients")
    op.drop_table("scope_sets")
    for columns in (("expires_at",), ("revoke_synced_at",)):
        op.drop_index(f"ix_grants_{'_'.join(columns)}", "grants")
    for moment in ("granted_at", "last_accept_at"):
        op.drop_index(f"ix_grants_state_{moment}_subject_client_id", "grants")
        op.drop_index(f"ix_grants_client_id_state_{moment}_subject", "grants")
        op.drop_index(f"ix_grants_scope_set_state_{moment}_subject_client_id", "grants")
    added = ("state", "listed_at", "listable", "expired_at", "remember_for", "remembered_at")
    for column in (*added, "scope_set"):
        op.drop_column("grants", column)
    _index("grants", "granted_at", "subject", "client_id")
    _index("grants", "client_id", "subject")


def _shrink_audit() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_events_no_truncate ON audit_events")
        op.execute("DROP TRIGGER audit_events_only_grow ON audit_events")
        op.execute("DROP FUNCTION audit_events_only_grow")
    else:
        op.execute("DROP TRIGGER audit_events_no_update")
        op.execute("DROP TRIGGER audit_events_no_delete")
    for first in ("action", "actor", "subject", "client_id"):
        op.drop_index(f"ix_audit_events_{first}_occurred_at_id", "audit_events")
    _index("audit_events", "client_id", "occurred_at")
    _index("audit_events", "subject", "occurred_at")
