"""What commands share: settings, errors in one line, passwords typed, output formats."""

import asyncio
import io
import ipaddress
import json
import signal
import sys
import textwrap
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import rich_click as click

from portal.accounts import (
    AccountError,
    InvalidEmailError,
    UserExistsError,
    canonical_identifier,
)
from portal.cli.refusal import Refusal
from portal.logs import one_line, scrub
from portal.operator_files import OperatorFileError
from portal.ory.errors import (
    OryConflictError,
    OryError,
    OryKeyError,
    OryNonsenseError,
    OryNotFoundError,
    OryRefusalError,
    OryUnavailableError,
)
from portal.passwords import Passwords, PasswordTooLongError
from portal.sealing import Sealer
from portal.settings import Settings, SettingsError, read_environment
from portal.store import Store, StoreError, StoreUnavailableError, schema
from portal.store.tables import User

ACTOR: Final = "cli"
MAX_LINE: Final = 8_192
POLL: Final = 0.5
"""Seconds before looking again at what another process does."""
T = TypeVar("T")

format_option = click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="Print the answer as table, json or yaml.",
)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what can go wrong into a :class:`Refusal`; anything else is a bug and shows as one."""
    try:
        yield
    except SettingsError as exc:
        raise Refusal(_about_settings(exc.problems)) from exc
    except InvalidEmailError as exc:
        raise Refusal(f"{exc}. Write it as ann@example.org.") from exc
    except UserExistsError as exc:
        raise Refusal(f"{exc}. See: portal users list") from exc
    except (AccountError, PasswordTooLongError) as exc:
        raise Refusal(f"{exc}.") from exc
    except OperatorFileError as exc:
        raise Refusal(_about_settings(exc.problems)) from exc
    except StoreUnavailableError as exc:
        raise Refusal(f"{_clean(exc)}. Check DATABASE_URL, and that the database runs.") from exc
    except StoreError as exc:
        raise Refusal(f"the database refused: {_clean(exc)}.") from exc
    except OryError as exc:
        raise Refusal(_about_ory(exc)) from exc


def _about_settings(problems: Sequence[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    return "\n  ".join(["these settings cannot be used:", *problems])


def _about_ory(exc: OryError) -> str:
    if isinstance(exc, OryUnavailableError):
        return _about_absence(exc)
    if isinstance(exc, OryKeyError):
        return "Ory refuses the API key. Check ORY_API_KEY."
    if isinstance(exc, OryNonsenseError):
        return (
            f"what answers is not Ory's admin API ({_clean(exc)}). "
            "Check HYDRA_ADMIN_URL; Hydra's admin port is usually 4445."
        )
    if isinstance(exc, OryNotFoundError):
        return "Ory does not know that. See: portal clients list"
    if isinstance(exc, OryConflictError):
        return "that exists at Ory already. See: portal clients list"
    description = exc.description if isinstance(exc, OryRefusalError) else ""
    return f"Ory refuses: {one_line(scrub(description or str(exc)))}"


def _about_absence(exc: OryUnavailableError) -> str:
    if exc.retry_after is not None:
        return f"Ory is asked too often. Try again in {exc.retry_after} seconds."
    if "CertificateError" in str(exc):  # of portal.ory.transport, which takes long to import
        return (
            "the certificate of what answers is none that we trust. Check HYDRA_ADMIN_URL; "
            "PORTAL_ORY_CA_FILE names an authority of your own."
        )
    where = f" at {one_line(scrub(exc.address))}" if exc.address else ""
    return f"Ory does not answer{where} ({_clean(exc)}). Check HYDRA_ADMIN_URL, and that it runs."


def _clean(exc: Exception) -> str:
    return one_line(scrub(str(exc))).rstrip(".")


def load_settings(
    overrides: Mapping[str, str] | None = None, *, require: Collection[str] = ()
) -> Settings:
    """Read the settings; *overrides* are options of the command line, which win."""
    return Settings.from_env({**read_environment(), **(overrides or {})}, require=require)


def require_head(settings: Settings) -> None:
    """Refuse to work on a database that lacks tables."""
    if not schema.at_head(settings.database_url):
        raise Refusal("the database is not up to date. Run: portal db upgrade")


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Open the database for one command."""
    store = Store(settings.database_url)
    try:
        yield store
    finally:
        await store.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What changes to accounts work with: they never call Ory, the running portal does."""

    settings: Settings
    store: Store
    sealer: Sealer


@asynccontextmanager
async def open_office(settings: Settings) -> AsyncIterator[Office]:
    """Open the database for a change that somebody is told about by mail."""
    async with open_store(settings) as store:
        yield Office(settings=settings, store=store, sealer=Sealer(settings.secret_keys))


async def subject_of(store: Store, *, user: str | None, subject: str | None) -> str | None:
    """Whom ``--user``, an address, and ``--subject`` name; both must not name two people."""
    if user is None:
        return subject
    async with store.reading() as rows:
        found = await rows.users.find_by_email(canonical_identifier(user))
    if found is None:
        raise Refusal(
            f"there is no user {user!r}. Somebody who is gone is found by --subject; "
            "see: portal users list"
        )
    if subject not in (None, found.subject):
        raise Refusal("--user and --subject name two people. Give one of them.")
    return found.subject


async def find_user(store: Store, named: str) -> User:
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


def make_passwords(settings: Settings) -> Passwords:
    """Hash with the parameters that the portal itself uses."""
    return Passwords(
        time_cost=settings.argon2_time_cost,
        memory_cost=settings.argon2_memory_cost,
        parallelism=settings.argon2_parallelism,
        workers=1,
        peppers=settings.password_peppers,
    )


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run asynchronous *work* with its errors explained."""
    with explained():
        return asyncio.run(work())


async def ended_by_sigterm(work: Awaitable[T]) -> T:
    """Let SIGTERM end *work* as Ctrl-C does: it is cancelled, and cleans up."""
    task = asyncio.ensure_future(work)
    with suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def is_loopback(host: str | None) -> bool:
    """Whether *host* names this very machine."""
    name = (host or "").lower()
    with suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return name == "localhost" or name.endswith(".localhost")


def read_password(*, from_stdin: bool, at_least: int | None = None) -> str:
    """Ask twice at a terminal, or read one line; never from the arguments, which others can see."""
    if from_stdin:
        return _line_of_stdin()
    if not has_terminal():
        raise Refusal("there is no terminal to ask at. Give the password with --password-stdin.")
    asking = "Password" if at_least is None else f"Password, at least {at_least} characters"
    password: str = click.prompt(asking, hide_input=True, confirmation_prompt=True, err=True)
    return password


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A line on standard error that is written over, where somebody sees it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield lambda text: click.echo(f"\r\x1b[K{text}", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


def _line_of_stdin() -> str:
    line = sys.stdin.buffer.readline(MAX_LINE)
    try:
        password = line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as exc:
        raise Refusal("the password on standard input is not UTF-8 text.") from exc
    if not password:
        raise Refusal("there is no password on standard input.")
    return password


def print_rows(
    rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], *, output: str, empty: str
) -> None:
    """Print many things: *columns* (field → heading) as a table, or everything as JSON or YAML."""
    found = list(rows)
    if output != "table":
        print_document(found, output)
        return
    if not found:
        click.echo(empty, err=True)
        return
    lines = [tuple(columns.values())]
    lines += [tuple(cell(row.get(field)) for field in columns) for row in found]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def print_fields(fields: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Print one thing as a list of its fields; empty ones are left out."""
    shown = {title: cell(fields.get(field)) for field, title in names.items()}
    width = max(len(title) for title in shown)
    for title, text in shown.items():
        if text:
            click.echo(f"{title.ljust(width)}  {text}")


class Stream:
    """Prints as :func:`print_rows` does, but page by page: any number of things.

    The columns of a table are as wide as the first page needs; a later text that is longer pushes
    the rest aside.
    """

    def __init__(self, columns: Mapping[str, str], *, output: str, empty: str) -> None:
        self._columns, self._output, self._empty = columns, output, empty
        self._widths: list[int] = []
        self._count = 0

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is not None:
            return
        if self._output == "json":
            click.echo("\n]" if self._count else "[]")
        elif not self._count and self._output == "yaml":
            print_document([], self._output)
        elif not self._count:
            click.echo(self._empty, err=True)

    def print(self, page: Sequence[Mapping[str, Any]]) -> None:
        """Print some more."""
        if self._output == "table":
            self._print_lines(page)
        for row in page if self._output != "table" else ():
            if self._output == "yaml":
                print_document([row], self._output)
            else:
                document = json.dumps(row, indent=2, ensure_ascii=False)
                start = ",\n" if self._count else "[\n"
                click.echo(start + textwrap.indent(document, "  "), nl=False)
            self._count += 1

    def _print_lines(self, page: Sequence[Mapping[str, Any]]) -> None:
        lines = [tuple(cell(row.get(field)) for field in self._columns) for row in page]
        if lines and not self._widths:
            head = tuple(self._columns.values())
            self._widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
            lines.insert(0, head)
        for line in lines:
            click.echo(_padded(line, self._widths))
        self._count += len(page)


def _padded(line: Iterable[str], widths: Iterable[int]) -> str:
    padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
    return "  ".join(padded).rstrip()


def print_document(document: object, output: str = "json") -> None:
    """Print *document* as JSON, or as YAML in its own notation."""
    if output != "yaml":
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    from ruamel.yaml import YAML  # noqa: PLC0415 - the server goes without

    yaml, text = YAML(), io.StringIO()
    yaml.width = MAX_LINE
    yaml.dump(document, text)
    click.echo(text.getvalue().removesuffix("...\n"), nl=False)


def cell(value: object) -> str:
    """Show a value without letting it move the cursor."""
    if isinstance(value, list | tuple):
        return one_line(" ".join(map(str, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return one_line("" if value is None else str(value))
