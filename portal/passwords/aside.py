"""What takes a processor for a while and may be left undone: one at a time, in a thread of its
own.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

QUEUE: Final = 8
"""So many may wait: together less than a second's work."""
_Result = TypeVar("_Result")


class Aside:
    """It takes no place from whoever signs in, and no processor but one."""

    def __init__(self, *, queue: int = QUEUE) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._capacity = 1 + queue
        self._waiting = 0
        self._lock = threading.Lock()

    async def do(self, job: Callable[[], _Result]) -> _Result | None:
        """Do it, unless too much waits already: then nothing is done, and ``None`` is said."""
        with self._lock:
            if self._waiting >= self._capacity:
                return None
            self._waiting += 1
        try:
            future = self._pool.submit(job)
        except RuntimeError:  # closed: the process is on its way out
            self._leave()
            return None
        future.add_done_callback(lambda _: self._leave())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let what runs finish, drop what is waiting."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _leave(self) -> None:
        with self._lock:
            self._waiting -= 1
