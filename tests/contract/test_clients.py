"""The client API, as the portal's commands and pages use it."""

import json
import re
import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.cases import case
from tests.contract.documents import SEEN_CLIENT
from tests.contract.driver import CALLBACK, App, Browser, Document, NewApp, Ory


def get(ory: Ory, client_id: str) -> Document:
    """The client as Ory has it."""
    return ory.document(ory.admin("GET", f"/clients/{client_id}"), SEEN_CLIENT)


def patch(ory: Ory, client_id: str, *steps: dict[str, Any]) -> Any:
    """Change a client by a JSON Patch."""
    return ory.admin("PATCH", f"/clients/{client_id}", json=list(steps))


@case(68)
def test_an_admin_path_without_its_prefix(ory: Ory, app: App) -> None:
    answer = ory.http.get(f"{ory.admin_url}/clients/{app.client_id}")
    if ory.profile == "2.3":
        assert answer.status_code == 307
        assert answer.headers["location"].endswith(f"/admin/clients/{app.client_id}")
    else:
        assert answer.status_code == 200


@case(69)
def test_a_client_id_can_be_taken_once(ory: Ory) -> None:
    client_id = f"photos-{secrets.token_hex(4)}"
    assert ory.create_client(client_id=client_id).status_code == 201
    answer = ory.create_client(client_id=client_id)
    assert answer.status_code == 409
    assert isinstance(answer.json()["error"], str)


@case(69)
@pytest.mark.parametrize("member", ["logo_uri", "client_uri", "policy_uri", "tos_uri"])
def test_a_script_as_address_is_stored_by_2_3_alone(ory: Ory, member: str) -> None:
    answer = ory.create_client(**{member: "javascript:alert(1)"})
    assert answer.status_code == (201 if ory.profile == "2.3" else 400)


@case(70)
def test_deleting_a_client_ends_its_tokens_and_consents(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    tokens = browser.connect(app, ann, "openid offline", consent={"remember": True})
    answer = ory.admin("DELETE", f"/clients/{app.client_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not ory.is_active(tokens["access_token"])
    assert not ory.is_active(tokens["refresh_token"])
    assert ory.list_consents(ann) == []
    assert ory.admin("GET", f"/clients/{app.client_id}").status_code == 404
    assert ory.admin("DELETE", f"/clients/{app.client_id}").status_code == 404


def test_a_client_has_defaults_for_everything(ory: Ory) -> None:
    answer = ory.create_client()
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/admin/clients/{made['client_id']}"
    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", made["client_id"])
    assert len(made["client_secret"]) == 26
    assert made["scope"] == "offline_access offline openid"
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["subject_type"] == "public"
    assert (made["skip_consent"], made["skip_logout_consent"]) == (False, None)
    for name in ("grant_types", "response_types", "redirect_uris", "contacts"):
        assert made[name] is None, name


def test_a_secret_is_told_once(ory: Ory, new_app: NewApp) -> None:
    app = new_app()
    assert app.secret
    read = get(ory, app.client_id)
    assert "client_secret" not in read
    put = ory.admin("PUT", f"/clients/{app.client_id}", json=read)
    assert put.status_code == 200
    assert "client_secret" not in put.json()
    renamed = patch(
        ory, app.client_id, {"op": "replace", "path": "/client_name", "value": "Photos 2"}
    )
    assert "client_secret" not in renamed.json()
    listed = ory.admin("GET", "/clients", params={"client_name": "Photos 2"}).json()
    assert [one for one in listed if "client_secret" in one] == []


def test_a_public_client_has_no_secret(ory: Ory) -> None:
    answer = ory.create_client(token_endpoint_auth_method="none")
    assert "client_secret" not in answer.json()


def test_a_secret_of_the_operator_s_own_is_taken(ory: Ory) -> None:
    answer = ory.create_client(client_secret="a-secret-of-our-own")
    assert (answer.status_code, answer.json()["client_secret"]) == (201, "a-secret-of-our-own")
    assert ory.create_client(client_secret="short").status_code == 400


def test_what_was_registered_is_what_is_read(ory: Ory) -> None:
    said: Document = {
        "client_id": f"photos-{secrets.token_hex(4)}",
        "client_name": "Фото 📷 <b>",
        "redirect_uris": [CALLBACK, "https://photos.example.org/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code", "id_token"],
        "scope": "openid offline photos.read",
        "audience": ["https://api.example.org"],
        "contacts": ["ann@example.org"],
        "owner": "ann",
        "client_uri": "https://photos.example.org/",
        "logo_uri": "https://photos.example.org/logo.png",
        "policy_uri": "https://photos.example.org/privacy",
        "tos_uri": "https://photos.example.org/terms",
        "metadata": {"team": {"name": "blue"}},
        "skip_consent": True,
        "skip_logout_consent": True,
        "post_logout_redirect_uris": ["https://photos.example.org/bye"],
        "token_endpoint_auth_method": "client_secret_post",
        "access_token_strategy": "jwt",
        "backchannel_logout_uri": "https://photos.example.org/logout",
    }
    assert ory.create_client(**said).status_code == 201
    read = get(ory, said["client_id"])
    assert {name: read[name] for name in said} == said


def test_members_that_nobody_knows_are_dropped(ory: Ory) -> None:
    answer = ory.create_client(colour="green")
    assert answer.status_code == 201
    assert "colour" not in answer.json()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"redirect_uris": ["nonsense"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.test/cb#x"]}, "invalid_redirect_uri"),
        ({"subject_type": "nonsense"}, "invalid_client_metadata"),
        ({"subject_type": "pairwise"}, "invalid_client_metadata"),
        (
            {
                "redirect_uris": ["https://a.test/cb"],
                "post_logout_redirect_uris": ["https://b.test/bye"],
            },
            "invalid_client_metadata",
        ),
    ],
)
def test_a_registration_that_makes_no_sense_is_refused(
    ory: Ory, fields: dict[str, Any], error: str
) -> None:
    answer = ory.create_client(**fields)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"redirect_uris": "x"}', b'{"scope": 1}'])
def test_a_registration_that_is_no_client_is_refused(ory: Ory, body: bytes) -> None:
    answer = ory.admin("POST", "/clients", content=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_a_client_that_nobody_knows_is_not_found(ory: Ory) -> None:
    for method, how in (
        ("GET", {}),
        ("PUT", {"json": {}}),
        ("PATCH", {"json": [{"op": "replace", "path": "/client_name", "value": "x"}]}),
        ("DELETE", {}),
    ):
        answer = ory.admin(method, "/clients/nobody", **how)
        assert answer.status_code == 404, method
        assert isinstance(answer.json()["error"], str)


def test_put_replaces_everything_but_the_secret(
    ory: Ory, browser: Browser, new_app: NewApp, ann: str
) -> None:
    app = new_app(owner="ann", metadata={"team": "blue"}, client_uri="https://a.test/")
    kept = {
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": "openid",
    }
    answer = ory.admin("PUT", f"/clients/{app.client_id}", json=kept)
    assert answer.status_code == 200
    read = get(ory, app.client_id)
    assert {name: read[name] for name in kept} == kept
    assert (read["client_name"], read["owner"], read["client_uri"]) == ("", "", "")
    assert not read["metadata"]
    assert browser.connect(app, ann)


def test_patch_changes_what_it_names_alone(
    ory: Ory, browser: Browser, new_app: NewApp, ann: str
) -> None:
    app = new_app(owner="ann", metadata={"team": "blue"})
    before = get(ory, app.client_id)
    answer = patch(
        ory,
        app.client_id,
        {"op": "replace", "path": "/client_name", "value": "Notes"},
        {"op": "add", "path": "/redirect_uris/-", "value": "https://a.test/cb"},
        {"op": "replace", "path": "/metadata", "value": {"team": "red"}},
    )
    assert answer.status_code == 200
    after = get(ory, app.client_id)
    changed = {
        "client_name": "Notes",
        "redirect_uris": [CALLBACK, "https://a.test/cb"],
        "metadata": {"team": "red"},
        "updated_at": after["updated_at"],
    }
    assert after == before | changed
    assert browser.connect(app, ann)


def test_patch_cannot_change_the_id(ory: Ory, app: App) -> None:
    step = {"op": "replace", "path": "/client_id", "value": "other"}
    assert patch(ory, app.client_id, step).status_code in {400, 404}
    assert get(ory, app.client_id)["client_id"] == app.client_id


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"nonsense", b'[{"op": "dance", "path": "/client_name"}]']
)
def test_a_patch_that_is_none_is_refused(ory: Ory, app: App, body: bytes) -> None:
    answer = ory.admin("PATCH", f"/clients/{app.client_id}", content=body)
    assert 400 <= answer.status_code <= 500
    assert get(ory, app.client_id)["client_name"] == "Photos"


def test_lifespans_are_set_apart(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    answer = ory.admin(
        "PUT",
        f"/clients/{app.client_id}/lifespans",
        json={"authorization_code_grant_access_token_lifespan": "10m"},
    )
    assert answer.status_code == 200
    lifespan = get(ory, app.client_id)["authorization_code_grant_access_token_lifespan"]
    assert lifespan == "10m0s"
    assert 590 <= browser.connect(app, ann)["expires_in"] <= 600


@case(only="2.3")
def test_a_secret_cannot_be_rotated(ory: Ory, app: App) -> None:
    for method in ("POST", "DELETE"):
        answer = ory.admin(method, f"/clients/{app.client_id}/secrets/rotate")
        assert answer.status_code == 404


@case(only="26")
def test_a_secret_can_be_rotated(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    answer = ory.admin("POST", f"/clients/{app.client_id}/secrets/rotate")
    assert answer.status_code == 200
    assert answer.json()["client_secret"] not in {"", app.secret}
    rotated = replace(app, secret=answer.json()["client_secret"])
    assert browser.connect(rotated, ann)
    assert ory.admin("DELETE", f"/clients/{app.client_id}/secrets/rotate").status_code == 200
    assert browser.connect(rotated, ann)


def test_clients_are_listed_over_pages_by_link(ory: Ory, new_app: NewApp) -> None:
    made = {new_app().client_id for _ in range(5)}
    found: list[str] = []
    query = {"page_size": "2"}
    while True:
        page = ory.admin("GET", "/clients", params=query)
        assert page.status_code == 200
        assert len(page.json()) <= 2
        found += [client["client_id"] for client in page.json()]
        match = re.search(r'<([^>]*)>; *rel="next"', page.headers.get("link", ""))
        if not match:
            break
        query["page_token"] = parse_qs(urlsplit(match[1]).query)["page_token"][0]
    assert made <= set(found)
    assert len(found) == len(set(found))


def test_clients_are_found_by_name_and_owner(ory: Ory, new_app: NewApp) -> None:
    name, owner = secrets.token_hex(8), secrets.token_hex(8)
    app = new_app(client_name=name, owner=owner)
    new_app(client_name=name, owner="somebody else")
    by_both = ory.admin("GET", "/clients", params={"client_name": name, "owner": owner}).json()
    by_name = ory.admin("GET", "/clients", params={"client_name": name}).json()
    assert [client["client_id"] for client in by_both] == [app.client_id]
    assert len(by_name) == 2
    assert ory.admin("GET", "/clients", params={"client_name": "nobody"}).json() == []


def test_a_registered_client_is_told_in_full_to_the_pages(
    ory: Ory, browser: Browser, new_app: NewApp
) -> None:
    app = new_app(metadata={"team": "blue"}, contacts=["ann@example.org"])
    told = ory.login_request(browser.authorize(app).challenge)["client"]
    read = get(ory, app.client_id)
    assert {k: v for k, v in read.items() if k in told} == told
    assert not {"client_secret", "registration_access_token"} & set(json.loads(json.dumps(told)))
