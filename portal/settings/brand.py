"""Readers of what an operator's brand is made of: files that browsers get as they are, colours,
links.

A file is looked at as closely as a stranger's: what it holds, not what it is called. Whoever drew
the logo need not be whom the operator trusts with the sign-in page.
"""

import re
from collections.abc import Callable
from email.utils import parseaddr
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from xml.etree import ElementTree

import msgspec

from portal.colours import NAMES

MAX_LOGO_BYTES: Final = 100 * 1024
MAX_FONT_BYTES: Final = 200 * 1024
MAX_LINKS: Final = 8
MAX_TITLE: Final = 40
_SVG: Final = "{http://www.w3.org/2000/svg}"
_XHTML: Final = "{http://www.w3.org/1999/xhtml}"
_ACTIVE: Final = frozenset(
    {
        *("script", "handler", "listener", "foreignObject", "iframe", "embed", "object", "a"),
        *("audio", "video", "animate", "animateMotion", "animateTransform", "set", "discard"),
    }
)
"""Elements of SVG that run, lead away, hold other documents or change attributes later."""
_INLINE: Final = re.compile(r"data:image/(?:png|jpeg|webp);base64,", re.IGNORECASE)
_URL: Final = re.compile(
    r"url\(\s*+['\"]?+\s*+(?!#)(?!data:image/(?:png|jpeg|webp);)", re.IGNORECASE
)
_FETCHING: Final = re.compile(r"@import|\b(?:image|image-set|src)\(", re.IGNORECASE)
"""What takes an address without ``url()``."""
_ENCODING: Final = re.compile(r"<\?xml\s[^>]*?\bencoding\s*=\s*['\"](?!utf-8['\"])", re.IGNORECASE)
_WOFF2_TABLE_FVAR: Final = 47
_ADDRESS: Final = re.compile(r"[^@\s<>,;:\"?&#%]+@[^@\s<>,;:\"?&#%]+", re.ASCII)
_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ()/.-]{2,30}", re.ASCII)
_NEXT_LINK: Final = re.compile(r",\s*(?=[^,=]+=\s*\w+:)")
"""A comma in an address does not end it, unless a title and the next address follow."""


class Logo(msgspec.Struct, frozen=True):
    """A picture, and the size that it says it has."""

    content: bytes
    media_type: str
    suffix: str
    width: float
    height: float

    def __repr__(self) -> str:
        return f"Logo({self.media_type}, {len(self.content)} bytes)"


class Font(msgspec.Struct, frozen=True):
    """A font for the web."""

    content: bytes
    variable: bool
    """It holds every weight; one that does not is made bold by the browser."""

    def __repr__(self) -> str:
        return f"Font({len(self.content)} bytes)"


class FooterLink(msgspec.Struct, frozen=True):
    """A page of the operator's own."""

    title: str
    href: str


class HelpContact(msgspec.Struct, frozen=True):
    """Where people are helped."""

    href: str
    text: str


def logo(text: str) -> Logo:
    """Take a picture that shows itself, and does nothing else."""
    content = _content(text, MAX_LOGO_BYTES)
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return _logo(content, "image/png", "png", _png_size(content))
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _logo(content, "image/webp", "webp", _webp_size(content))
    if b"<svg" in content:
        return _logo(content, "image/svg+xml", "svg", _svg_size(content))
    raise ValueError(f"{text} is no SVG, PNG or WebP picture")


def font(text: str) -> Font:
    """Take a WOFF2 font."""
    content = _content(text, MAX_FONT_BYTES)
    if not content.startswith(b"wOF2") or len(content) < 48:
        raise ValueError(f"{text} is no WOFF2 font")
    return Font(content, variable=_is_variable(content))


def colours(text: str) -> dict[str, str]:
    """Read ``name=#rrggbb``, comma separated; every problem is told."""
    found: dict[str, str] = {}
    problems = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (side.strip().lower() for side in part.partition("="))
        name = name.removeprefix("--")
        if name not in NAMES:
            problems.append(f"there is no colour {name!r}; there are {', '.join(NAMES)}")
        elif name in found:
            problems.append(f"{name} is named twice")
        elif not re.fullmatch(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", value, re.ASCII):
            problems.append(f"{name} must be a colour such as #0a7d4f or #0a7")
        else:
            short = len(value) == 4
            found[name] = "#" + "".join(c * 2 for c in value[1:]) if short else value
    if problems:
        raise ValueError("; ".join(dict.fromkeys(problems)))
    return found


def footer_links(text: str) -> tuple[FooterLink, ...]:
    """Read ``Title=https://…``, comma separated."""
    found = []
    for part in filter(None, _NEXT_LINK.split(text.strip(" ,"))):
        title, _, href = (side.strip() for side in part.partition("="))
        if not title or not title.isprintable() or len(title) > MAX_TITLE:
            raise ValueError(f"a link's title has 1 to {MAX_TITLE} visible characters")
        found.append(FooterLink(title, _https(href, f"the link {title!r}")))
    if not 1 <= len(found) <= MAX_LINKS:
        raise ValueError(
            f"must be 1 to {MAX_LINKS} links such as Privacy=https://example.org/privacy"
        )
    return tuple(found)


def help_contact(text: str) -> HelpContact:
    """Read an address of a page, of mail, or a phone number."""
    if text.lower().startswith("https:"):
        return HelpContact(_https(text, "it"), urlsplit(text).hostname or "")
    mail = text.removeprefix("mailto:")
    if _ADDRESS.fullmatch(mail) and parseaddr(mail)[1] == mail:
        return HelpContact(f"mailto:{mail}", mail)
    number = text.removeprefix("tel:").strip()
    if _NUMBER.fullmatch(number):
        return HelpContact("tel:" + re.sub(r"[^+0-9]", "", number), number)
    raise ValueError(
        "must be a page such as https://example.org/help, an address such as help@example.org or "
        "a phone number such as +49 30 123456"
    )


def _https(text: str, what: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, None
    plain = text.isascii() and re.fullmatch(r"[!-~]+", text) and not re.search(r"[\"'<>\\`]", text)
    if parts is None or parts.scheme != "https" or not host or not plain or "@" in parts.netloc:
        raise ValueError(f"{what} must lead to an address that begins with https://")
    return text


def _content(text: str, most: int) -> bytes:
    try:
        with Path(text).open("rb") as file:
            content = file.read(most + 1)
    except OSError as exc:
        raise ValueError(f"cannot read {text}: {exc.strerror}") from exc
    if len(content) > most:
        raise ValueError(f"{text} is larger than {most // 1024} KiB")
    return content


def _logo(content: bytes, media_type: str, suffix: str, size: tuple[float, float]) -> Logo:
    width, height = size
    if not (0 < width <= 100_000 and 0 < height <= 100_000):
        raise ValueError("the picture does not say how large it is")
    return Logo(content, media_type, suffix, width, height)


def _png_size(content: bytes) -> tuple[float, float]:
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _webp_size(content: bytes) -> tuple[float, float]:
    """The three kinds of WebP say it in three ways (RFC 9649, 2.5 to 2.7)."""
    kind, body = content[12:16], content[20:30]

    def number(at: int, size: int) -> int:
        return int.from_bytes(body[at : at + size], "little")

    readers: dict[bytes, Callable[[], tuple[float, float]]] = {
        b"VP8 ": lambda: (number(6, 2) & 0x3FFF, number(8, 2) & 0x3FFF),
        b"VP8L": lambda: ((number(1, 4) & 0x3FFF) + 1, (number(1, 4) >> 14 & 0x3FFF) + 1),
        b"VP8X": lambda: (number(4, 3) + 1, number(7, 3) + 1),
    }
    return readers[kind]() if kind in readers and len(body) == 10 else (0, 0)


def _svg_size(content: bytes) -> tuple[float, float]:
    """Refuse whatever a picture does not need, then read its size."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the SVG is not written in UTF-8") from None
    if _ENCODING.match(text):  # browsers would believe it, and see other elements than we do
        raise ValueError("the SVG says that it is not written in UTF-8")
    if re.search(r"<!DOCTYPE|<!ENTITY|<\?xml-stylesheet", text, re.IGNORECASE):
        raise ValueError("the SVG has a DOCTYPE, entities or a style sheet of its own: remove them")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - small, and without a DOCTYPE
    except ElementTree.ParseError as exc:
        raise ValueError(f"the SVG is not sound XML: {exc}") from exc
    if root.tag != f"{_SVG}svg":
        raise ValueError('the SVG must begin with <svg xmlns="http://www.w3.org/2000/svg">')
    for element in root.iter():
        _refuse_active(element)
    return _size_of(root)


def _refuse_active(element: "ElementTree.Element[str]") -> None:
    if not isinstance(element.tag, str):
        return
    name = element.tag.rpartition("}")[2]
    if name in _ACTIVE or element.tag.startswith(_XHTML):
        raise ValueError(f"the SVG holds <{name}>: a logo must be a picture alone")
    if name == "style":
        _refuse_fetching("".join(element.itertext()))
    for attribute, value in element.attrib.items():
        local = attribute.rpartition("}")[2].lower()
        if local.startswith("on"):
            raise ValueError(f"the SVG holds {local}=: a logo must be a picture alone")
        if local in ("href", "src") and not (value.startswith("#") or _INLINE.match(value)):
            raise ValueError("the SVG refers to something outside of it")
        _refuse_fetching(value)


def _refuse_fetching(style: str) -> None:
    if _URL.search(style) or _FETCHING.search(style) or "\\" in style:
        raise ValueError("the SVG refers to something outside of it")


def _size_of(root: "ElementTree.Element[str]") -> tuple[float, float]:
    def number(text: str) -> float:
        plain = text.strip().removesuffix("px")
        return float(plain) if re.fullmatch(r"\d+(\.\d+)?", plain, re.ASCII) else 0

    box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
    if len(box) == 4:
        return number(box[2]), number(box[3])
    return number(root.get("width", "")), number(root.get("height", ""))


def _is_variable(content: bytes) -> bool:
    """Whether the directory of tables names ``fvar`` (WOFF2, 4.1): an entry is a byte of flags, a
    tag if it is none of the known ones, and one or two numbers of variable length.
    """
    at = 48
    try:
        for _ in range(int.from_bytes(content[12:14])):
            flags = content[at]
            known, version = flags & 0x3F, flags >> 6
            tag = content[at + 1 : at + 5] if known == 0x3F else b""
            if known == _WOFF2_TABLE_FVAR or tag == b"fvar":
                return True
            at = _behind_number(content, at + 1 + len(tag))
            is_outline = known in (10, 11) or tag in (b"glyf", b"loca")
            if (version != 3) if is_outline else (version != 0):
                at = _behind_number(content, at)
    except IndexError:
        raise ValueError("the font is cut off") from None
    return False


def _behind_number(content: bytes, at: int) -> int:
    while content[at] & 0x80:
        at += 1
    return at + 1
