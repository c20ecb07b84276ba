"""What is known of whoever stands behind a request of Ory's: one statement, for each step asks."""

from functools import cache
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa

from portal.store.prepared import kept
from portal.store.tables import (
    Base,
    ClientPolicy,
    FlowRecord,
    LoginSession,
    Passkey,
    Revocation,
    TotpFactor,
    User,
)
from portal.store.unit import AnyRow, Unit, columns, load, width

Record = TypeVar("Record", bound=Base)


class Standing(NamedTuple):
    """A person, the session that Ory has of them, and what counts for the client."""

    user: User | None
    session: LoginSession | None
    policy: ClientPolicy | None
    flow: FlowRecord | None
    has_passkey: bool
    has_totp: bool
    has_pending: bool
    """Ory has yet to delete a grant of the pair, or all of the person's."""
    ends_logins: bool
    """Ory has yet to end the sign-ins of the person, because of the client or of everything."""


class Standings:
    """Of many tables, which it only reads."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(
        self, subject: str, client_id: str, *, session_id_hash: str, challenge_hash: str
    ) -> Standing:
        """What is known of the pair, of that session, and of the request with that challenge."""
        values = {
            "subject": subject,
            "client_id": client_id,
            "session": session_id_hash,
            "challenge": challenge_hash,
        }
        row = await self._unit.first(_statement(), values)
        assert row is not None  # noqa: S101 - the statement selects from one row
        records: list[Any] = []
        start = 0
        for table in _TABLES:
            records.append(_record(table, row, start))
            start += width(table)
        return Standing(*records, *row[start:])


_TABLES: Final[tuple[type[Base], ...]] = (User, LoginSession, ClientPolicy, FlowRecord)


def _record(table: type[Record], row: AnyRow, start: int) -> Record | None:
    """Each table's first column is its key."""
    return None if row[start] is None else load(table, row[start : start + width(table)])


@cache
def _statement() -> sa.Executable:
    subject: sa.BindParameter[str] = sa.bindparam("subject")
    client_id: sa.BindParameter[str] = sa.bindparam("client_id")
    session: sa.BindParameter[str] = sa.bindparam("session")
    challenge: sa.BindParameter[str] = sa.bindparam("challenge")
    one = sa.select(sa.literal_column("1").label("one")).subquery()
    pending = sa.and_(
        Revocation.state == "pending",
        Revocation.subject == subject,
        sa.or_(Revocation.client_id == client_id, Revocation.client_id.is_(None)),
    )
    return kept(
        sa.select(
            *(column for table in _TABLES for column in columns(table)),
            sa.exists().where(Passkey.subject == subject),
            sa.exists().where(TotpFactor.subject == subject),
            sa.exists().where(pending, ~Revocation.keep_grants),
            sa.exists().where(pending, Revocation.end_logins),
        ).select_from(
            one.outerjoin(User, User.subject == subject)
            .outerjoin(LoginSession, LoginSession.session_id_hash == session)
            .outerjoin(ClientPolicy, ClientPolicy.client_id == client_id)
            .outerjoin(FlowRecord, FlowRecord.challenge_hash == challenge)
        )
    )
