"""``portal audit export``: the trail as JSON lines, and what goes wrong in one line."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from portal.store import Store

pytestmark = pytest.mark.usefixtures("migrated")
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def events(tmp_path):
    """Four events on four days, about two accounts and two apps."""
    fill(
        tmp_path,
        {"action": "login.succeeded", "at": START, "actor": "ann", "subject": "ann"},
        {
            "action": "consent.allowed",
            "at": START + DAY,
            "actor": "ann",
            "subject": "ann",
            "client_id": "photos",
            "detail": {"scopes": ["openid"], "app": "Photos"},
        },
        {
            "action": "grant.revoked",
            "at": START + 2 * DAY,
            "actor": "root",
            "subject": "ann",
            "client_id": "photos",
        },
        {
            "action": "grant.expired",
            "at": START + 3 * DAY,
            "actor": "system",
            "subject": "bob",
            "client_id": "notes",
        },
    )


def fill(directory, *events):
    async def work():
        store = Store(f"sqlite:///{directory}/portal.db")
        async with store.writing() as rows:
            for event in events:
                await rows.audit.add(**event)
        await store.dispose()

    asyncio.run(work())


def exported(portal, *arguments):
    found = portal("audit", "export", *arguments)
    assert (found.exit_code, found.stderr) == (0, "")
    return [json.loads(line) for line in found.stdout.splitlines()]


def actions(portal, *arguments):
    """Without the events that exporting itself leaves."""
    lines = exported(portal, *arguments)
    return [line["action"] for line in lines if line["action"] != "audit.exported"]


def test_each_event_is_a_line_of_json_the_oldest_first(portal, events):
    found = portal("audit", "export")
    lines = found.stdout.splitlines()
    assert [json.loads(line)["action"] for line in lines] == [
        "login.succeeded",
        "consent.allowed",
        "grant.revoked",
        "grant.expired",
        "audit.exported",
    ]
    second = json.loads(lines[1])
    assert list(second) == sorted(second)
    assert second["occurred_at"] == "2026-01-02T00:00:00Z"
    assert second["detail"] == {"app": "Photos", "scopes": ["openid"]}
    assert (second["subject"], second["client_id"]) == ("ann", "photos")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--since", "2026-01-03"], ["grant.revoked", "grant.expired"]),
        (["--until", "2026-01-02"], ["login.succeeded", "consent.allowed"]),
        (
            ["--since", "2026-01-02", "--until", "2026-01-03T00:00:00+00:00"],
            ["consent.allowed", "grant.revoked"],
        ),
        (["--since", "1d"], []),
        (["--action", "grant."], ["grant.revoked", "grant.expired"]),
        (["--action", "grant"], ["grant.revoked", "grant.expired"]),
        (["--action", "login", "--action", "grant.revoked"], ["login.succeeded", "grant.revoked"]),
        (["--subject", "bob"], ["grant.expired"]),
        (["--actor", "root"], ["grant.revoked"]),
        (["--actor", "system", "--client", "notes"], ["grant.expired"]),
        (["--client", "photos", "--action", "consent."], ["consent.allowed"]),
        (["--subject", "nobody"], []),
    ],
)
def test_options_narrow_it(portal, events, arguments, expected):
    assert actions(portal, *arguments) == expected


def test_an_account_is_named_by_its_address_too(portal, events, tmp_path):
    made = portal(
        *("users", "create", "ann@example.org", "--subject", "ann", "--password-stdin"),
        stdin="correct horse battery staple\n",
    )
    assert made.exit_code == 0
    assert actions(portal, "--user", "Ann@Example.org", "--action", "grant") == ["grant.revoked"]


def test_that_it_was_taken_is_noted_with_what_was_asked_for(portal, events):
    exported(portal, "--client", "photos", "--action", "grant.revoked")
    (noted,) = exported(portal, "--action", "audit.exported", "--until", "0s")[:1]
    assert (noted["actor"], noted["subject"]) == ("cli", None)
    assert noted["detail"] == {
        "format": "jsonl",
        "search": {"action": "grant.revoked", "client": "photos"},
    }


def test_a_file_is_for_who_asked_alone(portal, events, tmp_path):
    found = portal("audit", "export", "--output", "trail.jsonl")
    assert (found.exit_code, found.output) == (0, "")
    path = tmp_path / "trail.jsonl"
    assert len(path.read_text().splitlines()) == 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--action", "grant.eaten"], 2, "nothing is called 'grant.eaten'"),
        (["--action", ""], 2, "nothing is called ''"),
        (["--since", "yesterday"], 2, "neither a date"),
        (["--user", "nobody@example.org"], 1, "there is no user"),
        (["--user", "a@example.org", "--subject", "a"], 2, "not both"),
        (["--output", "no/such/place.jsonl"], 1, "cannot be written: No such file"),
    ],
)
def test_a_mistake_is_told_in_one_line(portal, events, arguments, code, words):
    found = portal("audit", "export", *arguments)
    assert found.exit_code == code
    assert found.stdout == ""
    assert found.stderr.startswith("portal: ")
    assert words in found.stderr
    assert found.stderr.count("\n") == 1
    assert "audit.exported" not in [line["action"] for line in exported(portal)[:-1]]


def test_a_database_that_is_not_up_to_date_is_refused(portal):
    found = portal("audit", "export", DATABASE_URL="sqlite:///other.db")
    assert (found.exit_code, found.stderr) == (
        1,
        "portal: the database is not up to date. Run: portal db upgrade\n",
    )


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_ends_it_without_a_word(tmp_path):
    """And much more than fits into a pipe, or onto a page of the store, comes out whole."""
    fill(
        tmp_path,
        *(
            {"action": "grant.used", "at": START, "actor": "ann", "detail": {"n": n, "x": "x" * 99}}
            for n in range(3_500)
        ),
    )
    command = [sys.executable, "-m", "portal", "audit", "export"]
    whole = subprocess.run(command, capture_output=True, cwd=tmp_path, check=True, env=os.environ)
    numbers = [json.loads(line)["detail"].get("n") for line in whole.stdout.splitlines()]
    assert sorted(numbers[:-1]) == list(range(3_500))
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as cut:
        assert cut.stdout.readline().startswith(b'{"action":"grant.used"')
        cut.stdout.close()
        assert cut.stderr.read() == b""
