"""What is tried again, how often, and for how long."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from portal.ory.admin import OryAdmin
from portal.ory.connect import KeyFile
from portal.ory.errors import OryError, OryKeyError, OryUnavailableError
from portal.ory.models import AcceptLogin
from tests.doubles.ory import OryDouble

ClientOf = Callable[..., OryAdmin]


async def test_reads_accepts_and_deletions_survive_one_failure(
    ory: OryAdmin, double: OryDouble
) -> None:
    challenge = double.plant_login()
    double.down(times=1)
    request = await ory.get_login_request(challenge)
    double.status(502, "<html>", times=1)
    await ory.accept_login(request, AcceptLogin(subject="alice"))
    double.down(times=1)
    await ory.revoke_consent("alice", None)
    assert double.deletions == [("consent", {"subject": "alice", "all": "true"})]
    assert len(double.calls) == 6


async def test_two_failures_are_the_end(ory: OryAdmin, double: OryDouble) -> None:
    double.down()
    with pytest.raises(OryUnavailableError):
        await ory.get_login_request(double.plant_login())
    assert len(double.calls) == 2


@pytest.mark.parametrize("failure", [OryDouble.down, lambda double: double.status(500)])
async def test_a_client_is_never_created_twice(
    ory: OryAdmin, double: OryDouble, failure: Callable[[OryDouble], None]
) -> None:
    failure(double)
    with pytest.raises(OryUnavailableError):
        await ory.create_client({"client_id": "photos"})
    assert double.calls == [("POST", "/clients")]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 302])
async def test_answers_that_will_not_change_are_not_asked_for_again(
    ory: OryAdmin, double: OryDouble, status: int
) -> None:
    double.status(status, {"error": "some"})
    with pytest.raises(OryError, match=str(status)):
        await ory.get_login_request(double.plant_login())
    assert len(double.calls) == 1


async def test_a_rate_limit_is_waited_for_when_it_is_short(
    double: OryDouble, client_of: ClientOf
) -> None:
    double.status(429, {}, headers={"retry-after": "1"}, times=1)
    started = time.perf_counter()
    assert await client_of(double).create_client({"client_id": "photos"})
    assert time.perf_counter() - started >= 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"retry-after": "60"}, 60), ({}, None), ({"retry-after": "Mon, 01 Jan 2029"}, None)],
)
async def test_a_long_rate_limit_is_told_instead(
    ory: OryAdmin, double: OryDouble, headers: dict[str, str], expected: int | None
) -> None:
    double.status(429, {}, headers=headers)
    with pytest.raises(OryUnavailableError) as raised:
        await ory.get_login_request(double.plant_login())
    assert raised.value.retry_after == expected
    assert len(double.calls) == 1


async def test_the_budget_covers_both_tries_and_the_wait(
    double: OryDouble, client_of: ClientOf
) -> None:
    ory = client_of(double, budget=0.3)
    double.status(429, {}, headers={"retry-after": "2"})
    with pytest.raises(OryUnavailableError, match="in time"):
        await ory.get_login_request(double.plant_login())
    double.heal()
    double.slow(0.2)
    double.status(503)
    with pytest.raises(OryUnavailableError, match="in time"):
        await ory.get_login_request(double.plant_login())


async def test_a_connection_that_times_out_is_not_tried_again(client_of: ClientOf) -> None:
    tries: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        tries.append(request.method)
        raise httpx.ConnectTimeout("", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as http:
        ory = OryAdmin(http, base_url="http://ory.test", api_key=lambda: None)
        with pytest.raises(OryUnavailableError):
            await ory.get_client("photos")
    assert tries == ["GET"]


async def test_a_gateways_refusal_asks_for_the_key_once_more(client_of: ClientOf) -> None:
    double = OryDouble(api_key="new")
    keys = iter(["old", "new"])
    request = await client_of(double, api_key=lambda: next(keys)).get_login_request(
        double.plant_login()
    )
    assert request.client.client_id == "photos"
    with pytest.raises(OryKeyError):
        await client_of(double, api_key=lambda: "old").get_login_request(double.plant_login())


async def test_many_calls_at_once_do_not_disturb_each_other(
    ory: OryAdmin, double: OryDouble
) -> None:
    double.slow(0.05)
    challenges = [double.plant_login({"client_id": f"app-{n}"}) for n in range(50)]
    found = await asyncio.gather(*map(ory.get_login_request, challenges))
    assert [request.client.client_id for request in found] == [f"app-{n}" for n in range(50)]


def test_a_key_file_is_read_again_when_it_changes_and_survives_its_absence(tmp_path: Any) -> None:
    path = tmp_path / "key"
    key = KeyFile(path)
    assert key() is None
    path.write_text(" first \n")
    assert key() == "first"
    path.unlink()
    assert key() == "first"
    path.write_text("the second")
    assert key() == "the second"
    path.write_text("\n")
    assert key() is None
    assert "second" not in repr(key)
