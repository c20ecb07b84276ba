"""Registrations at the real Hydra: what a change keeps, what clears, and the command itself."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from portal.ory.admin import OryAdmin
from portal.ory.connect import open_client
from portal.ory.errors import OryNotFoundError, OryRefusalError
from portal.settings import Settings

pytestmark = pytest.mark.hydra

REGISTRATION = {
    "client_name": "Photos",
    "redirect_uris": ["https://photos.example.org/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "scope": "openid offline",
    "owner": "Ann",
    "contacts": ["ann@example.org"],
    "tos_uri": "https://photos.example.org/tos",
    "metadata": {"team": "x"},
    "skip_consent": True,
    "post_logout_redirect_uris": ["https://photos.example.org/bye"],
    "authorization_code_grant_access_token_lifespan": "2h0m0s",
}


@pytest.fixture
async def ory(hydra: Any) -> AsyncIterator[OryAdmin]:
    async with open_client(Settings.from_env({"HYDRA_ADMIN_URL": hydra.admin_url})) as ory:
        yield ory


@pytest.fixture
async def client_id(ory: OryAdmin) -> AsyncIterator[str]:
    made = await ory.create_client(REGISTRATION)
    yield made["client_id"]
    await ory.delete_client(made["client_id"])


def raw(hydra: Any, client_id: str) -> dict[str, Any]:
    """Everything that Hydra says, also what the portal has no name for."""
    answer = httpx.get(f"{hydra.admin_url}/admin/clients/{client_id}", trust_env=False)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    document.pop("updated_at")
    return document


def can_get_tokens(hydra: Any, client_id: str, secret: str) -> bool:
    """Whether the secret is the client's: a wrong one is refused before the grant is looked at."""
    answer = httpx.post(
        f"{hydra.public_url}/oauth2/token",
        auth=(client_id, secret),
        data={"grant_type": "refresh_token", "refresh_token": "x"},
        trust_env=False,
    )
    return bool(answer.json()["error"] != "invalid_client")


async def test_an_update_keeps_what_it_does_not_name(
    hydra: Any, ory: OryAdmin, client_id: str
) -> None:
    before = raw(hydra, client_id)
    await ory.update_client(client_id, {"client_name": "Pictures", "scope": "openid email"})
    assert raw(hydra, client_id) == before | {"client_name": "Pictures", "scope": "openid email"}


async def test_a_member_that_was_absent_is_added(hydra: Any, ory: OryAdmin, client_id: str) -> None:
    uri = "https://photos.example.org/logged-out"
    assert "backchannel_logout_uri" not in raw(hydra, client_id)
    await ory.update_client(client_id, {"backchannel_logout_uri": uri})
    assert raw(hydra, client_id)["backchannel_logout_uri"] == uri
    assert (await ory.get_client(client_id)).backchannel_logout_uri == uri


async def test_an_empty_value_clears(hydra: Any, ory: OryAdmin, client_id: str) -> None:
    cleared = {"tos_uri": "", "contacts": [], "post_logout_redirect_uris": [], "metadata": {}}
    await ory.update_client(client_id, cleared)
    found = raw(hydra, client_id)
    assert {name: found.get(name) or type(value)() for name, value in cleared.items()} == cleared
    assert found["owner"] == "Ann"


async def test_an_empty_scope_becomes_hydra_s_own(
    hydra: Any, ory: OryAdmin, client_id: str
) -> None:
    """So neither the command nor the page sends one."""
    await ory.update_client(client_id, {"scope": ""})
    assert raw(hydra, client_id)["scope"] == "offline_access offline openid"


async def test_remove_removes_nothing(hydra: Any, ory: OryAdmin, client_id: str) -> None:
    """So a member is cleared by an empty value."""
    before = raw(hydra, client_id)
    patch = [{"op": "remove", "path": "/tos_uri"}]
    async with httpx.AsyncClient(trust_env=False) as http:
        url = f"{hydra.admin_url}/admin/clients/{client_id}"
        answer = await http.patch(url, json=patch)
    assert answer.status_code == 200
    assert raw(hydra, client_id) == before


async def test_the_secret_survives_a_change_and_can_be_replaced(hydra: Any, ory: OryAdmin) -> None:
    made = await ory.create_client(REGISTRATION)
    client_id, old, new = made["client_id"], made["client_secret"], secrets.token_urlsafe(24)
    await ory.update_client(client_id, {"owner": "Bob"})
    assert can_get_tokens(hydra, client_id, old)
    assert (await ory.update_client(client_id, {"client_secret": new}))["client_secret"] == new
    assert can_get_tokens(hydra, client_id, new)
    assert not can_get_tokens(hydra, client_id, old)
    await ory.delete_client(client_id)


async def test_hydra_s_reason_reaches_who_asked(ory: OryAdmin, client_id: str) -> None:
    for changes, words in (
        ({"redirect_uris": ["nope"]}, "invalid_redirect_uri"),
        ({"subject_type": "x"}, "Subject type x is not supported"),
        ({"client_secret": "abc"}, "at least 6 characters"),
    ):
        with pytest.raises(OryRefusalError) as refusal:
            await ory.update_client(client_id, changes)
        assert words in refusal.value.description
    with pytest.raises(OryNotFoundError):
        await ory.update_client("nobody", {"owner": "x"})


async def test_the_command_makes_changes_shows_and_deletes(hydra: Any, tmp_path: Path) -> None:
    def portal(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {n: v for n, v in os.environ.items() if n in ("PATH", "HOME")}
        return subprocess.run(
            [sys.executable, "-m", "portal", "clients", *arguments],
            env=environment | {"HYDRA_ADMIN_URL": hydra.admin_url},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    made = json.loads(portal("create", "--name", "Photos", "--format", "json").stdout)
    client_id = made["client_id"]
    assert made["client_secret"]
    assert (
        portal("update", client_id, "--owner", "Ann", "--tos-uri", "https://a.test").returncode == 0
    )
    cleared = portal("update", client_id, "--tos-uri", "", "--format", "yaml")
    changed = YAML(typ="safe").load(cleared.stdout)
    assert (changed["owner"], changed["tos_uri"], changed["client_name"]) == ("Ann", "", "Photos")
    shown = YAML(typ="safe").load(portal("get", client_id, "--format", "yaml").stdout)
    assert shown["scope"] == "openid offline"
    assert made["client_secret"] not in str(shown)
    assert client_id in portal("list").stdout
    assert portal("delete", client_id).stdout == f"{client_id}\n"
    gone = portal("delete", client_id)
    assert (gone.returncode, gone.stderr.count("\n")) == (1, 1)
