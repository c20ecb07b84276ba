"""JSON Patch (RFC 6902), as far as clients are patched with it, and as lenient as Hydra's.

A ``replace`` of a member that is not there adds it, which a typed document then ignores.
"""

import copy
from typing import Any, Final

_OPERATIONS: Final = frozenset(("add", "replace", "remove", "test", "copy", "move"))


class PatchError(ValueError):
    """It cannot be applied."""


def apply(document: Any, patch: Any) -> Any:
    """*document* after *patch*; it is left as it was."""
    if not isinstance(patch, list):
        raise PatchError("a patch is an array")
    result = copy.deepcopy(document)
    for operation in patch:
        if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
            raise PatchError("an operation without a known op")
        result = _apply_one(result, operation)
    return result


def _apply_one(document: Any, operation: dict[str, Any]) -> Any:
    name, path = operation["op"], _pointer(operation.get("path"))
    if name in {"copy", "move"}:
        source = _pointer(operation.get("from"))
        value = copy.deepcopy(_get(document, source))
        if name == "move":
            document = _remove(document, source)
        return _put(document, path, value, insert=True)
    if name == "remove":
        return _remove(document, path)
    if "value" not in operation:
        raise PatchError("an operation without its value")
    if name == "test":
        if _get(document, path) != operation["value"]:
            raise PatchError("a test has failed")
        return document
    return _put(document, path, operation["value"], insert=name == "add")


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError("a path that is no JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _get(document: Any, path: list[str]) -> Any:
    for part in path:
        document = _child(document, part)
    return document


def _child(parent: Any, part: str) -> Any:
    if isinstance(parent, dict) and part in parent:
        return parent[part]
    if isinstance(parent, list):
        return parent[_index(part, len(parent) - 1)]
    raise PatchError("nothing is there")


def _put(document: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and insert:
        at = len(parent) if last == "-" else _index(last, len(parent))
        parent.insert(at, value)
    elif isinstance(parent, list):
        parent[_index(last, len(parent) - 1)] = value
    else:
        raise PatchError("nothing can be put there")
    return document


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        raise PatchError("the whole cannot be removed")
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, dict) and last in parent:
        del parent[last]
    elif isinstance(parent, list):
        del parent[_index(last, len(parent) - 1)]
    else:
        raise PatchError("nothing is there")
    return document


def _index(part: str, highest: int) -> int:
    if not (part.isascii() and part.isdigit()) or len(part) > 9 or int(part) > highest:
        raise PatchError("no such place in an array")
    return int(part)
