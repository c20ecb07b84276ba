"""The ports: taken first, and kept, so that nothing is started in vain."""

import errno
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Final

from portal.cli.demoing.plan import FLAGS, Part, Plan
from portal.cli.refusal import Refusal
from portal.dev.serving import ListenError, listen, port_of

PURPOSE: Final[Mapping[Part, str]] = {
    "portal": "the portal",
    "client": "the local client",
    "public": "Ory's public API",
    "admin": "Ory's admin API",
}
OF_HYDRA: Final = ("public", "admin")
LOOPBACK_6: Final = "::1"
BACKLOG: Final = 128


@contextmanager
def reserved(plan: Plan) -> Iterator[dict[Part, socket.socket]]:
    """A listening socket for each part; who comes early waits until somebody accepts."""
    with ExitStack() as stack:
        yield {
            part: stack.enter_context(closing(_reserve(part, port)))
            for part, port in plan.own_ports.items()
        }


def _reserve(part: Part, port: int) -> socket.socket:
    bound: socket.socket | None = None
    try:
        bound = listen(port)
        bound.listen(BACKLOG)
        if part == "portal":
            _refuse_other_localhost(port_of(bound))
    except (ListenError, OSError) as exc:
        if bound is not None:
            bound.close()
        raise Refusal(_why(part, port, exc)) from exc
    return bound


def _refuse_other_localhost(port: int) -> None:
    """Browsers try ``localhost`` on IPv6 first: somebody there would be taken for the portal."""
    try:
        listen(port, LOOPBACK_6).close()
    except ListenError as exc:
        if _is_taken(exc):
            raise


def _is_taken(exc: Exception) -> bool:
    cause = exc if isinstance(exc, OSError) else exc.__cause__
    return isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE


def _why(part: Part, port: int, exc: Exception) -> str:
    if not _is_taken(exc):
        return f"{PURPOSE[part]}: {exc} {FLAGS[part]} chooses another port."
    perhaps = " (perhaps a Hydra that a killed demo has left)" if part in OF_HYDRA else ""
    return (
        f"port {port} is in use, and the demo needs it for {PURPOSE[part]}. Choose another one "
        f"with {FLAGS[part]}, or end the program that listens there{perhaps}: "
        f"`lsof -i :{port}` tells which."
    )
