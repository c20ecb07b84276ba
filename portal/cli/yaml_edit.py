"""Set a few texts in somebody else's YAML or JSON and leave every other byte as it was.

The file is read as events; only where a value stands is taken from them, and the text itself is
cut there. So comments, order, quotes, anchors, line ends and even blanks stay. What comes out is
read again: if more than the asked-for keys had changed, the edit is refused.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from portal.logs import one_line

DEEPEST: Final = 64
MOST_NODES: Final = 100_000
"""Aliases unfolded: a hundred bytes can mean a billion nodes to whoever reads the file next."""
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_STOPS_PLAIN_IN_FLOW: Final = re.compile(r"[\[\]{},]")

Wanted = Mapping[str, "str | Wanted"]


class YamlEditError(Exception):
    """The text cannot be read or cannot be edited safely; the message says why, in one line."""


class Change(msgspec.Struct, frozen=True):
    """One key that was set."""

    path: str
    old: str | None
    """None: it was not there."""
    new: str


class Edited(msgspec.Struct, frozen=True):
    """The text as it should be, and what that took."""

    text: str
    changes: tuple[Change, ...]


class Node(msgspec.Struct, kw_only=True):
    """A value and where it stands, its anchor and tag included."""

    kind: str
    line: int
    start: int
    end: int = 0
    value: str = ""
    style: str | None = None
    anchor: str | None = None
    tag: str | None = None
    flow: bool = False
    items: list["Node"] = []
    """Of a list its items; of a mapping keys and values by turns."""
    target: "Node | None" = None
    """What an alias stands for."""
    size: int = 1
    """Nodes below and including it, aliases unfolded."""

    @property
    def pairs(self) -> list[tuple["Node", "Node"]]:
        return list(zip(self.items[::2], self.items[1::2], strict=True))

    @property
    def meant(self) -> "Node":
        return self.target or self

    @property
    def is_null(self) -> bool:
        node = self.meant
        return node.kind == "scalar" and node.style is None and node.value in _NULLS

    def find(self, name: str) -> tuple["Node", "Node"] | None:
        for key, value in self.pairs:
            if key.meant.kind == "scalar" and key.meant.value == name:
                return key, value
        return None


class _Edit(msgspec.Struct, frozen=True):
    start: int
    end: int
    text: str


def set_texts(text: str, wanted: Wanted) -> Edited:
    """Set each text of *wanted*, in mappings that the document has at its top."""
    root = parse(text)
    if root.kind != "map":
        raise YamlEditError("is no mapping of names to values")
    editor = _Editor(text, root)
    edits = list(editor.edits(root, wanted, ()))
    done = text
    # from the end; at one place the inner mapping's comes before the outer one's
    edits.sort(key=lambda edit: (edit.start, edit.end))
    for edit in reversed(edits):
        done = done[: edit.start] + edit.text + done[edit.end :]
    _check(root, done, wanted)
    return Edited(done, tuple(editor.changes))


def parse(text: str) -> Node:
    """Read one document; anything that is hostile or could be read in two ways is refused."""
    try:
        return _Builder().build(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise YamlEditError(f"is neither YAML nor JSON ({where}{_words(exc.problem)})") from exc
    except YAMLError as exc:
        raise YamlEditError(f"is neither YAML nor JSON ({_words(str(exc))})") from exc
    except (ValueError, OverflowError, IndexError, AttributeError, NotImplementedError) as exc:
        raise YamlEditError("is neither YAML nor JSON") from exc  # the reader's own stumbles


def _words(problem: str | None) -> str:
    return one_line(" ".join((problem or "it cannot be read").split()), 120)


class _Builder:
    """Nodes out of events, without recursion."""

    def __init__(self) -> None:
        self._open: list[Node] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None

    def build(self, events: Iterator[Any]) -> Node:
        for event in events:
            match type(event).__name__:
                case "DocumentStartEvent" if self._root is not None:
                    raise YamlEditError("holds more than one document")
                case "ScalarEvent":
                    self._close(_node("scalar", event, value=event.value, style=event.style))
                case "AliasEvent":
                    self._alias(event)
                case "MappingStartEvent":
                    self._descend(_node("map", event, flow=bool(event.flow_style)))
                case "SequenceStartEvent":
                    self._descend(_node("list", event, flow=bool(event.flow_style)))
                case "MappingEndEvent" | "SequenceEndEvent":
                    self._ascend(event)
        if self._root is None:
            raise YamlEditError("is empty")
        return self._root

    def _alias(self, event: Any) -> None:
        target = self._anchors.get(event.anchor)
        if target is None:
            raise YamlEditError(f"refers to &{one_line(event.anchor, 40)}, which is nowhere before")
        node = _node("alias", event, value=event.anchor)
        node.anchor, node.target, node.size = None, target, target.size
        self._close(node)

    def _descend(self, node: Node) -> None:
        self._open.append(node)
        if len(self._open) > DEEPEST:
            raise YamlEditError(f"is nested more than {DEEPEST} levels deep")

    def _ascend(self, event: Any) -> None:
        node = self._open.pop()
        # a block's own end is where the next thing begins, comments and blank lines included
        node.end = event.end_mark.index if node.flow or not node.items else node.items[-1].end
        if node.kind == "map":
            _refuse_twins(node)
        self._close(node)

    def _close(self, node: Node) -> None:
        if node.anchor is not None:
            self._anchors[node.anchor] = node
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.items.append(node)
        parent.size += node.size
        if parent.size > MOST_NODES:
            raise YamlEditError(f"unfolds to more than {MOST_NODES} values")


def _node(kind: str, event: Any, **more: Any) -> Node:
    tag = getattr(event, "tag", None)
    return Node(
        kind=kind,
        line=event.start_mark.line + 1,
        start=event.start_mark.index,
        end=event.end_mark.index,
        anchor=event.anchor,
        tag=None if tag is None else str(tag),
        **more,
    )


def _refuse_twins(node: Node) -> None:
    seen: set[str] = set()
    for key in node.items[::2]:
        if key.meant.kind != "scalar":
            continue
        if key.meant.value in seen:
            name = one_line(key.meant.value, 60)
            raise YamlEditError(f"has {name!r} twice in one mapping (line {key.line})")
        seen.add(key.meant.value)


class _Editor:
    def __init__(self, text: str, root: Node) -> None:
        self._text, self._root = text, root
        found = _LINE_END.search(text)
        self._line_end = found[0] if found else "\n"
        self._used = {node.value for node in _walk(root) if node.kind == "alias"}
        self.changes: list[Change] = []

    def edits(self, node: Node, wanted: Wanted, path: tuple[str, ...]) -> Iterator[_Edit]:
        missing: dict[str, str | Wanted] = {}
        for name, value in wanted.items():
            found, here = node.find(name), (*path, name)
            if found is None:
                missing[name] = value
                self._note_all(value, here)
            elif isinstance(value, str):
                yield from self._set(*found, value, here, flow=node.flow)
            elif found[1].kind == "map":
                yield from self.edits(found[1], value, here)
            elif found[1].kind == "scalar" and found[1].is_null and found[1].anchor is None:
                self._note_all(value, here)
                yield self._replaced(*found, self._flow_map(value, quote='"'))
            else:
                raise YamlEditError(f"has something else than a mapping at {'.'.join(here)}")
        if missing:
            yield self._inserted(node, missing)

    def _set(
        self, key: Node, node: Node, value: str, path: tuple[str, ...], *, flow: bool
    ) -> Iterator[_Edit]:
        name, now = ".".join(path), node.meant
        if now.kind != "scalar":
            raise YamlEditError(f"has something else than a text at {name}")
        if now.value == value and now.tag is None:
            return
        if node.anchor in self._used:
            raise YamlEditError(f"uses the value of {name} again as *{node.anchor}; write it out")
        self.changes.append(Change(name, None if node.is_null else now.value, value))
        style = now.style if not node.is_null else _quote_of(key)
        anchor = f"&{node.anchor} " if node.anchor else ""
        yield self._replaced(key, node, anchor + _written(value, style, flow=flow))

    def _replaced(self, key: Node, node: Node, text: str) -> _Edit:
        if node.start == node.end:  # nothing stands there
            colon = re.compile(r"[ \t]*:").match(self._text, key.end)
            at = colon.end() if colon else key.end
            return _Edit(at, at, f" {text}" if colon else f": {text}")
        if node.style in {"|", ">"}:
            text += self._after_block(node)
        return _Edit(node.start, node.end, text)

    def _after_block(self, node: Node) -> str:
        """What stands around a block scalar's lines: a comment in its head, and its line end."""
        span = self._text[node.start : node.end]
        head = _LINE_END.split(span, maxsplit=1)[0]
        comment = re.search(r"[ \t]+#.*", head)
        ending = self._line_end if _LINE_END.search(span[-1:]) else ""
        return (comment[0] if comment else "") + ending

    def _inserted(self, node: Node, missing: Wanted) -> _Edit:
        if node.flow:
            return self._inserted_in_flow(node, missing)
        indent = node.items[0].start - self._start_of_line(node.items[0].start)
        step = max(indent - self._indent_of_root(), 0) or 2
        at = self._end_of_line(node.end)
        lines = "".join(self._block(missing, indent, step, quote=_quote_of(node.items[0])))
        if at and not _LINE_END.match(self._text[at - 1]):
            return _Edit(at, at, self._line_end + lines.removesuffix(self._line_end))
        return _Edit(at, at, lines)

    def _inserted_in_flow(self, node: Node, missing: Wanted) -> _Edit:
        if not node.items:
            inside = self._flow_map(missing, quote='"')[1:-1]
            return _Edit(node.end - 1, node.end - 1, inside)
        last_key = node.items[-2]
        before = self._text[self._start_of_line(last_key.start) : last_key.start]
        own_line = not before.strip()
        between = f",{self._line_end}{before}" if own_line else ", "
        quote = _quote_of(last_key)
        entries = between.join(
            f"{_written(name, quote)}: {self._flow_value(value, quote=quote)}"
            for name, value in missing.items()
        )
        return _Edit(node.items[-1].end, node.items[-1].end, between + entries)

    def _block(self, wanted: Wanted, indent: int, step: int, *, quote: str | None) -> Iterator[str]:
        for name, value in wanted.items():
            key = " " * indent + _written(name, quote)
            if isinstance(value, str):
                yield f"{key}: {_written(value, quote)}{self._line_end}"
            else:
                yield f"{key}:{self._line_end}"
                yield from self._block(value, indent + step, step, quote=quote)

    def _flow_map(self, wanted: Wanted, *, quote: str | None) -> str:
        pairs = (
            f"{_written(name, quote)}: {self._flow_value(value, quote=quote)}"
            for name, value in wanted.items()
        )
        return "{" + ", ".join(pairs) + "}"

    def _flow_value(self, value: str | Wanted, *, quote: str | None) -> str:
        if isinstance(value, str):
            return _written(value, quote, flow=True)
        return self._flow_map(value, quote=quote)

    def _note_all(self, value: str | Wanted, path: tuple[str, ...]) -> None:
        if isinstance(value, str):
            self.changes.append(Change(".".join(path), None, value))
            return
        for name, inner in value.items():
            self._note_all(inner, (*path, name))

    def _indent_of_root(self) -> int:
        first = self._root.items[0].start
        return first - self._start_of_line(first)

    def _start_of_line(self, at: int) -> int:
        return max(self._text.rfind("\n", 0, at), self._text.rfind("\r", 0, at)) + 1

    def _end_of_line(self, at: int) -> int:
        """Where the next line begins; *at* itself if a line begins there."""
        if at and _LINE_END.match(self._text[at - 1]):
            return at
        found = _LINE_END.search(self._text, at)
        return found.end() if found else len(self._text)


def _written(value: str, style: str | None, *, flow: bool = False) -> str:
    """Write an address or a name, which hold nothing that YAML would have to escape."""
    if style == "'":
        return f"'{value}'"
    plain = style is None and not (flow and _STOPS_PLAIN_IN_FLOW.search(value))
    return value if plain else f'"{value}"'


def _quote_of(key: Node) -> str | None:
    """How to write beside *key*: JSON has quotes everywhere."""
    return '"' if key.style == '"' else None


def _walk(node: Node) -> Iterator[Node]:
    left = [node]
    while left:
        node = left.pop()
        yield node
        left += node.items


def _check(before: Node, text: str, wanted: Wanted) -> None:
    """Read what was written: the wanted values are there, and everything else is as before."""
    try:
        after = parse(text)
    except YamlEditError:
        after = None
    if after is None or not _holds(after, wanted) or _rest(before, wanted) != _rest(after, wanted):
        raise YamlEditError("is written in a way that cannot be edited safely; edit it by hand")


def _holds(node: Node, wanted: Wanted) -> bool:
    for name, value in wanted.items():
        found = node.find(name)
        if found is None:
            return False
        if isinstance(value, str):
            if found[1].meant.value != value:
                return False
        elif not _holds(found[1], value):
            return False
    return True


def _rest(node: Node, wanted: Wanted) -> object:
    """The document without what is wanted; mappings that are empty without it are left out."""
    if node.kind in {"scalar", "alias"}:
        return (node.kind, node.value, node.style, node.tag, node.anchor)
    if node.kind == "list":
        return ("list", node.tag, node.anchor, [_rest(item, {}) for item in node.items])
    return ("map", node.tag, node.anchor, list(_rest_of_pairs(node, wanted)))


def _rest_of_pairs(node: Node, wanted: Wanted) -> Iterator[object]:
    for key, value in node.pairs:
        inner = wanted.get(key.meant.value) if key.meant.kind == "scalar" else None
        if isinstance(inner, str):
            continue
        if inner is not None:
            if value.is_null:
                continue
            rest = _rest(value, inner)
            if rest == ("map", None, None, []):
                continue
            yield (_rest(key, {}), rest)
        else:
            yield (_rest(key, {}), _rest(value, {}))
