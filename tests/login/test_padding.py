"""While hashes of several kinds are stored, a refusal takes as long as the slowest kind."""

import time
from typing import Any

import bcrypt
import pytest

from portal.login.authentication import Authenticated, authenticate
from portal.origin import Origin
from portal.passwords import Passwords
from portal.services import Visitor
from portal.throttle import Refused
from tests.fixtures.portal import Portal, hashed
from tests.store.records import NOW

WORDS = "correct horse battery staple"
IMPORTED = bcrypt.hashpw(WORDS.encode(), bcrypt.gensalt(4)).decode()
OLD = hashed(WORDS, time_cost=3)
USUAL = 0.25


async def try_once(
    portal: Portal,
    email: str,
    password: str = "no",  # noqa: S107
) -> Authenticated | Refused:
    address = f"2001:db8:{hash(email) % 65_536:x}::1"
    visitor = Visitor(browser_hash=None, origin=Origin(address=address), now=NOW)
    return await authenticate(email, password, visitor=visitor, services=portal.services)


async def add_everybody(portal: Portal) -> None:
    await portal.add_user("today@example.org")
    await portal.add_user("without@example.org", password_hash=None)
    await portal.add_user("off@example.org", password_hash=IMPORTED, disabled_at=NOW)
    await portal.add_user("corrupt@example.org", password_hash="no hash")
    await portal.add_user("imported@example.org", password_hash=IMPORTED)
    await portal.add_user("old@example.org", password_hash=OLD)


KINDS = ("unknown", "today", "without", "off", "corrupt", "imported", "old")


@pytest.mark.parametrize("kind", KINDS)
async def test_every_refusal_ends_at_the_same_time_and_holds_no_place(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    await add_everybody(portal)
    waited: list[int] = []

    async def usual_time(self: Passwords, load: Any) -> float:
        kinds = await load()
        assert {"bcrypt c=4", "argon2id m=64 t=3 p=1"} <= set(kinds)
        waited.append(self.waiting)
        return USUAL

    monkeypatch.setattr(Passwords, "usual_time", usual_time)
    started = time.perf_counter()
    refused = await try_once(portal, f"{kind}@example.org")
    took = time.perf_counter() - started
    assert isinstance(refused, Refused)
    assert refused.status == 401
    assert took >= USUAL
    assert waited == [0], "nobody waits in the queue of the processors"


async def test_who_knows_the_password_does_not_wait_for_it(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_everybody(portal)
    monkeypatch.setattr(Passwords, "usual_time", None)
    assert isinstance(await try_once(portal, "imported@example.org", WORDS), Authenticated)


@pytest.mark.parametrize("kind", ["imported", "old"])
async def test_the_first_right_sign_in_replaces_the_hash(portal: Portal, kind: str) -> None:
    await add_everybody(portal)
    who = await try_once(portal, f"{kind}@example.org", WORDS)
    assert isinstance(who, Authenticated)
    async with portal.store.reading() as rows:
        found = await rows.users.find(who.user.subject)
    assert found is not None
    assert found.password_kind == portal.services.passwords.kind
    assert isinstance(await try_once(portal, f"{kind}@example.org", WORDS), Authenticated)


async def test_the_time_spent_in_the_queue_is_not_taken_for_the_time_of_a_hash(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_everybody(portal)

    async def usual_time(_: Passwords, __: Any) -> float:
        return USUAL

    monkeypatch.setattr(Passwords, "usual_time", usual_time)
    busy = portal.services.passwords._pool.submit(time.sleep, 2 * USUAL)
    started = time.perf_counter()
    await try_once(portal, "unknown@example.org")
    took = time.perf_counter() - started
    assert busy.done()
    assert took >= 3 * USUAL * 0.95
