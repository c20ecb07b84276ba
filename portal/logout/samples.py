"""Samples of the pages of ``logout``, in every state that changes their shape."""

from typing import Final

from portal.logout.pages import DonePage, LogoutPage
from portal.page import Page
from portal.sample_data import CHALLENGE, PHOTOS, STALE

SAMPLES: Final[dict[str, Page]] = {
    "logout": LogoutPage(challenge=CHALLENGE, app=PHOTOS, account="ann@example.org"),
    "logout-portal": LogoutPage(account="ann@example.org"),
    "logout-refused": LogoutPage(
        status=403, challenge=CHALLENGE, account="ann@example.org", error=STALE
    ),
    "done": DonePage(title="You are signed out", message="You can close this window."),
    "done-app": DonePage(title="You stay signed in", message="Nothing was changed.", app=PHOTOS),
}
