"""What is kept for a while and then forgotten, and what a new version finds unprepared.

Everything goes in portions, each a transaction of its own with a pause behind it, so that the first
round after years holds up nobody.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from portal.factors import totp
from portal.services import Services

AT_ONCE: Final = 1_000
PAUSE: Final = 0.1
"""Seconds after each portion: on SQLite other processes get their turn to write."""
MARGIN: Final = timedelta(hours=1)
"""The database judges by its own clock whether an event is old enough to go."""
LATELY: Final = timedelta(minutes=10)
"""Longer than the time between two rounds."""


async def forget_history(services: Services, *, now: datetime) -> bool:
    """Forget a portion of the audit trail, of the bulk revocations that it tells about, and of the
    grants that ended, each as old as the settings say. Whether there is more.
    """
    events_until = now - timedelta(seconds=services.settings.keep_audit) - MARGIN
    grants_until = now - timedelta(seconds=services.settings.keep_ended_grants)
    async with services.store.writing() as rows:
        events = await rows.audit.delete_before(events_until, AT_ONCE)
    await asyncio.sleep(PAUSE)
    async with services.store.writing() as rows:
        bulk = await rows.bulk_revocations.delete_before(events_until, AT_ONCE)
    await asyncio.sleep(PAUSE)
    async with services.store.writing() as rows:
        grants = await rows.grants.delete_ended(grants_until, AT_ONCE)
    await asyncio.sleep(PAUSE)
    return AT_ONCE in (events, bulk, grants)


async def index_grants(services: Services, *, now: datetime) -> bool:
    """Prepare a portion of the grants of an older version for the search. Whether there is more.

    While a new version is rolled out, replicas of the one before go on writing such grants.
    """
    async with services.store.writing() as rows:
        done = await rows.grants.index_some(AT_ONCE)
    await asyncio.sleep(PAUSE)
    if done:
        return done == AT_ONCE
    async with services.store.writing() as rows:
        await rows.grants.index_used(now - LATELY, AT_ONCE)
    return False


async def fold_names(services: Services, *, now: datetime) -> bool:  # noqa: ARG001 - a kind of work
    """Prepare a portion of the names of an older version for the search. Whether there is more."""
    async with services.store.writing() as rows:
        done = await rows.users.fold_names(AT_ONCE)
    await asyncio.sleep(PAUSE)
    return done == AT_ONCE


async def name_password_kinds(services: Services, *, now: datetime) -> bool:  # noqa: ARG001 - a kind of work
    """Name the kinds of a portion of the password hashes of an older version. Whether there is
    more.
    """
    async with services.store.writing() as rows:
        done = await rows.password_kinds.name_some(AT_ONCE)
    await asyncio.sleep(PAUSE)
    return done == AT_ONCE


async def seal_codes_anew(services: Services, *, now: datetime) -> bool:  # noqa: ARG001 - a kind of work
    """Seal a portion of the secrets of authenticator apps with the first key, before an older one
    is dropped. Whether there is more.
    """
    async with services.store.writing() as rows:
        done = await totp.seal_anew(rows, services.sealer, limit=AT_ONCE)
    await asyncio.sleep(PAUSE)
    return done == AT_ONCE
