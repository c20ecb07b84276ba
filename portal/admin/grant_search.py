"""What an administrator looks for in everybody's grants, as the address has it.

Ages are told as so many days before now, so that a shared link means the same tomorrow.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, cast, get_args
from urllib.parse import urlencode

import msgspec

from portal.admin.searching import NO_ORDER, pack, require_right, too_long, unpack
from portal.i18n import N_
from portal.store import GrantSearch
from portal.store.grant_index import Order, Position
from portal.store.tables import GRANT_STATES
from portal.web.inputs import HostileInputError, parse_pairs

PATH: Final = "/admin/grants"
TERMS: Final = ("user", "client", "scope", "state", "allowed", "used")
"""What narrows; ``order`` and ``after`` do not."""
BEFORE: Final = "before-"
AGES: Final = ("1d", "7d", "30d", "before-30d", "before-90d", "before-365d")
"""Within so many days, or before that."""
_AGES: Final = ("", *AGES)
ORDERS: Final = get_args(Order)
NO_AGE: Final = N_("There is no such time to search for. Choose one from the list.")
NO_STATE: Final = N_("Nothing can be in such a state. Choose one from the list.")
NO_SEARCH: Final = N_("The address leads back to something that is no search.")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A search as it was typed, and which page of it. :func:`problems` tells whether it can be
    searched for; :func:`read_wanted` makes no other.
    """

    user: str = ""
    client: str = ""
    scope: str = ""
    state: str = ""
    allowed: str = ""
    used: str = ""
    order: str = ""
    """One of :data:`ORDERS`; empty: whatever fits what is searched for."""
    after: str = ""
    """Where the page before ended: opaque to people, because it means nothing to them."""

    @property
    def narrowed(self) -> bool:
        """Whether it means less than everything."""
        return bool(self.terms)

    @property
    def terms(self) -> dict[str, str]:
        """What narrows it."""
        return {name: value for name in TERMS if (value := getattr(self, name))}

    @property
    def ordered(self) -> Order:
        """How the results are ordered: by their last use if that is what is searched for."""
        if self.order:
            return cast("Order", self.order)  # read_wanted has looked
        if self.used:
            return "unused" if self.used.startswith(BEFORE) else "used"
        return "newest"

    def search(self, now: datetime) -> GrantSearch:
        """What the store is asked for, *now*."""
        return GrantSearch(
            user=self.user,
            client=self.client,
            scope=self.scope,
            state=self.state,
            allowed_since=_since(self.allowed, now),
            allowed_until=_until(self.allowed, now),
            used_since=_since(self.used, now),
            used_until=_until(self.used, now),
        )

    def position(self) -> Position | None:
        """Where to go on; a place in another order is none in this one."""
        if not self.after:
            return None
        moment, (subject, client_id) = unpack(self.after, order=self.ordered, keys=2)
        return moment, subject, client_id

    def first(self) -> "Wanted":
        """The same from the start."""
        return msgspec.structs.replace(self, after="")

    def following(self, place: Position) -> "Wanted":
        """The same from *place* on."""
        return msgspec.structs.replace(self, after=pack(self.ordered, *place))

    @property
    def query(self) -> str:
        """As the query of an address."""
        return urlencode({name: value for name, value in _members(self).items() if value})

    def url(self, **more: str) -> str:
        """Where it is answered, relative to the portal's prefix."""
        query = urlencode({name: value for name, value in _members(self).items() if value} | more)
        return f"{PATH}?{query}" if query else PATH

    def url_of_all(self, path: str, **more: str) -> str:
        """Where *path* treats everything that it means, in whatever order."""
        return f"{path}?{urlencode(more | self.terms)}"


def as_typed(asked: Mapping[str, str]) -> Wanted:
    """The search of an address, right or not; what else is in *asked* is somebody else's."""
    return Wanted(**{name: asked.get(name, "") for name in Wanted.__struct_fields__})


def problems(wanted: Wanted) -> dict[str, str]:
    """Why it cannot be searched for, by field; to be looked up where it is shown."""
    found = too_long(wanted.terms)
    found |= {name: NO_AGE for name in ("allowed", "used") if getattr(wanted, name) not in _AGES}
    if wanted.state and wanted.state not in GRANT_STATES:
        found["state"] = NO_STATE
    if wanted.order and wanted.order not in ORDERS:
        found["order"] = NO_ORDER
        return found
    try:
        wanted.position()
    except HostileInputError as exc:
        found["after"] = str(exc)
    return found


def read_wanted(asked: Mapping[str, str]) -> Wanted:
    """The search of an address, if it is one."""
    wanted = as_typed(asked)
    require_right(problems(wanted))
    return wanted


def read_back(query: str) -> Wanted:
    """The search that a link or a form carries along, to return to: never an address of others."""
    if not query.isascii():
        raise HostileInputError(NO_SEARCH)
    pairs = parse_pairs(query.encode())
    asked = dict(pairs)
    if len(asked) != len(pairs) or set(asked) - set(Wanted.__struct_fields__):
        raise HostileInputError(NO_SEARCH)
    return read_wanted(asked)


def _members(wanted: Wanted) -> dict[str, str]:
    return {name: getattr(wanted, name) for name in Wanted.__struct_fields__}


def _since(age: str, now: datetime) -> datetime | None:
    return now - _days(age) if age and not age.startswith(BEFORE) else None


def _until(age: str, now: datetime) -> datetime | None:
    return now - _days(age.removeprefix(BEFORE)) if age.startswith(BEFORE) else None


def _days(text: str) -> timedelta:
    return timedelta(days=int(text.removesuffix("d")))
