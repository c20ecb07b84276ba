"""Each answer of Ory's becomes the one error that tells the portal what to do."""

import logging
from typing import Any

import httpx
import pytest

from portal.ory.admin import OryAdmin
from portal.ory.errors import (
    ChallengeExpiredError,
    ChallengeUnknownError,
    ChallengeUsedError,
    OryConflictError,
    OryError,
    OryKeyError,
    OryNonsenseError,
    OryNotFoundError,
    OryRefusalError,
    OryUnavailableError,
)
from tests.doubles.ory import OryDouble

CHALLENGE = "canary-challenge-0123456789-ABCDEFGHIJ=="
HYDRA_EXPIRED = {"error": "request_unauthorized", "error_description": "The request expired."}
GATEWAY = {"error": {"code": 401, "status": "Unauthorized", "request": "r", "message": "no"}}
HYDRA_404 = {"error": "Not Found", "error_description": "Unable to locate the resource"}

REQUEST_ANSWERS = [
    (401, HYDRA_EXPIRED, ChallengeExpiredError),
    (401, GATEWAY, OryKeyError),
    (401, "<html>Sign in</html>", OryKeyError),
    (401, {"error": "invalid_client"}, OryKeyError),
    (401, {}, OryKeyError),
    (403, GATEWAY, OryKeyError),
    (403, HYDRA_EXPIRED, OryKeyError),
    (404, HYDRA_404, ChallengeUnknownError),
    (404, "<html>404 page not found</html>", OryNonsenseError),
    (404, GATEWAY, OryNonsenseError),
    (405, "Method Not Allowed", OryNonsenseError),
    (400, {"error": "invalid_request", "error_description": "x"}, OryRefusalError),
    (400, "<html>Bad Request</html>", OryNonsenseError),
    (409, {"error": "conflict"}, OryConflictError),
    (410, {"redirect_to": "/oauth2/sessions/logout?x=1"}, ChallengeUsedError),
    (418, {"error": "teapot"}, OryNonsenseError),
    (500, {"error": "boom"}, OryUnavailableError),
    (502, "<html>Bad Gateway</html>", OryUnavailableError),
    (503, {}, OryUnavailableError),
    (429, {}, OryUnavailableError),
    (302, "", OryNonsenseError),
    (204, "", OryNonsenseError),
    (206, {}, OryNonsenseError),
    (200, "<html>Welcome to nginx</html>", OryNonsenseError),
    (200, {}, OryNonsenseError),
    (200, [], OryNonsenseError),
    (200, None, OryNonsenseError),
    (200, {"client": {}}, OryNonsenseError),
    (200, "x", OryNonsenseError),
]


@pytest.mark.parametrize(("status", "body", "expected"), REQUEST_ANSWERS)
async def test_an_answer_about_a_challenge_becomes_its_own_error(
    ory: OryAdmin, double: OryDouble, status: int, body: Any, expected: type[OryError]
) -> None:
    double.status(status, body)
    for ask in (ory.get_login_request, ory.get_consent_request, ory.get_logout_request):
        with pytest.raises(OryError) as raised:
            await ask(CHALLENGE)
        assert type(raised.value) is expected
        assert CHALLENGE not in f"{raised.value!r} {raised.value}"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, {"error": "Unable to locate the resource"}, OryNotFoundError),
        (401, HYDRA_EXPIRED, OryKeyError),
        (410, {"redirect_to": "https://evil.example/"}, OryNonsenseError),
        (409, {"error": "exists"}, OryConflictError),
    ],
)
async def test_elsewhere_no_answer_is_about_a_challenge(
    ory: OryAdmin, double: OryDouble, status: int, body: Any, expected: type[OryError]
) -> None:
    double.status(status, body)
    with pytest.raises(OryError) as raised:
        await ory.get_client("photos")
    assert type(raised.value) is expected


async def test_a_friendly_page_does_not_count_as_a_deletion(
    ory: OryAdmin, double: OryDouble
) -> None:
    double.garbage()
    with pytest.raises(OryNonsenseError):
        await ory.revoke_consent("alice", "photos")
    with pytest.raises(OryNonsenseError):
        await ory.reject_logout(await _logout_request(ory, double))


@pytest.mark.parametrize("made", [{}, {"client_id": 7}, {"client_id": ""}])
async def test_an_answer_without_the_new_client_s_id_is_nonsense(
    ory: OryAdmin, double: OryDouble, made: dict[str, Any]
) -> None:
    double.status(201, made)
    with pytest.raises(OryNonsenseError):
        await ory.create_client({})


async def _logout_request(ory: OryAdmin, double: OryDouble) -> Any:
    double.heal()
    request = await ory.get_logout_request(double.plant_logout())
    double.garbage()
    return request


async def test_a_refusal_is_told_without_challenges_addresses_or_line_breaks(
    ory: OryAdmin, double: OryDouble
) -> None:
    words = f"unknown field in {CHALLENGE} at https://ory.test/x?y=z\nforged log line {'x' * 900}"
    double.status(400, {"error": "invalid_request", "error_description": words})
    with pytest.raises(OryRefusalError, match="invalid_request unknown field") as raised:
        await ory.get_login_request(CHALLENGE)
    told = str(raised.value) + raised.value.description
    assert "canary" not in told
    assert "ory.test" not in told
    assert "\n" not in told
    assert len(told) < 700


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/oauth2/sessions/logout?x=1", "http://ory.test:4444/oauth2/sessions/logout?x=1"),
        ("http://ory.test:4444/back", "http://ory.test:4444/back"),
        ("https://evil.example/", None),
        ("//evil.example/", "http://ory.test:4444//evil.example/"),
        ("@evil.example/", None),
        (".evil.example/", None),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
async def test_a_used_challenge_leads_only_back_to_ory(
    ory: OryAdmin, double: OryDouble, target: str, expected: str | None
) -> None:
    challenge = double.plant_logout()
    double.use_up(challenge, target)
    with pytest.raises(ChallengeUsedError) as raised:
        await ory.get_logout_request(challenge)
    assert raised.value.redirect_to == expected


async def test_nothing_is_logged_about_a_call(
    ory: OryAdmin, double: OryDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    challenge = double.plant_login()
    request = await ory.get_login_request(challenge)
    double.status(500)
    with pytest.raises(OryUnavailableError):
        await ory.get_login_request(challenge)
    assert challenge not in caplog.text
    assert "http" not in caplog.text
    assert challenge not in repr(request)


async def test_the_observer_hears_endpoint_outcome_and_time(
    double: OryDouble, client_of: Any
) -> None:
    heard: list[tuple[str, str, float]] = []
    ory = client_of(double, observe=lambda *said: heard.append(said))
    challenge = double.plant_login()
    await ory.get_login_request(challenge)
    double.garbage()
    with pytest.raises(OryNonsenseError):
        await ory.get_login_request(challenge)
    assert [said[:2] for said in heard] == [
        ("get_login_request", "ok"),
        ("get_login_request", "nonsense"),
    ]
    assert all(0 <= said[2] < 1 for said in heard)


async def test_httpx_itself_may_be_the_client(double: OryDouble) -> None:
    async with httpx.AsyncClient(transport=double.transport(), follow_redirects=True) as http:
        ory = OryAdmin(http, base_url=double.admin_url, api_key=lambda: None)
        challenge = double.plant_login()
        assert (await ory.get_login_request(challenge)).challenge == challenge
        double.status(302, {}, headers={"location": "https://evil.example/"})
        with pytest.raises(OryNonsenseError):
            await ory.get_login_request(challenge)
