"""Fill a migrated PostgreSQL database with grants as a large installation has them.

Deterministic: the same size makes the same rows. One app has one in twelve of all grants, and the
long tail a handful each; there are some fifty combinations of scopes, and two that hardly anybody
has; nine of ten grants live, a third was never used again, and a few hundred wait for Ory. Rows lie
in the order in which they were allowed. Everything is written by the database itself, and the
indexes are made afterwards.
"""

import hashlib
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from portal.store.grants import scope_set_id

NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)
YEARS: Final = timedelta(days=3 * 365)
CLIENTS: Final = 2_000
PER_USER: Final = 10
BATCH: Final = 50_000
SLICES: Final = 12
FIRST: Final = """
anna ben clara david emma felix greta hugo ida jonas karla leo mia noah olga paul
quentin rosa simon tara ulla victor wanda xaver yara zeno
""".split()  # noqa: SIM905 - a list of them fills the screen
LAST: Final = """
adler baum conrad dietz ernst fuchs graf huber imhof jung kaiser lang maurer neumann ott
pohl quast richter sauer thoma ulrich vogel weber xanten yilmaz ziegler
""".split()  # noqa: SIM905 - a list of them fills the screen
KINDS: Final = """
Photos Music Mail Notes Maps Tickets Banking Health Fitness Travel Recipes Weather News
Games Chess Chat Video Books School Parking Energy Garden Insurance Payroll Wiki
""".split()  # noqa: SIM905 - a list of them fills the screen
PREFIXES: Final = """
Blue Red Green Happy Quick Open North South Easy Smart Tiny Giant Silver Golden Urban
Nordic Alpine Coastal Royal Prime Lunar Solar Rapid Gentle Clever Bright Quiet Noble
Vivid Ancient Modern Polar Amber Crystal Velvet Iron Copper Maple Cedar Willow
""".split()  # noqa: SIM905 - a list of them fills the screen
COMMON: Final = ("openid", "profile", "email", "offline")
MIDDLING: Final = ("calendar.read", "contacts.write", "photos.read")
RARE: Final = ("payments.write", "admin.everything")


def email_of(user: int) -> str:
    """The address of the *user*-th user, as :data:`USERS` makes it."""
    return f"{FIRST[user % len(FIRST)]}.{LAST[user // 7 % len(LAST)]}{user}@example.org"


def subject_of(user: int) -> str:
    """Their subject."""
    return str(uuid.UUID(hashlib.md5(f"user {user}".encode(), usedforsecurity=False).hexdigest()))


def client_of(rank: int) -> str:
    """The id of the *rank*-th most popular client, from 1 on."""
    return str(uuid.UUID(hashlib.md5(f"app {rank}".encode(), usedforsecurity=False).hexdigest()))


def name_of(rank: int) -> str:
    """Its name."""
    return f"{PREFIXES[rank % len(PREFIXES)]} {KINDS[rank // 3 % len(KINDS)]} {rank}"


def combinations() -> list[tuple[str, ...]]:
    """Fifty common ones, then two that hardly anybody has."""
    found = []
    for number in range(50):
        scopes = {"openid", f"api.{number % 13}"}
        scopes |= {"offline"} if number % 2 else set()
        scopes |= {"profile"} if number % 3 else set()
        scopes |= {"email"} if number % 4 < 2 else set()
        scopes |= {"photos.read"} if number % 5 == 0 else set()
        scopes |= {"calendar.read"} if number % 10 == 3 else set()
        scopes |= {"contacts.write"} if number % 16 == 7 else set()
        found.append(tuple(sorted(scopes)))
    return [*found, ("openid", "payments.write"), ("admin.everything", "email", "openid")]


USERS: Final = """
INSERT INTO users (subject, email, email_verified, name, password_hash, admin, epoch, created_at,
                   updated_at)
SELECT md5('user ' || u)::uuid::text,
       (%(first)s::text[])[u %% %(firsts)s + 1] || '.' || (%(last)s::text[])[u / 7 %% %(lasts)s + 1]
         || u || '@example.org',
       true, NULL, '$argon2id$v=19$m=19456,t=2,p=1$' || md5(u::text) || '$' || md5('p' || u), false,
       0, %(now)s, %(now)s
FROM generate_series(%(start)s, %(end)s) u
"""
SESSIONS: Final = """
INSERT INTO login_sessions (session_id_hash, subject, acr, amr, authenticated_at, epoch, remembered,
                            address, user_agent, last_used_at)
SELECT encode(sha256(('session ' || u)::bytea), 'hex'), md5('user ' || u)::uuid::text, '0',
       '["pwd"]', %(now)s, 0, true, '192.0.2.1', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
       %(now)s
FROM generate_series(%(start)s, %(end)s) u
"""
REVOCATIONS: Final = """
INSERT INTO revocations (id, subject, client_id, end_logins, reason, revoked_at, state, due_at,
                         attempts, synced_at)
SELECT gen_random_uuid()::text, md5('user ' || u)::uuid::text,
       md5('app ' || 1 + u %% %(clients)s)::uuid::text, false, 'user', %(now)s,
       CASE WHEN u %% 1000 = 0 THEN 'sweeping' ELSE 'done' END, %(now)s, 0, %(now)s
FROM generate_series(%(start)s, %(end)s, 3) u
"""
DRAWN: Final = """
INSERT INTO drawn
SELECT u, app, %(now)s - %(years)s * power(age, 1.3), use, fate,
       CASE WHEN kind < 0.00001 THEN 51 WHEN kind < 0.00003 THEN 50
            ELSE (app * 7 + floor(4 * kind * kind)::int) %% 50 END
FROM (
  SELECT DISTINCT ON (u, app) u, app, random() AS age, random() AS use, random() AS fate,
         random() AS kind
  FROM (
    SELECT u, floor(power(%(clients)s, power(random(), 1.35)))::int AS app
    FROM generate_series(%(start)s, %(end)s) u,
         generate_series(1, 5 + (u * 2654435761 %% 17)::int)
  ) AS pairs
  ORDER BY u, app
) AS grants
"""
GRANTS: Final = """
INSERT INTO grants (subject, client_id, client_name, client_uri, scopes, scope_set, audience,
  remembered_scopes, remembered_audience, expires_at, expired_at, hydra_scopes, listable,
  decision_id, granted_at, last_accept_at, revoked_at, revoke_reason, revoke_synced_at)
SELECT md5('user ' || u)::uuid::text, client_id, client_name, client_uri, scopes, scope_set, '[]',
       CASE WHEN fate < 0.8 THEN scopes ELSE '[]' END, '[]',
       CASE WHEN fate < 0.06 THEN granted_at + interval '30 days' END,
       CASE WHEN fate < 0.06 THEN granted_at + interval '30 days' END,
       CASE WHEN fate < 0.9 THEN scopes END, fate < 0.9,
       md5('decision ' || u || ' ' || app)::uuid::text, granted_at,
       granted_at + (%(now)s - granted_at) * power(greatest(0, 1.5 * use - 0.5), 2),
       CASE WHEN fate >= 0.9 THEN %(now)s - interval '1 day' END,
       CASE WHEN fate >= 0.9999 THEN 'revoked at Ory' WHEN fate >= 0.9 THEN 'user' END,
       CASE WHEN fate >= 0.90003 THEN %(now)s - interval '1 day' END
FROM drawn JOIN apps ON apps.rank = app JOIN combinations USING (n)
WHERE granted_at >= %(since)s AND granted_at < %(until)s
ORDER BY granted_at
"""
INDEXES: Final = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'grants' AND indexname NOT LIKE 'pk%'
"""
TUNING: Final[tuple[LiteralString, ...]] = (
    "SET synchronous_commit = off",
    "SET maintenance_work_mem = '1GB'",
    "SET work_mem = '256MB'",
    "SET max_parallel_maintenance_workers = 2",
)


def fill(url: str, grants: int) -> int:
    """Write about *grants* of them, and their users: how many there are now."""
    users = max(1, grants // PER_USER)
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        started = time.monotonic()

        def tell(what: str) -> None:
            print(f"  {time.monotonic() - started:6.0f} s  {what}", flush=True)

        for setting in TUNING:
            connection.execute(setting)
        indexes = connection.execute(INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        connection.execute("ALTER TABLE grants DROP CONSTRAINT pk_grants")
        _write_apps(connection)
        for start in range(1, users + 1, BATCH):
            end = min(start + BATCH - 1, users)
            values = _values(start, end)
            connection.execute(sql.SQL("SELECT setseed({})").format(start / 10_000_000))
            for statement in (USERS, SESSIONS, REVOCATIONS, DRAWN):
                connection.execute(statement.encode(), values)
            tell(f"{end:,} of {users:,} users")
        connection.execute("CREATE INDEX ON drawn (granted_at)")
        connection.execute("ANALYZE drawn")
        for slice_ in range(SLICES):
            times = {
                "now": NOW,
                "since": NOW - YEARS + YEARS * slice_ / SLICES,
                "until": NOW - YEARS + YEARS * (slice_ + 1) / SLICES,
            }
            connection.execute(GRANTS.encode(), times)
            tell(f"grants until {times['until']:%B %Y}")
        tell("primary key")
        connection.execute(
            "ALTER TABLE grants ADD CONSTRAINT pk_grants PRIMARY KEY (subject, client_id)"
        )
        for name, definition in indexes:
            tell(name)
            connection.execute(definition.encode())
        tell("vacuum, analyze")
        connection.execute("VACUUM (ANALYZE)")
        row = connection.execute("SELECT count(*) FROM grants").fetchone()
        tell("filled")
        return row[0] if row else 0


def _values(start: int, end: int) -> dict[str, object]:
    return {
        "start": start,
        "end": end,
        "clients": CLIENTS,
        "now": NOW,
        "years": YEARS,
        "first": list(FIRST),
        "firsts": len(FIRST),
        "last": list(LAST),
        "lasts": len(LAST),
    }


def _write_apps(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute(
        "CREATE TEMP TABLE apps (rank int, client_id text, client_name text, client_uri text)"
    )
    connection.execute(
        "CREATE TEMP TABLE drawn "
        "(u int, app int, granted_at timestamptz, use float, fate float, n int)"
    )
    connection.execute("CREATE TEMP TABLE combinations (n int, scope_set bigint, scopes jsonb)")
    apps = [
        (rank, client_of(rank), name_of(rank), f"https://app{rank}.example")
        for rank in range(1, CLIENTS + 1)
    ]
    sets = [
        (n, scope_set_id(scopes), psycopg.types.json.Jsonb(scopes))
        for n, scopes in enumerate(combinations())
    ]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO apps VALUES (%s, %s, %s, %s)", apps)
        cursor.executemany("INSERT INTO combinations VALUES (%s, %s, %s)", sets)
    connection.execute(
        "INSERT INTO known_clients SELECT client_id, client_name, client_uri FROM apps"
    )
    connection.execute("INSERT INTO scope_sets SELECT scope_set, scopes FROM combinations")
    connection.execute(
        "INSERT INTO client_policies "
        "(client_id, verified, required_scopes, updated_at, updated_by) "
        "SELECT client_id, true, '[]', now(), 'cli' FROM apps WHERE rank % 2 = 0"
    )
    connection.execute("ANALYZE apps")
    connection.execute("ANALYZE combinations")
