"""Replicas that are killed: is any decision lost, any removal, or any answer wrong?

Two portals over one PostgreSQL, in front of a real Hydra, behind a plain TCP balancer. People sign
in to apps (with both forms, and silently), and remove apps on their page, all the time. Every few
seconds one of the portals is killed with ``kill -9`` and started again. Whose page does not come
reloads it.

At the end everything that a browser was told must be true: what was allowed is in the database,
what was removed is gone here and at Hydra, every token was for the person and the scopes that were
asked for. It ends with 1 if not.

    make bench-replicas
    python -m benchmarks.replicas --minutes 2
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.flows.servers import postgres
from benchmarks.stage import (
    LostError,
    PatientBrowser,
    Person,
    Stage,
    in_thread,
    is_back,
    is_consent,
    is_login,
    new_browser,
    show,
    sign_in,
    staged,
    write_json,
)
from tests.driver import Document
from tests.real.relying_party import App

SCOPES = ("openid", "offline", "profile")
KILL_EVERY = 5.0
AT_ONCE = 4
PEOPLE_EACH = 3
FRESH_STARTS = 4
"""So often somebody starts again at the app before that counts as a flow that was lost."""
UNDO_SECONDS = "1"
OUTBOX_SECONDS = 90.0
TAKEOVER_SECONDS = 6.0


@dataclass
class Told:
    """What a person's browser was told last about an app."""

    allowed: frozenset[str] = frozenset()
    """Nothing: it was removed."""
    token: str = ""


@dataclass
class Outcome:
    """Everything that was counted, and what was wrong."""

    seconds: float = 0.0
    kills: int = 0
    flows: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    takeovers: list[float] = field(default_factory=list)
    decisions_told: int = 0
    removals_told: int = 0
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    """Print every figure, and what is wrong."""
    wanted = arguments()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # the server of the database is another account's
        with postgres(directory / "postgres") as server:
            outcome = run(directory, server, seconds=wanted.minutes * 60, every=wanted.every)
    write_json(wanted.json, outcome)
    report(outcome)
    return 1 if outcome.wrong else 0


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--every", type=float, default=KILL_EVERY, help="seconds between two kills")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser.parse_args()


def run(directory: Path, server: str, *, seconds: float, every: float = KILL_EVERY) -> Outcome:
    """Start everything on *server*, a PostgreSQL; disturb it for so long; look what is left."""
    settings = {"PORTAL_UNDO_FOR": UNDO_SECONDS, "PORTAL_ARGON2_MEMORY_COST": "19456"}
    with staged(
        directory,
        server,
        replicas=2,
        people=AT_ONCE * PEOPLE_EACH,
        apps=3,
        settings=settings,
    ) as stage:
        return asyncio.run(Trial(stage).run(seconds, every))


class Trial:
    """People at work, and somebody who kills."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._outcome = Outcome()
        self._told: dict[tuple[str, str], Told] = {}
        self._browsers: dict[str, PatientBrowser] = {}
        self._stack = AsyncExitStack()
        self._random = random.Random(8)  # noqa: S311 - a choice of what people do

    async def run(self, seconds: float, every: float) -> Outcome:
        began = time.monotonic()
        self._until = began + seconds
        people = self._stage.people
        groups = [people[n::AT_ONCE] for n in range(AT_ONCE)]
        async with self._stack:
            await asyncio.gather(
                self._kill(every), self._show(began, seconds), *map(self._live, groups)
            )
            self._outcome.seconds = time.monotonic() - began
            await self._check()
        return self._outcome

    async def _show(self, began: float, seconds: float) -> None:
        while (left := self._until - time.monotonic()) > 0:
            counts = f"{self._outcome.flows.total()} flows, {self._outcome.kills} kills"
            show(1 - left / seconds, f"{time.monotonic() - began:4.0f} s  {counts}")
            await asyncio.sleep(min(1.0, max(left, 0)))

    async def _kill(self, every: float) -> None:
        turn = 0
        while self._until - time.monotonic() > every:
            await asyncio.sleep(every)
            replica = self._stage.replicas[turn % len(self._stage.replicas)]
            turn += 1
            led = await in_thread(leader, self._stage.database_url)
            await in_thread(replica.kill)
            self._outcome.kills += 1
            watched = asyncio.create_task(self._watch_takeover(led)) if led else None
            await asyncio.sleep(0.5)
            await in_thread(replica.start)
            if watched is not None:
                await watched

    async def _watch_takeover(self, led: int) -> None:
        """If the one that was killed had the lead, another one has it soon."""
        began = time.monotonic()
        gone = False
        while time.monotonic() - began < 4 * TAKEOVER_SECONDS:
            now = await in_thread(leader, self._stage.database_url)
            if now == led and not gone and time.monotonic() - began > 0.5:
                return  # another one was killed
            gone = gone or now != led
            if now and now != led:
                break
            await asyncio.sleep(0.05)
        took = time.monotonic() - began
        self._outcome.takeovers.append(round(took, 2))
        if took > TAKEOVER_SECONDS:
            self._outcome.wrong.append(f"nobody did the background work for {took:.1f} s")

    async def _live(self, people: list[Person]) -> None:
        while time.monotonic() < self._until:
            person = self._random.choice(people)
            app = self._random.choice(self._stage.apps)
            told = self._told.get((person.subject, app.client_id), Told())
            is_here = person.subject in self._browsers
            if told.allowed and is_here and self._random.random() < 0.75:
                act = self._remove if self._random.random() < 0.25 else self._silent
            else:
                act = self._full
            try:
                await act(person, app)
            except (LostError, AssertionError) as exc:
                self._wrong(f"{act.__name__[1:]}: {exc}"[:400])

    # What people do.

    async def _full(self, person: Person, app: App) -> None:
        """Sign in anew, and allow: with both forms."""
        old = self._browsers.pop(person.subject, None)
        if old is not None:
            await old._http.aclose()
        browser = await self._stack.enter_async_context(new_browser(self._outcome.seen))
        scopes = ("openid", *self._random.sample(SCOPES[1:], self._random.randint(0, 2)))
        for _ in range(FRESH_STARTS):
            page = await browser.open(app.authorize_url(" ".join(scopes), prompt="consent"))
            if is_login(page):
                page = await sign_in(browser, person, remember=True)
            if is_consent(page):
                browser.choose("grant_scope", *scopes)
                browser.tick("remember")
                page = await browser.click("accept")
            self._note_decision(browser)
            if await self._arrived(page, app, person, scopes, "full"):
                self._browsers[person.subject] = browser
                return
        raise LostError(f"started again in vain: {page}")

    async def _silent(self, person: Person, app: App) -> None:
        """What was remembered asks nothing."""
        browser = self._browsers[person.subject]
        scopes = tuple(sorted(self._told[person.subject, app.client_id].allowed))
        for _ in range(FRESH_STARTS):
            page = await browser.open(app.authorize_url(" ".join(scopes)))
            if is_login(page) or is_consent(page):
                self._wrong(f"what was remembered was asked again: {page}"[:400])
                del self._browsers[person.subject]
                return
            if await self._arrived(page, app, person, scopes, "silent"):
                return
        raise LostError(f"started again in vain: {page}")

    async def _remove(self, person: Person, app: App) -> None:
        """On the page of connected apps."""
        browser = self._browsers[person.subject]
        address = f"{self._stage.balancer.url}/account/apps"
        for _ in range(FRESH_STARTS):
            page = await browser.open(address)
            if is_login(page):
                page = await sign_in(browser, person, remember=False)
            if page.status != 200 or not has_link(page, app):
                continue
            await browser.open(page.link_to("/account/apps/disconnect", app.client_id))
            form = next(
                (f for f in browser.page.root.iter("form") if "logout" not in f.get("action", "")
                 and f.get("method", "").lower() == "post"), None,
            )  # fmt: skip
            if form is None:
                self._outcome.flows["removal: asked to start again"] += 1
                continue
            page = await browser.submit(next(form.iter("button")))
            if page.status == 200:
                self._outcome.removals_told += 1
                self._outcome.flows["removed"] += 1
                self._told[person.subject, app.client_id] = Told()
                return
            self._not_arrived(page, "removal")
        raise LostError(f"could not remove {app.name}: {page}")

    # What they see.

    def _note_decision(self, browser: PatientBrowser) -> None:
        self._outcome.decisions_told += any(
            hop.method == "POST" and hop.url.path == "/consent" and hop.status == 303
            for hop in browser.trail
        )

    async def _arrived(
        self, page: Document, app: App, person: Person, scopes: tuple[str, ...], kind: str
    ) -> bool:
        """Whether the app got what was asked for; whatever else it got is wrong."""
        if not is_back(page, app) or "code" not in page.query:
            self._not_arrived(page, kind)
            return False
        tokens = await in_thread(app.exchange, page.query["code"])
        seen = await in_thread(app.introspect, tokens["access_token"])
        self._outcome.flows[kind] += 1
        if seen.get("sub") != person.subject:
            self._wrong(f"{person.subject} signed in, the token is for {seen.get('sub')}")
        if set(seen.get("scope", "").split()) != set(scopes):
            self._wrong(f"{scopes} were allowed, the token has {seen.get('scope')!r}")
        pair = person.subject, app.client_id
        allowed = self._told.get(pair, Told()).allowed | set(scopes)
        self._told[pair] = Told(frozenset(allowed), tokens["access_token"])
        return True

    def _not_arrived(self, page: Document, kind: str) -> None:
        """A page that offers to start again is fine; an error of the portal's own is not."""
        is_wrong = page.status >= 500 and page.status != 503
        if is_wrong or "error" in page.query:
            self._wrong(f"{kind}: {page} {page.query}"[:400])
        self._outcome.flows[f"{kind}: to start again ({page.status} {page.title[:40]})"] += 1

    def _wrong(self, words: str) -> None:
        self._outcome.wrong.append(words)

    # What is left.

    async def _check(self) -> None:
        await self._outbox_is_empty()
        kept = await in_thread(decisions_in, self._stage.database_url)
        if kept < self._outcome.decisions_told:
            self._wrong(f"{self._outcome.decisions_told} decisions were told, {kept} are kept")
        rows = await in_thread(grants_in, self._stage.database_url)
        for (subject, client_id), told in self._told.items():
            row = rows.get((subject, client_id))
            at_ory = [
                each
                for each in await in_thread(self._stage.hydra.consent_sessions, subject)
                if each["consent_request"]["client"]["client_id"] == client_id
            ]
            self._compare(f"{subject} and {client_id}", told, row, at_ory)

    def _compare(self, pair: str, told: Told, row: Any, at_ory: list[Any]) -> None:
        if row is None:
            self._wrong(f"{pair}: nothing is in the database")
        elif told.allowed and (row["revoked_at"] or not told.allowed <= set(row["remembered"])):
            self._wrong(f"{pair}: {sorted(told.allowed)} were allowed, the database has {row}")
        elif not told.allowed and (not row["revoked_at"] or not row["revoke_synced_at"]):
            self._wrong(f"{pair}: was removed, the database has {row}")
        if told.allowed and not at_ory:
            self._wrong(f"{pair}: was allowed, Hydra has forgotten it")
        if not told.allowed and at_ory:
            self._wrong(f"{pair}: was removed, Hydra still has {len(at_ory)}")

    async def _outbox_is_empty(self) -> None:
        began = time.monotonic()
        while left := await in_thread(pending_in, self._stage.database_url):
            if time.monotonic() - began > OUTBOX_SECONDS:
                self._wrong(f"{left} deletions were not carried out in {OUTBOX_SECONDS:.0f} s")
                return
            await asyncio.sleep(0.5)


def has_link(page: Document, app: App) -> bool:
    """Whether the page of connected apps has it."""
    return any(
        app.client_id in a.get("href", "") and "disconnect" in a.get("href", "")
        for a in page.root.iter("a")
    )


def leader(url: str) -> int | None:
    """The session that has the lock of the background work."""
    statement = (
        "SELECT l.pid FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()"
        " AND a.application_name = 'portal background'"
    )
    found = _ask(url, statement)
    return int(found[0][0]) if found else None


def pending_in(url: str) -> int:
    """Deletions that Ory has yet to be told."""
    return int(_ask(url, "SELECT count(*) FROM revocations WHERE state = 'pending'")[0][0])


def decisions_in(url: str) -> int:
    """How often somebody allowed something."""
    statement = "SELECT count(*) FROM audit_events WHERE action = 'consent.allowed'"
    return int(_ask(url, statement)[0][0])


def grants_in(url: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What the database knows, by subject and client."""
    columns = "subject, client_id, remembered_scopes, revoked_at, revoke_synced_at"
    return {
        (row[0], row[1]): {
            "remembered": row[2],
            "revoked_at": row[3] and str(row[3]),
            "revoke_synced_at": row[4] and str(row[4]),
        }
        for row in _ask(url, f"SELECT {columns} FROM grants")  # noqa: S608 - names of columns
    }


def _ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def report(outcome: Outcome, say: Callable[[str], object] = print) -> None:
    """Tell a person."""
    say(f"\n{outcome.seconds:.0f} s, {outcome.kills} kills of one of two replicas")
    for name, count in sorted(outcome.flows.items()):
        say(f"  {count:6}  {name}")
    for name, count in sorted(outcome.seen.items()):
        say(f"  {count:6}  {name}")
    took = sorted(outcome.takeovers)
    if took:
        say(f"  background work taken over {len(took)} times, the slowest after {took[-1]:.1f} s")
    say(f"  {outcome.decisions_told} decisions and {outcome.removals_told} removals were told")
    for words in outcome.wrong[:20]:
        say(f"MISS  {words}")
    say(f"{'MISS' if outcome.wrong else 'ok  '}  {len(outcome.wrong)} of it wrong or lost")


if __name__ == "__main__":
    sys.exit(main())
