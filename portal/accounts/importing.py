"""People who come from elsewhere: what a batch of them changes.

A batch is one transaction with an audit event for each person; what was imported before is found
again by its address or subject, so any number of runs make one of everybody.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from portal import links
from portal.accounts.changes import set_password_in
from portal.accounts.import_rows import Person, RowError, Rules
from portal.accounts.profile import change_attributes_in, change_profile_in
from portal.accounts.spelling import name_key
from portal.claims import standard
from portal.store import Rows
from portal.store.audit import event
from portal.store.tables import AuditEvent, User


class Outcome(msgspec.Struct, kw_only=True):
    """What became of a batch."""

    created: int = 0
    changed: int = 0
    present: int = 0
    """They were here already, as the row says."""
    problems: dict[int, tuple[str, ...]] = {}
    """By the position of the row in its batch."""


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
            await links.void_offers(self._rows, *(user.email for user in users))
            await self._rows.users.add_all(users)
            await self._rows.audit.add_all([_event(u, self._now, self._actor) for u in users])
        self._new = {}

    def _would_change(self, user: User, person: Person) -> bool:
        rules = self._rules
        return (rules.update and bool(_differing(user, person))) or (
            rules.update_passwords and bool(_new_hash(user, person))
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


def _new_hash(user: User, person: Person) -> str:
    """The hash that the row has and *user* has not, or nothing."""
    found = person.password_hash
    return "" if found is None or found == user.password_hash else found


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
    if rules.update_passwords and _new_hash(user, person):
        await set_password_in(
            rows, user.subject, password_hash=_new_hash(user, person), now=now, actor=actor
        )
