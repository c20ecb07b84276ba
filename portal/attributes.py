"""What the operator keeps about people beyond the standard claims: names, types, values.

A value is checked by the same rules wherever it comes from. In tokens an attribute is a claim of
the same name; which scope releases it is said by the scope catalog.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal, get_args

import msgspec
import regex

from portal.claim_names import why_unfit
from portal.i18n import N_, language, ngettext
from portal.i18n import gettext as _
from portal.operator_files import OperatorFileError, Table, Words, read_entries

Type = Literal["text", "number", "boolean", "date", "choice", "list"]
TYPES: Final[tuple[Type, ...]] = get_args(Type)
KEYS: Final = (
    "title", "type", "choices", "pattern", "max_length", "min", "max", "max_items", "visible",
)  # fmt: skip
FITTING: Final[Mapping[Type, tuple[str, ...]]] = {
    "text": ("pattern", "max_length"),
    "number": ("min", "max"),
    "boolean": (),
    "date": ("min", "max"),
    "choice": ("choices",),
    "list": ("choices", "pattern", "max_length", "max_items"),
}
"""Which constraints mean something to which type."""
MAX_LENGTH: Final = 1_000
MAX_ITEMS: Final = 100
PATTERN_SECONDS: Final = 0.1
"""A pattern that needs longer for one value is a trap, and its value is refused."""
_SAFE_INTEGER: Final = 2**53 - 1
_YES: Final = frozenset({"yes", "true", "1", "on"})
_NO: Final = frozenset({"no", "false", "0", "off"})


class AttributesError(OperatorFileError):
    """The operator's file of attributes cannot be used; the message says why."""


class ValueProblemError(Exception):
    """Why a value was refused, as one sentence in English with its *values* by name.

    As text it is what stands behind a name in a file or a terminal, "must be yes or no".
    """

    def __init__(self, english: str, **values: object) -> None:
        self._english, self._values = english, values
        text = english.format(**values).removeprefix("This ").removesuffix(".")
        super().__init__(text[:1].lower() + text[1:])

    @property
    def sentence(self) -> str:
        """The same for the person who typed it, in their language."""
        return _(self._english).format(**self._values)


class AttributeValueError(ValueProblemError):
    """A value that an attribute cannot have; the message is for whoever gave it."""


class AttributeValuesError(Exception):
    """Several of them: :attr:`problems` by name."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {text}" for name, text in problems.items()))


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute: what it is called, and what a value of it may be."""

    title: Words
    type: Type = "text"
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    """A regular expression for the whole of a text, or of each text of a list."""
    max_length: int = 255
    minimum: float | date | None = None
    maximum: float | date | None = None
    max_items: int = 20
    visible: bool = True
    """Whether people see their own at ``/account/profile``."""

    @property
    def hint(self) -> str:
        """What a value looks like, in words for who types one."""
        return _HINTS[self.type](self)


class AttributeCatalog:
    """Every attribute that the operator defined, by name, in the order of the file."""

    def __init__(self, attributes: Mapping[str, Attribute] | None = None) -> None:
        self.attributes = dict(attributes or {})

    def title(self, name: str, tag: str | None = None) -> str:
        """What people call it, in the language *tag*, else in the one to speak right now."""
        return self.attributes[name].title.best(tag or language().tag)

    def parse_text(self, name: str, text: str) -> Any:
        """Make the value that *text* writes down: of a form, a cell, an argument; ``None`` for a
        blank one. The items of a list stand on a line each, or between commas.
        """
        attribute = self._named(name)
        if not text.strip():
            return None
        return _READ[attribute.type](attribute, text.strip())

    def check(self, name: str, value: Any) -> Any:
        """Keep a typed value, such as JSON has; ``None`` is none."""
        attribute = self._named(name)
        return None if value is None else _CHECK[attribute.type](attribute, value)

    def checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Check all of *values*: as they are stored, or :class:`AttributeValuesError`."""
        found: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for name, value in values.items():
            try:
                found[name] = self.check(name, value)
            except AttributeValueError as exc:
                problems[name] = str(exc)
        if problems:
            raise AttributeValuesError(problems)
        return found

    def defined(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of *values* that may be released: still defined, and of today's type."""
        kept = {}
        for name in self.attributes:
            with suppress(AttributeValueError):
                if values.get(name) is not None:
                    kept[name] = self.check(name, values[name])
        return kept

    def shown(self, name: str, value: Any) -> str:  # noqa: ARG002 - words may depend on it
        """A value of *name* in words for a page, also of one that is no longer defined."""
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, list | tuple):
            return ", ".join(map(str, value))
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return "" if value is None else str(value)

    def _named(self, name: str) -> Attribute:
        attribute = self.attributes.get(name)
        if attribute is None:
            raise AttributeValueError(N_("There is no such attribute."))
        return attribute


def text_of(value: Any) -> str:
    """A value as :meth:`AttributeCatalog.parse_text` reads it: 7.0 stays no whole number."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)


def _text(attribute: Attribute, value: object) -> str:
    if not isinstance(value, str):
        raise AttributeValueError(N_("This must be a text."))
    text = value.strip()
    if not text:
        raise AttributeValueError(N_("This is empty."))
    if not text.isprintable():
        raise AttributeValueError(N_("This holds characters that cannot be seen."))
    if len(text) > attribute.max_length:
        raise AttributeValueError(
            N_("This has more than {longest} characters."), longest=attribute.max_length
        )
    if attribute.pattern is not None and not _matches(attribute.pattern, text):
        raise AttributeValueError(
            N_("This does not fit the pattern {pattern}."), pattern=attribute.pattern
        )
    return text


def _matches(pattern: str, text: str) -> bool:
    try:
        return regex.fullmatch(pattern, text, timeout=PATTERN_SECONDS) is not None
    except TimeoutError as exc:
        raise AttributeValueError(N_("This takes too long to compare with its pattern.")) from exc


def _number(attribute: Attribute, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AttributeValueError(N_("This must be a number."))
    if not math.isfinite(value) or abs(value) > _SAFE_INTEGER:
        raise AttributeValueError(N_("This is a larger number than apps can read."))
    _require_within(attribute, value, value)
    return value


def _number_of(attribute: Attribute, text: str) -> int | float:
    plain = text.replace("\u2212", "-")
    try:
        value = int(plain) if regex.fullmatch(r"[+-]?[0-9]{1,30}", plain) else float(plain)
    except ValueError:
        raise AttributeValueError(N_("This must be a number, such as 7 or 2.5.")) from None
    return _number(attribute, value)


def _boolean(__: Attribute, value: object) -> bool:
    if not isinstance(value, bool):
        raise AttributeValueError(N_("This must be yes or no."))
    return value


def _boolean_of(__: Attribute, text: str) -> bool:
    word = text.casefold()
    if word not in _YES | _NO:
        raise AttributeValueError(N_("This must be yes or no."))
    return word in _YES


def _date(attribute: Attribute, value: object) -> str:
    if type(value) is date:
        value = value.isoformat()
    if not isinstance(value, str) or not regex.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise AttributeValueError(N_("This must be a date as 2026-03-31."))
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise AttributeValueError(N_("This is a day that there is not.")) from None
    _require_within(attribute, day, value)
    return value


def _require_within(attribute: Attribute, value: Any, shown: object) -> None:
    if attribute.minimum is not None and value < attribute.minimum:
        raise AttributeValueError(
            N_("This must be at least {least}, and is {shown}."),
            least=attribute.minimum,
            shown=shown,
        )
    if attribute.maximum is not None and value > attribute.maximum:
        raise AttributeValueError(
            N_("This must be at most {most}, and is {shown}."), most=attribute.maximum, shown=shown
        )


def _choice(attribute: Attribute, value: object) -> str:
    if value not in attribute.choices or not isinstance(value, str):
        raise AttributeValueError(
            N_("This must be one of {choices}."), choices=", ".join(attribute.choices)
        )
    return value


def _list(attribute: Attribute, value: object) -> list[str]:
    if not isinstance(value, list | tuple):
        raise AttributeValueError(N_("This must be a list of texts."))
    if len(value) > attribute.max_items:
        raise AttributeValueError(N_("This has more than {most} items."), most=attribute.max_items)
    one = _choice if attribute.choices else _text
    items = [one(attribute, item) for item in value]
    if not items:
        raise AttributeValueError(N_("This is empty."))
    if len(set(items)) < len(items):
        raise AttributeValueError(N_("This holds an item twice."))
    return items


def _list_of(attribute: Attribute, text: str) -> list[str]:
    parts = text.splitlines() if "\n" in text or "\r" in text else text.split(",")
    return _list(attribute, [part.strip() for part in parts if part.strip()])


_Check = Callable[[Attribute, Any], Any]
_CHECK: Final[Mapping[Type, _Check]] = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "choice": _choice,
    "list": _list,
}
_READ: Final[Mapping[Type, _Check]] = {
    **_CHECK,
    "number": _number_of,
    "boolean": _boolean_of,
    "list": _list_of,
}


def _at_most(a: Attribute) -> str:
    text = ngettext("At most {count} character.", "At most {count} characters.", a.max_length)
    return text.format(count=a.max_length)


def _a_number(a: Attribute) -> str:
    least, most = a.minimum, a.maximum
    if least is None:
        text = _("A number.") if most is None else _("A number, at most {most}.")
    elif most is None:
        text = _("A number, at least {least}.")
    else:
        text = _("A number from {least} to {most}.")
    return text.format(least=least, most=most)


def _a_date(a: Attribute) -> str:
    least, most = a.minimum, a.maximum
    if least is None:
        text = _("A date as 2026-03-31.")
        if most is not None:
            text = _("A date as 2026-03-31, at most {most}.")
    elif most is None:
        text = _("A date as 2026-03-31, at least {least}.")
    else:
        text = _("A date as 2026-03-31 from {least} to {most}.")
    return text.format(least=least, most=most)


def _items(a: Attribute) -> str:
    if not a.choices:
        return _("One on each line.")
    return _("One on each line, out of {choices}.").format(choices=", ".join(a.choices))


_HINTS: Final[Mapping[Type, Callable[[Attribute], str]]] = {
    "text": _at_most,
    "number": _a_number,
    "boolean": lambda __: _("Yes or no."),
    "date": _a_date,
    "choice": lambda a: _("One of {choices}.").format(choices=", ".join(a.choices)),
    "list": _items,
}


def load_attributes(path: Path | None) -> AttributeCatalog:
    """Read the operator's TOML file, a table for each attribute; all that is wrong with it is told
    together.
    """
    if path is None:
        return AttributeCatalog()
    return AttributeCatalog(read_entries(path, _read, error=AttributesError))


def _read(name: str, table: Table) -> Attribute | None:
    table.only(KEYS)
    unfit = why_unfit(name)
    if unfit is not None:
        table.problem(unfit)
    title = table.words("title", longest=100)
    kind: Type = table.get("type") if table.has("type") else "text"
    if kind not in TYPES:
        table.problem(f"must be one of {', '.join(TYPES)}", "type")
        return None
    for key in ("choices", "pattern", "max_length", "min", "max", "max_items"):
        if table.has(key) and key not in FITTING[kind]:
            table.problem(f"means nothing for the type {kind}", key)
    choices = table.texts("choices") or ()
    if kind == "choice" and not choices and table.get("choices") in (None, []):
        table.problem("is missing: what can be chosen?", "choices")
    least, most = _bound(table, kind, "min"), _bound(table, kind, "max")
    if least is not None and most is not None and least > most:  # type: ignore[operator]  # both are of one kind
        table.problem("is more than max", "min")
    max_length = table.whole("max_length", low=1, high=MAX_LENGTH)
    max_items = table.whole("max_items", low=1, high=MAX_ITEMS)
    pattern = _pattern(table)
    visible = table.flag("visible", default=True)
    if title is None:
        return None
    return Attribute(
        title=title,
        type=kind,
        choices=choices,
        pattern=pattern,
        max_length=max_length or 255,
        minimum=least,
        maximum=most,
        max_items=max_items or 20,
        visible=visible,
    )


def _bound(table: Table, kind: Type, key: str) -> float | date | None:
    value = table.get(key)
    if value is None or kind not in {"number", "date"}:
        return None
    if kind == "number":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and math.isfinite(value):
            return value  # type: ignore[no-any-return]  # a number, as was just seen
        table.problem("must be a number", key)
        return None
    if type(value) is date:
        return value
    with suppress(TypeError, ValueError):
        return date.fromisoformat(value)
    table.problem("must be a date as 2026-03-31", key)
    return None


def _pattern(table: Table) -> str | None:
    """A pattern that can be read, and that is not caught in its own loops by a long text."""
    pattern = table.text("pattern", longest=500)
    if pattern is None:
        return None
    try:
        compiled = regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as exc:
        table.problem(f"is no regular expression: {exc}", "pattern")
        return None
    for probe in ("a" * 40 + "!", "0" * 40 + "!", "a0-" * 14 + "!", "a " * 20 + "!"):
        try:
            compiled.fullmatch(probe, timeout=PATTERN_SECONDS)
        except TimeoutError:
            table.problem(
                "takes too long for some texts; write it without nested + and *", "pattern"
            )
            return None
    return pattern
