"""Hashing and verifying in own threads, behind a short queue."""

import asyncio
import os
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, Self, TypeVar

import msgspec
from argon2 import PasswordHasher

from portal.passwords.aside import Aside
from portal.passwords.costs import Cost, cost_of_kind
from portal.passwords.hashes import StoredHash, UnusableHashError, read, with_pepper
from portal.passwords.preparing import peppered, prepare
from portal.passwords.usual import UsualTimes
from portal.settings import Pepper

KINDS_FOR: Final = 30.0
"""Seconds for which the kinds that are stored are taken to be the same."""
MEASURED: Final = 4
"""So many kinds are measured, those that seem dearest: one of them is the slowest."""
RUNS: Final = 3
_Result = TypeVar("_Result")
LoadKinds = Callable[[], Awaitable[Collection[str]]]


class OverloadedError(Exception):
    """More passwords wait than can be looked at soon; come back in ``retry_after`` seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"too many passwords at once; retry after {retry_after} s")


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one verification found."""

    matches: bool
    needs_rehash: bool = False
    """It matches, and the stored hash was made in another way than today's are."""
    corrupt: bool = False
    """The stored hash is none, or needs a pepper that is gone: somebody should look at it."""
    started: float = 0.0
    """When its turn came, by :func:`time.perf_counter`."""


class Place:
    """One place in the queue; good for one verification."""

    taken = False


class Passwords:
    """Hash and verify in own threads behind a short queue.

    *workers* 0 means one per core but one, which is left to everything else; *queue* is how many
    may wait for each worker. Beyond that callers get :class:`OverloadedError` at once, not a place
    in a line longer than their patience.
    The first of *peppers* is mixed into new hashes, the others into those that were made with them.
    """

    def __init__(
        self,
        *,
        time_cost: int = 2,
        memory_cost: int = 19_456,
        parallelism: int = 1,
        workers: int = 0,
        queue: int = 32,
        peppers: Sequence[Pepper] = (),
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_cost, parallelism=parallelism
        )
        self._peppers = {pepper.name: pepper for pepper in peppers}
        self._pepper = peppers[0] if peppers else None
        self._workers = workers or max(1, (os.cpu_count() or 1) - 1)
        self._capacity = self._workers * (1 + queue)
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="password")
        self.aside = Aside()
        self._waiting = 0
        self._lock = threading.Lock()
        self._dummy = read(self._hasher.hash(secrets.token_urlsafe(32)))
        self._usual = UsualTimes()
        self._kinds: frozenset[str] = frozenset()
        self._kinds_until = 0.0
        self._looking: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def waiting(self) -> int:
        """How many passwords are being looked at or wait for it."""
        return self._waiting

    @property
    def kind(self) -> str:
        """The kind of hash that is made today."""
        return self._dummy.cost.kind

    async def hash(self, password: str) -> str:
        """Make the hash to store: PHC format, behind the name of its pepper if it has one."""
        prepared = prepare(password)
        return await self._run(lambda: self._hash(prepared))

    async def verify(
        self, stored_hash: str | None, password: str, *, place: "Place | None" = None
    ) -> Verdict:
        """Compare; without a stored hash a dummy one is used up, so that nobody can tell.

        With a *place* that :meth:`reserve` gave it is never refused.
        """
        prepared = prepare(password)
        typed = password.encode("utf-8", "surrogatepass")
        return await self._run(lambda: self._verify(stored_hash, prepared, typed), place)

    async def usual_time(self, load: LoadKinds) -> float:
        """Seconds from the start of a verification within which one of any stored kind is over;
        0.0 where all hashes are of today's kind, so that there is nothing to hide.

        *load* lists the kinds that are stored; it is asked now and then.
        """
        if time.monotonic() >= self._kinds_until:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look(load))
            await asyncio.shield(self._looking)
        if self._kinds <= {self.kind}:
            return 0.0
        return self._usual.deadline({self.kind, *self._kinds})

    async def work(self, job: Callable[[], _Result], *, place: "Place | None" = None) -> _Result:
        """Do something else that takes a processor for a while; the same queue bounds it."""
        return await self._run(job, place)

    def require_room(self) -> None:
        """Raise :class:`OverloadedError` if there is no place at this moment; takes none."""
        if self._waiting >= self._capacity:
            raise OverloadedError(self._retry_after())

    @contextmanager
    def reserve(self) -> Iterator["Place"]:
        """Keep a place in the queue, before anything else is done for somebody.

        Raises :class:`OverloadedError` at once if there is none.
        """
        self._enter()
        place = Place()
        try:
            yield place
        finally:
            if not place.taken:
                self._leave()

    def close(self) -> None:
        """Let running threads finish, drop what is waiting."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.aside.close()

    def _hash(self, prepared: bytes) -> str:
        if self._pepper is None:
            return self._hasher.hash(prepared)
        phc = self._hasher.hash(peppered(prepared, self._pepper))
        return with_pepper(phc, self._pepper.name)

    def _verify(self, stored_hash: str | None, prepared: bytes, typed: bytes) -> Verdict:
        started = time.perf_counter()
        found = self._usable(stored_hash)
        try:
            matches = (found or self._dummy).matches(self._bytes_for(found, prepared, typed))
        except ValueError:  # refused by the library before any work was done
            found = None
            self._dummy.matches(prepared)
            matches = False
        cost = (found or self._dummy).cost
        self._usual.observe(cost.kind, time.perf_counter() - started)
        if found is None:
            return Verdict(matches=False, corrupt=stored_hash is not None, started=started)
        return Verdict(
            matches=matches, needs_rehash=matches and self._is_outdated(found), started=started
        )

    def _usable(self, stored_hash: str | None) -> StoredHash | None:
        if stored_hash is None:
            return None
        try:
            found = read(stored_hash)
        except UnusableHashError:
            return None
        too_dear = found.cost.is_absurd and found.cost.kind != self.kind
        lacks_pepper = found.pepper is not None and found.pepper not in self._peppers
        return None if too_dear or lacks_pepper else found

    def _bytes_for(self, found: StoredHash | None, prepared: bytes, typed: bytes) -> bytes:
        if found is None:
            return peppered(prepared, self._pepper) if self._pepper else prepared
        if found.pepper is not None:
            return peppered(prepared, self._peppers[found.pepper])
        return typed if found.takes_typed else prepared

    def _is_outdated(self, found: StoredHash) -> bool:
        if found.phc is None or self._hasher.check_needs_rehash(found.phc):
            return True
        return found.pepper != (self._pepper.name if self._pepper else None)

    async def _look(self, load: LoadKinds) -> None:
        """Learn which kinds are stored, and what the dearest of them take here."""
        costs = [cost for kind in await load() if (cost := cost_of_kind(kind)) is not None]
        costs = sorted(costs, key=lambda cost: cost.estimate, reverse=True)[:MEASURED]
        kinds = frozenset(cost.kind for cost in costs)
        for cost in (*costs, self._dummy.cost) if kinds - {self.kind} else ():
            if not self._usual.knows(cost.kind):
                await asyncio.wrap_future(self._pool.submit(self._measure, cost))
        self._kinds, self._kinds_until = kinds, time.monotonic() + KINDS_FOR

    def _measure(self, cost: Cost) -> None:
        for _ in range(RUNS):
            started = time.perf_counter()
            cost.spend()
            self._usual.observe(cost.kind, time.perf_counter() - started)

    async def _run(self, job: Callable[[], _Result], place: "Place | None" = None) -> _Result:
        if place is None or place.taken:
            self._enter()
        else:
            place.taken = True
        try:
            future = self._pool.submit(job)
        except RuntimeError as exc:  # the pool was closed: the process is on its way out
            self._leave()
            raise OverloadedError(self._retry_after()) from exc
        future.add_done_callback(lambda _: self._leave())
        return await asyncio.wrap_future(future)

    def _enter(self) -> None:
        with self._lock:
            if self._waiting >= self._capacity:
                raise OverloadedError(self._retry_after())
            self._waiting += 1

    def _leave(self) -> None:
        with self._lock:
            self._waiting -= 1

    @staticmethod
    def _retry_after() -> int:
        """Spread those who come back over a few seconds."""
        return 2 + secrets.randbelow(4)
