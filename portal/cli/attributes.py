"""``portal users attributes``: what is told about somebody, shown and changed."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import rich_click as click

from portal.accounts.profile import change_attributes_in, change_profile_in
from portal.attributes import AttributeCatalog, AttributeValueError
from portal.claims import ClaimValueError, load_catalogs, standard
from portal.cli.common import (
    ACTOR,
    explained,
    find_user,
    format_option,
    load_settings,
    open_store,
    print_document,
    print_fields,
    require_head,
    run,
)
from portal.cli.refusal import Refusal
from portal.store import Rows
from portal.store.tables import User


@click.command("attributes")
@click.argument("user")
@click.argument("settings_of", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--remove", multiple=True, metavar="NAME", help="Take a value away; repeatable.")
@format_option
def attributes(
    *, user: str, settings_of: tuple[str, ...], remove: tuple[str, ...], output: str
) -> None:
    """Show, set or remove what apps can be told about somebody.

    NAME is an attribute that the operator defined (PORTAL_ATTRIBUTES), or a standard claim such as
    given_name, phone_number or address.locality. The items of a list are separated by commas.

    For example:

    $ portal users attributes ann@example.org

    $ portal users attributes ann@example.org department=Research given_name=Ann

    $ portal users attributes ann@example.org --remove department
    """
    with explained():
        settings = load_settings()
        require_head(settings)
        catalog = load_catalogs(settings).attributes
    values = _read(settings_of, remove, catalog)

    async def work() -> tuple[User, tuple[str, ...]]:
        async with open_store(settings) as store:
            subject = (await find_user(store, user)).subject
            async with store.writing() as rows:
                changed = await _change(rows, subject, values, catalog)
                found = await rows.users.find(subject)
        if found is None:
            raise Refusal("the user was deleted meanwhile.")
        return found, changed

    found, changed = run(work)
    if values:
        words = f"Changed: {', '.join(changed)}." if changed else "Nothing was changed."
        click.echo(words, err=True)
    _print(found, catalog, output)


def _read(
    given: Iterable[str], removed: Iterable[str], catalog: AttributeCatalog
) -> dict[str, Any]:
    """Every value, checked; all problems are told together."""
    values: dict[str, Any] = {}
    problems = []
    for text in given:
        name, equals, value = text.partition("=")
        if not name:
            problems.append(f"{text}: write it as NAME=VALUE")
        elif not equals:
            problems.append(f"{name}: write it as {name}=VALUE, or --remove {name}")
        elif name in values:
            problems.append(f"{name}: is given twice")
        elif not value.strip():
            problems.append(f"{name}: is empty; use --remove {name}")
        else:
            try:
                values[name] = _value(name, value, catalog)
            except (AttributeValueError, ClaimValueError) as exc:
                problems.append(f"{name}: {exc}")
    for name in removed:
        if name in values:
            problems.append(f"{name}: is given and removed")
        values[name] = None
    if problems:
        raise Refusal(_refusal(problems))
    return values


def _refusal(problems: list[str]) -> str:
    if len(problems) == 1:
        return f"{problems[0]}. See: portal users attributes --help"
    return "\n  ".join(["these values cannot be kept:", *problems])


def _value(name: str, text: str, catalog: AttributeCatalog) -> Any:
    if name in standard.SETTABLE:
        return standard.parse_text(name, text)
    if name not in catalog.attributes:
        raise AttributeValueError("is neither a standard claim nor an attribute that is defined")
    return catalog.parse_text(name, text)


async def _change(
    rows: Rows, subject: str, values: dict[str, Any], catalog: AttributeCatalog
) -> tuple[str, ...]:
    now = datetime.now(UTC)
    claims = {name: value for name, value in values.items() if name in standard.SETTABLE}
    own = {name: value for name, value in values.items() if name not in claims}
    changed: tuple[str, ...] = ()
    if claims:
        changed += await change_profile_in(rows, subject, values=claims, actor=ACTOR, now=now)
    if own:
        changed += await change_attributes_in(
            rows, catalog, subject, values=own, actor=ACTOR, now=now
        )
    return changed


def _print(user: User, catalog: AttributeCatalog, output: str) -> None:
    """Show the profile, then the attributes; what is no longer defined comes last, and says so."""
    claims = standard.flat(user)
    if output != "table":
        document = {"email": user.email, "profile": claims, "attributes": user.attributes}
        print_document(document, output)
        return
    shown = {name: standard.text_of(value) for name, value in claims.items()}
    titles = {name: name for name in claims}
    for name in (*catalog.attributes, *(n for n in user.attributes if n not in catalog.attributes)):
        if name in user.attributes:
            shown[name] = catalog.shown(name, user.attributes[name])
            titles[name] = name if name in catalog.attributes else f"{name} (no longer defined)"
    if shown:
        print_fields(shown, titles)
    else:
        click.echo(f"Nothing is known about {user.email} yet.", err=True)
