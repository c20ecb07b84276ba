"""Flows: the challenges that browsers brought, each decided at most once."""

from datetime import datetime
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from portal.store.prepared import kept
from portal.store.tables import FlowRecord
from portal.store.unit import Change, Unit, insert, load_first, select, values_of


class Flows:
    """The ``flows`` table."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, challenge_hash: str) -> FlowRecord | None:
        return load_first(FlowRecord, await self._unit.first(_FIND, {"of": challenge_hash}))

    async def open(self, record: FlowRecord) -> FlowRecord:
        """Keep *record* if the challenge is new; answer what is kept."""
        added = await self._unit.add_if_new(record)
        return added or await self.find(record.challenge_hash) or record

    async def decide(
        self,
        challenge_hash: str,
        *,
        decision: str,
        decision_id: str,
        answer: dict[str, Any],
        browser_hash: str | None,
        subject: str | None,
        at: datetime,
    ) -> bool:
        """Keep a person's decision; false if there is one already."""
        return await self._settle(
            challenge_hash,
            state="decided",
            decision=decision,
            decision_id=decision_id,
            answer=answer,
            browser_hash=browser_hash,
            subject=subject,
            decided_at=at,
        )

    async def open_automatic(
        self,
        record: FlowRecord,
        *,
        decision: str,
        decision_id: str,
        subject: str | None,
        answer: dict[str, Any],
        at: datetime,
    ) -> None:
        """Keep *record* as answered without asking, whether it was open or not; what a person has
        decided stays.
        """
        record.state, record.decision, record.decision_id = "automatic", decision, decision_id
        record.answer, record.subject, record.decided_at = answer, subject, at
        statement = _opening_automatic(is_postgresql=self._unit.is_postgresql)
        await self._unit.run_later(statement, values_of(record))

    async def mark_unsent(self, challenge_hash: str) -> None:
        """Note that Ory could not be told: the same decision may be told again later."""
        await self._move(challenge_hash, before="decided", state="unsent")

    async def mark_resent(self, challenge_hash: str, *, at: datetime) -> None:
        """Note that it is told once more, from *at* on as if it had just been made."""
        await self._move(challenge_hash, before="unsent", state="decided", decided_at=at)

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget flows that were opened before *at*, at most *limit*: how many."""
        return await self._unit.delete_some(FlowRecord, FlowRecord.created_at < at, limit=limit)

    async def _settle(self, challenge_hash: str, **values: object) -> bool:
        new = {f"new_{name}": value for name, value in values.items()}
        return bool(await self._unit.run(_settling(tuple(values)), {"of": challenge_hash, **new}))

    async def _move(self, challenge_hash: str, *, before: str, **values: object) -> None:
        condition = sa.and_(FlowRecord.challenge_hash == challenge_hash, FlowRecord.state == before)
        await self._unit.run(sa.update(FlowRecord).where(condition).values(**values))


_FIND: Final = kept(
    select(FlowRecord).where(FlowRecord.challenge_hash == sa.bindparam("of", type_=sa.String()))
)


@cache
def _opening_automatic(*, is_postgresql: bool) -> Change:
    statement = insert(FlowRecord, is_postgresql=is_postgresql)
    names = ("state", "decision", "decision_id", "answer", "subject", "decided_at")
    state = FlowRecord.__table__.c.state
    return kept(
        statement.on_conflict_do_update(
            index_elements=["challenge_hash"],
            set_={name: statement.excluded[name] for name in names},
            where=sa.or_(state == "open", state == "automatic"),
        )
    )


@cache
def _settling(names: tuple[str, ...]) -> sa.Executable:
    """Give a flow that nobody decided the columns *names*."""
    columns = FlowRecord.__table__.c
    condition = sa.and_(
        columns.challenge_hash == sa.bindparam("of", type_=columns.challenge_hash.type),
        sa.or_(columns.state == "open", columns.state == "automatic"),
    )
    new = {name: sa.bindparam(f"new_{name}", type_=columns[name].type) for name in names}
    return kept(sa.update(FlowRecord).where(condition).values(new))
