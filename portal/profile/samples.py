"""Samples of the pages of ``profile``, in every state that changes their shape."""

from typing import Final

import msgspec

from portal.claims.standard import FIELDS
from portal.page import Page
from portal.profile.flow import LOOK_BELOW, NOTICES, fields
from portal.profile.pages import KnownView, ProfilePage, ReaderView
from portal.sample_data import stale, words

TOLD: Final = {
    "name": "Ann Example",
    "phone_number": "+49 30 000000",
    "zoneinfo": "Europe/Berlin",
    "locale": "de-AT",
}


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    filled = fields(TOLD, {})
    refused = fields({}, {field.name: "x" for field in FIELDS})
    return {
        "profile": ProfilePage(
            account="ann@example.org",
            email="ann@example.org",
            email_verified=True,
            fields=filled,
            known=(KnownView(title="Department", value="Sales"),),
            readers=(
                ReaderView(app="Photo Printer", permissions=(words("See your e-mail address"),)),
            ),
            notice=words(NOTICES["saved"]),
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
            fields=filled,
        ),
        "profile-stale": ProfilePage(
            status=403,
            account="ann@example.org",
            email="ann@example.org",
            fields=filled,
            error=stale(),
        ),
        "profile-refused": ProfilePage(
            status=422,
            account="ann@example.org",
            email="ann@example.org",
            fields=tuple(
                msgspec.structs.replace(f, problem=words("This is not a valid e-mail address."))
                for f in refused
            ),
            error=words(LOOK_BELOW),
        ),
    }
