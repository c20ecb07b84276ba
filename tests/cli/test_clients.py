import json
import sqlite3
from contextlib import asynccontextmanager, closing

import httpx
import pytest
from ruamel.yaml import YAML

from portal.admin import client_registration as registration
from portal.cli.clients import AUTH_METHODS, client_body, client_changes
from portal.ory.admin import OryAdmin
from tests.doubles.ory import OryDouble


@pytest.fixture
def ory(monkeypatch):
    double = OryDouble()

    @asynccontextmanager
    async def open_double(settings):
        async with httpx.AsyncClient(transport=double.transport()) as http:
            key = settings.ory_api_key
            yield OryAdmin(
                http,
                base_url=settings.hydra_admin_url,
                api_key=lambda: key.reveal() if key else None,
            )

    monkeypatch.setattr("portal.cli.clients.open_client", open_double)
    monkeypatch.setenv("HYDRA_ADMIN_URL", double.admin_url)
    return double


def refused(found):
    assert found.exit_code == 1
    assert found.stderr.startswith("portal: ")
    assert found.stderr.count("\n") == 1
    return found.stderr


def test_without_flags_an_app_is_as_in_ory_s_tutorials(portal, ory):
    found = portal("clients", "create", "--format", "json")
    assert found.exit_code == 0
    made = json.loads(found.stdout)
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    assert made["response_types"] == ["code", "id_token"]
    assert made["scope"] == "openid offline"
    assert made["redirect_uris"] == ["http://127.0.0.1:5555/callback"]
    assert made["client_secret"]
    assert list(ory.clients) == [made["client_id"]]


def test_the_command_and_the_admin_page_register_the_same_app():
    by_page = registration.document(registration.new_form("photos"))
    assert client_body({}).items() <= by_page.items()
    assert tuple(registration.AUTH_METHODS) == AUTH_METHODS


def test_the_flags_are_those_of_ory_s_command(portal, ory):
    portal(
        *("clients", "create", "--id", "photos", "--name", "Photos"),
        *("--grant-type", "authorization_code,refresh_token", "--response-type", "code"),
        *("--scope", "openid,email", "--scope", "offline", "--audience", "https://api.test"),
        *("--redirect-uri", "https://a.test/cb", "--redirect-uri", "https://b.test/cb"),
        *("--post-logout-callback", "https://a.test/bye", "--skip-consent"),
        *("--token-endpoint-auth-method", "none", "--metadata", '{"team": "x"}'),
    )
    made = ory.clients["photos"]
    assert made["client_name"] == "Photos"
    assert made["response_types"] == ["code"]
    assert made["scope"] == "openid email offline"
    assert made["audience"] == ["https://api.test"]
    assert made["redirect_uris"] == ["https://a.test/cb", "https://b.test/cb"]
    assert made["post_logout_redirect_uris"] == ["https://a.test/bye"]
    assert made["token_endpoint_auth_method"] == "none"
    assert made["metadata"] == {"team": "x"}
    assert made["skip_consent"] is True


def test_what_was_not_given_is_left_to_ory():
    assert set(client_body({"skip_consent": False, "owner": None, "audience": ()})) == {
        "grant_types",
        "response_types",
        "redirect_uris",
        "scope",
    }
    machine = client_body({"grant_types": ("client_credentials",)})
    assert set(machine) == {"grant_types", "scope"}


def test_the_secret_is_shown_once(portal, ory):
    found = portal("clients", "create", "--id", "photos")
    secret = found.stdout.split("CLIENT SECRET")[1].split()[0]
    assert "not shown again" in found.stderr
    for again in (("list",), ("list", "--format", "json"), ("get", "photos")):
        assert secret not in portal("clients", *again).output


def test_a_secret_comes_from_standard_input_not_from_the_arguments(portal, ory):
    assert portal("clients", "create", "--secret", "x").exit_code == 2
    portal("clients", "create", "--id", "a", "--secret-stdin", stdin="chosen-secret\n")
    assert ory.clients["a"]["client_secret"] == "chosen-secret"
    refused(portal("clients", "create", "--secret-stdin", stdin="x\n"))


def test_apps_are_listed_shown_and_deleted(portal, ory):
    ory.plant_client("photos", client_name="Photos")
    ory.plant_client("mail", client_name="\x1b[31mMail\n")
    table = portal("clients", "list").stdout
    assert table.splitlines()[1].startswith("photos     Photos")
    assert "\x1b" not in table
    assert [
        row["client_id"] for row in json.loads(portal("clients", "list", "--format", "json").stdout)
    ] == ["photos", "mail"]
    assert "NAME" in portal("clients", "get", "photos").stdout
    assert portal("clients", "delete", "photos", "mail").stdout == "photos\nmail\n"
    assert ory.clients == {}
    assert "portal clients create" in portal("clients", "list").stderr


def test_an_endpoint_on_the_command_line_wins(portal, ory, monkeypatch):
    monkeypatch.setenv("HYDRA_ADMIN_URL", "http://elsewhere.test")
    assert portal("clients", "list", "-e", f"{ory.admin_url}/admin/").exit_code == 0


def test_mistakes_are_one_line_that_says_what_to_do(portal, ory, monkeypatch):
    ory.plant_client("photos")
    assert "clients list" in refused(portal("clients", "get", "nobody"))
    assert "clients list" in refused(portal("clients", "delete", "nobody"))
    assert "exists" in refused(portal("clients", "create", "--id", "photos"))
    ory.api_key = "the-right-key"
    assert "ORY_API_KEY" in refused(portal("clients", "list", ORY_API_KEY="canary-key"))
    monkeypatch.delenv("HYDRA_ADMIN_URL")
    assert "HYDRA_ADMIN_URL" in refused(portal("clients", "list"))


def test_an_ory_that_is_out_of_breath_says_for_how_long(portal, ory):
    ory.status(429, {"error": {"code": 429}}, headers={"Retry-After": "40"})
    assert "40 seconds" in refused(portal("clients", "list"))


def test_ory_away_is_one_line(portal):
    found = portal("clients", "list", HYDRA_ADMIN_URL="http://127.0.0.1:1")
    assert "HYDRA_ADMIN_URL" in refused(found)


def test_yaml_is_yaml_and_says_the_same_as_json(portal, ory):
    """Ory's texts are strangers': none of them is taken for a number, or reaches the terminal."""
    names = {"photos": "Photos: “yes”", "mail": "\x1b[31m- [no]\n# x", "n": "1e3", "t": "true"}
    for client_id, name in names.items():
        ory.plant_client(client_id, client_name=name, metadata={"a": [1, None, {"b": "no"}]})
    for command in (["list"], ["get", "mail"], ["update", "mail", "--owner", "é: *x"]):
        as_json = portal("clients", *command, "--format", "json")
        as_yaml = portal("clients", *command, "--format", "yaml")
        assert not as_yaml.stdout.lstrip().startswith(("{", "["))
        assert "\x1b" not in as_yaml.stdout
        read = YAML(typ="safe").load(as_yaml.stdout)
        written = json.loads(as_json.stdout)
        for document in (read, written):
            if isinstance(document, dict):
                document.pop("updated_at")
        assert read == written
    made = YAML(typ="safe").load(portal("clients", "create", "--format", "yaml").stdout)
    assert made["redirect_uris"] == ["http://127.0.0.1:5555/callback"]
    ory.clients.clear()
    assert YAML(typ="safe").load(portal("clients", "list", "--format", "yaml").stdout) == []


def test_only_what_is_named_is_changed(portal, ory):
    before = dict(ory.plant_client("photos", owner="Ann", metadata={"team": "x"}, jwks_uri="u"))
    found = portal(
        *("clients", "update", "photos", "--name", "Pictures"),
        *("--scope", "openid,email", "--scope", "offline", "--skip-consent"),
    )
    assert found.exit_code == 0
    assert "Pictures" in found.stdout
    changed = {"client_name": "Pictures", "scope": "openid email offline", "skip_consent": True}
    after = dict(ory.clients["photos"])
    assert after.pop("updated_at") != before.pop("updated_at")
    assert after == before | changed
    portal("clients", "update", "photos", "--no-skip-consent")
    assert ory.clients["photos"]["skip_consent"] is False


def test_an_empty_value_clears(portal, ory):
    ory.plant_client("photos", tos_uri="https://a.test/tos", contacts=["a"], metadata={"a": 1})
    portal("clients", "update", "photos", "--tos-uri", "", "--contact", "", "--metadata", "")
    cleared = ory.clients["photos"]
    assert (cleared["tos_uri"], cleared["contacts"], cleared["metadata"]) == ("", [], {})


def test_what_was_not_named_is_not_sent():
    named = {
        "owner": None,
        "audience": (),
        "skip_consent": None,
        "client_name": "",
        "scope": ("a",),
    }
    assert client_changes(named) == {"client_name": "", "scope": "a"}


def test_an_update_that_changes_nothing_or_too_much_is_refused(portal, ory):
    ory.plant_client("photos")
    nothing = portal("clients", "update", "photos")
    assert nothing.exit_code == 2
    assert "Name what to change" in nothing.stderr
    for flags, words in {
        ("--scope", ""): "openid, offline and offline_access",
        ("--metadata", "{"): "not JSON",
        ("--token-endpoint-auth-method", "nonsense"): "none",
        ("--name", "\udcff"): "not readable text",
    }.items():
        found = portal("clients", "update", "photos", *flags)
        assert found.exit_code == 2, flags
        assert words in " ".join(found.stderr.split()), flags
    assert ory.calls == []
    assert "'nobody'" in refused(portal("clients", "update", "nobody", "--name", "x"))


def test_ory_s_own_reason_is_told(portal, ory):
    ory.plant_client("photos")
    uri = portal("clients", "update", "photos", "--redirect-uri", "https://a.test/#b")
    assert "invalid_redirect_uri" in refused(uri)
    assert "only [public] are allowed" in refused(
        portal("clients", "create", "--subject-type", "x")
    )


def test_a_new_secret_comes_from_standard_input_and_is_shown_this_once(portal, ory):
    ory.plant_client("photos")
    found = portal("clients", "update", "photos", "--secret-stdin", stdin="another-secret\n")
    assert "another-secret" in found.stdout
    assert "not shown again" in found.stderr
    assert "another-secret" not in portal("clients", "get", "photos", "--format", "json").output
    refused(portal("clients", "update", "photos", "--secret-stdin", stdin="x\n"))


def test_of_several_the_one_that_fails_is_named(portal, ory):
    for client_id in ("a", "b", "c"):
        ory.plant_client(client_id)
    found = portal("clients", "delete", "a", "nobody", "b", "c")
    assert found.stdout == "a\n"
    told = refused(found)
    assert "'nobody' was not deleted (nor were: b, c): Ory knows no app 'nobody'" in told
    assert list(ory.clients) == ["b", "c"]
    ory.down()
    assert "'b' was not deleted: Ory does not answer" in refused(portal("clients", "delete", "b"))


def test_where_the_portals_database_is_it_is_told(portal, ory, migrated):
    portal("clients", "create", "--id", "photos", "--name", "Photos")
    portal("clients", "update", "photos", "--owner", "Ann")
    with closing(sqlite3.connect("portal.db")) as database, database:
        database.execute(
            "INSERT INTO grants (subject, client_id, client_name, scopes, audience,"
            " remembered_scopes, remembered_audience, decision_id, granted_at, last_accept_at)"
            " VALUES ('ann', 'photos', 'Photos', '[]', '[]', '[]', '[]', 'd', ?, ?)",
            ("2026-01-01 00:00:00",) * 2,
        )
    found = portal("clients", "delete", "photos")
    assert (found.exit_code, found.stderr) == (0, "")
    with closing(sqlite3.connect("portal.db")) as database:
        events = database.execute("SELECT action, actor, client_id FROM audit_events").fetchall()
        (reason,) = database.execute("SELECT revoke_reason FROM grants").fetchone()
    assert events == [
        (action, "cli", "photos")
        for action in ("client.created", "client.updated", "client.deleted")
    ]
    assert reason == "client deleted"


def test_a_new_app_inherits_no_policy_of_one_that_ory_has_forgotten(portal, ory, migrated):
    with closing(sqlite3.connect("portal.db")) as database, database:
        database.execute(
            "INSERT INTO client_policies (client_id, verified, required_scopes, updated_at,"
            " updated_by) VALUES ('photos', 1, '[]', '2026-01-01 00:00:00', 'admin')"
        )
    assert portal("clients", "create", "--id", "photos").exit_code == 0
    with closing(sqlite3.connect("portal.db")) as database:
        assert database.execute("SELECT verified FROM client_policies").fetchall() == []


def test_without_the_portals_database_nothing_is_missing(portal, ory, tmp_path):
    found = portal("clients", "create", "--id", "photos")
    assert found.exit_code == 0
    assert not (tmp_path / "portal.db").exists()
    away = portal("clients", "delete", "photos", DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    assert away.exit_code == 0
    assert away.stdout == "photos\n"
    assert "done at Ory, but the portal's database was not told" in away.stderr
