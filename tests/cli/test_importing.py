"""``portal users import``: whatever state a file is in, nothing is lost and nobody is doubled."""

import asyncio
import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from portal.cli import import_files
from portal.passwords import Passwords
from portal.store import Store

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PASSWORD = "correct horse battery staple"
HASH = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
ATTRIBUTES = """
[department]
title = "Department"
[level]
title = "Level"
type = "number"
max = 9
[groups]
title = "Groups"
type = "list"
"""
pytestmark = pytest.mark.usefixtures("migrated")


@pytest.fixture(autouse=True)
def attributes(elsewhere, tmp_path, monkeypatch):
    path = tmp_path / "attributes.toml"
    path.write_text(ATTRIBUTES)
    monkeypatch.setenv("PORTAL_ATTRIBUTES", str(path))


@pytest.fixture
def imported(portal, tmp_path):
    """Import a text or bytes: ``imported("email\\nann@example.org\\n", "--dry-run")``."""

    def run(content, *flags, name="people.csv", code=0):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = portal("users", "import", str(path), *flags)
        assert found.exit_code == code, found.output
        assert "Traceback" not in found.output
        assert "$argon2" not in found.output
        return found

    return run


@pytest.fixture
def people(tmp_path):
    """Everybody who is here, by address."""

    async def read():
        store = Store(f"sqlite:///{tmp_path}/portal.db")
        try:
            async with store.reading() as rows:
                found = await rows.users.list_page(after_email=None, limit=100_000)
                return {user.email: user for user in found}
        finally:
            await store.dispose()

    return lambda: asyncio.run(read())


@pytest.fixture
def events(tmp_path):
    async def read():
        store = Store(f"sqlite:///{tmp_path}/portal.db")
        try:
            async with store.reading() as rows:
                page = await rows.audit.list_page(after=None, limit=1000, oldest_first=True)
                return [(event.action, event.subject, event.detail) for event in page.events]
        finally:
            await store.dispose()

    return lambda: asyncio.run(read())


def verifies(stored):
    async def check():
        with Passwords(workers=1) as passwords:
            return (await passwords.verify(stored, PASSWORD)).matches

    return asyncio.run(check())


def test_a_table_with_everything(imported, people, events):
    imported(
        "email,subject,name,given_name,phone_number,phone_number_verified,address.locality,locale,"
        "department,level,groups,admin,disabled,email_verified,password_hash\n"
        f'Ann@Example.org,ann-1,Ann Example,Ann,+49 30 123456,yes,Berlin,de_de,Research,7,"a, b",'
        f'no,no,yes,"{HASH}"\n'
        "bob@example.org,,,,,,,,,,,,yes,,\n"
    )
    found = people()
    ann, bob = found["ann@example.org"], found["bob@example.org"]
    assert (ann.subject, ann.name, ann.name_key) == ("ann-1", "Ann Example", "ann example")
    assert ann.profile == {
        "given_name": "Ann",
        "phone_number": "+4930123456",
        "phone_number_verified": True,
        "address": {"locality": "Berlin"},
        "locale": "de-DE",
    }
    assert ann.attributes == {"department": "Research", "level": 7, "groups": ["a", "b"]}
    assert (ann.admin, ann.disabled_at, ann.email_verified) == (False, None, True)
    assert ann.password_kind == "argon2id m=8192 t=1 p=1"
    assert ann.password_set_at is not None
    assert len(bob.subject) == 36
    assert (bob.password_hash, bob.password_kind, bob.email_verified) == (None, None, False)
    assert bob.disabled_at is not None
    assert events() == [
        ("user.imported", "ann-1", {"admin": False, "password": True}),
        ("user.imported", bob.subject, {"admin": False, "password": False, "disabled": True}),
    ]


def test_lines_of_json(imported, people):
    rows = [
        {
            "email": "ann@example.org",
            "address": {"locality": "Berlin"},
            "level": 2.5,
            "groups": ["a, b"],
            "email_verified": True,
            "birthdate": None,
        },
        {"email": "bob@example.org", "attributes": {"level": "3"}, "given_name": ""},
    ]
    imported("".join(json.dumps(row) + "\n\n" for row in rows), name="people.jsonl")
    found = people()
    assert found["ann@example.org"].attributes == {"level": 2.5, "groups": ["a, b"]}
    assert found["ann@example.org"].profile == {"address": {"locality": "Berlin"}}
    assert found["bob@example.org"].attributes == {"level": 3}


@pytest.mark.parametrize("name", ["django.csv", "keycloak.jsonl", "kratos.jsonl", "people.csv"])
def test_the_examples_of_the_documentation_are_imported(portal, people, name, monkeypatch):
    monkeypatch.setenv("PORTAL_ATTRIBUTES", str(EXAMPLES / "attributes.toml"))
    found = portal("users", "import", str(EXAMPLES / name))
    assert found.exit_code == 0, found.output
    here = people()
    ann, bob = here["ann@example.org"], here["bob@example.org"]
    assert ann.profile["given_name"] == "Ann"
    if name != "people.csv":
        assert verifies(ann.password_hash)
        assert bob.disabled_at is not None
    if name == "django.csv":
        assert verifies(bob.password_hash)
        assert here["eve@example.org"].password_hash is None
    if name == "keycloak.jsonl":
        assert (ann.subject, ann.name) == ("f2c1b0a4-8a51-4f6e-9a0a-0c4a1c1a2b01", "Ann Example")
        assert ann.profile["preferred_username"] == "ann"
        assert ann.attributes == {"department": "Research"}
        assert ann.profile["locale"] == "de"
        assert bob.password_hash is None
    assert "0 bad" in found.stdout
    assert "were here already, 0 bad" in portal("users", "import", str(EXAMPLES / name)).stdout


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_bad_rows_are_told_and_kept_in_the_order_of_the_file(imported, tmp_path, flags):
    """Some are known to be bad at once, some only when it is looked who is here."""
    imported("email,subject\nann@example.org,a-1\n")
    rest = tmp_path / "bad.csv"
    found = imported(
        "email,subject\n"
        "ann@example.org,another\n"
        "nonsense,b-1\n"
        "bob@example.org,a-1\n"
        "worse,c-1\n"
        "cleo@example.org,c-1\n",
        "--errors",
        str(rest),
        *flags,
        code=1,
    )
    lines = [line.partition(":")[0] for line in found.stderr.splitlines()]
    assert lines == ["line 2", "line 3", "line 4", "line 5"]
    kept = [line.partition(",")[0] for line in rest.read_text().splitlines()]
    assert kept == ["email", "ann@example.org", "nonsense", "bob@example.org", "worse"]


def test_every_bad_row_is_told_with_all_of_its_reasons_and_the_good_ones_come_in(imported, people):
    found = imported(
        "email,name,locale,level,admin,password_hash\n"
        "ann@example.org,Ann,de,1,,\n"
        "not an address,Bob,german,99,yes,secret-not-a-hash\n"
        ",Eve,,,,\n"
        "dan@example.org,Dan,de\n"
        "fay@example.org,Fay,de,1,,\n",
        code=1,
    )
    lines = found.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["line 3", "line 4", "line 5"]
    for words in ("email:", "locale:", "level:", "admin", "password_hash:"):
        assert words in lines[0]
    assert "secret-not-a-hash" not in found.output
    assert lines[1] == "line 4: email is missing"
    assert lines[2] == "line 5: has 3 cells, and the header 6"
    assert set(people()) == {"ann@example.org", "fay@example.org"}
    assert "Imported 2, changed 0, 0 were here already, 3 bad." in found.stdout


def test_bad_rows_are_written_as_they_are_and_can_be_corrected(imported, people, tmp_path):
    bad = tmp_path / "bad.csv"
    rows = (
        b'bob@example.org,"B\xff"\r\neve@example.org,"two\r\nlines",x\r\nlast@example.org,"no end'
    )
    content = b"\xef\xbb\xbfemail;name\r\nann@example.org;Ann\r\n" + rows.replace(b",", b";")
    imported(content, "--errors", str(bad), code=1)
    assert bad.read_bytes() == b"email;name\r\n" + rows.replace(b",", b";") + b"\n"
    assert bad.stat().st_mode & 0o777 == 0o600
    fixed = bad.read_bytes().replace(b"\xff", b"").replace(b";x", b"").replace(b"no end", b'no"')
    fixed = fixed.replace(b'"two\r\nlines"', b'"one line"')
    imported(fixed, "--errors", str(tmp_path / "none.csv"), name="fixed.csv")
    assert set(people()) == {f"{name}@example.org" for name in ("ann", "bob", "eve", "last")}
    assert not (tmp_path / "none.csv").exists()


def test_the_file_itself_is_never_written_over(portal, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("email\nnonsense\n")
    nowhere = tmp_path / "none" / "bad.csv"
    found = portal("users", "import", str(path), "--errors", str(nowhere))
    assert found.exit_code == 1
    assert f"there is no folder {nowhere.parent}" in found.stderr
    assert "Imported" not in found.output
    found = portal("users", "import", str(path), "--errors", str(path))
    assert found.exit_code == 1
    assert path.read_text() == "email\nnonsense\n"


def test_a_dry_run_writes_nothing_and_says_the_same(imported, people, events):
    content = "email,name\nann@example.org,Ann\nbob@example.org,Bob\nann@example.org,Ann\nx,y\n"
    dry = imported(content, "--dry-run", code=1)
    assert people() == {}
    assert events() == []
    real = imported(content, code=1)
    assert dry.stderr == real.stderr
    assert dry.stdout == real.stdout.replace("Imported", "Would import")
    again = imported(content, "--dry-run", code=1)
    assert "Would import 0, changed 0, 3 were here already, 1 bad." in again.stdout


def test_a_file_that_says_two_things_about_one_person_is_told_so(imported, people):
    content = "email,name\nann@example.org,Ann\nann@example.org,Other\n"
    dry = imported(content, "--dry-run", code=1)
    assert "line 3: is in this file before, with other data" in dry.stderr
    found = imported(content, code=1)
    assert "line 3: is here already, with another name" in found.stderr
    assert people()["ann@example.org"].name == "Ann"
    assert "changed 1" in imported(content, "--update").stdout.replace("changed 2", "changed 1")
    assert people()["ann@example.org"].name == "Other"


def test_nobody_comes_in_if_all_have_to(imported, people):
    content = "email\nann@example.org\nnonsense\n"
    found = imported(content, "--all-or-nothing", code=1)
    assert "Nobody was imported, because 1 rows are bad." in found.stdout
    assert people() == {}
    imported("email\nann@example.org\n", "--all-or-nothing")
    assert set(people()) == {"ann@example.org"}


def test_who_is_here_is_left_alone_and_changed_only_where_that_is_asked(imported, people, events):
    head = "email,subject,name,level,password_hash\n"
    imported(head + f'ann@example.org,ann,Ann,1,"{HASH}"\n')
    other = PasswordHasher(time_cost=2, memory_cost=8192, parallelism=1).hash("another password")
    changed = head + f'ann@example.org,ann,Anna,2,"{other}"\n'
    found = imported(changed, code=1)
    assert "is here already, with another name, level; --update changes that" in found.stderr
    imported(changed, "--update")
    ann = people()["ann@example.org"]
    assert (ann.name, ann.attributes, ann.password_hash) == ("Anna", {"level": 2}, HASH)
    assert ann.epoch == 0
    imported(changed, "--update", "--update-passwords")
    ann = people()["ann@example.org"]
    assert (ann.password_hash, ann.epoch) == (other, 1)
    assert [action for action, _, _ in events()] == [
        "user.imported",
        "user.profile_changed",
        "user.attributes_changed",
        "user.password_set",
    ]
    assert "1 were here already" in imported(changed).stdout


def test_an_address_and_a_subject_never_mean_two_people(imported, people):
    imported("email,subject\nann@example.org,ann\nbob@example.org,bob\n")
    found = imported(
        "email,subject\nann@example.org,bob\nnew@example.org,ann\nann@example.org,new\n",
        "--update",
        code=1,
    )
    assert "line 2: email belongs to somebody with another subject" in found.stderr
    assert "line 3: subject belongs to somebody with another email" in found.stderr
    assert "line 4: email belongs to somebody with another subject" in found.stderr
    assert len(people()) == 2


def test_nobody_becomes_an_administrator_by_a_file_alone(imported, people):
    content = "email,admin\nann@example.org,yes\n"
    assert "--allow-admins" in imported(content, code=1).stderr
    imported(content, "--allow-admins")
    assert people()["ann@example.org"].admin
    found = imported("email,admin,disabled\nann@example.org,no,yes\n", "--update", code=1)
    assert "another admin" in found.stderr
    assert "portal users disable" in found.stderr
    assert people()["ann@example.org"].admin


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"email,email\n", "there are 2 columns email"),
        (b"email,\n", "a column has no name"),
        (b"name\nAnn\n", "there is no column email"),
        (b"email,Given_Name,shoe\n", "did you mean given_name"),
        (b"\xff\xfee\x00m\x00", "is UTF-16 text"),
        (b"em\xffail\n", "is not UTF-8 text from byte 3 on"),
        (b"em\x00ail\n", "holds a NUL character"),
        (b'"email\n', "the header cannot be read"),
        (b"email\rann@example.org\r", "the header cannot be read"),
        (b"x" * 2_000_000, "is longer than 1,048,576 bytes"),
    ],
)
def test_a_header_that_is_not_understood_stops_everything(imported, people, content, words):
    found = imported(content, code=1)
    assert words in found.stderr
    assert found.stderr.startswith("portal: ")
    assert found.stderr.count("\n") == 1
    assert people() == {}


def test_a_column_is_left_out_by_name(imported, people):
    imported("email,shoe\nann@example.org,43\n", "--ignore", "shoe")
    assert set(people()) == {"ann@example.org"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (b"a@example.org,x\x00y", "holds a NUL character"),
        (b"a@example.org,x\xffy", "is not UTF-8 text from byte 16 on"),
        (b"a@example.org,x\xed\xa0\x80", "is not UTF-8"),
        (b"a@example.org,=HYPERLINK(1)", "name: begins as a formula"),
        (b"a@example.org,@SUM(A1)", "name: begins as a formula"),
        (b"a@example.org,#NAME?", "name: is an error that a spreadsheet wrote"),
        (b'a@example.org,"no end', "a quotation mark is not closed"),
        (b'a@example.org,"in"side', "a quotation mark is not closed, or stands in the middle"),
        (b"a@example.org," + b"x" * 10_000_000, "is longer than 1,048,576 bytes"),
        (b"a@example.org," + b"x" * 200_000, "has a cell of more than 131,072 characters"),
        (b"a@example.org,x,y,z", "has 4 cells, and the header 2"),
        (b"=cmd@example.org,x", "email: begins as a formula"),
        ("a@example.org,\u202egnp".encode(), "name: holds characters that cannot be seen"),
    ],
)
def test_a_row_in_any_state_is_told_and_the_next_one_comes_in(
    imported, people, tmp_path, row, words
):
    bad = tmp_path / "bad.csv"
    content = b"email,name\nfirst@example.org,First\n" + row + b"\nlast@example.org,Last\n"
    found = imported(content, "--errors", str(bad), code=1)
    assert found.stderr.startswith(f"line 3: {words}"), found.stderr[:200]
    assert len(found.stderr) < 1_000
    assert set(people()) == {"first@example.org", "last@example.org"}
    assert bad.read_bytes() == b"email,name\n" + row + b"\n"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("[1]", "is a list"),
        ("7", "is not a JSON object"),
        ("[", "is the beginning of one large document"),
        ("{'email': 1}", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"email": "a@example.org", "email": "b@example.org"}', "says email twice"),
        ('{"email": "a@example.org", "level": NaN}', "holds NaN"),
        ('{"email": "a@example.org", "level": 1' + "0" * 5_000 + "}", "is not JSON"),
        ('{"email": ["a@example.org"]}', "email: must be a text"),
        ('{"email": "a@example.org", "name": "\\ud800"}', "name: holds characters"),
        ('{"email": "a@example.org", "name": "\\u0000"}', "name: holds a NUL"),
        ('{"email": "a@example.org", "\\ud800\\n": "x"}', "there is no field \\ud800\\n"),
        ('{"email": "a@example.org", "name": {"a": 1}}', "name: must be a text"),
        ('{"email": "a@example.org", "admin": 1}', "admin: must be yes or no"),
        ('{"email": "a@example.org", "groups": "a,a"}', "groups: holds an item twice"),
        ('{"email": "a@example.org", "level": true}', "level: must be a number"),
        ('{"email": "a@example.org", "password_hash": 7}', "password_hash: must be a text"),
        ('{"email": "a@example.org", "password_hash": {"a": 1}}', "password_hash: "),
        ('{"email": "a@example.org", "password_hash": "$2b$31$' + "a" * 53 + '"}', "too much"),
        ('{"email": "a@example.org", "address": {"city": "x"}}', "no field address.city"),
        ('{"email": "a@example.org", "address.locality": "x", "address": {"locality": "y"}}',
         "address.locality is said twice"),
        ('{"email": "a@example.org", "credentials": 7, "enabled": "x"}', "disabled: must be"),
        ('{"email": "a@example.org", "enabled": "true"}', "disabled: must be"),
        ('{"email": "a@example.org", "credentials": [{"type": "password", "secretData": "{"}]}',
         "password_hash: the hash is damaged"),
    ],
)  # fmt: skip
def test_a_line_of_json_in_any_state_is_told_and_the_next_one_comes_in(
    imported, people, row, words
):
    content = f'{{"email": "first@example.org"}}\n{row}\n{{"email": "last@example.org"}}\n'
    found = imported(content, name="people.jsonl", code=1)
    assert found.stderr.startswith("line 2: "), found.stderr[:200]
    assert words in found.stderr
    assert set(people()) == {"first@example.org", "last@example.org"}


def test_an_unclosed_quotation_mark_takes_no_more_than_its_line(imported, people):
    rows = "".join(f"p{n}@example.org,x\n" for n in range(300))
    found = imported(f'email,name\nbad@example.org,"x\n{rows}', code=1)
    assert found.stderr.count("\n") == 1
    assert len(people()) == 300


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(imported, people, delimiter):
    imported(f'email{delimiter}name\nann@example.org{delimiter}"A,B;C|D"\n')
    assert people()["ann@example.org"].name == "A,B;C|D"


def test_a_cell_may_run_over_lines(imported, people):
    imported(
        "email,address.street_address\r\n"
        'ann@example.org,"Street 1\r\n2nd floor"\r\n'
        "b@example.org,\r\n"
    )
    street = people()["ann@example.org"].profile["address"]["street_address"]
    assert street == "Street 1\n2nd floor"
    assert len(people()) == 2


def test_random_bytes_bring_down_nothing(tmp_path):
    chance = random.Random(7)  # noqa: S311 - the same bytes each time
    alphabet = [b'"', b",", b"\n", b"\r", b"\x00", b"\xff", b"a@b.org", b"=", "ü".encode()]
    for form in ("csv", "jsonl"):
        for _ in range(300):
            body = b"".join(chance.choices(alphabet, k=40))
            path = tmp_path / "random"
            path.write_bytes(b"email,name\n" + body)
            with import_files.PeopleFile(path, form) as file:
                records = list(file)
            rest, position = b"", 0
            for record in records:
                rest += path.read_bytes()[position : record.start]
                assert record.start >= position
                position = record.start + record.length
            rest = (rest + path.read_bytes()[position:]).removeprefix(b"email,name\n")
            assert not rest.strip(), (body, records)


def test_settings_that_cannot_be_used_are_told_before_anything(imported, monkeypatch, tmp_path):
    path = tmp_path / "attributes.toml"
    path.write_text("[sub]\n")
    found = imported("email\nann@example.org\n", code=1)
    assert "PORTAL_ATTRIBUTES" in found.stderr
    assert "sub: title: is missing" in found.stderr


def test_without_a_file_the_usage_is_told(portal):
    assert portal("users", "import").exit_code == 2
    assert portal("users", "import", "none.csv").exit_code == 2
    assert portal("users", "import", ".").exit_code == 2


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_import_that_was_stopped_goes_on_without_doubles(tmp_path, people, events, how):
    path = tmp_path / "many.csv"
    rows = [f"p{n}@example.org,Person {n}" for n in range(4_000)]
    path.write_text("\n".join(["email,name", *rows, ""]))
    command = [sys.executable, "-m", "portal", "users", "import", str(path)]
    env = {**os.environ, "PYTHONPATH": str(EXAMPLES.parents[1])}
    started = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    while not people() and started.poll() is None:
        time.sleep(0.02)
    started.send_signal(how)
    _, stderr = started.communicate(timeout=60)
    some = len(people())
    assert 0 < some < 4_000
    if how is not signal.SIGKILL:
        assert started.returncode == 130
        assert "The same command goes on from here." in stderr
        assert "Traceback" not in stderr
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert f"{some:,} were here already, 0 bad." in done.stdout
    assert len(people()) == 4_000
    assert len({subject for _, subject, _ in events()}) == 1_000  # all of a page are different


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_thousand_rows_in_little_memory(tmp_path):
    path = tmp_path / "many.csv"
    with path.open("w") as file:
        file.write("email,name,locale,password_hash\n")
        for n in range(100_000):
            file.write(f'p{n}@example.org,Person {n},de-DE,"{HASH}"\n')
    code = (
        "import re, sys; from pathlib import Path; from portal.cli import main\n"
        "try: main(['users', 'import', sys.argv[1]])\n"
        "except SystemExit as e: code = e.code\n"
        "status = Path('/proc/self/status').read_text()\n"  # getrusage counts pytest, too
        "print(int(re.search(r'VmHWM:\\s+(\\d+) kB', status)[1]) // 1024, 'MB')\n"
        "sys.exit(code)"
    )
    env = {**os.environ, "PYTHONPATH": str(EXAMPLES.parents[1])}
    command = [sys.executable, "-c", code, str(path)]
    found = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert "Imported 100,000" in found.stdout
    assert int(found.stdout.split()[-2]) < 200


def test_a_terminal_sees_a_bar(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("email\n" + "".join(f"p{n}@example.org\n" for n in range(1_200)))
    ours, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(EXAMPLES.parents[1]), "TERM": "xterm"}
    command = [sys.executable, "-m", "portal", "users", "import", str(path)]
    found = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    assert b"Importing" in os.read(ours, 65_536)
    os.close(ours)
    assert found.stdout.startswith(b"Imported 1,200")


def test_a_file_without_a_header_is_not_repeated(portal, migrated, tmp_path):
    """Its first line holds somebody's hash, and terminals are recorded."""
    path = tmp_path / "people.csv"
    path.write_text(f'ann@example.org,Ann,"{HASH}"\nbob@example.org,Bob,"{HASH}"\n')
    found = portal("users", "import", str(path))
    assert found.exit_code == 1
    assert "Is the header missing?" in found.stderr
    assert "ann@" not in found.output
    assert "$" not in found.output
