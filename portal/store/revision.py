"""Which revision of the schema this code was written for, without loading Alembic."""

import re
from functools import cache
from typing import Final

import sqlalchemy as sa

from portal.resources import resource_dir

_REVISION: Final = re.compile(r"\d{4}")
_VERSION: Final = sa.table("alembic_version", sa.column("version_num", sa.String))


@cache
def head() -> str:
    """Find the newest revision that this installation carries; file names begin with theirs."""
    versions = resource_dir("migrations") / "versions"
    return max(path.name[:4] for path in versions.glob("[0-9]*.py"))


def is_at_head(revision: str | None) -> bool:
    """Tell whether a database of that revision has what this code needs.

    A newer one has: while a new version is rolled out, the old one goes on working on its schema.
    """
    return revision is not None and _REVISION.fullmatch(revision) is not None and revision >= head()


def revision_of(connection: sa.Connection) -> str | None:
    """Read the revision of a database; ``None`` if it was never migrated."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(sa.select(_VERSION.c.version_num))
