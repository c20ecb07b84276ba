"""``portal users attributes``: what is told about somebody, shown and changed."""

import json

import pytest


@pytest.fixture(autouse=True)
def ann(portal, migrated, tmp_path, monkeypatch):
    path = tmp_path / "attributes.toml"
    path.write_text('[groups]\ntitle = "G"\ntype = "list"\n[level]\ntitle = "L"\ntype = "number"\n')
    monkeypatch.setenv("PORTAL_ATTRIBUTES", str(path))
    (tmp_path / "people.csv").write_text("email,subject,level\nann@example.org,ann,1\n")
    assert portal("users", "import", "people.csv").exit_code == 0
    return path


def shown(portal):
    return json.loads(portal("users", "attributes", "ann", "--format", "json").stdout)


def test_values_are_set_shown_and_removed(portal):
    found = portal(
        *("users", "attributes", "ann@example.org", "groups=a, b", "level=2.5"),
        *("given_name=Ann", "address.locality=Berlin", "phone_number_verified=yes"),
        "phone_number=+49 30 123456",
    )
    assert found.exit_code == 0, found.output
    assert shown(portal) == {
        "email": "ann@example.org",
        "profile": {
            "given_name": "Ann",
            "phone_number": "+4930123456",
            "address.locality": "Berlin",
            "phone_number_verified": True,
        },
        "attributes": {"groups": ["a", "b"], "level": 2.5},
    }
    table = portal("users", "attributes", "ann").stdout
    assert "groups                 a, b\n" in table
    assert "phone_number_verified  yes\n" in table
    found = portal("users", "attributes", "ann", "--remove", "groups", "--remove", "given_name")
    assert found.stderr == "Changed: given_name, groups.\n"
    assert shown(portal)["attributes"] == {"level": 2.5}
    assert portal("users", "attributes", "ann", "level=2.5").stderr == "Nothing was changed.\n"


def test_every_problem_is_told_at_once_and_nothing_is_changed(portal):
    found = portal(
        *("users", "attributes", "ann", "level=x", "locale=german", "shoe=43", "groups"),
        *("given_name=", "nickname=a", "nickname=b"),
    )
    assert found.exit_code == 1
    for words in (
        "level: must be a number",
        "locale: must be a language",
        "shoe: is neither a standard claim nor an attribute",
        "groups: write it as groups=VALUE",
        "given_name: is empty; use --remove given_name",
        "nickname: is given twice",
    ):
        assert words in found.stderr
    assert shown(portal)["profile"] == {}


def test_what_is_no_longer_defined_is_kept_and_told_to_be_so(portal, ann):
    ann.write_text('[groups]\ntitle = "G"\n')
    assert "level (no longer defined)  1" in portal("users", "attributes", "ann").stdout
    found = portal("users", "attributes", "ann", "--remove", "level")
    assert found.stderr.startswith("Changed: level.\n")
    assert "Nothing is known" in portal("users", "attributes", "ann").stderr


def test_nobody_is_shown_who_is_not_there(portal):
    found = portal("users", "attributes", "nobody", "level=1")
    assert (found.exit_code, found.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize("command", [("users", "attributes", "ann"), ("serve",)])
def test_a_file_that_cannot_be_used_stops_a_command_at_its_start(portal, ann, command):
    ann.write_text("[level]\n[sub]\n")
    found = portal(*command, HYDRA_ADMIN_URL="http://127.0.0.1:1")
    assert found.exit_code == 1
    assert found.stderr.startswith("portal: these settings cannot be used:\n")
    assert "attributes.toml: level: title: is missing" in found.stderr
