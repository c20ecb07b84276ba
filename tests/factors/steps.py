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
    setup = totp.begin(user, portal.services)
    code = scanned_by_app(setup).at(now)
    factor = await totp.confirm(
        portal.services, user, sealed=setup.sealed, code=code, name="", visitor=visitor(now)
    )
    return factor, scanned_by_app(setup)


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
    async with portal.store.writing() as rows:
        return await recovery.use(rows, subject, code, at=NOW)


async def left(portal: Portal, user: User) -> int:
    async with portal.store.reading() as rows:
        return (await standing_of(rows, user.subject)).codes_left
