"""An operator's brand: what pages show of it, and the files below ``/theme``.

The style sheet is made once, from settings that were checked; the CSP allows no style in a page.
All files have one version, a hash of them all, so that browsers keep them for good.
"""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from portal.colours import SCHEMES, Scheme, completed
from portal.settings import Settings
from portal.settings.brand import Font, FooterLink, HelpContact, Logo
from portal.web.assets import ASSETS, HASH_CHARACTERS, Asset, serve
from portal.web.inputs import AnyRequest

LOGO_HEIGHT: Final = 40
LOGO_WIDTH: Final = 240
"""The most that a logo takes, in CSS pixels; it keeps its shape."""
SVG_CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""For who opens the picture by itself: no script, and an origin of its own."""
_FONTS: Final = re.compile(r"--font: (.*?);")


class Picture(msgspec.Struct, frozen=True):
    """A logo as pages show it; the place that it takes is known before it comes."""

    path: str
    width: int
    height: int


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """What templates know as ``brand``. Paths are relative to the portal's prefix."""

    name: str = ""
    """As the operator has it; empty where nobody named the place."""
    style: str | None = None
    font: str | None = None
    logo: Picture | None = None
    logo_dark: Picture | None = None
    links: tuple[FooterLink, ...] = ()
    help: HelpContact | None = None
    files: Mapping[str, Asset] = {}
    """What is served, by its name."""

    @classmethod
    def of(cls, settings: Settings) -> "Brand":
        """Nothing where nothing is set: then no page asks for anything."""
        name = "" if settings.site_name == settings.host_name else settings.site_name
        logos = {"logo": settings.logo, "logo-dark": settings.logo_dark}
        shown = (name, settings.footer_links, settings.help_contact, settings.corners is not None)
        if not any(
            (*shown, *logos.values(), settings.colours, settings.colours_dark, settings.font)
        ):
            return cls()
        contents = {f"{n}.{logo.suffix}": logo.content for n, logo in logos.items() if logo}
        if settings.font:
            contents["font.woff2"] = settings.font.content
        contents["theme.css"] = style_sheet(settings).encode()
        version = _version(contents)
        return cls(
            name=name or (settings.site_name if settings.logo else ""),
            style=f"/theme/{version}/theme.css",
            font=f"/theme/{version}/font.woff2" if settings.font else None,
            logo=_picture("logo", settings.logo, version),
            logo_dark=_picture("logo-dark", settings.logo_dark, version),
            links=settings.footer_links,
            help=settings.help_contact,
            files={
                name: Asset.of(content, _media_type(name), version)
                for name, content in contents.items()
            },
        )


def style_sheet(settings: Settings) -> str:
    """What is set, after our own styles for what it adds to pages.

    Whoever asks for more contrast gets our colours, which are known to have it.
    """
    parts = [_text_of("brand.css")]
    if settings.corners is not None:
        parts.append(f":root {{\n  --radius: {settings.corners}px;\n}}\n")
    if settings.font:
        parts.append(_font_face(settings.font))
    rules = "".join(_rules(completed({"light": settings.colours, "dark": settings.colours_dark})))
    if rules:
        parts.append(f"@media not all and (prefers-contrast: more) {{\n{rules}}}\n")
    return "\n".join(parts)


def _rules(schemes: Mapping[Scheme, Mapping[str, str]]) -> Iterator[str]:
    for scheme in SCHEMES:
        named = "".join(f" --{name}: {value};" for name, value in schemes[scheme].items())
        if named:
            yield f"@media (prefers-color-scheme: {scheme}) {{ :root {{{named} }} }}\n"


def _font_face(font: Font) -> str:
    """Shown at once or not at all, so that no text moves while somebody reads it; it is there from
    the second page on at the latest.
    """
    weights = "100 900" if font.variable else "normal"
    (others,) = _FONTS.findall(_text_of("portal.css"))
    return (
        '@font-face {\n  font-family: "brand";\n  src: url("font.woff2") format("woff2");\n'
        f"  font-weight: {weights};\n  font-display: optional;\n}}\n\n"
        f':root {{\n  --font: "brand", {others};\n}}\n'
    )


def _text_of(asset: str) -> str:
    return ASSETS[asset].content.decode()


def _version(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:HASH_CHARACTERS]


def _picture(name: str, logo: Logo | None, version: str) -> Picture | None:
    if logo is None:
        return None
    scale = min(LOGO_HEIGHT / logo.height, LOGO_WIDTH / logo.width)
    return Picture(
        path=f"/theme/{version}/{name}.{logo.suffix}",
        width=math.ceil(logo.width * scale),
        height=math.ceil(logo.height * scale),
    )


def _media_type(name: str) -> str:
    return {
        "css": "text/css",
        "png": "image/png",
        "svg": "image/svg+xml",
        "webp": "image/webp",
        "woff2": "font/woff2",
    }[name.rpartition(".")[2]]


@get("/theme/{version:str}/{name:str}", sync_to_thread=False)
def serve_theme(request: AnyRequest, version: FromPath[str], name: FromPath[str]) -> Response[Any]:
    """Serve a file of the brand; a picture that somebody opens by itself can do nothing."""
    brand: Brand = request.app.state.web.brand
    response = serve(request, brand.files.get(name), version)
    if name.endswith(".svg"):
        response.headers["Content-Security-Policy"] = SVG_CSP
    return response
