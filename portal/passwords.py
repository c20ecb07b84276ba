"""Passwords: argon2id, off the event loop, never more at once than the machine can bear.

Every verification costs exactly one run of argon2, whether the account exists or not: whoever
measures answers learns nothing about accounts.
"""

import asyncio
import os
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, Self, TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

MAX_PASSWORD_BYTES: Final = 1_024
_Result = TypeVar("_Result")


class OverloadedError(Exception):
    """More passwords wait than can be looked at soon; come back in ``retry_after`` seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"too many passwords at once; retry after {retry_after} s")


class PasswordTooLongError(ValueError):
    """Longer than any password that was ever accepted; nothing was hashed."""

    def __init__(self) -> None:
        super().__init__(f"a password has at most {MAX_PASSWORD_BYTES} bytes")


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one verification found."""

    matches: bool
    needs_rehash: bool = False
    """It matches, and the stored hash was made with other parameters than today's."""
    corrupt: bool = False
    """The stored hash is none: somebody should look at the database."""


class Place:
    """One place in the queue; good for one verification."""

    taken = False


class Passwords:
    """Hash and verify in own threads behind a short queue.

    *workers* 0 means one per core; *queue* is how many may wait for each worker. Beyond that
    callers get :class:`OverloadedError` at once, not a place in a line longer than their patience.
    """

    def __init__(
        self,
        *,
        time_cost: int = 2,
        memory_cost: int = 19_456,
        parallelism: int = 1,
        workers: int = 0,
        queue: int = 32,
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_cost, parallelism=parallelism
        )
        self._workers = workers or os.cpu_count() or 1
        self._capacity = self._workers * (1 + queue)
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="password")
        self._waiting = 0
        self._lock = threading.Lock()
        self._dummy = self._hasher.hash(secrets.token_urlsafe(32))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def waiting(self) -> int:
        """How many passwords are being looked at or wait for it."""
        return self._waiting

    async def hash(self, password: str) -> str:
        """Make the hash to store, in PHC format."""
        prepared = prepare(password)
        return await self._run(lambda: self._hasher.hash(prepared))

    async def verify(
        self, stored_hash: str | None, password: str, *, place: "Place | None" = None
    ) -> Verdict:
        """Compare; without a stored hash a dummy one is used up, so that nobody can tell.

        With a *place* that :meth:`reserve` gave it is never refused.
        """
        prepared = prepare(password)
        return await self._run(lambda: self._verify(stored_hash, prepared), place)

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

    def _verify(self, stored_hash: str | None, password: bytes) -> Verdict:
        if stored_hash is None:
            self._compare(self._dummy, password)
            return Verdict(matches=False)
        try:
            matches = self._compare(stored_hash, password)
        except (VerificationError, InvalidHashError):  # refused before any work was done
            self._compare(self._dummy, password)
            return Verdict(matches=False, corrupt=True)
        outdated = matches and self._hasher.check_needs_rehash(stored_hash)
        return Verdict(matches=matches, needs_rehash=outdated)

    def _compare(self, stored_hash: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(stored_hash, password)
        except VerifyMismatchError:
            return False

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


def prepare(password: str) -> bytes:
    """Bring the same typed password to the same bytes on every keyboard: NFC (RFC 8265, 4.2).

    Nothing else changes; NUL counts like any character. A lone surrogate, which no keyboard makes,
    is kept apart from every real character. What is too long is refused before it is hashed.
    """
    if len(password) > MAX_PASSWORD_BYTES * 3:  # NFC never makes a text three times shorter
        raise PasswordTooLongError
    prepared = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    if len(prepared) > MAX_PASSWORD_BYTES:
        raise PasswordTooLongError
    return prepared
