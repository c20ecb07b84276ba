"""Whom an administrator looks for among all people, as the address has it."""

from collections.abc import Mapping
from typing import Final, cast
from urllib.parse import urlencode

import msgspec

from portal.admin.searching import NO_ORDER, NO_PLACE, pack, require_short, unpack
from portal.i18n import N_
from portal.store.user_index import USER_STATES, Place, UserOrder, UserSearch
from portal.web.inputs import HostileInputError

PATH: Final = "/admin/users"
ORDERS: Final[dict[UserOrder, str]] = {
    "email": N_("By address"),
    "newest": N_("Newest first"),
}
STATES: Final = {
    "": N_("Everybody"),
    "enabled": N_("Can sign in"),
    "disabled": N_("Disabled"),
    "admin": N_("Administrators"),
    "unprotected": N_("Administrators without a second factor"),
    "unverified": N_("Address not confirmed"),
}
NO_STATE: Final = N_("Nobody can be in such a state. Choose one from the list.")
FOUND_BY: Final = ("email", "name")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A search as it was typed, and which page of it: made by :func:`read_wanted` alone."""

    who: str = ""
    """A subject, an address, or the beginning of an address or of a name."""
    state: str = ""
    order: str = ""
    after: str = ""
    """Where the page before ended: opaque to people, because it means nothing to them."""

    @property
    def search(self) -> UserSearch:
        """What the store is asked for."""
        return UserSearch(text=self.who, state=self.state)

    @property
    def ordered(self) -> UserOrder:
        """How everybody is listed; what is typed has an order of its own."""
        return cast("UserOrder", self.order or "email")  # read_wanted has looked

    def position(self) -> Place | None:
        """Where to go on; a place in another order is none in this one."""
        if not self.after:
            return None
        moment, keys = unpack(self.after, order=self.ordered, keys=4)
        if keys[0] not in FOUND_BY:
            raise HostileInputError(NO_PLACE)
        return Place(moment, *keys)

    def url(self, **changed: str) -> str:
        """Where it is answered from the start, relative to the portal's prefix."""
        order = "" if self.ordered == "email" else self.ordered
        members = {"who": self.who, "state": self.state, "order": order} | changed
        query = urlencode({name: value for name, value in members.items() if value})
        return f"{PATH}?{query}" if query else PATH

    def url_from(self, place: Place) -> str:
        """The same from *place* on."""
        return self.url(after=pack(self.ordered, *place))


def read_wanted(asked: Mapping[str, str]) -> Wanted:
    """The search of an address; what else is in *asked* is somebody else's."""
    wanted = Wanted(**{name: asked.get(name, "") for name in Wanted.__struct_fields__})
    require_short([wanted.who])
    if wanted.state and wanted.state not in USER_STATES:
        raise HostileInputError(NO_STATE)
    if wanted.order and wanted.order not in ORDERS:
        raise HostileInputError(NO_ORDER)
    wanted.position()
    return wanted
