"""Ctrl-C, SIGTERM or a closed terminal end the demo in order, at whatever moment they come."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

Handler = Callable[[int, FrameType | None], object] | int | None
NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP")


class Signals:
    """Before the event loop runs a signal interrupts; afterwards it is only noted.

    It is noted once: whoever presses Ctrl-C again is not faster, because ending is bounded in time.
    """

    def __init__(self) -> None:
        self._note: Callable[[], object] | None = None

    def __call__(self, _: int, __: FrameType | None) -> None:
        if self._note is None:
            raise SystemExit(0)  # wherever it hits, also between two frames that would catch it
        self._note()

    async def one(self) -> None:
        """Wait until the demo shall end."""
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        self._note = lambda: loop.is_closed() or loop.call_soon_threadsafe(came.set)
        await came.wait()


@contextmanager
def ended_in_order() -> Iterator[Signals]:
    """From here on a signal is no reason for another exit code than 0.

    A hang-up that this process was told to ignore, by ``nohup``, stays ignored. Ctrl-C does not: a
    shell's script ignores it for whatever it starts in the background, and means nothing by that.
    """
    signals, before = Signals(), dict[signal.Signals, Handler]()
    try:
        for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.getsignal(number)
                signal.signal(number, signals)
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
