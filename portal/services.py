"""What a flow may use, and who it answers: the two things that every flow is handed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from portal.attributes import AttributeCatalog
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.origin import Origin
from portal.ory.admin import OryAdmin
from portal.passwords import Passwords
from portal.scopes import ScopeCatalog
from portal.sealing import Sealer
from portal.settings import Settings
from portal.store import Store

STALE_FORM: Final = N_("This page was open for too long. Nothing was changed: please try again.")
NO_COOKIE: Final = N_(
    "Your browser did not send our cookie back. Allow cookies here, then try again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Made once by ``create_app``; nothing in it belongs to one request."""

    settings: Settings
    store: Store
    ory: OryAdmin
    passwords: Passwords
    catalog: ScopeCatalog
    attributes: AttributeCatalog
    sealer: Sealer


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """The browser behind one request, and when the request came."""

    browser_hash: str | None
    """Hash of the anonymous browser cookie; ``None`` for a browser that brought none."""
    origin: Origin
    now: datetime

    @property
    def why_stale(self) -> str:
        """What to tell somebody whose form was not one that this browser was shown."""
        return _(STALE_FORM) if self.browser_hash else _(NO_COOKIE)
