"""``portal users``: people who can sign in."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import rich_click as click

from portal import accounts
from portal.accounts.administration import (
    delete_user,
    expire_password,
    make_admin,
    reset_factors,
    unlock,
    withdraw_admin,
)
from portal.accounts.spelling import checked_subject
from portal.cli.attributes import attributes
from portal.cli.common import (
    ACTOR,
    Office,
    Stream,
    explained,
    find_user,
    format_option,
    has_terminal,
    load_settings,
    make_passwords,
    open_office,
    open_store,
    print_document,
    print_fields,
    read_password,
    require_head,
    run,
)
from portal.cli.importing import import_users
from portal.cli.invitations import invite
from portal.cli.refusal import Refusal
from portal.factors.standing import standing_of
from portal.logs import one_line
from portal.settings import Settings
from portal.store import Rows
from portal.store.tables import User
from portal.store.user_index import Place, UserSearch
from portal.throttle import locked

PAGE = 500
T = TypeVar("T")
FIELDS = {
    "email": "E-MAIL",
    "email_verified": "CONFIRMED",
    "subject": "SUBJECT",
    "name": "NAME",
    "role": "ROLE",
    "state": "STATE",
    "disabled_at": "DISABLED",
    "locked": "HAS TO WAIT",
    "password": "PASSWORD",
    "password_set_at": "PASSWORD SET",
    "passkeys": "PASSKEYS",
    "authenticator_apps": "AUTHENTICATOR APPS",
    "recovery_codes": "RECOVERY CODES LEFT",
    "connected_apps": "CONNECTED APPS",
    "created_at": "CREATED",
    "updated_at": "CHANGED",
}
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


users.add_command(attributes)
users.add_command(import_users)
users.add_command(invite)


@users.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="May use the admin pages.")
@click.option(
    "--subject", metavar="SUBJECT", help="What apps receive as `sub`; by default a random UUID."
)
@click.option("--name", metavar="NAME", help="Full name, told to apps that may know it.")
@password_stdin
@click.option(
    "--must-change", is_flag=True, help="They have to choose another password at the first sign-in."
)
@allow_weak
@format_option
def create(
    *,
    email: str,
    admin: bool,
    subject: str | None,
    name: str | None,
    password_stdin: bool,
    must_change: bool,
    allow_weak_password: bool,
    output: str,
) -> None:
    """Add somebody who can sign in. The password is asked for, twice.

    For example:

    $ portal users create ann@example.org --admin

    $ portal users create bob@example.org --must-change --password-stdin < bobs-password.txt
    """
    settings = _prepared()
    with explained():
        accounts.canonical_email(email)  # before a password is typed for nothing
        if subject is not None:
            checked_subject(subject)
    password = _new_password(settings, from_stdin=password_stdin, weak=allow_weak_password)

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
                    must_change=must_change,
                    allow_weak=allow_weak_password,
                    min_length=settings.password_min_length,
                    **_by(),
                )

    user = run(work)
    if output == "table":
        click.echo("User created.", err=True)
        print_fields(_shown(user), COLUMNS)
    else:
        print_document(_shown(user), output)


@users.command("list")
@click.option("--search", "text", default="", metavar="TEXT", help="Beginning of address or name.")
@click.option("--admin", "state", flag_value="admin", help="Administrators alone.")
@click.option("--disabled", "state", flag_value="disabled", help="Who is disabled alone.")
@click.option("--unverified", "state", flag_value="unverified", help="Unconfirmed addresses alone.")
@format_option
def list_users(*, text: str, state: str | None, output: str) -> None:
    """List everybody, or whom a search finds, by e-mail address.

    For example:

    $ portal users list --format json

    $ portal users list --search ann --admin
    """
    settings = _prepared()
    search = UserSearch(text=text, state=state or "")

    async def work() -> None:
        async with open_store(settings) as store:
            with Stream(COLUMNS, output=output, empty=_hint(search)) as stream:
                after: Place | None = None
                while True:
                    async with store.reading() as rows:
                        page = await rows.user_index.page(
                            search, order="email", after=after, limit=PAGE
                        )
                    stream.print([_shown(user) for user in page.users])
                    after = page.next
                    if after is None:
                        return

    run(work)


def _hint(search: UserSearch) -> str:
    if search == UserSearch():
        return "There are no users yet. Add one with: portal users create EMAIL"
    return "Nobody is found by that. See: portal users list --help"


@users.command()
@click.argument("user")
@format_option
def show(*, user: str, output: str) -> None:
    """Show what is known of somebody: never a password or a secret.

    For example:

    $ portal users show ann@example.org
    """
    settings = _prepared()

    async def work() -> dict[str, Any]:
        async with open_store(settings) as store:
            found = await find_user(store, user)
            async with store.reading() as rows:
                return await _details(rows, found)

    document = run(work)
    if output == "table":
        print_fields(document, FIELDS)
    else:
        print_document(document, output)


@users.command()
@click.argument("user")
def disable(user: str) -> None:
    """Shut somebody out: sessions end, apps lose access, nothing can be signed in to.

    Ory is told by the running portal, within seconds. For example:

    $ portal users disable ann@example.org
    """
    done = _change(user, lambda office, who: accounts.disable_user(office.store, who, **_by()))
    click.echo("User disabled." if done else "The user was disabled already.")


@users.command()
@click.argument("user")
def enable(user: str) -> None:
    """Let somebody sign in again. Apps ask them anew.

    For example:

    $ portal users enable ann@example.org
    """
    done = _change(user, lambda office, who: accounts.enable_user(office.store, who, **_by()))
    click.echo("User enabled." if done else "The user was not disabled.")


@users.command("grant-admin")
@click.argument("user")
def grant_admin(user: str) -> None:
    """Make somebody an administrator.

    For example:

    $ portal users grant-admin ann@example.org
    """
    changed = _change(user, lambda office, who: make_admin(office.store, who, **_by()))
    click.echo("Administrator now." if changed else "The user was an administrator already.")


@users.command("withdraw-admin")
@click.argument("user")
def take_admin(user: str) -> None:
    """Take the role of an administrator away. The last one keeps it.

    For example:

    $ portal users withdraw-admin ann@example.org
    """
    changed = _change(user, lambda office, who: withdraw_admin(office.store, who, **_by()))
    click.echo("No administrator any more." if changed else "The user was no administrator.")


@users.command("unlock")
@click.argument("user")
def lift(user: str) -> None:
    """Lift the waiting times that wrong passwords and wrong codes brought.

    For example:

    $ portal users unlock ann@example.org
    """
    _change(user, lambda office, who: unlock(office.store, who, **_by()))
    click.echo("User unlocked.")


@users.command("expire-password")
@click.argument("user")
def demand_password(user: str) -> None:
    """Demand a new password at the next sign-in. Sessions end; apps keep their access.

    Ory is told by the running portal, within seconds. For example:

    $ portal users expire-password ann@example.org
    """
    _change(user, lambda office, who: expire_password(office.store, who, **_by()))
    click.echo("A new password is demanded.")


@users.command("reset-factors")
@click.argument("user")
def forget_factors(user: str) -> None:
    """Remove passkeys, authenticator apps and recovery codes: for somebody who lost them.

    Sessions end; apps keep their access. For example:

    $ portal users reset-factors ann@example.org
    """
    removed = _change(user, lambda office, who: reset_factors(office, who, **_by()))
    click.echo(f"Second factors removed: {removed}." if removed else "There were none.")


@users.command()
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, user: str, yes: bool) -> None:
    """Delete an account for good. Apps lose their access; the audit trail keeps its subject.

    For example:

    $ portal users delete ann@example.org

    $ portal users delete ann@example.org --yes
    """
    found = _find(_prepared(), user)
    if not yes:
        about = one_line(found.email)
        if not has_terminal():
            raise Refusal(f"this would delete {about}. There is no terminal to ask at: say --yes.")
        click.confirm(f"This deletes {about} for good. Go on?", abort=True, err=True)
    _change(found.subject, lambda office, who: delete_user(office, who, **_by()))
    click.echo("User deleted.")


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
    subject = _find(settings, user).subject
    password = _new_password(settings, from_stdin=password_stdin, weak=allow_weak_password)

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
                    **_by(),
                )

    run(work)
    click.echo("Password set.")


def _prepared() -> Settings:
    with explained():
        settings = load_settings()
        require_head(settings)
    return settings


def _find(settings: Settings, named: str) -> User:
    async def work() -> User:
        async with open_store(settings) as store:
            return await find_user(store, named)

    return run(work)


def _new_password(settings: Settings, *, from_stdin: bool, weak: bool) -> str:
    at_least = None if weak else settings.password_min_length
    return read_password(from_stdin=from_stdin, at_least=at_least)


def _change(named: str, change: Callable[[Office, str], Awaitable[T]]) -> T:
    """Carry out *change* to the one who is *named*."""
    settings = _prepared()

    async def work() -> T:
        async with open_office(settings) as office:
            return await change(office, (await find_user(office.store, named)).subject)

    return run(work)


def _by() -> dict[str, Any]:
    return {"actor": ACTOR, "now": datetime.now(UTC)}


async def _details(rows: Rows, user: User) -> dict[str, Any]:
    standing = await standing_of(rows, user.subject)
    grants = await rows.grants.of_subject(user.subject)
    waiting = await locked(rows, [user.email], now=datetime.now(UTC).timestamp())
    return {
        **_shown(user),
        "email_verified": user.email_verified,
        "password": _password(user),
        "password_set_at": _iso(user.password_set_at),
        "passkeys": [passkey.name for passkey in standing.passkeys],
        "authenticator_apps": [factor.name for factor in standing.totp],
        "recovery_codes": standing.codes_left,
        "locked": bool(waiting),
        "connected_apps": sum(grant.revoked_at is None for grant in grants),
        "disabled_at": _iso(user.disabled_at),
        "updated_at": _iso(user.updated_at),
    }


def _password(user: User) -> str:
    if user.password_hash is None:
        return "none"
    return "a new one is demanded" if user.password_expired else "set"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")


def _shown(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "subject": user.subject,
        "name": user.name,
        "role": "admin" if user.admin else "user",
        "state": "disabled" if user.disabled_at else "active",
        "created_at": user.created_at.isoformat(timespec="seconds"),
    }
