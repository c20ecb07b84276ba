"""People who come from elsewhere: what one row of a file means.

A row is judged whole, so that everything that is wrong with it is told at once.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from portal.accounts.errors import AccountError
from portal.accounts.keycloak import from_keycloak, is_keycloak
from portal.accounts.spelling import canonical_email, checked_subject
from portal.attributes import AttributeCatalog, AttributeValueError
from portal.claims import standard
from portal.passwords import UnusableHashError, check_foreign

ACCOUNT_FIELDS: Final = (
    "email", "subject", "admin", "disabled", "email_verified", "password_hash",
)  # fmt: skip
"""What a row may say besides claims and attributes."""
UNUSABLE: Final = "!"
"""What Django writes before a hash that is none: that person has no password."""
_YES: Final = frozenset({"yes", "true", "1", "on", "y", "t"})
_NO: Final = frozenset({"no", "false", "0", "off", "n", "f"})
_FORMULA: Final = re.compile(r"[=@\t\r|]|[+-](?![\d\s(])")
_SPREADSHEET_ERROR: Final = re.compile(
    r"#(?:NAME\?|REF!|VALUE!|N/A|DIV/0!|NULL!|NUM!|SPILL!|CALC!|GETTING_DATA|[#]+)"
)


class RowError(Exception):
    """A row that nobody can be made of; :attr:`problems` are all that is wrong with it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What an import may do."""

    attributes: AttributeCatalog
    peppers: Collection[str] = ()
    """Names of the peppers that are configured here."""
    allow_admins: bool = False
    update: bool = False
    """Change claims and attributes of people who are here already."""
    update_passwords: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """Everything that a row may say."""
        return (*ACCOUNT_FIELDS, *standard.SETTABLE, *self.attributes.attributes)


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What a good row says. ``None`` is not said."""

    email: str
    subject: str | None = None
    admin: bool | None = None
    disabled: bool | None = None
    email_verified: bool | None = None
    password_hash: str | None = None
    claims: dict[str, Any] = {}
    attributes: dict[str, Any] = {}

    def __repr__(self) -> str:
        return "Person(…)"


def read_person(fields: Mapping[str, Any], rules: Rules, *, cells: bool = False) -> Person:
    """Judge one row; :class:`RowError` with all that is wrong. With *cells* it comes from a table,
    which a spreadsheet may have had in its hands.
    """
    given = from_keycloak(fields) if not cells and is_keycloak(fields) else dict(fields)
    reading = _Reading(given, rules, cells=cells)
    person = reading.person()
    if reading.problems or person is None:
        raise RowError(reading.problems)
    return person


class _Reading:
    """Reads the fields of one row and gathers problems."""

    def __init__(self, fields: dict[str, Any], rules: Rules, *, cells: bool) -> None:
        self.problems: list[str] = []
        self._rules, self._cells = rules, cells
        self._fields = self._flattened(fields)

    def person(self) -> Person | None:
        known = set(self._rules.fields)
        for name in self._fields:
            if name not in known:
                self.problems.append(f"there is no field {_cut(name)}")
        email = self._email()
        found = {
            "subject": self._read("subject", _subject),
            "admin": self._read("admin", _flag),
            "disabled": self._read("disabled", _flag),
            "email_verified": self._read("email_verified", _flag),
            "password_hash": self._read("password_hash", self._password_hash),
            "claims": self._some(standard.SETTABLE, _claim),
            "attributes": self._some(self._rules.attributes.attributes, self._attribute),
        }
        if found["admin"] and not self._rules.allow_admins:
            self.problems.append("admin would be given; --allow-admins allows it")
        return None if email is None else Person(email=email, **found)

    def _flattened(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Bring the address and the attributes, which JSON may nest, beside the rest."""
        flat: dict[str, Any] = {}
        for name, value in fields.items():
            if name in {"address", "attributes"} and isinstance(value, Mapping):
                prefix = "address." if name == "address" else ""
                inner = {f"{prefix}{part}": item for part, item in value.items()}
            else:
                inner = {name: value}
            for part, item in inner.items():
                if part in flat:
                    self.problems.append(f"{_cut(part)} is said twice")
                flat[part] = item
        return flat

    def _email(self) -> str | None:
        if self._blank(self._fields.get("email")):
            self.problems.append("email is missing")
            return None
        found: str | None = self._read("email", _email)
        return found

    def _some(self, names: Iterable[str], read: Callable[[str, Any], Any]) -> dict[str, Any]:
        found = {}
        for name in names:
            if name not in self._fields:
                continue
            value = self._read(name, lambda raw, name=name: read(name, raw))  # type: ignore[misc]  # bound on purpose
            if value is not None:
                found[name] = value
        return found

    def _read(self, name: str, read: Callable[[Any], Any]) -> Any:
        raw = self._fields.get(name)
        if self._blank(raw):
            return None
        try:
            self._check_cell(name, raw)
            return read(raw)
        except (AccountError, ValueError, standard.ClaimValueError, AttributeValueError) as exc:
            self.problems.append(f"{name}: {exc}")
            return None

    def _check_cell(self, name: str, raw: Any) -> None:
        """Refuse what a spreadsheet would carry out, or has spoilt."""
        if not isinstance(raw, str):
            return
        if "\x00" in raw:
            raise ValueError("holds a NUL character")
        if self._cells and name != "password_hash":
            if _SPREADSHEET_ERROR.fullmatch(raw.strip()):
                raise ValueError("is an error that a spreadsheet wrote")
            if _FORMULA.match(raw):
                raise ValueError("begins as a formula that a spreadsheet would carry out")

    @staticmethod
    def _blank(raw: Any) -> bool:
        return raw is None or (isinstance(raw, str) and not raw.strip())

    def _password_hash(self, raw: Any) -> str | None:
        if isinstance(raw, Mapping):
            raw = msgspec.json.encode(raw).decode()
        text = _text(raw).strip()
        if text.startswith(UNUSABLE):
            return None
        if not text.isascii() or not text.isprintable():
            raise UnusableHashError("the hash is damaged")
        check_foreign(text, peppers=self._rules.peppers)
        return text

    def _attribute(self, name: str, raw: Any) -> Any:
        catalog = self._rules.attributes
        return catalog.parse_text(name, raw) if isinstance(raw, str) else catalog.check(name, raw)


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("must be a text")  # noqa: TRY004 - told as any problem of a row
    return raw


def _email(raw: Any) -> str:
    return canonical_email(_text(raw))


def _subject(raw: Any) -> str:
    return checked_subject(_text(raw).strip())


def _flag(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().casefold()
    if isinstance(raw, str) and word in _YES | _NO:
        return word in _YES
    raise ValueError("must be yes or no")


def _claim(name: str, raw: Any) -> Any:
    return standard.parse_text(name, raw) if isinstance(raw, str) else standard.check(name, raw)


def _cut(name: str) -> str:
    return repr(name[:60])[1:-1]
