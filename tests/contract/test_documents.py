"""What anybody can read, and the members of each document.

Every document that the suite reads is checked (driver.py); here are those that are read nowhere
else, and that the check itself can fail.
"""

import pytest

from tests.contract import documents
from tests.contract.driver import DEVICE_GRANT, App, Browser, Ory
from tests.contract.jose import claims

NEVER_KEPT = "private, no-cache, no-store, must-revalidate"


def test_discovery_names_the_addresses_of_this_server(ory: Ory) -> None:
    found = ory.discovery()
    assert found["issuer"].rstrip("/") == ory.public_url
    paths = {
        "authorization_endpoint": "/oauth2/auth",
        "token_endpoint": "/oauth2/token",
        "jwks_uri": "/.well-known/jwks.json",
        "userinfo_endpoint": "/userinfo",
        "revocation_endpoint": "/oauth2/revoke",
        "end_session_endpoint": "/oauth2/sessions/logout",
    }
    assert {name: found[name] for name in paths} == {
        name: ory.public_url + path for name, path in paths.items()
    }


def test_discovery_offers_what_apps_use_here(ory: Ory) -> None:
    found = ory.discovery()
    assert "code" in found["response_types_supported"]
    assert {"authorization_code", "refresh_token"} <= set(found["grant_types_supported"])
    assert "S256" in found["code_challenge_methods_supported"]
    assert "RS256" in found["id_token_signing_alg_values_supported"]
    assert {"openid", "offline", "offline_access"} <= set(found["scopes_supported"])
    assert {"query", "form_post"} <= set(found["response_modes_supported"])
    assert found["backchannel_logout_supported"] is True


def test_the_device_flow_is_announced_by_26_alone(ory: Ory) -> None:
    found = ory.discovery()
    assert ("device_authorization_endpoint" in found) is (ory.profile == "26")
    assert (DEVICE_GRANT in found["grant_types_supported"]) is (ory.profile == "26")


def test_the_keys_are_public_and_nothing_else(ory: Ory) -> None:
    keys = ory.public("GET", "/.well-known/jwks.json").json()["keys"]
    assert keys
    for key in keys:
        assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
        assert set(key) <= {"kty", "use", "alg", "kid", "n", "e", "x5c", "x5t"}


@pytest.mark.parametrize("path", ["/health/alive", "/health/ready"])
def test_both_ports_tell_their_health(ory: Ory, path: str) -> None:
    for base in (ory.public_url, ory.admin_url):
        answer = ory.http.get(base + path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_the_version_is_told_at_the_admin_port(ory: Ory) -> None:
    answer = ory.http.get(f"{ory.admin_url}/version")
    assert isinstance(answer.json()["version"], str)


def test_an_id_token_has_the_members_that_apps_check(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    told = claims(browser.connect(app, ann)["id_token"])
    assert list(documents.problems(documents.ID_TOKEN, told, closed=ory.closed)) == []


def test_errors_have_two_members(ory: Ory) -> None:
    for answer in (
        ory.get("login", "garbage-0123456789"),
        ory.admin("GET", "/clients/nobody"),
        ory.list_page(""),
        ory.public("POST", "/oauth2/token", data={"grant_type": "authorization_code"}),
    ):
        shape = documents.ERROR
        assert list(documents.problems(shape, answer.json(), closed=True)) == [], answer.url


def test_what_is_read_may_not_be_kept(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    """Nor, in 2.3, what an accept answers."""
    page = browser.authorize(app)
    read = ory.get("login", page.challenge)
    accepted = ory.put("login", "accept", page.challenge, json={"subject": ann})
    assert read.headers["cache-control"] == NEVER_KEPT
    kept = NEVER_KEPT if ory.profile == "2.3" else None
    assert accepted.headers.get("cache-control") == kept


def test_there_is_nothing_at_other_paths(ory: Ory) -> None:
    assert ory.admin("GET", "/nothing").status_code == 404
    assert ory.public("GET", "/nothing").status_code == 404


def test_the_admin_side_is_not_at_the_public_port(ory: Ory) -> None:
    assert ory.public("GET", "/admin/clients").status_code == 404
    assert ory.public("GET", "/clients").status_code == 404


def test_a_wrong_method_is_refused(ory: Ory) -> None:
    answer = ory.admin("POST", "/oauth2/auth/requests/login/accept")
    assert answer.status_code == (405 if ory.profile == "2.3" else 404)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"name": "x"}, "$.size is missing"),
        ({"name": "x", "size": "1"}, "$.size is str, not int"),
        ({"name": "x", "size": True}, "$.size is bool, not int"),
        ({"name": None, "size": 1}, "$.name is null, not str"),
        ({"name": "x", "size": 1, "naem": "x"}, "$.naem is unknown"),
        ({"name": "x", "size": 1, "tags": "a"}, "$.tags is str, not an array"),
        ({"name": "x", "size": 1, "tags": ["a", 1]}, "$.tags[1] is int, not str"),
        ([], "$ is list, not an object"),
    ],
)
def test_a_wrong_member_is_found(value: object, problem: str) -> None:
    shape = {"name": str, "size": int, "tags?": documents.Maybe([str])}
    assert list(documents.problems(shape, value, closed=True)) == [problem]
