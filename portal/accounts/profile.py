"""Changes to what is told about a person: the standard claims, and the operator's attributes.

Each is one transaction with its audit event, which names what changed and keeps no value.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from portal.accounts.changes import get_target, get_user
from portal.accounts.errors import AccountError
from portal.acting import require_admin
from portal.attributes import AttributeCatalog, AttributeValuesError, ValueProblemError
from portal.claims import standard
from portal.i18n import N_
from portal.origin import Origin
from portal.services import Services
from portal.store import Rows
from portal.store.audit import UNKNOWN
from portal.store.tables import User


class InvalidProfileError(AccountError):
    """Values that cannot be kept: :attr:`problems` by name, for whoever gave them."""

    def __init__(self, problems: Mapping[str, ValueProblemError]) -> None:
        super().__init__()
        self._problems = dict(problems)

    @property
    def problems(self) -> dict[str, str]:
        """By name, in the language of who asks now."""
        return {name: problem.sentence for name, problem in self._problems.items()}

    @property
    def sentence(self) -> str:
        """All of them."""
        return " ".join(f"{name}: {text}" for name, text in self.problems.items())

    def __str__(self) -> str:
        return "; ".join(f"{name} {problem}" for name, problem in self._problems.items())


async def change_profile(
    services: Services,
    subject: str,
    *,
    values: Mapping[str, Any],
    actor: str,
    now: datetime,
    origin: Origin = UNKNOWN,
) -> tuple[str, ...]:
    """Change standard claims of *subject*: which of them were others before.

    *values* are by flat name (``address.locality``), ``None`` removes one. What a person changes of
    their own cannot say that it is verified.
    """
    async with services.store.writing() as rows:
        return await change_profile_in(
            rows, subject, values=values, actor=actor, now=now, origin=origin
        )


async def change_profile_in(
    rows: Rows,
    subject: str,
    *,
    values: Mapping[str, Any],
    actor: str,
    now: datetime,
    origin: Origin = UNKNOWN,
) -> tuple[str, ...]:
    """Do the same in a transaction of the caller's."""
    checked = checked_profile(values)
    if actor == subject and checked.keys() - standard.EDITABLE:
        alien = sorted(checked.keys() - standard.EDITABLE)
        problem = standard.ClaimValueError(N_("This is not yours to change."))
        raise InvalidProfileError(dict.fromkeys(alien, problem))
    user = await get_user(rows, subject, lock=True)
    if actor != subject:
        await require_admin(rows, actor)
    before, after = standard.flat(user), with_profile(user, checked)
    names = _changed(before, after)
    if names:
        await rows.users.set_profile(
            subject, name=after.get("name"), profile=profile_column(user, after), at=now
        )
        await rows.audit.add(
            "user.profile_changed",
            at=now,
            actor=actor,
            subject=subject,
            detail={"changed": list(names)},
            origin=origin,
        )
    return names


async def change_attributes_in(
    rows: Rows,
    catalog: AttributeCatalog,
    subject: str,
    *,
    values: Mapping[str, Any],
    actor: str,
    now: datetime,
    origin: Origin = UNKNOWN,
) -> tuple[str, ...]:
    """Change attributes of *subject*: which of them were others before. ``None`` removes one, also
    of those that are no longer defined. The transaction is the caller's.
    """
    checked = checked_attributes(catalog, values)
    user = await get_target(rows, subject, actor=actor)
    after = with_attributes(user, checked)
    names = _changed(user.attributes, after)
    if names:
        await rows.users.set_attributes(subject, attributes=after, at=now)
        await rows.audit.add(
            "user.attributes_changed",
            at=now,
            actor=actor,
            subject=subject,
            detail={"changed": list(names)},
            origin=origin,
        )
    return names


def checked_profile(values: Mapping[str, Any]) -> dict[str, Any]:
    """Spell all of *values* as they are stored, or raise :class:`InvalidProfileError`."""
    checked: dict[str, Any] = {}
    problems: dict[str, ValueProblemError] = {}
    for name, value in values.items():
        try:
            checked[name] = standard.check(name, value)
        except standard.ClaimValueError as exc:
            problems[name] = exc
    if problems:
        raise InvalidProfileError(problems)
    return checked


def checked_attributes(catalog: AttributeCatalog, values: Mapping[str, Any]) -> dict[str, Any]:
    """Do the same for attributes; what is taken away need not be defined."""
    removed = {name: None for name, value in values.items() if value is None}
    try:
        return removed | catalog.checked({n: v for n, v in values.items() if n not in removed})
    except AttributeValuesError as exc:
        told = {n: ValueProblemError("{text}", text=text) for n, text in exc.problems.items()}
        raise InvalidProfileError(told) from exc


def with_profile(user: User, checked: Mapping[str, Any]) -> dict[str, Any]:
    """The flat claims of *user* after the change."""
    return standard.merged(standard.flat(user), checked)


def with_attributes(user: User, checked: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of *user* after the change, those that are no longer defined included."""
    after = {**user.attributes, **checked}
    return {name: value for name, value in after.items() if value is not None}


def profile_column(user: User, flat: Mapping[str, Any]) -> dict[str, Any]:
    """The profile of *user* with these claims; what else it holds stays."""
    kept = {
        name: value
        for name, value in user.profile.items()
        if name != "address" and name not in standard.SETTABLE
    }
    return kept | standard.nested(flat)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Names whose value is another one; 1 and true are not the same."""
    names = dict.fromkeys((*before, *after))
    return tuple(
        name
        for name in names
        if (type(before.get(name)), before.get(name)) != (type(after.get(name)), after.get(name))
    )
