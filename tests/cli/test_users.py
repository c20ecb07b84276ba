import json

import pytest
from ruamel.yaml import YAML

from portal.cli import common

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.usefixtures("migrated")


@pytest.fixture
def ann(portal):
    found = portal(
        *("users", "create", "Ann@Example.org", "--password-stdin", "--format", "json"),
        stdin=f"{PASSWORD}\n",
    )
    return json.loads(found.stdout)


def listed(portal):
    return json.loads(portal("users", "list", "--format", "json").stdout)


def refused(found):
    assert found.exit_code == 1
    assert found.stderr.startswith("portal: ")
    assert found.stderr.count("\n") == 1
    assert PASSWORD not in found.output
    return found.stderr


def test_a_user_is_created_and_listed(portal, ann):
    (found,) = listed(portal)
    assert found == ann
    assert (found["email"], found["role"], found["state"]) == ("ann@example.org", "user", "active")
    assert len(found["subject"]) == 36
    table = portal("users", "list").stdout.splitlines()
    assert table[0].split() == ["E-MAIL", "SUBJECT", "ROLE", "STATE"]
    assert table[1].split() == ["ann@example.org", found["subject"], "user", "active"]


def test_no_answer_holds_the_hash(portal, ann):
    assert "argon2" not in portal("users", "list", "--format", "json").stdout
    assert "argon2" not in json.dumps(ann)


def test_the_user_of_ory_s_own_suites_can_be_created(portal):
    found = portal(
        *("users", "create", "foo@bar.com", "--subject", "foo@bar.com", "--admin"),
        *("--allow-weak-password", "--password-stdin"),
        stdin="foobar\n",
    )
    assert found.exit_code == 0
    (row,) = listed(portal)
    assert (row["subject"], row["role"]) == ("foo@bar.com", "admin")


def test_nobody_is_there_by_default(portal):
    found = portal("users", "list")
    assert (found.exit_code, found.stdout) == (0, "")
    assert "portal users create" in found.stderr
    assert listed(portal) == []


def test_the_password_is_asked_for_twice_at_a_terminal(portal, monkeypatch):
    monkeypatch.setattr("portal.cli.common.has_terminal", lambda: True)
    found = portal(
        "users", "create", "a@b.org", stdin=f"{PASSWORD}\nother\n{PASSWORD}\n{PASSWORD}\n"
    )
    assert found.exit_code == 0
    assert found.stderr.count("Password, at least 15 characters: ") == 2
    assert PASSWORD not in found.output


def test_without_a_terminal_the_way_out_is_named(portal):
    assert "--password-stdin" in refused(portal("users", "create", "a@b.org", stdin=PASSWORD))


@pytest.mark.parametrize("flag", ["--password", "-p"])
def test_a_password_cannot_be_an_argument(portal, flag):
    assert portal("users", "create", "a@b.org", flag, PASSWORD).exit_code == 2


@pytest.mark.parametrize("stdin", ["", "\n", b"\xff\xfe\n"])
def test_a_password_that_cannot_be_read_is_refused(portal, stdin):
    refused(portal("users", "create", "a@b.org", "--password-stdin", stdin=stdin))
    assert listed(portal) == []


@pytest.mark.parametrize(
    ("flags", "words"),
    [((), "Password, at least 20 characters: "), (("--allow-weak-password",), "Password: ")],
)
def test_how_long_a_password_has_to_be_is_said_before_it_is_typed(
    portal, monkeypatch, flags, words
):
    monkeypatch.setattr("portal.cli.common.has_terminal", lambda: True)
    found = portal(
        *("users", "create", "ann@example.org", *flags),
        stdin=f"{PASSWORD}\n{PASSWORD}\n",
        PORTAL_PASSWORD_MIN_LENGTH="20",
    )
    assert found.exit_code == 0, found.stderr
    assert words in found.output


def test_only_the_line_end_is_cut_from_the_password(portal, monkeypatch):
    lines = []
    for typed in (" two blanks \r\n", " two blanks \n", " two blanks "):
        read = b"" if not typed else typed.encode()
        monkeypatch.setattr("sys.stdin", _Stdin(read))
        lines.append(common.read_password(from_stdin=True))
    assert lines == [" two blanks "] * 3


class _Stdin:
    def __init__(self, content):
        self.buffer = self
        self.content = content

    def readline(self, limit):
        return self.content[:limit]


def test_mistakes_are_one_line_that_says_what_is_wrong(portal, ann):
    def create(email, password=PASSWORD, *more):
        return refused(
            portal("users", "create", email, "--password-stdin", *more, stdin=f"{password}\n")
        )

    assert "exists already" in create("ANN@example.org")
    assert "exists already" in create("bob@example.org", PASSWORD, "--subject", ann["subject"])
    assert "See: portal users list" in create("ANN@example.org")
    assert "not a valid e-mail address. Write it as" in create("nonsense")
    assert "at least 15 characters" in create("bob@example.org", "short")
    assert "at most 1024 bytes" in create("bob@example.org", "x" * 2000)
    assert "subject" in create("bob@example.org", PASSWORD, "--subject", " ")
    assert len(listed(portal)) == 1


def test_no_password_is_asked_for_where_the_rest_cannot_be(portal, monkeypatch):
    monkeypatch.setattr(common, "has_terminal", lambda: True)
    for email, subject in (("nonsense", "fine"), ("bob@example.org", " ")):
        found = portal("users", "create", email, "--subject", subject, stdin="")
        assert "Password" not in refused(found)


def test_the_policy_is_a_setting(portal):
    found = portal(
        *("users", "create", "a@b.org", "--password-stdin"),
        stdin="kX9#vLq2\n",
        PORTAL_PASSWORD_MIN_LENGTH="8",
    )
    assert found.exit_code == 0


def test_a_user_is_disabled_and_enabled_by_address_or_subject(portal, ann):
    assert "disabled" in portal("users", "disable", " ANN@example.org").stdout
    assert listed(portal)[0]["state"] == "disabled"
    assert "already" in portal("users", "disable", ann["subject"]).stdout
    assert portal("users", "enable", ann["subject"]).stdout == "User enabled.\n"
    assert listed(portal)[0]["state"] == "active"
    assert portal("users", "enable", ann["subject"]).exit_code == 0


def test_a_password_is_set(portal, ann):
    found = portal(
        "users",
        "set-password",
        "ann@example.org",
        "--password-stdin",
        stdin="another good phrase\n",
    )
    assert (found.exit_code, found.stdout) == (0, "Password set.\n")
    weak = portal("users", "set-password", "ann@example.org", "--password-stdin", stdin="short\n")
    assert "at least 15" in refused(weak)


@pytest.mark.parametrize("command", ["disable", "enable", "set-password"])
def test_nobody_is_told_as_nobody(portal, command):
    found = portal("users", command, "nobody@example.org", stdin="")
    assert "there is no user 'nobody@example.org'" in refused(found)


def test_a_name_that_means_two_people_is_refused(portal, ann):
    portal(
        *("users", "create", "eve@example.org", "--subject", "ann@example.org"),
        "--password-stdin",
        stdin=f"{PASSWORD}\n",
    )
    assert "another one's subject" in refused(portal("users", "disable", "ann@example.org"))
    assert {row["state"] for row in listed(portal)} == {"active"}


def test_a_database_without_tables_is_refused(portal, tmp_path):
    url = f"sqlite:///{tmp_path}/empty.db"
    found = portal("users", "list", DATABASE_URL=url)
    assert "portal db upgrade" in refused(found)


def test_more_than_a_page_of_users_is_listed(portal, monkeypatch, ann):
    monkeypatch.setattr("portal.cli.users.PAGE", 1)
    portal("users", "create", "b@example.org", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert [row["email"] for row in listed(portal)] == ["ann@example.org", "b@example.org"]


def test_a_name_cannot_move_the_cursor(portal):
    portal(
        *("users", "create", "a@b.org", "--password-stdin", "--name", "\x1b[31mred\n"),
        stdin=f"{PASSWORD}\n",
    )
    assert "\x1b" not in portal("users", "list").stdout
    assert listed(portal)[0]["name"] == "[31mred"


def created(portal, email, *flags):
    found = portal(
        *("users", "create", email, "--password-stdin", "--format", "json", *flags),
        stdin=f"{PASSWORD}\n",
    )
    assert found.exit_code == 0, found.stderr
    return json.loads(found.stdout)


def shown(portal, user):
    return json.loads(portal("users", "show", user, "--format", "json").stdout)


def test_everything_but_secrets_is_shown_of_one_user(portal, ann):
    found = shown(portal, "ann@example.org")
    assert (found["email"], found["password"], found["email_verified"]) == (
        "ann@example.org",
        "set",
        False,
    )
    assert (found["passkeys"], found["recovery_codes"], found["connected_apps"]) == ([], 0, 0)
    table = portal("users", "show", "ann@example.org").stdout
    assert "E-MAIL" in table
    assert "argon2" not in json.dumps(found) + table


def test_the_list_is_narrowed(portal, ann):
    created(portal, "bob@example.org", "--admin", "--name", "Anton")
    portal("users", "disable", "ann@example.org")

    def emails(*flags):
        found = portal("users", "list", "--format", "json", *flags)
        return [row["email"] for row in json.loads(found.stdout)]

    assert emails() == ["ann@example.org", "bob@example.org"]
    assert emails("--admin") == ["bob@example.org"]
    assert emails("--disabled") == ["ann@example.org"]
    assert emails("--search", "AN") == ["ann@example.org", "bob@example.org"]
    assert emails("--search", "an", "--disabled") == ["ann@example.org"]
    assert emails("--unverified") == ["ann@example.org", "bob@example.org"]
    nobody = portal("users", "list", "--search", "x")
    assert (nobody.exit_code, nobody.stdout) == (0, "")
    assert "Nobody is found" in nobody.stderr
    assert "portal users list --help" in nobody.stderr
    assert emails("--search", "x") == []


@pytest.mark.parametrize("output", ["json", "yaml", "table"])
def test_a_list_of_many_pages_is_one_document(portal, monkeypatch, output):
    monkeypatch.setattr("portal.cli.users.PAGE", 2)
    for number in range(5):
        created(portal, f"user{number}@example.org")
    printed = portal("users", "list", "--format", output).stdout
    if output == "table":
        lines = printed.splitlines()
        assert len(lines) == 6
        assert lines[0].startswith("E-MAIL")
    else:
        rows = json.loads(printed) if output == "json" else YAML().load(printed)
        assert [row["email"] for row in rows] == [f"user{n}@example.org" for n in range(5)]


def test_the_role_is_given_and_taken_but_never_the_last(portal, ann):
    assert "Administrator now" in portal("users", "grant-admin", "ann@example.org").stdout
    assert "already" in portal("users", "grant-admin", "ann@example.org").stdout
    for command in (["withdraw-admin"], ["disable"], ["delete", "--yes"]):
        said = refused(portal("users", command[0], "ann@example.org", *command[1:]))
        assert "last administrator" in said
        assert "make somebody else one first" in said
    created(portal, "bob@example.org", "--admin")
    assert "No administrator" in portal("users", "withdraw-admin", "ann@example.org").stdout
    assert "was no" in portal("users", "withdraw-admin", "ann@example.org").stdout
    assert [row["role"] for row in listed(portal)] == ["user", "admin"]


def test_a_user_is_unlocked(portal, ann):
    assert portal("users", "unlock", "ann@example.org").stdout == "User unlocked.\n"


def test_a_new_password_is_demanded_until_it_is_set(portal, ann):
    assert "demanded" in portal("users", "expire-password", "ann@example.org").stdout
    assert shown(portal, "ann@example.org")["password"] == "a new one is demanded"
    portal(
        *("users", "set-password", "ann@example.org", "--password-stdin"),
        stdin="another good phrase\n",
    )
    assert shown(portal, "ann@example.org")["password"] == "set"


def test_a_first_password_can_be_for_the_first_sign_in_alone(portal, ann):
    created(portal, "bob@example.org", "--must-change")
    assert shown(portal, "bob@example.org")["password"] == "a new one is demanded"
    events = [json.loads(line) for line in portal("audit", "export").stdout.splitlines()]
    details = [event["detail"] for event in events if event["action"] == "user.created"]
    assert sorted(detail["must_change"] for detail in details) == [False, True]


def test_factors_are_reset(portal, ann):
    assert portal("users", "reset-factors", "ann@example.org").stdout == "There were none.\n"


def test_an_account_is_deleted_by_who_says_yes(portal, ann, monkeypatch):
    assert "say --yes" in refused(portal("users", "delete", "ann@example.org"))
    monkeypatch.setattr("portal.cli.users.has_terminal", lambda: True)
    assert portal("users", "delete", "ann@example.org", stdin="n\n").exit_code == 1
    assert len(listed(portal)) == 1
    found = portal("users", "delete", "ann@example.org", stdin="y\n")
    assert "deletes ann@example.org for good" in found.stderr
    assert "User deleted." in found.stdout
    assert listed(portal) == []


@pytest.mark.parametrize(
    "command",
    [
        ["show"],
        ["grant-admin"],
        ["withdraw-admin"],
        ["unlock"],
        ["expire-password"],
        ["reset-factors"],
        ["delete", "--yes"],
    ],
)
def test_nobody_is_told_as_nobody_by_the_others_too(portal, command):
    found = portal("users", command[0], "nobody@example.org", *command[1:])
    assert "there is no user 'nobody@example.org'. See: portal users list" in refused(found)


def test_what_a_command_did_is_in_the_audit_trail(portal, ann):
    for command in ("grant-admin", "unlock", "expire-password", "reset-factors"):
        portal("users", command, "ann@example.org")
    lines = portal("audit", "export").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert {event["actor"] for event in found} == {"cli"}
    assert [event["action"] for event in found] == [
        "user.created",
        "user.admin_granted",
        "user.unlocked",
        "user.password_expired",
        "factors.reset",
        "audit.exported",
    ]
