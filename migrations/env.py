"""How Alembic reaches the database: everything in one transaction, one process at a time.

Several replicas may start at once, and any of them may be killed. On PostgreSQL an advisory lock
that ends with the transaction makes the others wait. On SQLite the transaction takes the write lock
at once: the driver by itself would begin it late and commit before each DDL statement, which leaves
half a schema that no retry can repair.
"""

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

from portal.store.columns import Json, Text, UtcDateTime
from portal.store.schema import migration_engine
from portal.store.tables import Base

JSON = "sa.JSON(none_as_null=True)"
LOCK_KEY = 0x706F7274616C  # "portal"


def database_url() -> str:
    """Find the URL that the portal gives, else ``-x url=…``, else that of alembic.ini."""
    given = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get(
        "url"
    )
    return str(given or context.config.get_main_option("sqlalchemy.url"))


def render_item(kind: str, item: object, _context: AutogenContext) -> str | bool:
    """Name the database's types, so that migrations stay true when the portal's types change."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, Text):
        return f"sa.String({item.length})" if item.length else "sa.String()"
    if isinstance(item, Json):
        return f'{JSON}.with_variant(postgresql.JSONB(none_as_null=True), "postgresql")'
    return False


def run_migrations() -> None:
    """Take the lock, then look which revision the database has, then migrate and commit."""
    engine = migration_engine(database_url())
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
            transactional_ddl=True,
            render_item=render_item,
        )
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("SQL scripts are not written here: portal db upgrade")
run_migrations()
