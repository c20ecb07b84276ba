"""Changes to what somebody has: each is one transaction with its audit event, its mail, and the end
of what was signed in before.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

from portal import postbox
from portal.factors.errors import FactorError
from portal.factors.levels import is_enforced
from portal.factors.naming import checked_name
from portal.factors.standing import Standing, standing_of
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import NotThereError
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import Passkey, TotpFactor, User

Kind = Literal["passkey", "totp"]
Factor = Passkey | TotpFactor
AnyFactor = TypeVar("AnyFactor", Passkey, TotpFactor)
Settle = Callable[[Rows, User, tuple[str, ...]], Awaitable[None]]
"""What else belongs to a change, in its unit and before it: that a new epoch begins, and what of
before goes on in it alone. It is given the account as it is, locked, and what the change proves
(``amr``), and refuses by a :class:`FactorError`.
"""
MAILS: Final = 10
MAIL_SECONDS_EACH: Final = 600.0
"""So many mails about changes a person gets at once, and one more after so many seconds; the audit
trail has them all."""
ACCOUNT_CHANGED: Final = N_("Your account was changed meanwhile. Please sign in again.")
ENFORCED: Final = N_(
    "This is your last second step, and you cannot sign in here without one. Add another one "
    "first, then remove this one."
)
NAMELESS: Final = N_("Type a name, so that you know later which one it is.")
LAST_WAY_IN: Final = N_(
    "This is your last way to sign in: your account has no password. Add another passkey first, "
    "or set a password."
)


class Added(msgspec.Struct, Generic[AnyFactor], frozen=True, kw_only=True):
    """A factor that somebody has now."""

    factor: AnyFactor
    proved: tuple[str, ...]
    """What a sign-in proves by it (``amr``), and was proved by adding it."""
    codes: tuple[str, ...] = ()
    """The first recovery codes, to be shown this once."""

    def __repr__(self) -> str:
        """Without the codes, whatever prints it."""
        return f"Added({self.factor.name!r})"


def find(standing: Standing, kind: Kind, factor_id: str) -> Factor:
    """Somebody's own factor, or :class:`NotThereError`."""
    for passkey in standing.passkeys if kind == "passkey" else ():
        if passkey.credential_id == factor_id:
            return passkey
    for app in standing.totp if kind == "totp" else ():
        if app.id == factor_id:
            return app
    raise NotThereError


def without(standing: Standing, factor: Factor) -> Standing:
    """What is left of *standing* when *factor* is gone; codes end with the last factor."""
    passkeys = tuple(p for p in standing.passkeys if p is not factor)
    totp = tuple(t for t in standing.totp if t is not factor)
    codes = standing.codes_left if passkeys or totp else 0
    return Standing(passkeys=passkeys, totp=totp, codes_left=codes)


def why_not(user: User, standing: Standing, factor: Factor, services: Services) -> str | None:
    """What speaks against removing *factor*; ``None``: nothing."""
    left = without(standing, factor)
    if user.password_hash is None and not left.passkeys:
        return _(LAST_WAY_IN)
    if not left.has_second_factor and is_enforced(user, services.settings):
        return _(ENFORCED)
    return None


async def rename(
    services: Services, user: User, *, kind: Kind, factor_id: str, name: str, visitor: Visitor
) -> None:
    """Give a factor another name; :class:`FactorError` where it is none."""
    async with services.store.writing() as rows:
        await still(rows, user)
        factor = find(await standing_of(rows, user.subject), kind, factor_id)
        new = checked_name(name, "")
        if not new:
            raise FactorError(_(NAMELESS))
        if new == factor.name:
            return
        if kind == "passkey":
            await rows.passkeys.rename(user.subject, factor_id, new)
        else:
            await rows.totp_factors.rename(user.subject, factor_id, new)
        detail = {"kind": kind, "name": new, "before": factor.name}
        await write_down(rows, "factor.renamed", user, visitor, detail)


async def remove(
    services: Services,
    user: User,
    *,
    kind: Kind,
    factor_id: str,
    visitor: Visitor,
    settle: Settle,
) -> Standing:
    """Take a factor away: what is left. Recovery codes end with the last one."""
    async with services.store.writing() as rows:
        current = await still(rows, user)
        standing = await standing_of(rows, user.subject)
        factor = find(standing, kind, factor_id)
        problem = why_not(current, standing, factor, services)
        if problem is not None:
            raise FactorError(problem)
        await settle(rows, current, ())
        if kind == "passkey":
            await rows.passkeys.delete(user.subject, factor_id)
        else:
            await rows.totp_factors.delete(user.subject, factor_id)
        left = without(standing, factor)
        if not left.has_second_factor:
            await rows.recovery_codes.delete_all(user.subject)
        detail = {"kind": kind, "name": factor.name}
        await write_down(rows, "factor.removed", user, visitor, detail)
        await tell(rows, services, user, "factor_removed", visitor)
    return left


async def still(rows: Rows, user: User) -> User:
    """*user* as they are now, locked; :class:`FactorError` if their sign-in counts no more."""
    current = await rows.users.find(user.subject, lock=True)
    if current is None or current.disabled_at is not None or current.epoch != user.epoch:
        raise FactorError(_(ACCOUNT_CHANGED))
    return current


async def write_down(
    rows: Rows, action: str, user: User, visitor: Visitor, detail: dict[str, Any]
) -> None:
    """Add what *user* did to the audit trail."""
    await rows.audit.add(
        action,
        at=visitor.now,
        actor=user.subject,
        subject=user.subject,
        detail=detail,
        origin=visitor.origin,
    )


async def tell(rows: Rows, services: Services, user: User, kind: str, visitor: Visitor) -> None:
    """Tell *user* by mail what was done in their name, but not without end."""
    bucket = f"tell:{hashlib.sha256(user.subject.encode()).hexdigest()}"
    now = visitor.now.timestamp()
    if await rows.attempts.take(bucket, now=now, burst=MAILS, seconds_each=MAIL_SECONDS_EACH):
        return
    await postbox.notify(rows, services, user, kind, now=visitor.now, origin=visitor.origin)
