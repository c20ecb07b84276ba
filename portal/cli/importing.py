"""``portal users import``: people from a file, with the hashes of their passwords."""

import asyncio
import hashlib
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import msgspec
import rich_click as click

from portal.accounts.import_rows import Person, RowError, Rules, read_person
from portal.accounts.importing import Outcome, import_batch
from portal.claims import load_catalogs
from portal.cli.common import (
    ACTOR,
    ended_by_sigterm,
    explained,
    load_settings,
    open_store,
    require_head,
)
from portal.cli.import_files import FileError, PeopleFile, Record, Rest, form_of
from portal.cli.refusal import Refusal
from portal.settings import Settings
from portal.store import AlreadyExistsError, Store

BATCH: Final = 500
"""People in one transaction: others who write wait for it, so it is over in a moment."""
TRIES: Final = 5
LONGEST: Final = 600
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
INTERRUPTED: Final = 130
NO_HEADER: Final = (
    "the first line has to name the fields (email, name, password_hash, …), and this one does "
    "not. Is the header missing? What it says is not shown, as it may be somebody's data; see "
    "docs/importing.md"
)
_NAME: Final = re.compile(r"[^\W\d_][\w.:/ -]{0,99}")
"""What a column may be called; a hash or an address is none."""


class Report(msgspec.Struct, kw_only=True):
    """What became of everybody."""

    created: int = 0
    changed: int = 0
    present: int = 0
    bad: int = 0
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        return self.created + self.changed + self.present + self.bad


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says."""

    path: Path
    form: str | None
    delimiter: str | None
    ignore: frozenset[str]
    errors: Path | None
    dry_run: bool
    all_or_nothing: bool
    rules: Rules


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--form",
    type=click.Choice(["csv", "jsonl"]),
    help="What the file is; without it the name's end tells: .jsonl, .ndjson, .json, or else CSV.",
)
@click.option(
    "--delimiter",
    type=click.Choice(list(_DELIMITERS)),
    help="What stands between the cells of a CSV file.",
    show_default="what the header has most of",
)
@click.option("--ignore", multiple=True, metavar="FIELD", help="Leave out a field; repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would become of every row; write nothing.")
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the bad rows here as they are, to be corrected and imported.",
)
@click.option("--all-or-nothing", is_flag=True, help="Import nobody if any row is bad.")
@click.option("--update", is_flag=True, help="Change profile and attributes of who is here.")
@click.option(
    "--update-passwords",
    is_flag=True,
    help="Give who is here the file's password; they are signed out everywhere.",
)
@click.option("--allow-admins", is_flag=True, help="Let rows make administrators.")
def import_users(
    *,
    file: Path,
    form: str | None,
    delimiter: str | None,
    ignore: tuple[str, ...],
    dry_run: bool,
    errors: Path | None,
    all_or_nothing: bool,
    update: bool,
    update_passwords: bool,
    allow_admins: bool,
) -> None:
    """Add people from a CSV file, or from one with a JSON object on each line.

    Columns and hashes are described in docs/importing.md. Who is here already with the same data is
    left alone, so the same command goes on where it was stopped. Every bad row is told with its
    line; the good ones are imported. Exit codes: 0 if all rows were good, 1 if one was bad, 2 wrong
    usage, 130 stopped by Ctrl-C.

    For example:

    $ portal users import people.csv --dry-run

    $ portal users import people.csv --errors bad.csv
    """
    with explained():
        settings = load_settings()
        require_head(settings)
        catalogs = load_catalogs(settings)
    if errors is not None:
        _check_errors(errors, file)
    asked = Asked(
        path=file,
        form=form,
        delimiter=_DELIMITERS[delimiter] if delimiter else None,
        ignore=frozenset(ignore),
        errors=errors,
        dry_run=dry_run,
        all_or_nothing=all_or_nothing,
        rules=Rules(
            attributes=catalogs.attributes,
            peppers=frozenset(pepper.name for pepper in settings.password_peppers),
            allow_admins=allow_admins,
            update=update,
            update_passwords=update_passwords,
        ),
    )
    report = Report()
    try:
        with explained():
            asyncio.run(ended_by_sigterm(_import(settings, asked, report)))
    except FileError as exc:
        raise Refusal(f"{exc}.") from exc
    except OSError as exc:
        raise Refusal(f"{exc.filename or file}: {exc.strerror}.") from exc
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo(_summary(report, asked, stopped=True), err=True)
        raise SystemExit(INTERRUPTED) from None
    click.echo(_summary(report, asked))
    if report.bad:
        raise SystemExit(1)


def _check_errors(errors: Path, file: Path) -> None:
    """Refuse, before anybody is imported, where the bad rows could not be written."""
    if errors.exists() and errors.samefile(file):
        raise Refusal("--errors names the file that is imported. Name another one.")
    if not errors.parent.is_dir():
        raise Refusal(f"--errors: there is no folder {errors.parent}. Make it, or name another.")


async def _import(settings: Settings, asked: Asked, report: Report) -> None:
    """Go through the file, twice if a bad row anywhere forbids all others.

    The database's own log is for operators of a service; here the command tells what happens.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    async with open_store(settings) as store:
        if asked.all_or_nothing and not asked.dry_run:
            rehearsal = Report()
            await _Run(store, msgspec.structs.replace(asked, dry_run=True), rehearsal).through()
            if rehearsal.bad:
                report.bad = rehearsal.bad
                return
            asked = msgspec.structs.replace(asked, errors=None)
        await _Run(store, asked, report).through()


class _Run:
    """One way through the file, a batch at a time."""

    def __init__(self, store: Store, asked: Asked, report: Report) -> None:
        self._store, self._asked, self._report = store, asked, report
        self._bad: list[tuple[Record, tuple[str, ...]]] = []
        """Bad rows of this batch that nobody was told of yet."""
        self._seen: dict[int, int] = {}
        """In a dry run, which writes nobody down: addresses and subjects of the file so far, and
        whose row they are of, as hashes."""

    async def through(self) -> None:
        asked, began = self._asked, time.monotonic()
        form = asked.form or form_of(asked.path)
        with ExitStack() as stack:
            file = stack.enter_context(PeopleFile(asked.path, form, asked.delimiter))  # type: ignore[arg-type]  # one of two words
            if file.form == "csv":
                _check_columns(file, asked)
            rest = None
            if asked.errors is not None:
                rest = stack.enter_context(Rest(asked.path, file.header, asked.errors))
            advance = stack.enter_context(_progress(file.size, dry_run=asked.dry_run))
            try:
                await self._all_batches(file, rest, advance)
            finally:
                self._report.seconds = time.monotonic() - began

    async def _all_batches(
        self, file: PeopleFile, rest: Rest | None, advance: Callable[[int], None]
    ) -> None:
        batch: list[tuple[Record, Person]] = []
        try:
            for record in file:
                person = self._person(record, file)
                if person is not None:
                    batch.append((record, person))
                if len(batch) + len(self._bad) >= BATCH:
                    await self._take(batch)
                    batch = []
                    self._tell(rest)
                    advance(record.start + record.length)
            await self._take(batch)
        finally:
            self._tell(rest)
        advance(file.size)

    def _person(self, record: Record, file: PeopleFile) -> Person | None:
        problems: tuple[str, ...] = (record.problem,)
        if record.fields is not None:
            kept = {n: v for n, v in record.fields.items() if n not in self._asked.ignore}
            if self._asked.ignore and isinstance(kept.get("attributes"), dict):
                inner = kept["attributes"]
                kept["attributes"] = {n: inner[n] for n in inner.keys() - self._asked.ignore}
            try:
                return read_person(kept, self._asked.rules, cells=file.form == "csv")
            except RowError as exc:
                problems = exc.problems
        self._refuse(record, problems)
        return None

    async def _take(self, batch: list[tuple[Record, Person]]) -> None:
        if self._asked.dry_run:
            batch = [(r, p) for r, p in batch if self._is_first(r, p)]
        if not batch:
            return
        outcome = await self._outcome([person for _, person in batch])
        report = self._report
        report.created += outcome.created
        report.changed += outcome.changed
        report.present += outcome.present
        for position, problems in sorted(outcome.problems.items()):
            self._refuse(batch[position][0], problems)

    async def _outcome(self, people: list[Person]) -> Outcome:
        """One transaction; again, if somebody registered in the middle of it."""
        rules, now = self._asked.rules, datetime.now(UTC)
        if self._asked.dry_run:
            async with self._store.reading() as rows:
                return await import_batch(rows, people, rules, now=now, actor=ACTOR, dry_run=True)
        for left in reversed(range(TRIES)):
            try:
                async with self._store.writing() as rows:
                    return await import_batch(rows, people, rules, now=now, actor=ACTOR)
            except AlreadyExistsError:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _is_first(self, record: Record, person: Person) -> bool:
        """Whether the file has not spoken of this person before, as far as a dry run can tell."""
        row = _number(msgspec.json.encode(person))
        keys = [_number(f"e{person.email}".encode())]
        keys += [_number(f"s{person.subject}".encode())] if person.subject is not None else []
        before = {self._seen.get(key) for key in keys} - {None}
        if before and (before != {row} or any(key not in self._seen for key in keys)):
            if not self._asked.rules.update:
                self._refuse(record, ("is in this file before, with other data",))
                return False
            self._report.changed += 1
            return False
        for key in keys:
            self._seen[key] = row
        if before:
            self._report.present += 1
        return not before

    def _refuse(self, record: Record, problems: tuple[str, ...]) -> None:
        self._report.bad += 1
        self._bad.append((record, problems))

    def _tell(self, rest: Rest | None) -> None:
        """In the order of the file, whether a row alone was wrong or did not fit to who is here."""
        for record, problems in sorted(self._bad, key=lambda bad: bad[0].start):
            click.echo(f"line {record.line}: {_clean('; '.join(problems))}", err=True)
            if rest is not None:
                rest.add(record)
        self._bad = []


def _check_columns(file: PeopleFile, asked: Asked) -> None:
    """Refuse a file whose header is not understood; every problem of it at once."""
    known = asked.rules.fields
    if not all(_NAME.fullmatch(name) for name in file.columns if name):
        raise FileError(f"{_clean(str(asked.path))}: nothing was imported: {NO_HEADER}")
    problems = []
    for name in dict.fromkeys(file.columns):
        if file.columns.count(name) > 1:
            problems.append(
                f"there are {file.columns.count(name)} columns {name or 'without name'}"
            )
        elif name in asked.ignore or name in known:
            continue
        elif not name:
            problems.append("a column has no name")
        else:
            similar = get_close_matches(name.lower(), known, n=1)
            hint = f" (did you mean {similar[0]}?)" if similar else ""
            problems.append(
                f"{name} is neither a standard claim nor defined in PORTAL_ATTRIBUTES{hint}"
            )
    if "email" not in file.columns:
        problems.append("there is no column email")
    if problems:
        raise FileError(
            _clean(
                f"{asked.path}: nothing was imported: {'; '.join(problems)}. "
                "Leave a column out with --ignore; see docs/importing.md"
            )
        )


def _summary(report: Report, asked: Asked, *, stopped: bool = False) -> str:
    would = "Would import" if asked.dry_run else "Imported"
    counts = f"{would} {report.created:,}, changed {report.changed:,}"
    words = f"{counts}, {report.present:,} were here already, {report.bad:,} bad."
    if stopped:
        return f"Stopped. {words} The same command goes on from here."
    if asked.all_or_nothing and report.bad and not asked.dry_run:
        return f"Nobody was imported, because {report.bad:,} rows are bad."
    if report.bad and asked.errors is not None:
        words += f" They are in {asked.errors}."
    if report.seconds >= 1:
        words += f" {report.rows / report.seconds:,.0f} rows a second."
    return words


@contextmanager
def _progress(size: int, *, dry_run: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where somebody sees it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - takes long to import
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Looking" if dry_run else "Importing", total=max(size, 1))
        yield lambda done: bar.update(task, completed=done)


def _number(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())


def _clean(text: str) -> str:
    """One line that any terminal can show, whatever the file held."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
