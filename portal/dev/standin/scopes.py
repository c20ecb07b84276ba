"""How Hydra compares what is asked for with what may be had."""

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from portal.dev.standin.errors import INVALID_REQUEST, INVALID_SCOPE

Strategy = Callable[[Iterable[str], str], bool]


def exact(allowed: Iterable[str], scope: str) -> bool:
    """Letter by letter."""
    return scope in allowed


def wildcard(allowed: Iterable[str], scope: str) -> bool:
    """``photos.*`` allows ``photos.read`` and ``photos.read.mine``."""
    return any(_fits(pattern.split("."), scope.split(".")) for pattern in allowed)


def _fits(pattern: list[str], scope: list[str]) -> bool:
    if len(pattern) > len(scope):
        return False
    for place, part in enumerate(pattern):
        is_last_of_shorter = place == len(pattern) - 1 and len(pattern) != len(scope)
        if is_last_of_shorter and part != "*":
            return False
        if part != scope[place] and not (part == "*" and scope[place]):
            return False
    return True


STRATEGIES: Final[dict[str, Strategy]] = {"exact": exact, "wildcard": wildcard}


def check_scopes(strategy: Strategy, allowed: Iterable[str], asked: Iterable[str]) -> None:
    """Raise ``invalid_scope`` for the first that the client may not ask for."""
    known = list(allowed)
    for scope in asked:
        if not strategy(known, scope):
            raise INVALID_SCOPE(f"The OAuth 2.0 Client is not allowed to request scope '{scope}'.")


def check_audience(allowed: Iterable[str], asked: Iterable[str]) -> None:
    """Audiences go by scheme, host, and the beginning of the path."""
    known = list(allowed)
    for audience in asked:
        if not any(_covers(pattern, audience) for pattern in known):
            raise INVALID_REQUEST(
                f"Requested audience '{audience}' has not been whitelisted by the OAuth 2.0 Client."
            )


def _covers(pattern: str, audience: str) -> bool:
    try:
        wide, narrow = urlsplit(pattern), urlsplit(audience)
    except ValueError:
        return False
    if (wide.scheme, wide.netloc) != (narrow.scheme, narrow.netloc):
        return False
    base = wide.path.rstrip("/")
    return narrow.path in {wide.path, base} or narrow.path.startswith(f"{base}/")
