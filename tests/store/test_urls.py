import pytest

from portal.store import DatabaseUrlError
from portal.store.urls import normalise_sync_url, normalise_url, pool_limit

PSYCOPG = "postgresql+psycopg://u:p%40ss@db:5433/portal"


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("sqlite:///portal.db", "sqlite+aiosqlite:///portal.db"),
        ("sqlite:////var/lib/portal.db", "sqlite+aiosqlite:////var/lib/portal.db"),
        ("sqlite:///x.db?_fk=true&mode=rwc", "sqlite+aiosqlite:///x.db"),
        ("sqlite:///x.db?_fk=true&max_conns=4&timeout=9", "sqlite+aiosqlite:///x.db?timeout=9"),
        ("sqlite+pysqlite:///x.db", "sqlite+aiosqlite:///x.db"),
        ("postgres://u:p%40ss@db:5433/portal", f"{PSYCOPG}?connect_timeout=5"),
        ("postgresql://u:p%40ss@db:5433/portal", f"{PSYCOPG}?connect_timeout=5"),
        (
            "postgresql+psycopg://u:p%40ss@db:5433/portal?connect_timeout=9",
            f"{PSYCOPG}?connect_timeout=9",
        ),
        (
            "postgres://u:p%40ss@db:5433/portal?sslmode=verify-full&max_conns=20&max_idle_conns=4"
            "&max_conn_lifetime=1h&max_conn_idle_time=30m",
            f"{PSYCOPG}?connect_timeout=5&sslmode=verify-full",
        ),
        (
            "postgresql+asyncpg://u@db/x?sslmode=require&max_conns=3",
            "postgresql+psycopg://u@db/x?connect_timeout=5&sslmode=require",
        ),
        ("postgres+asyncpg://u@db/x", "postgresql+psycopg://u@db/x?connect_timeout=5"),
    ],
)
def test_urls_are_made_for_the_asynchronous_drivers(given, made):
    assert normalise_url(given) == made
    assert normalise_url(normalise_url(given)) == normalise_url(given)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("sqlite:///portal.db?_fk=true", "sqlite+pysqlite:///portal.db"),
        ("sqlite+aiosqlite:///portal.db", "sqlite+pysqlite:///portal.db"),
        ("postgres://u@db/x", "postgresql+psycopg://u@db/x?connect_timeout=5"),
        ("postgresql+asyncpg://u@db/x", "postgresql+psycopg://u@db/x?connect_timeout=5"),
        (
            "postgresql+asyncpg://u@db/x?ssl=require",
            "postgresql+psycopg://u@db/x?connect_timeout=5&sslmode=require",
        ),
    ],
)
def test_urls_are_made_for_the_synchronous_drivers(given, made):
    assert normalise_sync_url(given) == made


@pytest.mark.parametrize(
    "url",
    [
        "",
        "portal.db",
        "mysql://root:hush@db/x",
        "cockroach://root:hush@db/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file.db?mode=memory",
        "postgresql://u:hush@host:port/x",
        "postgresql+pg8000://u:hush@db/x",
    ],
)
def test_urls_that_cannot_be_used_are_refused_without_repeating_them(url):
    with pytest.raises(DatabaseUrlError) as refusal:
        normalise_url(url)
    assert "hush" not in str(refusal.value)


@pytest.mark.parametrize(
    ("query", "limit"), [("", None), ("?max_conns=7", 7), ("?sslmode=disable", None)]
)
def test_hydras_limit_of_connections_is_read(query, limit):
    assert pool_limit(f"postgres://u@db/x{query}") == limit


@pytest.mark.parametrize("number", ["0", "-1", "many", "7&max_conns=8"])
def test_a_limit_that_is_no_number_is_refused(number):
    with pytest.raises(DatabaseUrlError):
        pool_limit(f"postgres://u@db/x?max_conns={number}")
