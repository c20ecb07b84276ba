"""How far a sign-in is: what one browser has proved for one errand, and what is still to be done.

A row of ``sign_ins`` keeps it between two steps. It counts for a quarter of an hour, in the same
browser, as long as the account is as it was. Where Ory remembers the browser (skip), its session
is where a sign-in begins: what it proved need not be proved again.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Final, Literal

import msgspec

from portal.accounts.changes import end_sign_ins
from portal.decisions import half_done_key, login_session_hash
from portal.factors import guesses
from portal.factors.levels import (
    AAL2,
    MULTIPLE,
    acr_of,
    combined,
    required_acr,
    satisfies,
)
from portal.login.errand import Errand
from portal.services import Services, Visitor
from portal.sessions import know_only
from portal.settings import Settings
from portal.store import Rows
from portal.store.sign_ins import Surroundings
from portal.store.tables import LoginSession, Revocation, SignIn, User

LIFETIME: Final = timedelta(minutes=15)
Step = Literal["factor", "new-password", "enrol"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs in, and what they have proved so far."""

    errand: Errand
    key_hash: str
    user: User
    amr: tuple[str, ...]
    remember: bool
    around: Surroundings
    required: str
    """The level that has to be reached."""
    session: LoginSession | None = None
    """Ory's, where it remembers the browser."""
    is_theirs: bool = True
    """Whether this browser may be shown whose sign-in it is: it has proved it itself."""

    @property
    def acr(self) -> str:
        return acr_of(self.amr)

    @property
    def step(self) -> Step | None:
        """What comes next; ``None``: nothing is missing."""
        if self.errand.is_skipped:
            return None if satisfies(self.acr, self.required) else "factor"
        return next_step(
            self.amr,
            self.user,
            has_second_factor=self.around.has_second_factor,
            required=self.required,
        )


def next_step(
    amr: tuple[str, ...], user: User, *, has_second_factor: bool, required: str
) -> Step | None:
    """Who has a second factor is always asked for it, before anything else can be done; only who
    has no password to stand beside it goes on without, if that is enough.
    """
    if MULTIPLE not in amr and has_second_factor and (user.password_hash or required == AAL2):
        return "factor"
    if needs_new_password(user):
        return "new-password"
    return None if satisfies(acr_of(amr), required) else "enrol"


async def begin(
    rows: Rows,
    errand: Errand,
    user: User,
    amr: tuple[str, ...],
    *,
    remember: bool,
    visitor: Visitor,
    services: Services,
) -> Progress:
    """A sign-in whose first step was taken just now; nothing is kept yet."""
    around = await _look_around(rows, errand, user, visitor)
    return Progress(
        errand=errand,
        key_hash=key_of(errand, visitor),
        user=user,
        amr=amr,
        remember=remember,
        around=around,
        required=_required(errand, user, around, services),
    )


async def find(
    rows: Rows, errand: Errand, *, visitor: Visitor, services: Services, lock: bool = False
) -> Progress | None:
    """The sign-in that this browser has begun for *errand*, if it still counts.

    With *lock*, whoever changes the account waits for this unit.
    """
    key_hash = key_of(errand, visitor)
    record = await _record(rows, key_hash, visitor)
    if errand.is_skipped:
        return await _resume(rows, errand, record, visitor, services, lock=lock)
    if record is None:
        return None
    user = await rows.users.find(record.subject, lock=lock)
    if lock:  # another step of this sign-in may have ended while the account was waited for
        record = await _record(rows, key_hash, visitor)
    if record is None or user is None or user.subject != record.subject:
        return None
    if user.disabled_at is not None or user.epoch != record.epoch:
        return None
    around = await _look_around(rows, errand, user, visitor)
    return Progress(
        errand=errand,
        key_hash=key_hash,
        user=user,
        amr=tuple(record.amr),
        remember=record.remember,
        around=around,
        required=_required(errand, user, around, services),
    )


async def keep(rows: Rows, progress: Progress, *, visitor: Visitor) -> None:
    """Remember it for the next step: the quarter of an hour begins anew with each."""
    await rows.sign_ins.save(
        SignIn(
            key_hash=progress.key_hash,
            subject=progress.user.subject,
            epoch=progress.user.epoch,
            amr=list(progress.amr),
            remember=progress.remember,
            started_at=visitor.now,
        )
    )


async def prove(
    rows: Rows, progress: Progress, proof: tuple[str, ...], *, visitor: Visitor
) -> Progress:
    """One more thing was proved."""
    further = msgspec.structs.replace(progress, amr=combined(progress.amr, proof))
    await keep(rows, further, visitor=visitor)
    if MULTIPLE in further.amr:
        await guesses.know(rows, progress.user.subject, visitor.browser_hash, at=visitor.now)
    return further


async def go_on_alone(
    rows: Rows, progress: Progress, proof: tuple[str, ...], *, visitor: Visitor
) -> Revocation:
    """End everything that was signed in before, because what somebody signs in with is changed in
    this unit; this sign-in alone goes on, in the epoch that begins. What apps were allowed stays.
    """
    user = progress.user
    await rows.users.end_sign_ins(user.subject, visitor.now)
    revocation = await end_sign_ins(rows, user.subject, now=visitor.now)
    await know_only(rows, user, visitor)
    user.epoch += 1
    await prove(rows, progress, proof, visitor=visitor)
    return revocation


def key_of(errand: Errand, visitor: Visitor) -> str:
    """The row's key: of this browser and this challenge."""
    return half_done_key(errand.challenge, visitor)


async def _record(rows: Rows, key_hash: str, visitor: Visitor) -> SignIn | None:
    record = await rows.sign_ins.find(key_hash) if visitor.browser_hash else None
    return record if record and visitor.now - record.started_at <= LIFETIME else None


async def _resume(
    rows: Rows,
    errand: Errand,
    record: SignIn | None,
    visitor: Visitor,
    services: Services,
    *,
    lock: bool,
) -> Progress | None:
    """Go on from what Ory's session has proved, if it still counts."""
    assert errand.app is not None  # noqa: S101 - Ory alone skips
    request = errand.app.request
    user = await rows.users.find(request.subject, lock=lock)
    session = await rows.login_sessions.find(login_session_hash(request.session_id))
    if user is None or session is None or is_void(session, user):
        return None
    if lock:  # as above
        record = await _record(rows, key_of(errand, visitor), visitor)
    if record is not None and (record.subject, record.epoch) != (user.subject, user.epoch):
        record = None
    around = await _look_around(rows, errand, user, visitor)
    return Progress(
        errand=errand,
        key_hash=key_of(errand, visitor),
        user=user,
        amr=tuple(record.amr if record else session.amr),
        remember=True,
        around=around,
        required=_required(errand, user, around, services),
        session=session,
        is_theirs=session.browser_hash is not None and session.browser_hash == visitor.browser_hash,
    )


def is_void(session: LoginSession, user: User) -> bool:
    """Whether Ory's session does not count any more: the account was reset, or somebody ended it,
    or has to choose another password first.
    """
    return (
        session.subject != user.subject
        or session.epoch != user.epoch
        or session.ended_at is not None
        or user.disabled_at is not None
        or needs_new_password(user)
    )


def needs_new_password(user: User) -> bool:
    """Whether the password opens nothing but the form for another; who has none needs none."""
    return user.password_expired and user.password_hash is not None


async def _look_around(rows: Rows, errand: Errand, user: User, visitor: Visitor) -> Surroundings:
    return await rows.sign_ins.surroundings(
        user.subject,
        epoch=user.epoch,
        client_id=errand.client_id,
        browser_hash=visitor.browser_hash,
    )


def _required(errand: Errand, user: User, around: Surroundings, services: Services) -> str:
    asked = errand.app.acr_values if errand.app else ()
    return required_level(user, around, asked=asked, settings=services.settings)


def required_level(
    user: User, around: Surroundings, *, asked: Collection[str], settings: Settings
) -> str:
    """The level that a sign-in of *user* has to reach."""
    by_app = around.required_acr == AAL2
    return AAL2 if by_app else required_acr(user, settings=settings, asked=asked)
