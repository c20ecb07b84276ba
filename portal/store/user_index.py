"""Finding people among a million: by address, subject, name and what they are."""

import sys
import unicodedata
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from portal.store.folding import name_key
from portal.store.grant_walks import written
from portal.store.tables import Passkey, TotpFactor, User
from portal.store.unit import Unit, load_all, select

EXACT_TO: Final = 10_000
MAX_PAGE: Final = 1_000
UserState = Literal["enabled", "disabled", "admin", "unverified", "unprotected"]
USER_STATES: Final[tuple[UserState, ...]] = get_args(UserState)
"""May sign in; may not; administers; whose address is unconfirmed; administers, and has no second
factor."""
UserOrder = Literal["email", "newest"]
Condition = sa.ColumnElement[bool] | sa.TextClause


class UserSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an administrator looks for, as it was typed; empty fields do not narrow."""

    text: str = ""
    """A subject, an address, or the beginning of an address or of a name; capitals do not matter.
    """
    state: str = ""
    """One of :data:`USER_STATES`; others find nobody."""


class Place(NamedTuple):
    """Of somebody in a list, to go on behind them."""

    created_at: datetime
    by: str
    """``email`` or ``name``: what they were found by, where something was typed."""
    subject: str
    email: str
    name_key: str


class UserPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some people; ``next`` is the place to go on from, ``None`` on the last page."""

    users: tuple[User, ...]
    next: Place | None


class UserIndex:
    """The ``users`` table, looked through by administrators."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def page(
        self, search: UserSearch, *, order: UserOrder, after: Place | None, limit: int
    ) -> UserPage:
        """List a page of at most *limit* people, after *after*.

        What was typed has an order of its own: first those whose address begins so, by address,
        then those whose name does, by name. A subject or a whole address is that one person.
        """
        limit = max(1, min(limit, MAX_PAGE))
        if not search.text.strip():
            listed = await self._listed(_state(search.state), order, after, limit + 1)
            return _page(listed, limit, "email")
        exactly = await self._exactly(search)
        if exactly:
            return UserPage(users=exactly, next=None)
        words = _Words(search)
        found: tuple[User, ...] = ()
        if after is None or after.by == "email":
            found = await self._by_email(words, after, limit + 1)
            if len(found) > limit:
                return _page(found, limit, "email")
            after = None
        named = await self._by_name(words, after, limit + 1 - len(found))
        page = _page((*found, *named), limit, "name")
        if page.next is not None and len(found) == limit:  # nobody of this page has such a name
            return UserPage(users=page.users, next=page.next._replace(by="name", name_key=""))
        return page

    async def count(self, search: UserSearch) -> tuple[int, bool]:
        """How many *search* finds, and whether that is exact: it is up to :data:`EXACT_TO`."""
        most = EXACT_TO + 1 if self._unit.is_postgresql else sys.maxsize
        wanted = _state(search.state)
        if search.text.strip():
            if exactly := await self._exactly(search):
                return len(exactly), True
            words = _Words(search)
            counted = await self._count([words.by_email, *wanted], most)
            if counted < most:
                counted += await self._count([*words.by_name, *wanted], most)
            wanted = [sa.or_(words.by_email, sa.and_(*words.by_name)), *wanted]
        else:
            counted = await self._count(wanted, most)
        if counted < most:
            return counted, True
        row = await self._unit.first(_Explained(sa.select(User.subject).where(*wanted)))
        planned = row[0][0]["Plan"]["Plan Rows"] if row else 0
        return max(int(planned), EXACT_TO), False

    async def protected(self, subjects: tuple[str, ...]) -> frozenset[str]:
        """Who of *subjects* has a second factor."""
        if not subjects:
            return frozenset()
        found = sa.union(
            *(sa.select(t.subject).where(t.subject.in_(subjects)) for t in (Passkey, TotpFactor))
        )
        return frozenset(row[0] for row in await self._unit.all(found))

    async def _listed(
        self, wanted: list[Condition], order: UserOrder, after: Place | None, limit: int
    ) -> tuple[User, ...]:
        statement = select(User).where(*wanted).limit(written(limit))
        if order == "newest":
            statement = statement.order_by(User.created_at.desc(), User.subject.desc())
            if after is not None:
                place = sa.tuple_(
                    sa.literal(after.created_at, User.created_at.type),
                    sa.literal(after.subject, User.subject.type),
                )
                statement = statement.where(sa.tuple_(User.created_at, User.subject) < place)
        else:
            statement = statement.order_by(User.email)
            if after is not None:
                statement = statement.where(User.email > after.email)
        return load_all(User, await self._unit.all(statement))

    async def _exactly(self, search: UserSearch) -> tuple[User, ...]:
        typed = search.text.strip()
        named = sa.or_(User.subject == typed, User.email == _folded(typed))
        statement = select(User).where(named, *_state(search.state)).order_by(User.email)
        return load_all(User, await self._unit.all(statement))

    async def _by_email(self, words: "_Words", after: Place | None, limit: int) -> tuple[User, ...]:
        statement = select(User).where(words.by_email, *words.state).order_by(User.email)
        if after is not None:
            statement = statement.where(User.email > after.email)
        return load_all(User, await self._unit.all(statement.limit(written(limit))))

    async def _by_name(self, words: "_Words", after: Place | None, limit: int) -> tuple[User, ...]:
        statement = select(User).where(*words.by_name, *words.state)
        statement = statement.order_by(User.name_key, User.email)
        if after is not None:
            place = sa.tuple_(
                sa.literal(after.name_key, User.name_key.type),
                sa.literal(after.email, User.email.type),
            )
            statement = statement.where(sa.tuple_(User.name_key, User.email) > place)
        return load_all(User, await self._unit.all(statement.limit(written(limit))))

    async def _count(self, wanted: list[Condition], most: int) -> int:
        some = sa.select(User.subject).where(*wanted).limit(written(most)).subquery()
        row = await self._unit.first(sa.select(sa.func.count()).select_from(some))
        return row[0] if row else 0


class _Words:
    """What was typed, as conditions."""

    def __init__(self, search: UserSearch) -> None:
        self.state = _state(search.state)
        self.by_email = _begins(User.email, _folded(search.text.strip()))
        name = name_key(search.text)
        self.by_name: list[Condition] = [sa.false()]
        if name:
            self.by_name = [_begins(User.name_key, name), sa.not_(self.by_email)]


class _Explained(sa.Executable, sa.ClauseElement):
    """What PostgreSQL plans for a statement, and so how much it takes it to find; it runs
    nothing.
    """

    inherit_cache = False

    def __init__(self, planned: sa.Select[Any]) -> None:
        self.planned = planned


@compiles(_Explained)
def _explain(element: _Explained, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.planned, **options)}"


def _page(found: tuple[User, ...], limit: int, by: str) -> UserPage:
    if len(found) <= limit:
        return UserPage(users=found, next=None)
    last = found[limit - 1]
    place = Place(last.created_at, by, last.subject, last.email, last.name_key or "")
    return UserPage(users=found[:limit], next=place)


def _state(state: str) -> list[Condition]:
    """Conditions as the partial indexes spell them."""
    if not state:
        return []
    if state == "unprotected":
        return [
            sa.text("users.admin"),
            *(~sa.exists().where(t.subject == User.subject) for t in (Passkey, TotpFactor)),
        ]
    known = {
        "enabled": "users.disabled_at IS NULL",
        "disabled": "users.disabled_at IS NOT NULL",
        "admin": "users.admin",
        "unverified": "NOT users.email_verified",
    }
    return [sa.text(known[state])] if state in known else [sa.false()]


def _begins(column: Any, text: str) -> Condition:
    """Whether a column that is compared by its bytes begins with *text*."""
    above = _following(text)
    if above is None:
        return sa.and_(column >= text)
    return sa.and_(column >= text, column < above)


def _following(text: str) -> str | None:
    """The first text behind all that begin with *text*, compared by code points."""
    for end in range(len(text), 0, -1):
        code = ord(text[end - 1]) + 1
        if code == 0xD800:
            code = 0xE000
        if code <= sys.maxunicode:
            return text[: end - 1] + chr(code)
    return None


def _folded(text: str) -> str:
    """An address, or its beginning, as addresses are kept."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFC", folded)
