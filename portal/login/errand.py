"""What somebody signs in for: an app's request at Ory, or the portal itself."""

from typing import Final
from urllib.parse import quote

import msgspec

from portal.app_requests import AppRequest, open_app_request
from portal.page import GoTo, with_challenge
from portal.services import Services, Visitor

AGAIN: Final = "again"
"""In the address of the first step: why it is shown once more."""


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of one sign-in belong to one of these."""

    app: AppRequest | None = None
    """``None``: the portal itself asks."""
    next_path: str = ""
    """Where the portal's own sign-in leads; checked by whoever made this."""

    @property
    def challenge(self) -> str:
        return self.app.challenge if self.app else ""

    @property
    def client_id(self) -> str:
        return self.app.request.client.client_id if self.app else ""

    @property
    def is_skipped(self) -> bool:
        """Ory knows the browser: nothing of what it knows is asked again."""
        return self.app is not None and self.app.request.skip

    def path(self, step: str) -> str:
        """The address of a step, which keeps what it is for."""
        if self.app is not None:
            return with_challenge(step, "login_challenge", self.app.challenge)
        return f"{step}?next={quote(self.next_path)}" if self.next_path else step

    @property
    def beginning(self) -> GoTo:
        """The first step, for a browser that wanted a later one and may not go there."""
        there = self.path("/login")
        return GoTo(f"{there}{'&' if '?' in there else '?'}{AGAIN}=1")


async def open_errand(
    challenge: str, next_path: str, *, visitor: Visitor, services: Services
) -> Errand:
    """Ask Ory what the challenge is about; without one it is the portal that asks."""
    if not challenge:
        return Errand(next_path=next_path)
    return Errand(app=await open_app_request(challenge, visitor=visitor, services=services))
