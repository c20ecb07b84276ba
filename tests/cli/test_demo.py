"""What ``portal demo`` refuses before anything is started, and what it makes of its flags."""

import logging
import signal
import socket
from pathlib import Path

import pytest

from portal import accounts
from portal.cli.demoing.people import easy_password
from portal.cli.demoing.plan import HydraUrl, ignored_settings
from portal.dev.serving import LOOPBACK

FREE = {"--port": "0", "--client-port": "0", "--public-port": "0", "--admin-port": "0"}


@pytest.fixture(autouse=True)
def signals_and_loggers():
    """A command that runs here leaves both as they were."""
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    yield
    assert handlers == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
    assert logging.getLogger("portal.dev").level == logging.NOTSET


@pytest.fixture
def asked(monkeypatch):
    """The plans that would have been carried out."""
    plans = []
    monkeypatch.setattr("portal.cli.demoing.running.run_demo", lambda plan, _: plans.append(plan))
    return plans


def ports(**changed):
    flags = FREE | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    return [word for pair in flags.items() for word in pair]


def test_without_flags_it_is_the_stand_in_on_the_ports_of_the_tutorial(portal, asked):
    assert portal("demo").exit_code == 0
    (plan,) = asked
    assert plan.ports == {"portal": 3000, "client": 5555, "public": 4444, "admin": 4445}
    assert (plan.hydra, plan.profile, plan.data_dir) == (None, "2.3", None)
    assert not plan.opening  # there is no terminal here


@pytest.mark.parametrize("flag", FREE)
def test_a_taken_port_is_told_in_one_line_with_its_purpose_and_its_flag(portal, flag):
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        found = portal("demo", *ports(**{flag[2:].replace("-", "_"): port}))
    assert found.exit_code == 1
    assert found.stderr.count("\n") == 1
    assert f"port {port} is in use" in found.stderr
    assert f"with {flag}," in found.stderr
    assert found.stdout == ""


@pytest.mark.parametrize(
    ("flag", "said"),
    [("--port", 0), ("--client-port", 0), ("--public-port", 1), ("--admin-port", 1)],
)
def test_who_has_ory_s_ports_may_be_the_hydra_of_a_demo_that_was_killed(portal, flag, said):
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        found = portal("demo", *ports(**{flag[2:].replace("-", "_"): port}))
    assert found.stderr.count("a Hydra that a killed demo has left") == said


def test_the_help_says_which_settings_are_read_and_when(portal):
    text = " ".join(portal("demo", "--help").stdout.split())
    assert "Settings of the environment are not read" not in text
    assert "With the address of an Ory (--hydra URL)" in text
    for name in ("HYDRA_PUBLIC_URL", "ORY_API_KEY"):
        assert name in text


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_who_has_the_portal_s_port_on_ipv6_is_noticed_since_browsers_would_go_there(portal):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = str(taken.getsockname()[1])
        found = portal("demo", *ports(port=port))
    assert found.exit_code == 1
    assert f"port {port} is in use" in found.stderr


def test_an_ory_on_another_machine_needs_a_yes(portal, asked):
    elsewhere = ("--hydra", "https://ory.example", "--public-url", "https://ory.example")
    found = portal("demo", *elsewhere)
    assert found.exit_code == 1
    assert "ory.example is not this machine" in found.stderr
    assert "--yes" in found.stderr
    assert asked == []
    assert portal("demo", *elsewhere, "--yes").exit_code == 0
    assert asked[0].hydra.admin_url == "https://ory.example"


def test_an_ory_needs_its_public_address_unless_both_are_one(portal, asked):
    found = portal("demo", "--hydra", "http://127.0.0.1:4445/admin/")
    assert found.exit_code == 1
    assert "HYDRA_PUBLIC_URL" in found.stderr
    assert portal("demo", "--hydra", "http://127.0.0.1:4445", HYDRA_PUBLIC_URL="http://o.test")
    network = "https://slug.projects.oryapis.com"
    assert portal("demo", "--hydra", network, "--yes").exit_code == 0
    assert [plan.hydra.public_url for plan in asked] == ["http://o.test", network]


def test_only_what_reaches_that_ory_is_taken_from_the_environment(portal, asked):
    portal(
        *("demo", "--hydra", "http://127.0.0.1:4445", "--public-url", "http://127.0.0.1:4444"),
        ORY_PAT="ory_pat_secret",
        DATABASE_URL="sqlite:///mine.db",
        SECRET_KEY="x",
        HYDRA_ADMIN_URL="http://127.0.0.1:1",
    )
    assert asked[0].hydra.settings == {"ORY_PAT": "ory_pat_secret"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--yes"], "--yes goes with --hydra"),
        (["--public-url", "http://127.0.0.1:1"], "--public-url goes with --hydra"),
        (["--port", "7000", "--client-port", "7000"], "--port and --client-port are the same"),
        (["--hydra", "not-there"], "'not-there' is not there"),
        (["--hydra", "/dev/null"], "'/dev/null' cannot be run"),
        (["--hydra", "ftp://127.0.0.1"], "must start with http"),
        (["--hydra", "/bin/sh", "--profile", "26"], "--profile is about the stand-in"),
        (["--hydra", "/bin/sh", "--yes"], "--yes goes with --hydra and an address"),
        (["--port", "65536"], "65536 is not in the range"),
        (["--profile", "1"], "'1' is not one of"),
    ],
)
def test_flags_that_mean_nothing_here_are_wrong_usage(portal, asked, flags, words):
    found = portal("demo", *flags)
    assert found.exit_code == 2
    assert words in found.stderr
    assert found.stderr.count("\n") == 1
    assert asked == []


def test_the_ports_of_an_ory_that_runs_already_are_not_asked_for(portal, asked):
    found = portal(
        *("demo", "--hydra", "http://127.0.0.1:4445", "--public-url", "http://127.0.0.1:4444"),
        *("--admin-port", "1"),
    )
    assert found.exit_code == 2
    assert "--admin-port is about an Ory that the demo starts" in found.stderr
    assert asked == []


def test_a_program_that_is_no_hydra_is_told_in_one_line(portal):
    found = portal("demo", "--hydra", "/bin/false", *ports())
    assert found.exit_code == 1
    assert found.stderr == "portal: Hydra ended with 1. It said nothing.\n"


def test_an_ory_that_does_not_answer_is_told_with_this_command_s_flags(portal):
    found = portal(
        *("demo", "--hydra", "http://127.0.0.1:1", "--public-url", "http://127.0.0.1:1"),
        *("--port", "0", "--client-port", "0"),
    )
    assert found.exit_code == 1
    assert "http://127.0.0.1:1/.well-known/openid-configuration does not answer" in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_data_directory_that_cannot_be_is_told_in_one_line(portal, tmp_path):
    (tmp_path / "file").touch()
    for bad in (tmp_path / "file" / "below", Path("what?")):
        found = portal("demo", "--data-dir", str(bad), *ports())
        assert found.exit_code == 1
        assert found.stderr.startswith("portal: --data-dir: ")
        assert found.stderr.count("\n") == 1


def test_settings_of_another_ory_are_named_as_ignored(portal, asked, monkeypatch):
    portal("demo")
    assert ignored_settings(asked[0]) == ()
    monkeypatch.setenv("ORY_SDK_URL", "https://slug.projects.oryapis.com")
    Path(".env").write_text("HYDRA_ADMIN_URL=http://127.0.0.1:1\n")
    assert ignored_settings(asked[0]) == ("ORY_SDK_URL", ".env")
    portal("demo", "--hydra", "http://127.0.0.1:2", "--public-url", "http://127.0.0.1:3")
    assert isinstance(asked[1].hydra, HydraUrl)
    assert ignored_settings(asked[1]) == ("ORY_SDK_URL",)  # its key may be in .env


@pytest.mark.parametrize("min_length", [8, 15, 40])
def test_passwords_are_long_enough_for_the_policy_and_easy_to_type(min_length):
    made = {easy_password("ann@example.org", min_length=min_length) for _ in range(50)}
    assert len(made) == 50
    for password in made:
        accounts.check_password(password, email="ann@example.org", min_length=min_length)
        assert set(password) <= set("abcdefghijklmnopqrstuvwxyz-")
