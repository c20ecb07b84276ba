"""How dates, numbers, lists and spans of time are written in the language of whoever reads them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Final, Literal

from babel.dates import format_date, format_datetime, format_time
from babel.lists import format_list
from babel.numbers import format_compact_decimal, format_decimal

from portal.i18n import gettext as _
from portal.i18n import language, ngettext

SPANS: Final[Mapping[str, Callable[[int], str]]] = {
    "day": lambda n: ngettext("{count} day", "{count} days", n),
    "hour": lambda n: ngettext("{count} hour", "{count} hours", n),
    "minute": lambda n: ngettext("{count} minute", "{count} minutes", n),
    "second": lambda n: ngettext("{count} second", "{count} seconds", n),
}
"""So many of each unit, to stand by itself; ``{count}`` is still to be filled in."""


def moment(value: datetime) -> str:
    """An instant as people read it; UTC, because the server cannot know where they are."""
    locale, instant = language().locale, value.astimezone(UTC)
    at = format_time(instant, "short", locale=locale)
    return f"{locale.datetime_formats['medium'].format(at, day(value))} UTC"


def long_moment(value: datetime) -> str:
    """The same with its second and its zone, for what is kept."""
    return format_datetime(value.astimezone(UTC), "long", locale=language().locale)


def day(value: datetime) -> str:
    """Its day alone, where the hour would only be in the way; UTC, too."""
    return format_date(value.astimezone(UTC), "medium", locale=language().locale)


def long_day(value: date) -> str:
    """A day with the month in words, for a sentence; of an instant, in UTC."""
    known = value.astimezone(UTC) if isinstance(value, datetime) else value
    return format_date(known, "long", locale=language().locale)


def listed(values: Iterable[str], style: Literal["standard", "unit"] = "standard") -> str:
    """Several things in one sentence, "a, b and c"; as a *unit* one after the other."""
    return format_list(list(values), style, locale=language().locale)


def quoted(titles: Iterable[str]) -> str:
    """The same, each in quotation marks."""
    return listed(_("“{title}”").format(title=title) for title in titles)


def number(value: int) -> str:
    """A number with its thousands apart."""
    return format_decimal(value, locale=language().locale)


def roughly(value: int) -> str:
    """Two digits are all that an estimate is worth."""
    locale, rounded = language().locale, round(value, 2 - len(str(value)))
    if rounded < 10**6:
        return number(rounded)
    # Japanese has one way to write it
    style: Literal["long", "short"] = (
        "long" if "long" in locale.compact_decimal_formats else "short"
    )
    return format_compact_decimal(rounded, format_type=style, locale=locale, fraction_digits=1)
