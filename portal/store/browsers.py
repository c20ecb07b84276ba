"""Known browsers: where somebody has signed in to an account before."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from portal.store.prepared import kept
from portal.store.tables import KnownBrowser
from portal.store.unit import Unit

_IS_KNOWN: Final = kept(
    sa.select(KnownBrowser.browser_hash).where(
        KnownBrowser.account_hash == sa.bindparam("account"),
        KnownBrowser.browser_hash == sa.bindparam("browser"),
    )
)


class Browsers:
    """The ``known_browsers`` table; both columns are hashes."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def is_known(self, account_hash: str, browser_hash: str) -> bool:
        """Whether somebody signed in to this account in this browser."""
        values = {"account": account_hash, "browser": browser_hash}
        return await self._unit.first(_IS_KNOWN, values) is not None

    async def remember(self, account_hash: str, browser_hash: str, at: datetime) -> None:
        """Note a success."""
        await self._unit.upsert_later(
            KnownBrowser(account_hash=account_hash, browser_hash=browser_hash, used_at=at)
        )

    async def forget_all(self, account_hash: str, *, but: str | None = None) -> int:
        """Forget an account's browsers except *but*, after its credentials were reset: how many."""
        statement = sa.delete(KnownBrowser).where(KnownBrowser.account_hash == account_hash)
        if but is not None:
            statement = statement.where(KnownBrowser.browser_hash != but)
        return await self._unit.run(statement)

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget browsers that were last used before *at*, at most *limit*: how many."""
        return await self._unit.delete_some(KnownBrowser, KnownBrowser.used_at < at, limit=limit)
