"""Rendering every sample twice, with the theme and without, and comparing the two: in English, in
a language with long words, and in one that runs from the right.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2
import msgspec

from portal import i18n
from portal.cli.theming import contrast, pages, templates
from portal.cli.theming.finding import Finding, gathered
from portal.cli.theming.markup import Markup
from portal.page import Page
from portal.samples import fill, in_language
from portal.settings import Settings
from portal.web.templating import environment

LANGUAGES: Final = (i18n.DEFAULT, "de", "ar")
NO_DIRECTORY: Final = Path("/dev/null")


@dataclass(frozen=True)
class Stage:
    """Where a page is shown in two ways."""

    ours: jinja2.Environment
    theirs: jinja2.Environment
    directory: Path


def examine(
    settings: Settings,
    names: Collection[str],
    *,
    tell: Callable[[str], None],
    languages: Collection[str] = LANGUAGES,
) -> list[Finding]:
    """Everything that the theme of *settings* breaks on the samples called *names*; *tell* hears
    how far it is.
    """
    return [_once(found) for found in gathered(_examine(settings, names, tell, languages))]


def _once(found: Finding) -> Finding:
    """What breaks in English is not told again of every other language."""
    pages = {page for page in found.pages if " " not in page}
    rest = tuple(p for p in found.pages if p in pages or p.partition(" (")[0] not in pages)
    return msgspec.structs.replace(found, pages=rest)


def _examine(
    settings: Settings,
    names: Collection[str],
    tell: Callable[[str], None],
    languages: Collection[str],
) -> Iterator[Finding]:
    yield from contrast.weak_pairs({"light": settings.colours, "dark": settings.colours_dark})
    directory = settings.template_dir.absolute() if settings.template_dir else None
    stage = Stage(
        ours=environment(msgspec.structs.replace(settings, template_dir=None)),
        theirs=environment(msgspec.structs.replace(settings, template_dir=directory)),
        directory=directory or NO_DIRECTORY,
    )
    if directory:
        yield from templates.directory_problems(directory, stage.theirs, stage.ours)
    for tag in languages:
        # read whole: what follows is a generator, and another language may be spoken between steps
        yield from list(_in_one(stage, names, tell, tag))


def _in_one(
    stage: Stage, names: Collection[str], tell: Callable[[str], None], tag: str
) -> Iterator[Finding]:
    samples = in_language(tag)
    with i18n.speaking(tag):
        for number, name in enumerate(names, 1):
            tell(f"Page {number} of {len(names)}, {i18n.language().name}: {name}")
            page = samples[name]
            label = name if tag == i18n.DEFAULT else f"{name} ({tag})"
            for template in dict.fromkeys(filter(None, (page.template, page.partial))):
                yield from _compared(stage, label, page, template)


def _compared(stage: Stage, name: str, page: Page, template: str) -> Iterator[Finding]:
    try:
        shown = Markup(_rendered(stage.theirs, template, page))
        filled = Markup(_rendered(stage.theirs, template, fill(page, pages.PAYLOAD)))
    except Exception as exc:  # whatever a template does wrong, Python says it in its own way
        yield templates.template_problem(exc, stage.directory, pages=(name,))
        return
    own = Markup(_rendered(stage.ours, template, page))
    known = {*pages.forbidden(own), *pages.unsound(own)}
    found = [
        *pages.missing(own, shown, page.target),
        *(problem for problem in pages.forbidden(shown) if problem not in known),
        *(problem for problem in pages.unsound(shown) if problem not in known),
        *pages.leaking(filled),
    ]
    for kind, problem, advice in found:
        yield Finding(kind=kind, pages=(name,), where=template, problem=problem, advice=advice)


def _rendered(env: jinja2.Environment, template: str, page: Page) -> str:
    def form_token(purpose: str, _: str) -> str:
        return f"token-for-{purpose}"

    return env.get_template(template).render(page=page, form_token=form_token, here="/")
