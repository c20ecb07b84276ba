"""Pages of a list: by offset and count in 2.3, by sealed keys in 26; links are relative."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from portal.dev.standin.errors import INVALID_REQUEST
from portal.dev.standin.http import Request, set_query
from portal.dev.standin.sealing import SealBrokenError
from portal.dev.standin.state import State

T = TypeVar("T")

_SEAL: Final = "page token"
_LIFETIME: Final = 3600
Header = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which part of a list is asked for (2.3)."""

    page: int
    size: int

    @property
    def offset(self) -> int:
        return self.page * self.size


def window_of(request: Request) -> Window:
    """Nonsense is no error in 2.3: it stands for the default, or for the nearest bound."""
    try:
        size = int(request.query.get("page_size"))
    except ValueError:
        size = 250
    size = min(max(size, 1), 1000)
    return Window(page=_offset_of(request.query.get("page_token")) // size, size=size)


def _offset_of(token: str) -> int:
    try:
        padded = token + "=" * (-len(token) % 4)
        return max(int(json.loads(base64.urlsafe_b64decode(padded))["offset"]), 0)
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0


def count_headers(request: Request, *, total: int, page: int, size: int) -> tuple[Header, ...]:
    """The links and the count of 2.3, as its library computes them."""
    size = max(size, 1)
    offset = page * size
    last = total - size if total % size == 0 else total // size * size
    links: dict[str, int] = {}
    if offset >= last and 0 < total <= size:
        links, size = {"first": 0}, total
    elif offset >= last:
        links = {"first": 0, "prev": last - size} if total else {"first": 0}
    elif offset < size:
        links = {"next": size, "last": last}
    else:
        links = {"first": 0, "next": offset + size, "prev": offset - size, "last": last}
    said = ",".join(_counted(request, rel, size, at) for rel, at in links.items())
    return ("link", said), ("x-total-count", str(total))


def _counted(request: Request, rel: str, size: int, offset: int) -> str:
    token = base64.urlsafe_b64encode(f'{{"offset":"{offset}","v":2}}'.encode()).decode().rstrip("=")
    target = set_query(request.target, page_size=str(size), page_token=token)
    return f'<{target}>; rel="{rel}"'


class _Key(msgspec.Struct, frozen=True):
    after: str
    until: float


def keyed_page(
    request: Request, state: State, rows: Sequence[tuple[str, T]]
) -> tuple[list[T], tuple[Header, ...]]:
    """A page of *rows*, which are sorted by their keys, and its links (26)."""
    size = _keyed_size(request.query.get("page_size"))
    after = _after(request.query.get("page_token"), state)
    left = [row for row in rows if row[0] > after]
    shown = left[:size]
    links = {"first": ""}
    if len(left) > size:
        links["next"] = shown[-1][0]
    said = ",".join(_keyed(request, state, rel, size, key) for rel, key in links.items())
    return [row for _, row in shown], (("link", said),)


def _keyed_size(text: str) -> int:
    if not text:
        return 100
    try:
        size = int(text)
    except ValueError:
        raise INVALID_REQUEST("Query parameter 'page_size' is not a number.") from None
    if size < 0:
        raise INVALID_REQUEST("Query parameter 'page_size' must not be negative.")
    return min(size, 500) or 100


def _after(token: str, state: State) -> str:
    if not token:
        return ""
    try:
        key = state.sealer.open(_SEAL, token, _Key)
    except SealBrokenError:
        raise INVALID_REQUEST("The page token is invalid.") from None
    if key.until < state.now():
        raise INVALID_REQUEST("The page token is expired.")
    return key.after


def _keyed(request: Request, state: State, rel: str, size: int, after: str) -> str:
    token = state.sealer.seal(_SEAL, _Key(after=after, until=state.now() + _LIFETIME))
    target = set_query(request.target, page_size=str(size), page_token=token)
    return f'<{target}>; rel="{rel}"'
