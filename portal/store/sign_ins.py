"""Sign-ins that are half done."""

from datetime import datetime
from functools import cache
from typing import Final, NamedTuple

import sqlalchemy as sa

from portal.store.prepared import kept
from portal.store.tables import ClientPolicy, LoginSession, Passkey, Revocation, SignIn, TotpFactor
from portal.store.unit import Unit, load_first, select


class Surroundings(NamedTuple):
    """What decides what a sign-in still lacks; one statement, for every sign-in asks it."""

    has_passkey: bool
    has_totp: bool
    required_acr: str | None
    """By the client's policy."""
    has_void_session: bool
    """This browser holds a cookie of Ory's for a session of theirs that was ended since."""
    has_pending: bool
    """Something is still to be ended at Ory, of this client or of everything."""

    @property
    def has_second_factor(self) -> bool:
        return self.has_passkey or self.has_totp


class SignIns:
    """The ``sign_ins`` table: at most one for each browser and challenge."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, key_hash: str) -> SignIn | None:
        return load_first(SignIn, await self._unit.first(_BY_KEY, {"of": key_hash}))

    async def save(self, record: SignIn) -> None:
        """Insert or replace: another person may sign in in the same browser."""
        await self._unit.upsert(record)

    async def end(self, key_hash: str) -> bool:
        """Forget it, because it is finished: whether it was there, so that one alone finishes."""
        return bool(await self._unit.run(_END, {"of": key_hash}))

    async def end_all(self, subject: str) -> int:
        """Forget a subject's: how many."""
        return await self._unit.run(sa.delete(SignIn).where(SignIn.subject == subject))

    async def surroundings(
        self, subject: str, *, epoch: int, client_id: str = "", browser_hash: str | None = None
    ) -> Surroundings:
        """What a sign-in of *subject* has to reckon with."""
        values = {"subject": subject, "epoch": epoch, "client_id": client_id}
        row = await self._unit.first(_surroundings(), values | {"browser_hash": browser_hash or ""})
        return Surroundings(*row) if row else Surroundings(False, False, None, False, False)  # noqa: FBT003 - none of it

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget those begun before *at*, at most *limit*: how many."""
        return await self._unit.delete_some(SignIn, SignIn.started_at < at, limit=limit)


_KEY: Final[sa.BindParameter[str]] = sa.bindparam("of")
_BY_KEY: Final = kept(select(SignIn).where(SignIn.key_hash == _KEY))
_END: Final = kept(sa.delete(SignIn).where(SignIn.key_hash == _KEY))


@cache
def _surroundings() -> sa.Executable:
    subject = sa.bindparam("subject", type_=sa.String())
    client_id = sa.bindparam("client_id", type_=sa.String())
    session = sa.and_(
        LoginSession.subject == subject,
        LoginSession.browser_hash == sa.bindparam("browser_hash", type_=sa.String()),
        LoginSession.remembered,
        sa.or_(
            LoginSession.epoch < sa.bindparam("epoch", type_=sa.Integer()),
            LoginSession.ended_at.is_not(None),
        ),
    )
    pending = sa.and_(
        Revocation.state == "pending",
        Revocation.subject == subject,
        sa.or_(Revocation.client_id.is_(None), Revocation.client_id == client_id),
    )
    policy = sa.select(ClientPolicy.required_acr).where(ClientPolicy.client_id == client_id)
    return kept(
        sa.select(
            sa.exists().where(Passkey.subject == subject),
            sa.exists().where(TotpFactor.subject == subject),
            policy.scalar_subquery(),
            sa.exists().where(session),
            sa.exists().where(pending),
        )
    )
