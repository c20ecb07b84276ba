"""The pages' colours: their names and values as ``portal.css`` has them, which of them meet, and
how well they can be told apart (WCAG 2.2, 1.4.3 and 1.4.11).

A colour is written ``#rrggbb``, a palette is a mapping from names of custom properties to colours.
"""

import colorsys
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

Scheme = Literal["light", "dark"]
Palette = Mapping[str, str]
SCHEMES: Final[tuple[Scheme, ...]] = get_args(Scheme)
TEXT: Final = 4.5
CONTROL: Final = 3.0
_AIM: Final = 5.5
"""What a colour that is made for the dark scheme is to have: a little more than it must."""
_STYLES: Final = Path(__file__).resolve().parent / "static" / "portal.css"
_COLOUR: Final = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")


class Pair(msgspec.Struct, frozen=True):
    """Two colours that meet on a page, and how far apart they have to be."""

    front: str
    back: str
    needed: float = TEXT


PAIRS: Final = (
    Pair("text", "page"),
    Pair("text", "surface"),
    Pair("text", "sunken"),
    Pair("text", "accent-soft"),
    Pair("text", "warn-soft"),
    Pair("muted", "page"),
    Pair("muted", "surface"),
    Pair("muted", "sunken"),
    Pair("accent", "page"),
    Pair("accent", "surface"),
    Pair("accent", "sunken"),
    Pair("accent-strong", "page"),
    Pair("accent-strong", "surface"),
    Pair("accent-strong", "accent-soft"),
    Pair("on-accent", "accent"),
    Pair("on-accent", "accent-strong"),
    Pair("danger", "surface"),
    Pair("danger", "danger-soft"),
    Pair("good", "good-soft"),
    Pair("warn", "warn-soft"),
    Pair("control", "surface", CONTROL),
    Pair("control", "page", CONTROL),
)
"""Text on what is behind it; the edges of fields and buttons. What has the focus is framed in
``accent``, which as text needs more than a frame does.
"""


def _built_in() -> dict[Scheme, dict[str, str]]:
    light, _, rest = _STYLES.read_text(encoding="utf-8").partition("(prefers-color-scheme: dark)")
    found = dict(_COLOUR.findall(light.partition("}")[0]))
    return {"light": found, "dark": found | dict(_COLOUR.findall(rest.partition("}")[0]))}


BUILT_IN: Final = _built_in()
NAMES: Final = tuple(BUILT_IN["light"])


def channels(colour: str) -> tuple[float, float, float]:
    """Red, green and blue, from 0 to 1."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def written(red: float, green: float, blue: float) -> str:
    """The colour as style sheets have it."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in (red, green, blue))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, definitions)."""
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1, the same, to 21, black and white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def mix(one: str, other: str, share: float) -> str:
    """*one* with a *share* of *other*."""
    red, green, blue = (
        a + (b - a) * share for a, b in zip(channels(one), channels(other), strict=True)
    )
    return written(red, green, blue)


def nearest(colour: str, beside: Mapping[str, float]) -> str | None:
    """The colour of the same hue, as little lighter or darker as can be, that is far enough from
    all those *beside* it; ``None`` if there is none.
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*channels(colour))
    for step in range(256):
        for moved in (lightness - step / 255, lightness + step / 255):
            if 0 <= moved <= 1:
                found = written(*colorsys.hls_to_rgb(hue, moved, saturation))
                if all(contrast(found, other) >= needed for other, needed in beside.items()):
                    return found
    return None


def completed(given: Mapping[Scheme, Palette]) -> dict[Scheme, dict[str, str]]:
    """What was *given* for each scheme, with what follows from an accent that was given alone: the
    colours around it, and the dark scheme's own.
    """
    light, dark = dict(given.get("light", {})), dict(given.get("dark", {}))
    if "accent" in light and "accent" not in dark:
        behind = BUILT_IN["dark"] | dark
        beside = dict.fromkeys((behind["page"], behind["surface"], behind["sunken"]), _AIM)
        dark["accent"] = nearest(light["accent"], beside) or light["accent"]
    return {"light": _around("light", light), "dark": _around("dark", dark)}


def _around(scheme: Scheme, given: dict[str, str]) -> dict[str, str]:
    if "accent" not in given:
        return given
    palette = BUILT_IN[scheme] | given
    accent, text, surface = palette["accent"], palette["text"], palette["surface"]
    strong = given.get("accent-strong") or mix(accent, text, 0.25)
    shares = (0.14, 0.12, 0.1, 0.08, 0.06, 0.04)
    softs = [mix(surface, accent, share) for share in shares]
    readable = (s for s in softs if contrast(text, s) >= TEXT and contrast(strong, s) >= TEXT)
    return {
        "accent-strong": strong,
        "accent-soft": next(readable, softs[-1]),
        "on-accent": max(("#ffffff", "#10151b"), key=lambda ink: contrast(ink, accent)),
    } | given
