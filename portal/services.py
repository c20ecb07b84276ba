"""What a flow may use, and who it answers: the two things that every flow is handed."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from portal.origin import Origin
from portal.ory.admin import OryAdmin
from portal.passwords import Passwords
from portal.scopes import ScopeCatalog
from portal.settings import Settings
from portal.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Made once by ``create_app``; nothing in it belongs to one request."""

    settings: Settings
    store: Store
    ory: OryAdmin
    passwords: Passwords
    catalog: ScopeCatalog


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """The browser behind one request, and when the request came."""

    browser_hash: str | None
    """Hash of the anonymous browser cookie; ``None`` for a browser that brought none."""
    origin: Origin
    now: datetime
