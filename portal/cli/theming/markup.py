"""HTML as it was written: its elements, and what a browser would have to repair.

Python's own parser, because a theme is checked where the portal runs.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

import msgspec

VOID: Final = frozenset(
    {
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"),
        *("track", "wbr"),
    }
)
ENDS_BY_ITSELF: Final = frozenset(
    {
        *("body", "colgroup", "dd", "dt", "head", "html", "li", "optgroup", "option", "p", "rp"),
        *("rt", "tbody", "td", "tfoot", "th", "thead", "tr"),
    }
)
ENDS_A_PARAGRAPH: Final = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "details",
            "div",
            "dl",
            "fieldset",
            "figure",
        ),
        *(
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "main",
            "nav",
            "ol",
        ),
        *("p", "pre", "section", "table", "ul"),
    }
)
CONTROLS: Final = frozenset(("button", "input", "select", "textarea"))


class Element(msgspec.Struct, frozen=True):
    """A start tag."""

    tag: str
    attributes: dict[str, str]

    def get(self, name: str) -> str:
        """The attribute's value; empty without one."""
        return self.attributes.get(name, "")


class Markup(HTMLParser):
    """One page or piece, read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.problems: list[str] = []
        self.scripts_within = 0
        """Scripts that stand in the page itself."""
        self._text: list[str] = []
        self._title: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self._end(len(self._open))

    @property
    def text(self) -> str:
        """Everything that is written, with single blanks."""
        return " ".join("".join(self._text).split())

    @property
    def title(self) -> str:
        """What the window is called."""
        return " ".join("".join(self._title).split())

    def all(self, *tags: str) -> Iterator[Element]:
        """All elements, or those with one of *tags*."""
        return (e for e in self.elements if not tags or e.tag in tags)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)
        if tag in ENDS_A_PARAGRAPH and "p" in self._open:
            inner = self._open[self._open.index("p") + 1 :]
            if not {"button", "svg", "td", "th"} & set(inner):
                if tag != "p" or inner:
                    self.problems.append(f"<{tag}> cannot stand within <p>")
                self._end(len(self._open) - self._open.index("p"))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)
        if tag not in VOID and "svg" not in (*self._open, tag):
            self.problems.append(f"<{tag} /> does not close itself: write </{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            self.problems.append(f"</{tag}> closes nothing")
            return
        inner = self._open[::-1].index(tag)
        self._end(inner)
        self._open.pop()

    def handle_data(self, data: str) -> None:
        within = self._open[-1] if self._open else ""
        if within == "title":
            self._title.append(data)
        elif within == "script":
            self.scripts_within += bool(data.strip())
        elif within != "style":
            self._text.append(data)

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def _end(self, count: int) -> None:
        """Close the innermost *count* elements, which had no end tag."""
        for _ in range(count):
            tag = self._open.pop()
            if tag not in ENDS_BY_ITSELF:
                self.problems.append(f"<{tag}> is never closed")
