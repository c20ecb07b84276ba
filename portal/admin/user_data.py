"""What apps may be told about somebody, for an administrator to change: standard claims, and the
operator's attributes.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from portal.accounts.changes import get_target
from portal.accounts.errors import UnknownUserError, as_sentence
from portal.accounts.profile import change_attributes_in, change_profile_in
from portal.admin.forms import digest
from portal.admin.user_pages import DataFieldView, DataPage
from portal.admin.wording import changed_meanwhile, look_again, one_path
from portal.attributes import Attribute, AttributeCatalog, AttributeValueError, text_of
from portal.claims import standard
from portal.i18n import gettext as _
from portal.page import GoTo, NotThereError
from portal.services import Services, Visitor
from portal.store.tables import User

PREFIX: Final = "attribute."
"""Before the names of attributes in the form."""
_KINDS: Final = {"choice": "choice", "boolean": "choice", "list": "lines"}
"""How an attribute is typed, by its type; any other in one line."""
_OWN: Final = ("subject", "seen", "form_token")


@lru_cache(maxsize=8)
def form_type(catalog: AttributeCatalog) -> type[msgspec.Struct]:
    """The form that *catalog* makes: each field may be left out, and nothing else be posted.

    It is made once: who reads forms keeps what it finds out about each type.
    """
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
    seen: str | None = None,
    problems: Mapping[str, str] | None = None,
    error: str | None = None,
    status: int = 200,
) -> DataPage:
    """The form for somebody's data: as it is, or as it was *typed* into one that had *seen* it."""
    async with services.store.reading() as rows:
        user = await rows.users.find(subject)
    if user is None:
        raise NotThereError
    catalog, found = services.attributes, problems or {}
    kept = _shown(user, catalog)
    values = kept | dict(typed or {})
    return DataPage(
        status=status,
        account=admin.email,
        subject=subject,
        email=user.email,
        profile=tuple(
            DataFieldView(
                id=field.name,
                label=field.label,
                value=values[field.name],
                kind="lines" if field.kind == "lines" else "text",
                hint=field.hint or None,
                problem=found.get(field.name),
            )
            for field in standard.FIELDS
        ),
        attributes=tuple(
            DataFieldView(
                id=PREFIX + name,
                label=catalog.title(name),
                value=values[PREFIX + name],
                kind=_KINDS.get(attribute.type, "text"),
                options=_options(attribute, kept[PREFIX + name]),
                hint=attribute.hint or None,
                problem=found.get(PREFIX + name),
            )
            for name, attribute in catalog.attributes.items()
        ),
        seen=digest(kept) if seen is None else seen,
        error=error or look_again(len(found)),
    )


async def save(
    services: Services,
    subject: str,
    typed: Mapping[str, str],
    *,
    seen: str,
    admin: User,
    visitor: Visitor,
) -> DataPage | GoTo:
    """Change what was changed in the form, if what it was made from is still so."""
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
        return await show(
            services, subject, admin=admin, typed=typed, seen=seen, problems=problems, status=422
        )
    by: dict[str, Any] = {
        "actor": admin.subject,
        "now": visitor.now,
        "origin": visitor.origin,
    }
    changed: tuple[str, ...] | None = None
    try:
        async with services.store.writing() as rows:
            user = await get_target(rows, subject, actor=admin.subject)
            if seen == digest(_shown(user, services.attributes)):
                changed = await change_profile_in(rows, subject, values=values, **by)
                changed += await change_attributes_in(
                    rows, services.attributes, subject, values=attributes, **by
                )
    except UnknownUserError as exc:
        raise NotThereError from exc
    if changed is None:
        error = changed_meanwhile("this person's data")
        return await show(services, subject, admin=admin, typed=typed, error=error, status=409)
    return one_path(subject, notice="data" if changed else "same")


def _shown(user: User, catalog: AttributeCatalog) -> dict[str, str]:
    """What the form has of *user*, by its fields."""
    flat, own = standard.flat(user), user.attributes
    profile = {field.name: standard.text_of(flat.get(field.name)) for field in standard.FIELDS}
    return profile | {PREFIX + name: text_of(own.get(name)) for name in catalog.attributes}


def _options(attribute: Attribute, kept: str) -> tuple[tuple[str, str], ...]:
    """What there is to choose; what is *kept* stays possible, also where it is offered no more."""
    if attribute.type == "choice":
        offered = {choice: choice for choice in attribute.choices}
    elif attribute.type == "boolean":
        offered = {"yes": _("Yes"), "no": _("No")}
    else:
        return ()
    offered = {"": _("Not set")} | offered
    offered.setdefault(kept, kept)
    return tuple(offered.items())
