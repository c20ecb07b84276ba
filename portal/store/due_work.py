"""What waits for the background, in one look that writes nothing and begins no transaction."""

from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa

from portal.store.columns import UtcDateTime
from portal.store.prepared import kept
from portal.store.tables import (
    BulkRevocation,
    ClientPolicy,
    GrantRecord,
    LoginSession,
    OutgoingMail,
    Reconciliation,
    Revocation,
)
from portal.store.unit import Unit


class Due(msgspec.Struct, frozen=True):
    """Of which kinds something could be claimed."""

    revocations: bool
    ended_sessions: bool
    mails: bool
    bulk_revocations: bool
    reconciliations: bool
    expiry: bool


class DueWork:
    """Looks into the tables that the background works on."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def look(self, *, now: datetime, policies_until: datetime) -> Due:
        """Say what is due *now*; of policies, those saved up to *policies_until*."""
        row = await self._unit.first(_LOOK, {"now": now, "policies_until": policies_until})
        return Due(*map(bool, row or ()))


_NOW: Final = sa.bindparam("now", type_=UtcDateTime())
_UNTIL: Final = sa.bindparam("policies_until", type_=UtcDateTime())


def _any(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists(sa.literal_column("1")).where(*conditions)


# Each is a stretch of one index, of which nothing is there most of the time.
_LOOK: Final = kept(
    sa.select(
        sa.or_(
            _any(Revocation.state == "pending", Revocation.due_at <= _NOW),
            _any(Revocation.state == "sweeping", Revocation.due_at <= _NOW),
        ),
        _any(LoginSession.end_due_at <= _NOW),
        _any(OutgoingMail.due_at <= _NOW),
        _any(BulkRevocation.state == "running", BulkRevocation.due_at <= _NOW),
        _any(Reconciliation.state == "running", Reconciliation.due_at <= _NOW),
        sa.or_(
            _any(
                GrantRecord.expires_at <= _NOW,
                GrantRecord.expires_at.is_not(None),
                GrantRecord.expired_at.is_(None),
                GrantRecord.revoked_at.is_(None),
            ),
            _any(ClientPolicy.applied_at.is_(None), ClientPolicy.updated_at <= _UNTIL),
        ),
    )
)
