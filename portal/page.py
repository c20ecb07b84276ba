"""What a flow answers with: a page to render, or a path of the portal to go to.

The third kind of outcome, a redirect to Ory, is Ory's own document:
:class:`portal.ory.models.RedirectTo`.
"""

from typing import ClassVar, Final
from urllib.parse import urlencode

import msgspec


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The typed context of one template, which sees it under the single name ``page``.

    A subclass names its ``template`` and, where htmx swaps a piece of it, the ``partial`` that the
    template includes.
    """

    template: ClassVar[str]
    partial: ClassVar[str | None] = None
    target: ClassVar[str | None] = None
    """The id of the partial's root, for an answer that htmx must put there whatever was asked to be
    swapped.
    """
    ends_at_ory: ClassVar[bool] = False
    """True where the page's form is answered with a redirect to Ory: its CSP has no
    ``form-action``.
    """

    status: int = 200
    retry_after: int | None = None
    """Seconds after which trying again makes sense, for the header of that name."""


def with_challenge(path: str, name: str, challenge: str | None) -> str:
    """*path* with the challenge as Ory gave it, so that a page can be loaded again."""
    return f"{path}?{urlencode({name: challenge})}" if challenge else path


class NotThereError(Exception):
    """What was asked for does not exist, or not for whoever asked."""


class GoTo(msgspec.Struct, frozen=True):
    """A redirect to a page of the portal itself; *path* is relative to the portal's prefix."""

    path: str


DEVICE_DENIED: Final = GoTo("/device/denied")
"""Where a person is sent who denied a device something, by the login and the consent step alike."""
