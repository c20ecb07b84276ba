"""``portal users``: people who can sign in."""

from datetime import UTC, datetime
from typing import Any

import rich_click as click

from portal import accounts
from portal.accounts import canonical_identifier
from portal.cli.common import (
    ACTOR,
    explained,
    format_option,
    load_settings,
    make_passwords,
    open_store,
    print_document,
    print_fields,
    print_rows,
    read_password,
    require_head,
    run,
)
from portal.cli.refusal import Refusal
from portal.settings import Settings
from portal.store import Store
from portal.store.tables import User

PAGE = 500
COLUMNS = {"email": "E-MAIL", "subject": "SUBJECT", "role": "ROLE", "state": "STATE"}
password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from one line of standard input."
)
allow_weak = click.option(
    "--allow-weak-password", is_flag=True, help="Accept a password below the policy (for tests)."
)


@click.group()
def users() -> None:
    """People who can sign in. USER is an e-mail address or a subject."""


@users.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="May use the admin pages.")
@click.option("--subject", help="What apps receive as `sub`; by default a random UUID.")
@click.option("--name", help="Full name, told to apps that may know it.")
@password_stdin
@allow_weak
@format_option
def create(
    *,
    email: str,
    admin: bool,
    subject: str | None,
    name: str | None,
    password_stdin: bool,
    allow_weak_password: bool,
    output: str,
) -> None:
    """Add somebody who can sign in. The password is asked for, twice.

    For example:

    $ portal users create ann@example.org --admin

    $ portal users create bob@example.org --password-stdin < bobs-password.txt
    """
    settings = _prepared()
    with explained():
        accounts.canonical_email(email)
    password = read_password(
        from_stdin=password_stdin,
        at_least=None if allow_weak_password else settings.password_min_length,
    )

    async def work() -> User:
        async with open_store(settings) as store:
            with make_passwords(settings) as passwords:
                return await accounts.create_user(
                    store,
                    passwords,
                    email=email,
                    password=password,
                    subject=subject,
                    name=name,
                    admin=admin,
                    allow_weak=allow_weak_password,
                    min_length=settings.password_min_length,
                    now=datetime.now(UTC),
                    actor=ACTOR,
                )

    user = run(work)
    if output == "table":
        click.echo("User created.", err=True)
        print_fields(_shown(user), COLUMNS)
    else:
        print_document(_shown(user), output)


@users.command("list")
@format_option
def list_users(output: str) -> None:
    """List everybody, by e-mail address.

    For example:

    $ portal users list --format json
    """
    settings = _prepared()

    async def work() -> list[User]:
        found: list[User] = []
        last: str | None = None
        async with open_store(settings) as store, store.reading() as rows:
            while page := await rows.users.list_page(after_email=last, limit=PAGE):
                found += page
                last = page[-1].email
        return found

    rows = [_shown(user) for user in run(work)]
    hint = "There are no users yet. Add one with: portal users create EMAIL"
    print_rows(rows, COLUMNS, output=output, empty=hint)


@users.command()
@click.argument("user")
def disable(user: str) -> None:
    """Shut somebody out: sessions end, apps lose access, nothing can be signed in to.

    Ory is told by the running portal, within seconds. For example:

    $ portal users disable ann@example.org
    """
    settings = _prepared()

    async def work() -> bool:
        async with open_store(settings) as store:
            subject = (await _find(store, user)).subject
            now = datetime.now(UTC)
            return await accounts.disable_user(store, subject, now=now, actor=ACTOR) is not None

    click.echo("User disabled." if run(work) else "The user was disabled already.")


@users.command()
@click.argument("user")
def enable(user: str) -> None:
    """Let somebody sign in again. Apps ask them anew.

    For example:

    $ portal users enable ann@example.org
    """
    settings = _prepared()

    async def work() -> bool:
        async with open_store(settings) as store:
            subject = (await _find(store, user)).subject
            now = datetime.now(UTC)
            return await accounts.enable_user(store, subject, now=now, actor=ACTOR)

    click.echo("User enabled." if run(work) else "The user was not disabled.")


@users.command("set-password")
@click.argument("user")
@password_stdin
@allow_weak
def set_password(*, user: str, password_stdin: bool, allow_weak_password: bool) -> None:
    """Give somebody a new password. Their sessions end, and apps have to ask them again.

    Waiting times after wrong passwords are lifted. For example:

    $ portal users set-password ann@example.org
    """
    settings = _prepared()

    async def find() -> str:
        async with open_store(settings) as store:
            return (await _find(store, user)).subject

    async def work() -> None:
        async with open_store(settings) as store:
            with make_passwords(settings) as passwords:
                await accounts.set_password(
                    store,
                    passwords,
                    subject,
                    password=password,
                    allow_weak=allow_weak_password,
                    min_length=settings.password_min_length,
                    now=datetime.now(UTC),
                    actor=ACTOR,
                )

    subject = run(find)
    password = read_password(
        from_stdin=password_stdin,
        at_least=None if allow_weak_password else settings.password_min_length,
    )
    run(work)
    click.echo("Password set.")


def _prepared() -> Settings:
    with explained():
        settings = load_settings()
        require_head(settings)
    return settings


async def _find(store: Store, named: str) -> User:
    """Find a user by address or subject; one name must not mean two people."""
    async with store.reading() as rows:
        by_email = await rows.users.find_by_email(canonical_identifier(named))
        by_subject = await rows.users.find(named)
    if by_email and by_subject and by_email.subject != by_subject.subject:
        raise Refusal(
            f"{named!r} is one user's address and another one's subject. "
            "Use the other name of the one you mean; see: portal users list"
        )
    user = by_email or by_subject
    if user is None:
        raise Refusal(f"there is no user {named!r}. See: portal users list")
    return user


def _shown(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "subject": user.subject,
        "name": user.name,
        "role": "admin" if user.admin else "user",
        "state": "disabled" if user.disabled_at else "active",
        "created_at": user.created_at.isoformat(timespec="seconds"),
    }
