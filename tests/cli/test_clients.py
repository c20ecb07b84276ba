import json
from contextlib import asynccontextmanager

import httpx
import pytest

from portal.cli.clients import client_body
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
    assert (
        json.loads(portal("clients", "get", "photos", "--format", "yaml").stdout)["client_id"]
        == "photos"
    )
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


def test_ory_away_is_one_line(portal):
    found = portal("clients", "list", HYDRA_ADMIN_URL="http://127.0.0.1:1")
    assert "HYDRA_ADMIN_URL" in refused(found)
