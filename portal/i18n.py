"""In which language a page speaks, and its words in it.

Texts are written in English where they are used, marked by :func:`gettext` (which templates and
modules call ``_``), and looked up in the catalogs of ``portal/locale``. Which language it is, is
known bit by bit while a request is answered; the best of what is known counts:

1. what the app asks for: ``ui_locales`` (OpenID Connect Core, 3.1.2.1),
2. the person's own setting, their ``locale``,
3. what was chosen in this browser, as a cookie keeps it,
4. what the browser says: ``Accept-Language`` (RFC 9110, 12.5.4).

Somebody who chose a language on a page that an app had put into another one, means it: such a
choice comes first, as long as the app asks for the same.
"""

import gettext as catalogs
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

import msgspec
from babel import Locale

from portal.resources import LOCALE_DIR

DOMAIN: Final = "portal"
DEFAULT: Final = "en"
NAMES: Final = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "pt": "Português",
    "ja": "日本語",
    "ar": "العربية",
}
"""Each in its own words: who looks for theirs may read no other."""
_WRITING: Final = {"en": "en_GB"}
"""Whose dates and numbers, where the language alone does not say: not only Americans read it."""
MAX_TAGS: Final = 20
MAX_HEADER: Final = 500
"""Characters of a list of languages that are looked at."""


class Language(msgspec.Struct, frozen=True):
    """One language that the pages speak."""

    tag: str
    """BCP 47, and the folder of its catalog."""

    @property
    def name(self) -> str:
        """What its speakers call it."""
        return NAMES[self.tag]

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``, as HTML's ``dir`` has it."""
        return self.locale.text_direction

    @property
    def locale(self) -> Locale:
        """How it writes dates, numbers and lists."""
        return _locale(self.tag)

    @property
    def catalog(self) -> catalogs.NullTranslations:
        """Its words; English is what the texts are written in."""
        return _catalog(self.tag)


LANGUAGES: Final = tuple(Language(tag) for tag in NAMES)
_BY_TAG: Final = {language.tag: language for language in LANGUAGES}


class Wishes:
    """What is known about who reads this answer, best first; one for each request."""

    __slots__ = ("_app", "_browser", "_chosen", "_person", "language")

    def __init__(self, *, chosen: str = "", browser: str = "") -> None:
        self._app: Language | None = None
        self._person: Language | None = None
        self._chosen = read_choice(chosen)
        self._browser = _accepted(browser)
        self.language = self._best()

    def add(self, *, app: Language | None = None, person: Language | None = None) -> None:
        """Take into account what became known."""
        self._app, self._person = app or self._app, person or self._person
        self.language = self._best()

    def _best(self) -> Language:
        chosen, instead_of = self._chosen
        asked = self._app or self._person
        if chosen and asked and instead_of == asked:
            return chosen
        return asked or chosen or self._browser or _BY_TAG[DEFAULT]


_wishes: ContextVar[Wishes] = ContextVar("wishes")


def read_all() -> None:
    """Read every catalog now, so that nobody's first page or letter takes longer than another's."""
    for one in LANGUAGES:
        one.catalog.gettext("Language")
        one.locale.datetime_formats.get("medium")


def begin(*, chosen: str = "", browser: str = "") -> None:
    """Forget the request before this one: *chosen* is its cookie, *browser* its
    ``Accept-Language``.
    """
    _wishes.set(Wishes(chosen=chosen, browser=browser))


def heed_app(ui_locales: Iterable[str]) -> None:
    """Take an app's wish into account: BCP 47 tags, the best first."""
    _known().add(app=best_of(ui_locales))


def heed_person(locale: object) -> None:
    """Take the setting of who reads this into account; anything but a tag is none."""
    if isinstance(locale, str):
        _known().add(person=find_language(locale))


def language() -> Language:
    """The language to speak right now; English where nobody began a request."""
    found = _wishes.get(None)
    return found.language if found else _BY_TAG[DEFAULT]


@contextmanager
def speaking(tag: object) -> Iterator[None]:
    """Speak the best language for *tag*, for what one person reads: a mail."""
    before = _wishes.set(Wishes())
    try:
        heed_person(tag)
        yield
    finally:
        _wishes.reset(before)


def find_language(tag: str) -> Language | None:
    """The language that *tag* means or narrows: ``pt`` for ``pt-BR`` (RFC 4647, 3.4)."""
    wanted = tag.strip().lower().replace("_", "-")
    return _BY_TAG.get(wanted) or _BY_TAG.get(wanted.partition("-")[0])


def best_of(tags: Iterable[str]) -> Language | None:
    """The first of *tags* that the pages speak."""
    return next((found for tag in tuple(tags)[:MAX_TAGS] if (found := find_language(tag))), None)


def make_choice(chosen: Language, instead_of: Language) -> str:
    """What a browser keeps of a choice: with what it was chosen over."""
    return f"{chosen.tag}.{instead_of.tag}"


def read_choice(value: str) -> tuple[Language | None, Language | None]:
    """The language chosen, and what it was chosen over, from what a browser sent."""
    chosen, _, instead_of = value.partition(".")
    return _BY_TAG.get(chosen), _BY_TAG.get(instead_of)


def gettext(message: str) -> str:
    """*message* in the language to speak."""
    return language().catalog.gettext(message) if message else ""  # "" is a catalog's head


def ngettext(one: str, many: str, number: int) -> str:
    """The form for *number*; languages have between one and six."""
    return language().catalog.ngettext(one, many, number)


def pgettext(context: str, message: str) -> str:
    """*message*, where the same English has another meaning elsewhere."""
    return language().catalog.pgettext(context, message)


def N_(message: str) -> str:  # noqa: N802 - the name that extractors and translators know
    """Mark a text that is looked up where it is shown: a constant, made before anybody reads."""
    return message


def _known() -> Wishes:
    found = _wishes.get(None)
    if found is None:
        found = Wishes()
        _wishes.set(found)
    return found


@lru_cache(maxsize=64)
def _accepted(header: str) -> Language | None:
    """The best language of an ``Accept-Language``; what is garbled in it is nothing."""
    weighed: list[tuple[float, str]] = []
    for part in header[:MAX_HEADER].split(",")[:MAX_TAGS]:
        tag, _, weight = part.partition(";")
        try:
            weighed.append((float(weight.strip().removeprefix("q=") or 1), tag))
        except ValueError:
            continue
    weighed.sort(key=lambda pair: -pair[0])
    return best_of(tag for weight, tag in weighed if weight > 0)


@lru_cache
def _locale(tag: str) -> Locale:
    return Locale.parse(_WRITING.get(tag, tag))


@lru_cache
def _catalog(tag: str) -> catalogs.NullTranslations:
    return catalogs.translation(DOMAIN, LOCALE_DIR, [tag], fallback=tag == DEFAULT)
