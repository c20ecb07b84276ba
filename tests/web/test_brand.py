"""An operator's brand: what is taken, what pages show of it, and the files of it."""

import io
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.async_api import Page

from portal.colours import BUILT_IN, NAMES, SCHEMES, contrast
from portal.dev.serving import Site, listen, port_of, serving
from portal.settings import Settings, SettingsError
from portal.settings.brand import FooterLink, HelpContact
from portal.web.brand import LOGO_HEIGHT, LOGO_WIDTH, Brand
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.real.portal import Person

KEY = "k" * 40
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><path d="M0 0h120v40z"/></svg>'
WOFF2 = b"wOF2" + bytes(8) + b"\x00\x01" + bytes(34) + bytes((1, 10))
"""A header, and a directory with one table."""


def settings(**env: str) -> Settings:
    return Settings.from_env({"SECRET_KEY": KEY, "BASE_URL": "https://login.example.org", **env})


def problem(**env: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(**env)
    (said,) = caught.value.problems
    return said


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


def picture(kind: str, **how: Any) -> bytes:
    """What an own encoder makes of 300 by 100 pixels."""
    out = io.BytesIO()
    Image.new("RGBA", (300, 100)).save(out, kind, **how)
    return out.getvalue()


# What is taken


def test_all_problems_of_a_brand_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(
            PORTAL_LOGO_FILE=str(tmp_path / "gone.svg"),
            PORTAL_COLOURS="accent=green, akzent=#fff, page=#fff, page=#eee",
            PORTAL_FONT_FILE=str(tmp_path),
            PORTAL_FOOTER_LINKS="Imprint=http://example.org",
            PORTAL_HELP="call us",
            PORTAL_CORNERS="round",
        )
    names = [said.partition(":")[0] for said in caught.value.problems]
    assert names == [
        *("PORTAL_LOGO_FILE", "PORTAL_COLOURS", "PORTAL_FONT_FILE", "PORTAL_CORNERS"),
        *("PORTAL_FOOTER_LINKS", "PORTAL_HELP"),
    ]
    colours = caught.value.problems[1]
    assert "accent must be a colour such as #0a7d4f" in colours
    assert "there is no colour 'akzent'" in colours
    assert "page is named twice" in colours


def test_colours_are_written_in_one_way() -> None:
    made = settings(PORTAL_COLOURS=" accent = #0A7d4F,--page=#fed ,")
    assert made.colours == {"accent": "#0a7d4f", "page": "#ffeedd"}


@pytest.mark.parametrize(
    "value", ["red", "#ff", "#12345678", "rgb(0 0 0)", "url(https://x.test)", "#fff;}", "#ff١"]
)
def test_anything_but_a_plain_colour_is_refused(value: str) -> None:
    assert "accent must be a colour" in problem(PORTAL_COLOURS=f"accent={value}")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (SVG.encode(), "image/svg+xml"),
        (picture("PNG"), "image/png"),
        (picture("WEBP"), "image/webp"),
        (picture("WEBP", lossless=True), "image/webp"),
        (picture("WEBP", lossless=True, exact=True, icc_profile=b"x" * 128), "image/webp"),
    ],
    ids=["svg", "png", "webp", "lossless", "extended"],
)
def test_a_logo_is_what_it_holds_and_knows_its_size(
    file: Any, content: bytes, media_type: str
) -> None:
    logo = settings(PORTAL_LOGO_FILE=file("logo.dat", content)).logo
    assert logo is not None
    assert (logo.media_type, logo.width / logo.height) == (media_type, 3)
    assert logo.content == content


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ('width="60px" height="20"', (120, 40)),
        ('viewBox="0,0,1200,100"', (LOGO_WIDTH, 20)),
        ('viewBox="-5 -5 10 40" width="1"', (10, LOGO_HEIGHT)),
    ],
)
def test_pages_keep_a_place_of_the_logos_shape(
    file: Any, size: str, shown: tuple[int, int]
) -> None:
    made = settings(PORTAL_LOGO_FILE=file("x.svg", SVG.replace('viewBox="0 0 120 40"', size)))
    logo = Brand.of(made).logo
    assert logo is not None
    assert (logo.width, logo.height) == shown


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "handler": '<path onclick="alert(1)" d="M0 0"/>',
    "link": '<a href="https://evil.example"><path d="M0 0"/></a>',
    "document": '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">Hi</p></foreignObject>',
    "html": '<img xmlns="http://www.w3.org/1999/xhtml" src="#x"/>',
    "image elsewhere": '<image href="https://evil.example/x.png"/>',
    "as in 1999": '<image xmlns:l="http://www.w3.org/1999/xlink" l:href="//evil.example/x"/>',
    "use elsewhere": '<use href="other.svg#part"/>',
    "script in a picture": '<image href="data:image/svg+xml;base64,PHN2Zz4="/>',
    "script in an address": '<use href="javascript:alert(1)"/>',
    "style elsewhere": '<path style="fill:url(https://evil.example/x)" d="M0 0"/>',
    "quoted": "<path fill=\"url( 'https://evil.example/x' )\" d=\"M0 0\"/>",
    "import": '<style>@import "https://evil.example/x.css";</style>',
    "font elsewhere": "<style>@font-face{src:url(//evil.example/f)}</style>",
    "escaped": r"<style>a{fill:u\72l(https://evil.example/x)}</style>",
    "import behind an element": '<style><g/>@import "https://evil.example/x.css";</style>',
    "picture of a set": '<style>g{cursor:image-set("https://evil.example/x" 1x)}</style>',
    "source": '<style>g{fill:src("https://evil.example/x")}</style>',
    "changed later": '<set attributeName="href" to="javascript:alert(1)"/>',
}  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE)
def test_a_logo_that_is_more_than_a_picture_is_refused(file: Any, part: str) -> None:
    said = problem(PORTAL_LOGO_FILE=file("logo.svg", SVG.replace("<path", f"{part}<path", 1)))
    assert said.startswith("PORTAL_LOGO_FILE: the SVG ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "DOCTYPE"),
        ('<?xml-stylesheet href="https://evil.example/x.css"?>' + SVG, "style sheet"),
        (SVG.replace("</svg>", ""), "not sound XML"),
        (SVG.encode("utf-16"), "no SVG, PNG or WebP"),
        (SVG.replace(' xmlns="http://www.w3.org/2000/svg"', ""), "must begin with <svg xmlns"),
        (SVG.replace(' viewBox="0 0 120 40"', ""), "how large"),
        (SVG.replace("120", "1e999"), "how large"),
        ("<html>", "no SVG, PNG or WebP"),
        (b"\x89PNG\r\n\x1a\n", "no SVG, PNG or WebP"),
        (b"RIFF....WEBPVP8X", "how large"),
        (SVG + " " * 102_400, "larger than 100 KiB"),
        (b"", "no SVG, PNG or WebP"),
    ],
)
def test_a_picture_that_browsers_would_not_show_is_refused(
    file: Any, content: str | bytes, said: str
) -> None:
    assert said in problem(PORTAL_LOGO_FILE=file("logo.svg", content))


@pytest.mark.parametrize(
    "part",
    [
        '<defs><linearGradient id="g"/></defs><path fill="url(#g)" d="M0 0"/>',
        '<path style="fill: url(\'#g\')" d="M0 0"/>',
        '<use href="#g"/>',
        '<image href="data:image/png;base64,iVBORw0KGgo="/>',
        "<style>path { fill: #0a7d4f }</style><!-- by hand -->",
        '<x:namedview xmlns:x="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd" id="n"/>',
    ],
)
def test_what_drawing_programs_write_is_taken(file: Any, part: str) -> None:
    made = settings(PORTAL_LOGO_FILE=file("logo.svg", SVG.replace("<path", f"{part}<path", 1)))
    assert made.logo is not None


def test_a_logo_that_browsers_would_read_in_another_encoding_is_refused(file: Any) -> None:
    hidden = "<title><![CDATA[Á]]> <!-- ]]></title><script>alert(1)</script><title>--></title>"
    content = '<?xml version="1.0" encoding="shift_jis"?>' + SVG.replace("<path", f"{hidden}<path")
    assert "says that it is not written in UTF-8" in problem(
        PORTAL_LOGO_FILE=file("logo.svg", content)
    )


def test_a_logo_may_say_that_it_is_written_in_utf_8(file: Any) -> None:
    content = '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n' + SVG
    assert settings(PORTAL_LOGO_FILE=file("logo.svg", content)).logo is not None


def test_a_dark_logo_needs_a_light_one(file: Any) -> None:
    assert "needs PORTAL_LOGO_FILE" in problem(PORTAL_LOGO_DARK_FILE=file("x.svg", SVG))


def woff2(*entries: bytes) -> bytes:
    return b"wOF2" + bytes(8) + len(entries).to_bytes(2) + bytes(34) + b"".join(entries)


GLYF, CMAP = bytes((10, 0x81, 0x00, 5)), bytes((0, 5))
"""Outlines have a second number, being packed; the first one here has two bytes."""


@pytest.mark.parametrize(
    ("entries", "variable"),
    [
        ((CMAP, GLYF, bytes((47, 9))), True),
        ((CMAP, GLYF), False),
        ((GLYF, b"\x3ffvar\x09"), True),
        ((b"\x3fglyf\x05\x05", b"\x3fXXXX\x05"), False),
        ((bytes((10 | 0xC0, 5)), bytes((47, 9))), True),
    ],
)
def test_whether_a_font_holds_every_weight_is_read_from_it(
    file: Any, entries: tuple[bytes, ...], variable: bool
) -> None:
    made = settings(PORTAL_FONT_FILE=file("font.woff2", woff2(*entries)))
    assert made.font is not None
    assert made.font.variable is variable
    sheet = Brand.of(made).files["theme.css"].content.decode()
    assert ("font-weight: 100 900;" in sheet) is variable


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"OTTO" + bytes(60), "no WOFF2 font"),
        (b"wOF2", "no WOFF2 font"),
        (woff2(CMAP)[:49], "cut off"),
        (woff2(CMAP) + bytes(204_800), "larger than 200 KiB"),
    ],
)
def test_anything_but_a_small_font_for_the_web_is_refused(
    file: Any, content: bytes, said: str
) -> None:
    assert said in problem(PORTAL_FONT_FILE=file("font.woff2", content))


def test_links_may_hold_commas_and_equal_signs() -> None:
    made = settings(
        PORTAL_FOOTER_LINKS="Privacy = https://example.org/p?a=1,b=2, Über uns=https://example.org/#u"
    )
    assert made.footer_links == (
        FooterLink("Privacy", "https://example.org/p?a=1,b=2"),
        FooterLink("Über uns", "https://example.org/#u"),
    )


@pytest.mark.parametrize(
    "links",
    [
        "Imprint=http://example.org",
        "Imprint=javascript:alert(1)",
        "Imprint=//example.org",
        "Imprint=https://",
        "Imprint=https://user@example.org",
        "Imprint=https://example.org/a b",
        'Imprint=https://example.org/"',
        "=https://example.org",
        "https://example.org",
        f"{'x' * 41}=https://example.org",
        "Im\u202eprint=https://example.org",
        ",".join(f"L{n}=https://example.org" for n in range(9)),
    ],
)
def test_a_link_that_is_no_link_is_refused(links: str) -> None:
    assert problem(PORTAL_FOOTER_LINKS=links).startswith("PORTAL_FOOTER_LINKS: ")


@pytest.mark.parametrize(
    ("text", "href", "shown"),
    [
        ("https://help.example.org/x", "https://help.example.org/x", "help.example.org"),
        ("help@example.org", "mailto:help@example.org", "help@example.org"),
        ("mailto:help@example.org", "mailto:help@example.org", "help@example.org"),
        ("+49 (30) 123-456", "tel:+4930123456", "+49 (30) 123-456"),
        ("tel:112", "tel:112", "112"),
    ],
)
def test_help_is_a_page_an_address_or_a_number(text: str, href: str, shown: str) -> None:
    assert settings(PORTAL_HELP=text).help_contact == HelpContact(href, shown)


@pytest.mark.parametrize(
    "text",
    ["http://example.org", "Ann <a@b.c>", "a@b.c?cc=x@y.z", "javascript:alert(1)", "12", "help"],
)
def test_help_that_leads_nowhere_is_refused(text: str) -> None:
    assert "PORTAL_HELP: " in problem(PORTAL_HELP=text)


# What pages show


@pytest.fixture
def dressed(file: Any) -> dict[str, str]:
    """Everything that can be set."""
    return {
        "PORTAL_SITE_NAME": "Example & <b>Bank</b>",
        "PORTAL_LOGO_FILE": file("logo.svg", SVG),
        "PORTAL_LOGO_DARK_FILE": file("dark.png", picture("PNG")),
        "PORTAL_COLOURS": "accent=#0a7d4f,page=#f6f4ef",
        "PORTAL_COLOURS_DARK": "surface=#000",
        "PORTAL_FONT_FILE": file("font.woff2", woff2(CMAP)),
        "PORTAL_CORNERS": "2",
        "PORTAL_FOOTER_LINKS": "Privacy=https://example.org/privacy",
        "PORTAL_HELP": "help@example.org",
    }


async def test_a_portal_without_a_brand_asks_for_nothing(portal: Portal, browser: Browser) -> None:
    page = await browser.open(f"{portal.url}/login")
    html = page.response.text
    assert "/theme/" not in html
    assert 'class="brand"' not in html
    assert Brand.of(portal.settings) == Brand()


async def test_the_brand_is_on_every_kind_of_page(
    new_portal: NewPortal, new_browser: NewBrowser, dressed: dict[str, str]
) -> None:
    portal = await new_portal(**dressed)
    browser = new_browser(at=portal)
    ann: Person = await portal.add_user("ann@example.org")
    pages = [
        await browser.open(f"{portal.url}/login"),
        await browser.open(f"{portal.url}/nowhere"),
        await sign_in(browser, portal, ann),
    ]
    for page in pages:
        (style,) = [e for e in page.root.iter("link") if "theme.css" in e.get("href", "")]
        (logo,) = page.root.iter("img")
        (dark,) = page.root.iter("source")
        assert (logo.get("alt"), logo.get("width")) == ("Example & <b>Bank</b>", "120")
        assert dark.get("media") == "(prefers-color-scheme: dark)"
        assert not list(page.root.iter("b"))
        links = {e.get("href"): "".join(e.itertext()).strip() for e in page.root.iter("a")}
        assert links["https://example.org/privacy"] == "Privacy"
        assert links["mailto:help@example.org"]
        for address in (style.get("href"), logo.get("src"), dark.get("srcset")):
            assert re.match(r"/theme/[0-9a-f]{12}/[\w.-]+$", address or "")


async def test_the_name_alone_stands_where_the_logo_would(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal(PORTAL_SITE_NAME="Example Bank")
    page = await new_browser(at=portal).open(f"{portal.url}/login")
    (brand,) = [e for e in page.root.iter() if e.get("class") == "brand"]
    assert "".join(brand.itertext()).strip() == "Example Bank"
    assert not list(page.root.iter("img"))


@pytest.mark.parametrize("path", ["/login", "/nowhere"])
async def test_the_window_is_named_after_the_page_and_then_the_site(
    new_portal: NewPortal, new_browser: NewBrowser, path: str
) -> None:
    portal = await new_portal(PORTAL_SITE_NAME="Example & <b>Bank</b>")
    page = await new_browser(at=portal).open(portal.url + path)
    (heading,) = page.root.iter("h1")
    assert page.title == f"{''.join(heading.itertext()).strip()} · Example & <b>Bank</b>"


async def test_an_error_page_leads_to_whoever_helps(
    new_portal: NewPortal, new_browser: NewBrowser, portal: Portal, browser: Browser
) -> None:
    helped = await new_portal(PORTAL_HELP="https://help.example.org/")
    page = await new_browser(at=helped).open(f"{helped.url}/nowhere")
    (told,) = [
        e for e in page.root.iter("a") if "tell whoever runs this site" in "".join(e.itertext())
    ]
    assert told.get("href") == "https://help.example.org/"
    assert told.get("rel") == "noopener noreferrer nofollow"
    page = await browser.open(f"{portal.url}/nowhere")
    assert "tell whoever runs this site" in page.response.text
    assert not [e for e in page.root.iter("a") if "tell whoever" in "".join(e.itertext())]


# What is served


async def brand_of(new_portal: NewPortal, **env: str) -> tuple[Portal, Brand]:
    portal = await new_portal(**env)
    return portal, Brand.of(portal.settings)


async def test_files_are_kept_for_good_under_their_current_name_alone(
    new_portal: NewPortal, dressed: dict[str, str]
) -> None:
    portal, brand = await brand_of(new_portal, **dressed)
    types = {
        "theme.css": "text/css",
        "logo.svg": "image/svg+xml",
        "logo-dark.png": "image/png",
        "font.woff2": "font/woff2",
    }
    assert set(brand.files) == set(types)
    async with portal.http() as http:
        for name, media_type in types.items():
            answer = await http.get(f"/theme/{brand.files[name].version}/{name}")
            assert answer.status_code == 200
            assert answer.content == brand.files[name].content
            assert answer.headers["content-type"].partition(";")[0] == media_type
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            old = await http.get(f"/theme/0123456789ab/{name}")
            assert old.headers["cache-control"] == "no-cache"
        assert (await http.get(f"/theme/{brand.files['theme.css'].version}/x")).status_code == 404


async def test_a_logo_that_is_opened_by_itself_can_do_nothing(
    new_portal: NewPortal, dressed: dict[str, str]
) -> None:
    portal, brand = await brand_of(new_portal, **dressed)
    assert brand.logo is not None
    async with portal.http() as http:
        policy = (await http.get(brand.logo.path)).headers.get_list("content-security-policy")
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"]


async def test_nothing_is_served_where_nothing_is_set(portal: Portal) -> None:
    async with portal.http() as http:
        answer: httpx.Response = await http.get("/theme/0123456789ab/theme.css")
    assert answer.status_code == 404


def test_another_brand_has_another_address(file: Any) -> None:
    one = Brand.of(settings(PORTAL_COLOURS="accent=#0a7d4f"))
    other = Brand.of(settings(PORTAL_COLOURS="accent=#0a7d50"))
    logo = Brand.of(settings(PORTAL_COLOURS="accent=#0a7d4f", PORTAL_LOGO_FILE=file("l", SVG)))
    assert len({one.style, other.style, logo.style}) == 3
    assert one == Brand.of(settings(PORTAL_COLOURS="accent=#0a7d4f"))


# The style sheet


def sheet(**env: str) -> str:
    return Brand.of(settings(**env)).files["theme.css"].content.decode()


def test_an_accent_is_set_in_both_schemes_with_all_that_follows() -> None:
    css = sheet(PORTAL_COLOURS="accent=#0a7d4f")
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    assert "--accent: #0a7d4f;" in light
    for part, scheme in ((light, "light"), (dark, "dark")):
        found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part))
        assert set(found) == {"accent", "accent-strong", "accent-soft", "on-accent"}
        assert contrast(found["on-accent"], found["accent"]) >= 4.5
        assert contrast(found["accent"], BUILT_IN[SCHEMES[scheme == "dark"]]["surface"]) >= 4.5


def test_colours_of_light_pages_leave_dark_ones_alone() -> None:
    css = sheet(PORTAL_COLOURS="page=#f6f4ef")
    (rule,) = [line for line in css.splitlines() if "--page" in line]
    assert rule == "@media (prefers-color-scheme: light) { :root { --page: #f6f4ef; } }"


def test_who_wants_more_contrast_gets_our_colours() -> None:
    css = sheet(PORTAL_COLOURS="muted=#777, line=#eee", PORTAL_COLOURS_DARK="muted=#888")
    within = css.partition("@media not all and (prefers-contrast: more) {")[2]
    assert "--muted: #777777;" in within
    assert "--muted: #888888;" in within
    assert within.count("{") + 1 == within.count("}")


def test_a_font_comes_before_the_systems_and_moves_nothing(file: Any) -> None:
    css = sheet(PORTAL_FONT_FILE=file("f", woff2(CMAP)))
    assert 'src: url("font.woff2") format("woff2");' in css
    assert "font-display: optional;" in css
    assert '--font: "brand", system-ui,' in css


def test_corners_are_as_round_as_is_set() -> None:
    assert "--radius: 0px;" in sheet(PORTAL_CORNERS="0")


def test_the_style_sheet_names_no_other_host(dressed: dict[str, str]) -> None:
    css = sheet(**dressed)
    assert re.findall(r"url\(.*?\)", css) == ['url("font.woff2")']
    assert "//" not in css.replace("/*", "").replace("*/", "")
    assert "@import" not in css


def test_every_colour_can_be_set() -> None:
    css = sheet(PORTAL_COLOURS=",".join(f"{name}=#123456" for name in NAMES))
    assert css.count(": #123456;") >= len(NAMES)


# In a browser


@pytest.mark.browser
async def test_a_browser_gets_it_all_within_our_own_policy(
    new_portal: NewPortal, page: Page, dressed: dict[str, str]
) -> None:
    """Nothing is blocked (the fixture sees to that), and nothing comes from elsewhere."""
    socket = listen(0)
    prefix = f"http://127.0.0.1:{port_of(socket)}/sign-in"
    portal = await new_portal(**dressed | {"BASE_URL": prefix})
    came: dict[str, int] = {}
    page.on("response", lambda response: came.update({response.url: response.status}))
    await page.emulate_media(color_scheme="dark")
    async with serving(Site(portal.app, socket, {"lifespan": "off"})):
        await page.goto(f"{prefix}/login", wait_until="networkidle")
        styled = await page.evaluate(
            """() => {
              const root = getComputedStyle(document.documentElement);
              const style = (query) => getComputedStyle(document.querySelector(query));
              return [root.fontFamily.split(",")[0], style(".card").backgroundColor,
                root.getPropertyValue("--page"), root.getPropertyValue("--accent"),
                style("#email").borderTopLeftRadius,
                document.querySelector("img").naturalWidth]
            }"""
        )
    assert styled[0].strip('"') == "brand"
    assert styled[1] == "rgb(0, 0, 0)"
    assert styled[2].strip() == BUILT_IN["dark"]["page"]
    assert styled[3].strip() not in ("", BUILT_IN["dark"]["accent"])
    assert styled[4:] == ["2px", 300]
    assert {url.rpartition("/")[2] for url in came if "/theme/" in url} == {
        *("theme.css", "logo-dark.png", "font.woff2")
    }
    assert set(came.values()) == {200}
    assert all(url.startswith(f"{prefix}/") for url in came)
