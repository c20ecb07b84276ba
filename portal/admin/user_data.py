"""What apps may be told about somebody, for an administrator to change: standard claims, and the
operator's attributes.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from portal.accounts.errors import UnknownUserError
from portal.accounts.profile import (
    InvalidProfileError,
    change_attributes_in,
    change_profile_in,
)
from portal.admin.user_pages import DataFieldView, DataPage
from portal.admin.wording import as_sentence, look_again, one_path
from portal.attributes import AttributeCatalog, AttributeValueError
from portal.claims import standard
from portal.page import GoTo, NotThereError
from portal.services import Services, Visitor
from portal.store.tables import User

PREFIX: Final = "attribute."
"""Before the names of attributes in the form."""
_OWN: Final = ("subject", "form_token")


def form_type(catalog: AttributeCatalog) -> type[msgspec.Struct]:
    """The form that *catalog* makes: each field may be left out, and nothing else be posted."""
    names = [field.name for field in standard.FIELDS]
    names += [PREFIX + name for name in catalog.attributes]
    fields: list[Any] = [(name, str, "") for name in _OWN]
    fields += [(f"field_{number}", str | None, None) for number in range(len(names))]
    return msgspec.defstruct(
        "DataForm",
        fields,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        rename={f"field_{number}": name for number, name in enumerate(names)},
    )


def typed_in(form: msgspec.Struct) -> dict[str, str]:
    """What was posted of the fields, by their names."""
    found = cast("dict[str, str | None]", msgspec.to_builtins(form))
    return {name: text for name, text in found.items() if name not in _OWN and text is not None}


async def show(
    services: Services,
    subject: str,
    *,
    admin: User,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    error: str | None = None,
) -> DataPage:
    """The form for somebody's data: as it is, or as it was *typed*."""
    async with services.store.reading() as rows:
        user = await rows.users.find(subject)
    if user is None:
        raise NotThereError
    before, catalog, found = standard.flat(user), services.attributes, problems or {}
    given = typed or {}
    profile = tuple(
        DataFieldView(
            id=field.name,
            label=field.label,
            value=given.get(field.name, str(before.get(field.name, ""))),
            kind="lines" if field.kind == "lines" else "text",
            hint=field.hint or None,
            problem=found.get(field.name),
        )
        for field in standard.FIELDS
    )
    return DataPage(
        status=403 if error else 422 if found else 200,
        account=admin.email,
        subject=subject,
        email=user.email,
        profile=profile,
        attributes=tuple(
            _attribute(catalog, name, user=user, typed=given, problems=found)
            for name in catalog.attributes
        ),
        error=error or look_again(len(found)),
    )


async def save(
    services: Services,
    subject: str,
    typed: Mapping[str, str],
    *,
    admin: User,
    visitor: Visitor,
) -> DataPage | GoTo:
    """Change what was changed in the form."""
    values, problems = standard.parse_profile(
        {name: text for name, text in typed.items() if not name.startswith(PREFIX)}
    )
    attributes: dict[str, Any] = {}
    for name in services.attributes.attributes:
        if PREFIX + name not in typed:
            continue
        try:
            attributes[name] = services.attributes.parse_text(name, typed[PREFIX + name])
        except AttributeValueError as exc:
            problems[PREFIX + name] = as_sentence(exc)
    if problems:
        return await show(services, subject, admin=admin, typed=typed, problems=problems)
    by: dict[str, Any] = {
        "actor": admin.subject,
        "now": visitor.now,
        "origin": visitor.origin,
    }
    try:
        async with services.store.writing() as rows:
            changed = await change_profile_in(rows, subject, values=values, **by)
            changed += await change_attributes_in(
                rows, services.attributes, subject, values=attributes, **by
            )
    except UnknownUserError as exc:
        raise NotThereError from exc
    except InvalidProfileError as exc:
        return await show(services, subject, admin=admin, typed=typed, problems=exc.problems)
    return one_path(subject, notice="data" if changed else "same")


def _attribute(
    catalog: AttributeCatalog,
    name: str,
    *,
    user: User,
    typed: Mapping[str, str],
    problems: Mapping[str, str],
) -> DataFieldView:
    attribute, value = catalog.attributes[name], user.attributes.get(name)
    kept = "" if value is None else _written(value)
    options: tuple[tuple[str, str], ...] = ()
    if attribute.type == "choice":
        options = (("", "None"), *((choice, choice) for choice in attribute.choices))
    elif attribute.type == "boolean":
        options = (("", "None"), ("yes", "Yes"), ("no", "No"))
    if options and kept and kept not in dict(options):
        options = (*options, (kept, kept))
    kind = "choice" if options else "lines" if attribute.type == "list" else "text"
    return DataFieldView(
        id=PREFIX + name,
        label=catalog.title(name),
        value=typed.get(PREFIX + name, kept),
        kind=kind,
        options=options,
        hint=attribute.hint or None,
        problem=problems.get(PREFIX + name),
    )


def _written(value: Any) -> str:
    """A value as :meth:`AttributeCatalog.parse_text` reads it again."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return str(value)
