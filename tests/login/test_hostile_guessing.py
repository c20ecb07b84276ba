"""Guessing at once, for long, after a restart and at several processes: on both databases."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal.login.authentication import Authenticated, authenticate, record_success
from portal.origin import Origin
from portal.passwords import Verdict
from portal.services import Services, Visitor
from portal.throttle import ACCOUNT, Refused
from tests.fixtures.portal import NewPortal, Portal
from tests.real.portal import Person
from tests.store.records import NOW

OWN = "b" * 64


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    return database_url


class FakePasswords:
    """Costs nothing, counts, and knows one password."""

    def __init__(self, right: str) -> None:
        self.right, self.looked_at = right, 0

    def reserve(self) -> "FakePasswords":
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    async def verify(self, _: str | None, password: str, *, place: object) -> Verdict:
        self.looked_at += 1
        await asyncio.sleep(0)
        return Verdict(matches=password == self.right)

    async def usual_time(self, _: object) -> float:
        return 0.0


def faked(portal: Portal, right: str) -> tuple[Services, FakePasswords]:
    fake: Any = FakePasswords(right)
    return replace(portal.services, passwords=fake), fake


def stranger(n: int, *, later: timedelta = timedelta()) -> Visitor:
    origin = Origin(address=f"2001:db8:{n >> 16:x}:{n & 65_535:x}::1")
    return Visitor(browser_hash=None, origin=origin, now=NOW + later)


async def test_of_a_thousand_guesses_at_once_five_are_looked_at(
    new_portal: NewPortal,
) -> None:
    """At two portals on one database, as replicas are."""
    portals = [await new_portal(), await new_portal()]
    ann = await portals[0].add_user("ann@example.org")
    sides = [faked(portal, ann.password) for portal in portals]
    limit = asyncio.Semaphore(100)

    async def guess(n: int) -> int:
        async with limit:
            services = sides[n % 2][0]
            found = await authenticate(
                ann.email, f"guess {n}", visitor=stranger(n), services=services
            )
        assert isinstance(found, Refused)
        return found.status

    statuses = await asyncio.gather(*map(guess, range(1_000)))
    assert sum(fake.looked_at for _, fake in sides) == ACCOUNT.limit == 5
    assert sorted(statuses) == [401] * 5 + [429] * 995


@pytest.mark.slow
async def test_ten_thousand_failures_of_strangers_do_not_keep_the_owner_out(
    new_portal: NewPortal,
) -> None:
    portal = await new_portal()
    ann = await portal.add_user("ann@example.org")
    services, fake = faked(portal, ann.password)
    own = Visitor(browser_hash=OWN, origin=Origin(address="198.51.100.1"), now=NOW)
    await sign_in(ann, own, services)
    fake.looked_at = 0
    for n in range(10_000):
        visitor = stranger(n, later=timedelta(minutes=16) * n)
        found = await authenticate(ann.email, "wrong", visitor=visitor, services=services)
        assert isinstance(found, Refused)
    assert fake.looked_at == ACCOUNT.ceiling == 100, "however patient they are"
    last = timedelta(minutes=16) * 10_000
    later = Visitor(browser_hash=OWN, origin=own.origin, now=NOW + last)
    again = await new_portal()
    await sign_in(ann, later, faked(again, ann.password)[0])


async def sign_in(person: Person, visitor: Visitor, services: Services) -> None:
    who = await authenticate(person.email, person.password, visitor=visitor, services=services)
    assert isinstance(who, Authenticated), who
    async with services.store.writing() as rows:
        await record_success(rows, who, visitor=visitor)


async def test_after_a_success_in_a_known_browser_strangers_count_anew(
    new_portal: NewPortal,
) -> None:
    """The ceiling is lifted by the owner: NIST speaks of failures in a row."""
    portal = await new_portal()
    ann = await portal.add_user("ann@example.org")
    services, fake = faked(portal, ann.password)
    own = Visitor(browser_hash=OWN, origin=Origin(address="198.51.100.1"), now=NOW)
    await sign_in(ann, own, services)
    for n in range(10):
        await authenticate(ann.email, "wrong", visitor=stranger(n), services=services)
    await sign_in(ann, own, services)
    fake.looked_at = 0
    found = await authenticate(ann.email, "wrong", visitor=stranger(99), services=services)
    assert isinstance(found, Refused)
    assert (found.status, fake.looked_at) == (401, 1)


GUESS = """
import asyncio, sys
from portal.origin import Origin
from portal.store import Store
from portal.throttle import Attempt, admit

async def main(url, side):
    store = Store(url)
    passed = 0
    for n in range(100):
        origin = Origin(address=f"2001:db8:{side}:{n:x}::1")
        attempt = Attempt(account="ann@example.org", browser_hash=None, origin=origin)
        async with store.writing() as rows:
            passed += (await admit(rows, attempt, now=1_795_538_923.0)).wait == 0
    await store.dispose()
    print(passed)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_counts_hold_across_processes(database_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", GUESS, database_url, str(side), stdout=subprocess.PIPE
        )
        for side in range(3)
    ]
    told = [await process.communicate() for process in processes]
    assert sum(int(out) for out, _ in told) == ACCOUNT.limit
