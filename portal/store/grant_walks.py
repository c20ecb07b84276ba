"""How grants are looked through: along an index, in its order, and never far.

The grants of one state, of one state and client, or of one state and combination of scopes lie next
to one another in an index, by instant. Such a run is a *stream*; what comes first when a few of
them are merged is a page. What the index cannot answer is asked of the rows as they come by, of
:data:`REACH` at most: that is a *walk*.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import ColumnCollection, ReadOnlyColumnCollection
from sqlalchemy.sql.compiler import SQLCompiler

from portal.store.columns import Json, Text
from portal.store.tables import GRANT_STATES, GrantRecord, ScopeSet, User
from portal.store.unit import columns

REACH: Final = 10_000
"""So many rows a walk looks at, all its streams together."""
ALL: Final = 1_000_000
"""More than a few people can have: they are read before anything is asked of them."""
FEW_SETS: Final = 12
"""A scope in more combinations than these is a common one, as a rule."""
CLOCKS: Final = timedelta(minutes=10)
"""Nothing is used before it is allowed, but the clocks of replicas differ: by no more than this."""
Moment = Literal["granted_at", "last_accept_at"]
Position = tuple[datetime, str, str]
"""Where a page ends: the instant it is ordered by, subject, client id of its last row."""
Columns = ReadOnlyColumnCollection[str, Any] | ColumnCollection[str, Any]
Condition = sa.ColumnElement[bool]
Query = sa.Select[*tuple[Any, ...]]
Stream = tuple[Any, Any]
"""The value of a walk's column, and a state: as values or as columns that have them."""

_GRANTS: Final = GrantRecord.__table__
_USERS: Final = User.__table__
_SETS: Final = ScopeSet.__table__
_SEEN: Final = ("subject", "client_id", "state", "scope_set", "granted_at", "last_accept_at")
"""What every index of grants holds: a walk fetches no row before it knows that it is meant."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which grants are meant, by ids alone: nothing typed later changes it. It can be kept as JSON.

    ``None`` does not narrow; an empty tuple finds nothing.
    """

    subjects: tuple[str, ...] | None = None
    client_ids: tuple[str, ...] | None = None
    scopes: tuple[str, ...] = ()
    """All of them."""
    scope_sets: tuple[int, ...] | None = None
    """The combinations that hold ``scopes``, where they are few."""
    states: tuple[str, ...] | None = None
    allowed_since: datetime | None = None
    """From then on; ``…_until`` is inclusive too."""
    allowed_until: datetime | None = None
    used_since: datetime | None = None
    used_until: datetime | None = None


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """One way through a selection: by one column, in the order of *moment*."""

    selection: Selection
    by: Literal["subject", "client_id", "scope_set", "state"]
    """The column whose values, each with each state, are the streams. ``state``: the states alone;
    ``subject``: no streams, but everything that a few people have."""
    moment: Moment
    descending: bool
    postgresql: bool

    @property
    def asks(self) -> bool:
        """Whether rows come by that are not meant."""
        return bool(self._questions(_GRANTS.c))

    def follows(self, moment: Moment) -> bool:
        """Whether the rows come by in the order of *moment*."""
        return self.by != "subject" and self.moment == moment

    def found(
        self, *, moment: Moment, descending: bool, after: Position | None, limit: int
    ) -> Query:
        """The first *limit* grants that are meant, whole, with the addresses of their users.

        Two more columns say whether a row is ``meant``, and whether it ``cut`` its stream: what
        comes behind it was not looked at. A walk that does not follow *moment* has to see all: a
        cut comes first there.
        """
        follows = self.follows(moment)

        def order(given: Columns) -> list[sa.ColumnElement[Any]]:
            cut = [] if follows else [given.cut.desc()]
            return [*cut, *_order(given, moment, descending=descending)]

        def meant(given: Columns) -> Condition:
            asked = self._questions(given)
            if after is not None and not follows:
                asked.append(_beyond(given, moment, after, descending=descending))
            return sa.and_(sa.true(), *asked)

        def asked(one: Stream) -> Query:
            seen = self._stream(one, after=after if follows else None, limit=reach).subquery()
            number = sa.func.row_number().over(order_by=list(self._order(seen.c)))
            numbered = sa.select(seen, number.label("number")).subquery()
            judged = _judged(numbered, meant(numbered.c), numbered.c.number == written(reach))
            return judged.order_by(*order(judged.selected_columns)).limit(written(limit))

        def plain(one: Stream) -> Query:
            seen = self._stream(one, after=after, limit=limit).subquery()
            return _judged(seen, sa.true(), sa.false())

        if self.by == "subject":
            people = self._people().subquery()
            merged = _judged(people, meant(people.c), sa.false())
        else:
            reach = max(REACH // self._count(), limit)
            merged = self._merged(asked if self.asks or not follows else plain)
        rows = merged.order_by(*order(merged.selected_columns)).limit(written(limit)).subquery()
        key = sa.and_(_GRANTS.c.subject == rows.c.subject, _GRANTS.c.client_id == rows.c.client_id)
        user = _USERS.c.subject == rows.c.subject
        return (
            sa.select(*columns(GrantRecord), _USERS.c.email, rows.c.meant, rows.c.cut)
            .select_from(rows.join(_GRANTS, key).outerjoin(_USERS, user))
            .order_by(*order(rows.c))
        )

    def count(self, reach: int) -> Query:
        """How many of the first *reach* rows are meant, and how many rows there are."""
        seen, meant = self._counted(reach)
        return sa.select(sa.func.count().filter(meant), sa.func.count()).select_from(seen)

    def count_holders(self, reach: int) -> Query:
        """How many people and how many apps have those that are meant."""
        seen, meant = self._counted(reach)
        some = sa.select(seen.c.subject, seen.c.client_id).where(meant).cte()
        each = (sa.select(column).distinct().subquery() for column in some.c)
        return sa.select(
            *(sa.select(sa.func.count()).select_from(one).scalar_subquery() for one in each)
        )

    def _counted(self, reach: int) -> tuple[sa.FromClause, Condition]:
        if self.by == "subject":
            seen = self._people().subquery()
        else:
            merged = self._merged(lambda one: self._stream(one, after=None, limit=reach))
            seen = merged.limit(written(reach)).subquery()
        return seen, sa.and_(sa.true(), *self._questions(seen.c))

    def _people(self) -> Query:
        theirs = _GRANTS.c.subject.in_(self.selection.subjects or ())
        return sa.select(*(_GRANTS.c[name] for name in _SEEN)).where(theirs).limit(written(ALL))

    def _stream(self, one: Stream, *, after: Position | None, limit: int) -> Query:
        value, state = one
        wanted = [_GRANTS.c.state == state, *self._bounds(after)]
        if self.by != "state":
            wanted.append(_GRANTS.c[self.by] == value)
        seen = sa.select(*(_GRANTS.c[name] for name in _SEEN)).where(*wanted)
        first = seen.order_by(*self._order(_GRANTS.c)).limit(written(limit))
        return first.correlate_except(_GRANTS)

    def _merged(self, make: Callable[[Stream], Query]) -> Query:
        """The rows of all streams: on PostgreSQL by one short statement, however many they are."""
        values, states = self._values()
        if not self.postgresql:
            each = (make((value, state)).subquery() for state in states for value in values)
            return sa.select(sa.union_all(*(sa.select(rows) for rows in each)).subquery())
        kind = _GRANTS.c[self.by].type
        pairs = [(value, state) for state in states for value in values]
        streams = sa.func.unnest(
            sa.literal([value for value, _ in pairs], ARRAY(kind)),
            sa.literal([state for _, state in pairs], ARRAY(Text())),
        ).table_valued(sa.column("value", kind), sa.column("state", Text()))
        named = streams.render_derived("streams")
        rows = make((named.c.value, named.c.state)).lateral()
        return sa.select(rows).select_from(named.join(rows, sa.true()))

    def _values(self) -> tuple[Sequence[Any], Sequence[str]]:
        states = GRANT_STATES if self.selection.states is None else self.selection.states
        values = {"client_id": self.selection.client_ids, "scope_set": self.selection.scope_sets}
        return values.get(self.by, ("",)) or (), states

    def _count(self) -> int:
        values, states = self._values()
        return len(values) * len(states)

    def _order(self, given: Columns) -> Iterator[sa.ColumnElement[Any]]:
        return _order(given, self.moment, descending=self.descending)

    def _bounds(self, after: Position | None) -> Iterator[Condition]:
        """Where a stream begins and ends. One bound on each side, so that it is the one sought."""
        moment, (since, until) = _GRANTS.c[self.moment], self._range()
        if after is not None and self.descending and (until is None or after[0] <= until):
            until = None
            yield _beyond(_GRANTS.c, self.moment, after, descending=True)
        elif after is not None and not self.descending and (since is None or after[0] >= since):
            since = None
            yield _beyond(_GRANTS.c, self.moment, after, descending=False)
        yield from _between(moment, since, until)

    def _range(self) -> tuple[datetime | None, datetime | None]:
        """What is asked of the other instant narrows this one too."""
        meant = self.selection
        if self.moment == "granted_at":
            used = None if meant.used_until is None else meant.used_until + CLOCKS
            ends = [end for end in (meant.allowed_until, used) if end is not None]
            return meant.allowed_since, min(ends, default=None)
        allowed = None if meant.allowed_since is None else meant.allowed_since - CLOCKS
        starts = [start for start in (meant.used_since, allowed) if start is not None]
        return max(starts, default=None), meant.used_until

    def _questions(self, given: Columns) -> list[Condition]:
        """What the streams do not answer."""
        meant, asked = self.selection, []
        if self.by != "scope_set" and meant.scopes:
            asked.append(self._holds_scopes(given))
        if self.by != "client_id" and meant.client_ids is not None:
            asked.append(given.client_id.in_(meant.client_ids))
        if self.by == "subject" and meant.states is not None:
            asked.append(given.state.in_(meant.states))
        if not self.follows("granted_at"):
            asked += _between(given.granted_at, meant.allowed_since, meant.allowed_until)
        if not self.follows("last_accept_at"):
            asked += _between(given.last_accept_at, meant.used_since, meant.used_until)
        return asked

    def _holds_scopes(self, given: Columns) -> Condition:
        if self.selection.scope_sets is not None:
            held: Condition = given.scope_set.in_(self.selection.scope_sets)
            return held
        holding = sa.select(_SETS.c.id).where(
            holds_scopes(self.selection.scopes, postgresql=self.postgresql)
        )
        # IS TRUE, so that PostgreSQL makes no join of it, which would lose the order of the walk
        return sa.type_coerce(given.scope_set.in_(holding), sa.Boolean()).is_(sa.true())


def walks(
    selection: Selection, moment: Moment, *, descending: bool, postgresql: bool
) -> tuple[Walk, ...]:
    """The ways through *selection*, those that follow *moment* first; none if it is empty."""
    meant = selection
    if () in (meant.subjects, meant.client_ids, meant.scope_sets, meant.states):
        return ()

    def walk(by: Any, moment: Moment) -> Walk:
        return Walk(
            selection=meant, by=by, moment=moment, descending=descending, postgresql=postgresql
        )

    if meant.subjects is not None:
        return (walk("subject", moment),)
    by = ["scope_set"] if meant.scope_sets is not None else []
    if meant.client_ids is not None:
        by.append("client_id")
    elif meant.scope_sets is None or len(meant.scope_sets) > FEW_SETS:
        by.insert(0, "state")
    ways = [walk(name, moment) for name in by]
    # the other end of each of these narrows the way above as much
    if moment == "granted_at" and meant.used_since is not None:
        ways.append(walk(by[-1], "last_accept_at"))
    if moment == "last_accept_at" and meant.allowed_until is not None:
        ways.append(walk(by[-1], "granted_at"))
    return tuple(ways)


class Estimate(sa.Executable, sa.ClauseElement):
    """What PostgreSQL plans for *selection*, and so how much it takes it to be; it runs nothing."""

    inherit_cache = False

    def __init__(self, selection: Selection) -> None:
        asked: list[Condition] = []
        for name, values in (
            ("subject", selection.subjects),
            ("client_id", selection.client_ids),
            ("scope_set", selection.scope_sets),
            ("state", selection.states),
        ):
            if values is not None:
                asked.append(_GRANTS.c[name].in_(values))
        if selection.scopes and selection.scope_sets is None:
            scopes = sa.literal(list(selection.scopes), Json())
            asked.append(sa.type_coerce(_GRANTS.c.scopes, JSONB()).contains(scopes))
        asked += _between(_GRANTS.c.granted_at, selection.allowed_since, selection.allowed_until)
        asked += _between(_GRANTS.c.last_accept_at, selection.used_since, selection.used_until)
        self.planned = sa.select(_GRANTS.c.subject).where(*asked)


@compiles(Estimate)
def _explain(element: Estimate, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.planned, **options)}"


def holds_scopes(scopes: Sequence[str], *, postgresql: bool) -> Condition:
    """Whether a combination holds all of *scopes*."""
    if postgresql:
        wanted = sa.literal(list(scopes), Json())
        return sa.type_coerce(_SETS.c.scopes, JSONB()).contains(wanted)
    held = sa.func.json_each(_SETS.c.scopes).table_valued("value")
    return sa.and_(
        *(
            sa.exists(sa.select(held.c.value).where(held.c.value == sa.literal(scope, Text())))
            for scope in scopes
        )
    )


def _order(given: Columns, moment: Moment, *, descending: bool) -> Iterator[sa.ColumnElement[Any]]:
    for column in (given[moment], given.subject, given.client_id):
        yield column.desc() if descending else column.asc()


def _beyond(given: Columns, moment: Moment, after: Position, *, descending: bool) -> Condition:
    place = (given[moment], given.subject, given.client_id)
    here = sa.tuple_(*(sa.literal(v, c.type) for v, c in zip(after, place, strict=True)))
    return sa.tuple_(*place) < here if descending else sa.tuple_(*place) > here


def _between(
    column: sa.ColumnElement[Any], since: datetime | None, until: datetime | None
) -> Iterator[Condition]:
    if since is not None:
        yield column >= since
    if until is not None:
        yield column <= until


def _judged(seen: sa.Subquery, meant: Condition, cut: Condition) -> Query:
    """What is seen, but for rows that are neither meant nor the last ones that are looked at."""
    rows = (seen.c[name] for name in _SEEN)
    judged = sa.select(*rows, meant.label("meant"), cut.label("cut"))
    return judged.where(sa.or_(meant, cut))


def written(value: int) -> sa.ColumnElement[int]:
    """Written out, because a plan that PostgreSQL keeps would not know a parameter."""
    return sa.literal_column(str(value), sa.Integer())
