"""People who come from elsewhere: what one row of a file means, and what a batch of them changes.

A row is judged whole, so that everything that is wrong with it is told at once. A batch is one
transaction with an audit event for each person; what was imported before is found again by its
address or subject, so any number of runs make one of everybody.
"""

import re
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from portal import throttle
from portal.accounts.changes import end_everything
from portal.accounts.errors import AccountError
from portal.accounts.keycloak import from_keycloak, is_keycloak
from portal.accounts.profile import change_attributes_in, change_profile_in
from portal.accounts.spelling import canonical_email, checked_subject, name_key
from portal.attributes import AttributeCatalog, AttributeValueError
from portal.claims import standard
from portal.passwords import UnusableHashError, check_foreign
from portal.store import Rows
from portal.store.audit import event
from portal.store.tables import AuditEvent, User

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


class Outcome(msgspec.Struct, kw_only=True):
    """What became of a batch."""

    created: int = 0
    changed: int = 0
    present: int = 0
    """They were here already, as the row says."""
    problems: dict[int, tuple[str, ...]] = {}
    """By the position of the row in its batch."""


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
        if not isinstance(raw, str):
            raise ValueError("must be a text")  # noqa: TRY004 - told as any problem of a row
        text = raw.strip()
        if text.startswith(UNUSABLE):
            return None
        if not text.isascii() or not text.isprintable():
            raise UnusableHashError("the hash is damaged")
        check_foreign(text, peppers=self._rules.peppers)
        return text

    def _attribute(self, name: str, raw: Any) -> Any:
        catalog = self._rules.attributes
        return catalog.parse_text(name, raw) if isinstance(raw, str) else catalog.check(name, raw)


def _email(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("must be a text")  # noqa: TRY004 - told as any problem of a row
    return canonical_email(raw)


def _subject(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("must be a text")  # noqa: TRY004 - told as any problem of a row
    return checked_subject(raw.strip())


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


async def import_batch(
    rows: Rows,
    people: Sequence[Person],
    rules: Rules,
    *,
    now: datetime,
    actor: str,
    dry_run: bool = False,
) -> Outcome:
    """Add whom nobody knows, change the others as *rules* say; rows that do not fit to who is here
    are told by their position. With *dry_run* nothing is written.

    :class:`portal.store.AlreadyExistsError` if somebody else added one of them meanwhile: the unit
    has to be rolled back and tried again.
    """
    outcome = Outcome()
    batch = _Batch(rows, rules, now=now, actor=actor, dry_run=dry_run)
    await batch.look_up(people)
    for position, person in enumerate(people):
        try:
            became = await batch.take(person)
        except RowError as exc:
            outcome.problems[position] = exc.problems
        else:
            setattr(outcome, became, getattr(outcome, became) + 1)
    await batch.flush()
    return outcome


class _Batch:
    """Gathers who is new, to add them by one statement; changes others at once."""

    def __init__(
        self, rows: Rows, rules: Rules, *, now: datetime, actor: str, dry_run: bool
    ) -> None:
        self._rows, self._rules, self._now, self._actor = rows, rules, now, actor
        self._dry_run = dry_run
        self._here = _Here()
        self._new: dict[str, User] = {}

    async def look_up(self, people: Sequence[Person]) -> None:
        found = await self._rows.users.find_any(
            subjects={person.subject for person in people if person.subject is not None},
            emails={person.email for person in people},
        )
        for user in found:
            self._here.add(user)

    async def take(self, person: Person) -> Literal["created", "changed", "present"]:
        user = self._here.find(person)
        if user is None:
            user = _user(person, self._now)
            self._new[user.subject] = user
            self._here.add(user)
            return "created"
        _compare(user, person, self._rules)
        if not self._would_change(user, person):
            return "present"
        if not self._dry_run:
            await self.flush()  # they may be among those who were new a moment ago
            await _update(self._rows, user, person, self._rules, now=self._now, actor=self._actor)
            self._here.add(await self._rows.users.find(user.subject) or user)
        return "changed"

    async def flush(self) -> None:
        if self._new and not self._dry_run:
            users = list(self._new.values())
            await self._rows.users.add_all(users)
            await self._rows.audit.add_all([_event(u, self._now, self._actor) for u in users])
        self._new = {}

    def _would_change(self, user: User, person: Person) -> bool:
        new_password = person.password_hash not in {None, user.password_hash}
        return (self._rules.update and bool(_differing(user, person))) or (
            self._rules.update_passwords and new_password
        )


class _Here:
    """Who is here, by address and by subject."""

    def __init__(self) -> None:
        self._by_email: dict[str, User] = {}
        self._by_subject: dict[str, User] = {}

    def add(self, user: User) -> None:
        self._by_email[user.email] = self._by_subject[user.subject] = user

    def find(self, person: Person) -> User | None:
        """Find whom the row means; an address and a subject must not mean two people."""
        by_email = self._by_email.get(person.email)
        if person.subject is None:
            return by_email
        by_subject = self._by_subject.get(person.subject)
        if by_subject is by_email:
            return by_email
        if by_email is not None:
            raise RowError(["email belongs to somebody with another subject"])
        raise RowError(["subject belongs to somebody with another email"])


def _user(person: Person, now: datetime) -> User:
    name = person.claims.get("name")
    return User(
        subject=person.subject or str(uuid.uuid4()),
        email=person.email,
        email_verified=person.email_verified or False,
        name=name,
        name_key=name_key(name),
        profile=standard.nested(person.claims),
        attributes=dict(person.attributes),
        password_hash=person.password_hash,
        admin=person.admin or False,
        disabled_at=now if person.disabled else None,
        created_at=now,
        updated_at=now,
    )


def _event(user: User, now: datetime, actor: str) -> AuditEvent:
    detail = {"admin": user.admin, "password": user.password_hash is not None}
    if user.disabled_at is not None:
        detail["disabled"] = True
    return event("user.imported", at=now, actor=actor, subject=user.subject, detail=detail)


def _differing(user: User, person: Person) -> list[str]:
    """Names of claims and attributes that the row says otherwise than they are here."""
    flat = standard.flat(user)
    names = [name for name, value in person.claims.items() if flat.get(name) != value]
    names += [n for n, value in person.attributes.items() if user.attributes.get(n) != value]
    if person.email_verified and not user.email_verified:
        names.append("email_verified")
    return names


def _compare(user: User, person: Person, rules: Rules) -> None:
    """Refuse a row about somebody who is here and differs in what this import does not change."""
    problems = []
    if person.admin is not None and person.admin is not user.admin:
        problems.append("is here already, with another admin; see portal users --help")
    if person.disabled is not None and person.disabled is not (user.disabled_at is not None):
        word = "disable" if person.disabled else "enable"
        problems.append(f"is here already, with another disabled; see portal users {word}")
    differing = _differing(user, person)
    if differing and not rules.update:
        problems.append(
            f"is here already, with another {', '.join(differing)}; --update changes that"
        )
    if problems:
        raise RowError(problems)


async def _update(
    rows: Rows, user: User, person: Person, rules: Rules, *, now: datetime, actor: str
) -> None:
    """Change what *rules* allow to be changed of somebody who is here."""
    changed = _differing(user, person) if rules.update else []
    if any(name in person.claims for name in changed):
        await change_profile_in(rows, user.subject, values=person.claims, actor=actor, now=now)
    if any(name in person.attributes for name in changed):
        await change_attributes_in(
            rows, rules.attributes, user.subject, values=person.attributes, actor=actor, now=now
        )
    if "email_verified" in changed:
        await rows.users.set_verified(user.subject, now, email=user.email)
        await rows.audit.add("user.email_verified", at=now, actor=actor, subject=user.subject)
    if rules.update_passwords and person.password_hash not in {None, user.password_hash}:
        await _set_password(rows, user, person.password_hash or "", now=now, actor=actor)


async def _set_password(
    rows: Rows, user: User, password_hash: str, *, now: datetime, actor: str
) -> None:
    """As an administrator's new password: whoever used the old one is out."""
    await rows.users.find(user.subject, lock=True)
    await rows.users.set_password(user.subject, password_hash=password_hash, at=now)
    await throttle.forgive(rows, user.email)
    await throttle.forget_browsers(rows, user.email)
    await end_everything(rows, user.subject, reason="password set", now=now)
    await rows.audit.add("user.password_set", at=now, actor=actor, subject=user.subject)
