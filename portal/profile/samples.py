"""Samples of the pages of ``profile``, in every state that changes their shape."""

from typing import Final

import msgspec

from portal.claims.standard import FIELDS
from portal.page import Page
from portal.profile.flow import LOOK_BELOW, NOTICES, fields
from portal.profile.pages import KnownView, ProfilePage, ReaderView
from portal.sample_data import STALE

TOLD: Final = {
    "name": "Ann Example",
    "phone_number": "+49 30 000000",
    "zoneinfo": "Europe/Berlin",
    "locale": "de-AT",
}
FILLED: Final = fields(TOLD, {})
REFUSED: Final = fields({}, {field.name: "x" for field in FIELDS})
SAMPLES: Final[dict[str, Page]] = {
    "profile": ProfilePage(
        account="ann@example.org",
        email="ann@example.org",
        email_verified=True,
        fields=FILLED,
        known=(KnownView(title="Department", value="Sales"),),
        readers=(ReaderView(app="Photo Printer", permissions=("See your e-mail address",)),),
        notice=NOTICES["saved"],
    ),
    "profile-empty": ProfilePage(
        account="ann@example.org",
        is_admin=True,
        email="ann@example.org",
        fields=fields({}, {}),
    ),
    "profile-moving": ProfilePage(
        account="ann@example.org",
        email="ann@example.org",
        moving_to="anna@example.org",
        fields=FILLED,
    ),
    "profile-stale": ProfilePage(
        status=403,
        account="ann@example.org",
        email="ann@example.org",
        fields=FILLED,
        error=STALE,
    ),
    "profile-refused": ProfilePage(
        status=422,
        account="ann@example.org",
        email="ann@example.org",
        fields=tuple(msgspec.structs.replace(f, problem="This is not one.") for f in REFUSED),
        error=LOOK_BELOW,
    ),
}
