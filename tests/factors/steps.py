"""What tests of factors do again and again."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp

from portal.factors import passkeys, recovery, totp
from portal.factors.passkeys import Assertion
from portal.factors.standing import Standing, standing_of
from portal.factors.totp import Setup
from portal.origin import Origin
from portal.services import Visitor
from portal.store import Rows
from portal.store.tables import Passkey, TotpFactor, User
from tests.doubles.authenticator import Authenticator
from tests.fixtures.portal import Portal

NOW = datetime(2026, 5, 3, 12, 0, 10, tzinfo=UTC)
STEP = timedelta(seconds=30)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36"
Register = Callable[..., Awaitable[Passkey]]


def visitor(now: datetime = NOW) -> Visitor:
    origin = Origin(address="203.0.113.7", user_agent=CHROME)
    return Visitor(browser_hash="b" * 64, origin=origin, now=now)


async def nothing_ends(rows: Rows, user: User, proof: tuple[str, ...]) -> None:
    """What a change of factors settles besides is whoever's who asks for it."""


def challenge() -> bytes:
    return secrets.token_bytes(47)


async def standing(portal: Portal, user: User) -> Standing:
    async with portal.store.reading() as rows:
        return await standing_of(rows, user.subject)


def scanned_by_app(setup: Setup) -> pyotp.TOTP:
    """An authenticator app that scanned the picture."""
    scanned = pyotp.parse_uri(setup.uri)
    assert isinstance(scanned, pyotp.TOTP)
    return scanned


async def add_app(
    portal: Portal, user: User, *, now: datetime = NOW
) -> tuple[TotpFactor, pyotp.TOTP]:
    setup = totp.begin(user, portal.services, now=now)
    code = scanned_by_app(setup).at(now)
    added = await totp.confirm(
        portal.services,
        user,
        sealed=setup.sealed,
        code=code,
        name="",
        visitor=visitor(now),
        settle=nothing_ends,
    )
    return added.factor, scanned_by_app(setup)


async def check_code(portal: Portal, subject: str, code: str, now: datetime) -> bool:
    async with portal.store.writing() as rows:
        return await totp.check(rows, portal.services.sealer, subject, code, now=now)


async def prove(
    portal: Portal, key: Authenticator, asked: bytes | None = None, **more: Any
) -> Assertion:
    asked = asked or challenge()
    subject = more.pop("subject", None)
    return await passkeys.verify(
        portal.services,
        credential=key.get(asked, **more),
        challenge=asked,
        visitor=visitor(),
        subject=subject,
    )


async def use_code(portal: Portal, subject: str, code: str) -> bool:
    passwords = portal.services.passwords
    with passwords.reserve() as place:
        code_hash = await recovery.hashed(passwords, subject, code, place=place)
    async with portal.store.writing() as rows:
        return await recovery.use(rows, subject, code_hash, at=NOW)


async def make_codes(portal: Portal, user: User) -> tuple[str, ...]:
    return await recovery.make_codes(portal.services, user, visitor=visitor(), settle=nothing_ends)


async def left(portal: Portal, user: User) -> int:
    async with portal.store.reading() as rows:
        return (await standing_of(rows, user.subject)).codes_left
