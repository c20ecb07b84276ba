"""Every page in every state, in both colour schemes, on a phone and on a desk, in every language:
pictures, and one page to look at them.

From the root of the repository: ``python -m scripts.gallery``; ``--help`` tells what can be chosen.
Only what has changed since the last time is photographed again, so it may be interrupted.
"""

import argparse
import asyncio
import base64
import fnmatch
import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import rich
from playwright.async_api import Browser, CDPSession, Page, ViewportSize, async_playwright
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from portal import i18n
from portal.samples import in_language
from portal.web.assets import ASSETS
from portal.web.templating import environment
from tests.fixtures.chromium import font_environment, launch
from tests.fixtures.real_parts import find_chromium
from tests.pages.rendering import render
from tests.pages.site import SPOKEN, WHOLE, SampleSite, sample_site

ROOT: Final = Path(__file__).resolve().parent.parent
TEMPLATE: Final = Path(__file__).with_suffix(".html")
SIZES: Final[dict[str, ViewportSize]] = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 900},
}
THEMES: Final = ("light", "dark")
HIGHEST: Final = 6000
"""Pixels of one picture."""
WINDOWS: Final = 4
QUALITY: Final = 82
SYSTEM_FONTS: Final = (Path("/usr/share/fonts"), Path("~/.local/share/fonts").expanduser())
JAPANESE: Final = "ja"


@dataclass(frozen=True)
class Shot:
    """One picture that there is to be."""

    name: str
    theme: str
    size: str
    language: str
    digest: str
    """Of all that it shows."""

    @property
    def file(self) -> str:
        return f"{self.language}/{self.name}.{self.theme}.{self.size}.webp"


class Album:
    """A directory of pictures, which remembers what each of them shows."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._list = directory / "pictures.jsonl"
        self._digests: dict[str, str] = {}
        if self._list.exists():
            for line in self._list.read_text(encoding="utf-8").splitlines():
                file, digest = json.loads(line)
                self._digests[file] = digest

    def lacks(self, shot: Shot) -> bool:
        known = self._digests.get(shot.file) == shot.digest
        return not (known and (self.directory / shot.file).exists())

    def add(self, shot: Shot, picture: bytes) -> None:
        path = self.directory / shot.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
        self._digests[shot.file] = shot.digest
        with self._list.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([shot.file, shot.digest]) + "\n")

    def tidy(self) -> None:
        """Forget pictures of samples that are gone, and what was written down twice."""
        for file in [file for file in self._digests if _name(file) not in WHOLE]:
            del self._digests[file]
            (self.directory / file).unlink(missing_ok=True)
        lines = [json.dumps(pair) for pair in sorted(self._digests.items())]
        self._list.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write_index(self) -> Path:
        """The page with all pictures that there are."""
        files = sorted(file for file in self._digests if (self.directory / file).exists())
        names = {language.tag: language.name for language in i18n.LANGUAGES}
        shown = {"files": files, "languages": names, "statuses": _statuses()}
        data = json.dumps(shown, ensure_ascii=False).replace("<", "\\u003c")
        index = self.directory / "index.html"
        html = TEMPLATE.read_text(encoding="utf-8").replace("/*DATA*/null", data)
        index.write_text(html, encoding="utf-8")
        return index


def main() -> int:
    """Bring the gallery up to date; the exit code says whether every picture was taken."""
    arguments = read_arguments()
    chromium = find_chromium()
    if chromium is None:
        print("Chromium is missing: apt-get install chromium, or CHROMIUM_BIN names one.")
        return 1
    for tag in set(arguments.languages) - set(SPOKEN):
        print(f"Left out: there is no catalog for {tag}.")
    fonts = (*SYSTEM_FONTS, *arguments.fonts)
    if JAPANESE in arguments.languages and not _has_font(JAPANESE, arguments.fonts):
        print("There is no Japanese font here: apt-get install fonts-noto-cjk, or --fonts DIR.")
    album = Album(arguments.out)
    arguments.out.mkdir(parents=True, exist_ok=True)
    shots = list(wanted(arguments))
    if not shots:
        print(f"No page is called {arguments.pages}.")
        return 1
    missing = [shot for shot in shots if arguments.again or album.lacks(shot)]
    started = time.monotonic()
    environment = font_environment(arguments.out / ".fonts", more_fonts=fonts)
    failures = asyncio.run(take_all(missing, album, chromium, environment))
    album.tidy()
    index = album.write_index()
    took = time.monotonic() - started
    print(f"{len(missing) - len(failures)} of {len(shots)} pictures taken in {took:.0f} s.")
    for failure in failures:
        print(failure)
    print(index)
    return int(bool(failures))


def read_arguments() -> argparse.Namespace:
    """What to photograph."""
    parser = argparse.ArgumentParser(prog="make gallery", description=__doc__.partition("\n\n")[0])
    listed: dict[str, Any] = {"type": lambda text: text.split(","), "metavar": "A,B"}
    languages = [language.tag for language in i18n.LANGUAGES]
    parser.add_argument("--pages", default="*", metavar="GLOB", help="names of samples, as login*")
    parser.add_argument("--languages", **listed, default=languages, help=",".join(languages))
    parser.add_argument("--themes", **listed, default=list(THEMES), help=",".join(THEMES))
    parser.add_argument("--sizes", **listed, default=list(SIZES), help=",".join(SIZES))
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gallery", metavar="DIR")
    parser.add_argument("--fonts", type=Path, action="append", default=[], metavar="DIR",
                        help="where more fonts are, as for Japanese")  # fmt: skip
    parser.add_argument("--again", action="store_true", help="also what has not changed")
    arguments = parser.parse_args()
    for flag, known in (("languages", languages), ("themes", THEMES), ("sizes", SIZES)):
        unknown = set(getattr(arguments, flag)) - set(known)
        if unknown:
            parser.error(f"--{flag}: {', '.join(sorted(unknown))} is none of {', '.join(known)}")
    arguments.out = arguments.out.resolve()
    return arguments


def wanted(arguments: argparse.Namespace) -> Iterator[Shot]:
    """The pictures that there should be."""
    names = fnmatch.filter(WHOLE, arguments.pages)
    for language in [tag for tag in arguments.languages if tag in SPOKEN]:
        for name, digest in _digests(names, language):
            for theme in arguments.themes:
                for size in arguments.sizes:
                    yield Shot(name, theme, size, language, digest)


async def take_all(
    shots: list[Shot], album: Album, chromium: Path, environment: dict[str, Any]
) -> list[str]:
    """Take them, several at once; what went wrong."""
    failures: list[str] = []
    queue = iter(shots)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    async with sample_site() as site, async_playwright() as playwright:
        browser = await launch(playwright, chromium, environment)
        with Progress(*columns, TimeRemainingColumn(), console=rich.get_console()) as progress:
            task = progress.add_task("Pictures", total=len(shots))

            async def work() -> None:
                async with Camera(browser, site) as camera:
                    for shot in queue:
                        try:
                            album.add(shot, await camera.take(shot))
                        except Exception as exc:  # one page must not end all others
                            failures.append(f"{shot.file}: {exc}")
                        progress.update(task, advance=1, description=shot.name[:30].ljust(30))

            await asyncio.gather(*(work() for _ in range(min(WINDOWS, len(shots)))))
        await browser.close()
    return failures


class Camera:
    """One window for each theme and size."""

    def __init__(self, browser: Browser, site: SampleSite) -> None:
        self._browser = browser
        self._site = site
        self._windows: dict[tuple[str, str], tuple[Page, CDPSession]] = {}

    async def __aenter__(self) -> "Camera":
        return self

    async def __aexit__(self, *_: object) -> None:
        for window, _session in self._windows.values():
            await window.context.close()

    async def take(self, shot: Shot) -> bytes:
        """The whole page, as high as it is."""
        window, session = await self._window(shot.theme, shot.size)
        await self._site.show(shot.name, shot.language).open(window)
        width = SIZES[shot.size]["width"]
        height = await window.evaluate("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, HIGHEST), "scale": 1}
        options = {"format": "webp", "quality": QUALITY, "captureBeyondViewport": True}
        taken = await session.send("Page.captureScreenshot", {**options, "clip": clip})
        return base64.b64decode(taken["data"])

    async def _window(self, theme: Any, size: str) -> tuple[Page, CDPSession]:
        if (theme, size) not in self._windows:
            context = await self._browser.new_context(
                color_scheme=theme, viewport=SIZES[size], reduced_motion="reduce"
            )
            window = await context.new_page()
            session = await context.new_cdp_session(window)
            self._windows[theme, size] = (window, session)
        return self._windows[theme, size]


def _digests(names: list[str], language: str) -> Iterator[tuple[str, str]]:
    env = environment(SampleSite.example().settings)
    look = "".join(asset.version for _, asset in sorted(ASSETS.items()))
    with i18n.speaking(language):
        for name in names:
            html = render(env, in_language(language)[name])
            yield name, hashlib.sha256(f"{look}{html}".encode()).hexdigest()[:16]


def _statuses() -> dict[str, int]:
    return {name: page.status for name, page in WHOLE.items()}


def _name(file: str) -> str:
    return re.sub(r"^.*/|\..*$", "", file)


def _has_font(language: str, more: list[Path]) -> bool:
    """Whether this machine can show *language*; fontconfig's own program knows."""
    if any(path.is_dir() and any(path.rglob("*.[to]t[fc]")) for path in more):
        return True
    try:
        command = ["fc-list", f":lang={language}"]
        listed = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our words
    except FileNotFoundError:
        return True
    return bool(listed.stdout.strip())


if __name__ == "__main__":
    sys.exit(main())
