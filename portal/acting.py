"""Who may act on others: looked at once more in the unit of work of the act.

A guard lets an administrator in when the request begins. Whoever loses the role after that, or is
shut out, changes nothing any more: the act is refused, and not only the next request.
"""

from typing import Final

from portal.store import Rows

WITHOUT_ACCOUNT: Final = frozenset({"cli", "system"})
"""Actors that are nobody: whoever has the machine may do anything, and so does the portal."""


class NotAllowedError(Exception):
    """Whoever acts does not administer the portal (any more)."""


async def administers(rows: Rows, actor: str) -> bool:
    """Whether *actor* may act on others now: a subject, or one of :data:`WITHOUT_ACCOUNT`."""
    if actor in WITHOUT_ACCOUNT:
        return True
    user = await rows.users.find(actor)
    return user is not None and user.admin and user.disabled_at is None


async def require_admin(rows: Rows, actor: str) -> None:
    """Raise :class:`NotAllowedError` unless *actor* may act on others now.

    It comes after the locks of what is changed: whoever waited for them looks at the role last.
    """
    if not await administers(rows, actor):
        raise NotAllowedError
