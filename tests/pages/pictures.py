"""Approved pictures of pages, and how much a new one may differ.

A pixel counts as different if one of its colours is off by more than :data:`STEP` of 255, which
the smoothing of letters' edges stays below; a picture may have :data:`SHARE` of such pixels, a
caret's or an icon's worth. Another height is a difference by itself.
"""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops
from playwright.async_api import Browser, ViewportSize

from tests.pages.site import SPOKEN, SampleSite

ROOT: Final = Path(__file__).resolve().parent.parent.parent
APPROVED: Final = Path(__file__).with_name("approved")
LEFT: Final = ROOT / "build" / "visual"
"""What did not fit, to be looked at."""
APPROVING: Final = "PORTAL_APPROVE_PICTURES"
"""The variable with which the tests write the pictures instead of comparing them."""
STEP: Final = 24
SHARE: Final = 0.001
MOST_BYTES: Final = 10_000_000
SETTLED: Final = 1000
"""Milliseconds after which Allow can be pressed; they are made to pass at once."""
SIZES: Final[dict[str, ViewportSize]] = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 900},
}
ON_BOTH: Final = (
    *("login", "login-refused", "login-everything"),
    *("consent", "consent-fresh", "consent-refused"),
)
ON_A_DESK: Final = (
    *("device", "device-link", "logout", "problem", "problem-retry", "welcome", "factor"),
    *("apps", "security", "grants", "users"),
)
LANGUAGES: Final = tuple(tag for tag in ("en", "ar") if tag in SPOKEN)


@dataclass(frozen=True)
class Picture:
    """One state of one page, as it was approved."""

    sample: str
    size: str
    language: str

    @property
    def name(self) -> str:
        return f"{self.sample}.{self.size}.{self.language}"

    @property
    def path(self) -> Path:
        return APPROVED / f"{self.name}.png"


PICTURES: Final = [
    Picture(sample, size, language)
    for sizes, samples in ((("phone", "desktop"), ON_BOTH), (("desktop",), ON_A_DESK))
    for sample in samples
    for size in sizes
    for language in LANGUAGES
]


@dataclass(frozen=True)
class Difference:
    """Between an approved picture and a new one."""

    share: float
    """Of the pixels."""
    box: tuple[int, int, int, int] | None
    """Around all that differ: left, top, right, bottom."""
    image: Image.Image
    """Both pictures faded, and what differs in red."""

    @property
    def is_too_much(self) -> bool:
        return self.share > SHARE


async def take(browser: Browser, site: SampleSite, picture: Picture) -> Image.Image:
    """Photograph the page as it is now, in a window of its own."""
    context = await browser.new_context(
        viewport=SIZES[picture.size],
        color_scheme="light",
        reduced_motion="reduce",
        device_scale_factor=1,
        timezone_id="UTC",
    )
    try:
        window = await context.new_page()
        await window.clock.install()
        await site.show(picture.sample, picture.language).open(window)
        await window.clock.run_for(SETTLED)
        await window.evaluate("document.fonts.ready.then(() => document.activeElement?.blur())")
        taken = await window.screenshot(full_page=True, animations="disabled", caret="hide")
    finally:
        await context.close()
    return Image.open(io.BytesIO(taken)).convert("RGB")


def compare(approved: Image.Image, taken: Image.Image) -> Difference:
    """Where they differ; beyond the edge of the smaller one, everywhere."""
    size = max(approved.width, taken.width), max(approved.height, taken.height)
    one, other = (_enlarged(image, size) for image in (approved, taken))
    bands = ImageChops.difference(one, other).split()
    most = bands[0]
    for band in bands[1:]:
        most = ImageChops.lighter(most, band)
    mask = most.point([255 if step > STEP else 0 for step in range(256)])
    for image in (approved, taken):
        mask.paste(255, (image.width, 0, *size))
        mask.paste(255, (0, image.height, *size))
    shown = Image.blend(Image.blend(one, other, 0.5), Image.new("RGB", size, "white"), 0.6)
    shown.paste(Image.new("RGB", size, "red"), mask=mask)
    return Difference(mask.histogram()[255] / (size[0] * size[1]), mask.getbbox(), shown)


def leave(picture: Picture, taken: Image.Image, difference: Difference | None) -> str:
    """Keep what did not fit beside what was approved; a sentence that says where."""
    LEFT.mkdir(parents=True, exist_ok=True)
    taken.save(LEFT / f"{picture.name}.actual.png")
    if difference is None:
        return f"Nobody has approved {picture.name} yet; it is in {LEFT}."
    Image.open(picture.path).save(LEFT / f"{picture.name}.expected.png")
    difference.image.save(LEFT / f"{picture.name}.difference.png")
    return (
        f"{picture.name}: {difference.share:.2%} of the pixels differ, within {difference.box}. "
        f"Look at {LEFT}/{picture.name}.*.png; `make visual ARGS=--approve` if that is meant."
    )


def approve(picture: Picture, taken: Image.Image) -> None:
    """Replace the picture, unless the new one would hardly differ: then the history stays small."""
    if picture.path.exists():
        known = Image.open(picture.path).convert("RGB")
        if known.size == taken.size and compare(known, taken).share == 0:
            return
    APPROVED.mkdir(exist_ok=True)
    taken.quantize(256, dither=Image.Dither.NONE).save(picture.path, optimize=True)


def is_approving() -> bool:
    return os.environ.get(APPROVING) == "1"


def superfluous() -> list[Path]:
    """Pictures of what is not compared any more."""
    wanted = {picture.path for picture in PICTURES}
    return sorted(path for path in APPROVED.glob("*.png") if path not in wanted)


def _enlarged(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    canvas = Image.new("RGB", size, "white")
    canvas.paste(image)
    return canvas
