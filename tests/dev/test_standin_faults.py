"""Trouble on demand: what is ordered happens, where and as often as it was ordered."""

import asyncio
import json
import time

import httpx
import pytest

from portal.dev.serving import Site, listen, port_of, serving
from portal.dev.standin import StandInConfig, create_standin
from tests.dev.standin import ADMIN, PORTAL, PUBLIC, Lab, lab

FAULTS = "/standin/faults"
CLIENTS = "/admin/clients"


async def order(ory: Lab, *faults: dict[str, object]) -> None:
    answer = await ory.admin.put(FAULTS, json=list(faults) if len(faults) != 1 else faults[0])
    assert answer.status_code == 200, answer.text
    assert answer.json() == list(faults)


@pytest.mark.parametrize("status", [401, 404, 409, 429, 500, 502, 503])
async def test_an_ordered_status_comes_in_hydras_words(status: int) -> None:
    async with lab() as ory:
        await order(ory, {"kind": "status", "status": status})
        answer = await ory.admin.get(CLIENTS)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "error_description"}
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_or_in_the_gateways(status: int) -> None:
    async with lab() as ory:
        await order(ory, {"kind": "status", "status": status, "form": "gateway", "retry_after": 3})
        answer = await ory.admin.get(CLIENTS)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status
    assert answer.headers["retry-after"] == "3"


async def test_a_used_challenge_can_be_ordered_with_where_it_leads() -> None:
    async with lab() as ory:
        there = f"{PUBLIC}/oauth2/auth?again=1"
        await order(ory, {"kind": "status", "status": 410, "redirect_to": there})
        answer = await ory.admin.get("/admin/oauth2/auth/requests/login?login_challenge=x")
    assert (answer.status_code, answer.json()) == (410, {"redirect_to": there})


async def test_a_fault_meets_its_path_as_often_as_ordered() -> None:
    async with lab() as ory:
        await order(ory, {"kind": "status", "status": 503, "path": CLIENTS, "times": 2})
        assert (await ory.admin.get("/version")).status_code == 200
        seen = [(await ory.admin.get(CLIENTS)).status_code for _ in range(3)]
        left = await ory.admin.get(FAULTS)
    assert seen == [503, 503, 200]
    assert left.json() == []


async def test_the_public_side_fails_only_when_it_is_meant() -> None:
    keys = "/.well-known/jwks.json"
    async with lab() as ory:
        await order(ory, {"kind": "status", "status": 500})
        assert (await ory.browser.get(keys)).status_code == 200
        await order(ory, {"kind": "status", "status": 500, "path": "/.well-known"})
        assert (await ory.browser.get(keys)).status_code == 500
        await order(ory, {"kind": "status", "status": 500, "side": "public"})
        assert (await ory.browser.get(keys)).status_code == 500
        assert (await ory.admin.get(CLIENTS)).status_code == 200


async def test_another_error_can_be_named_for_a_device_that_polls_too_fast() -> None:
    slow = {"kind": "status", "status": 400, "path": "/oauth2/token", "error": "slow_down"}
    async with lab(profile="26") as ory:
        await order(ory, slow | {"times": 1})
        answer = await ory.browser.post("/oauth2/token", data={"grant_type": "x"})
    assert (answer.status_code, answer.json()["error"]) == (400, "slow_down")


async def test_garbage_is_a_success_that_is_no_document() -> None:
    async with lab() as ory:
        await order(ory, {"kind": "garbage"})
        answer = await ory.admin.get(CLIENTS)
    assert answer.status_code == 200
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        answer.json()


async def test_a_truncated_answer_ends_in_the_middle() -> None:
    async with lab() as ory:
        await ory.register()
        await order(ory, {"kind": "truncated"})
        answer = await ory.admin.get(CLIENTS)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_a_late_answer_is_the_right_one() -> None:
    async with lab() as ory:
        await order(ory, {"kind": "latency", "seconds": 0.1})
        started = time.monotonic()
        answer = await ory.admin.get(CLIENTS)
    assert answer.json() == []
    assert time.monotonic() - started >= 0.1


async def test_a_dripping_answer_comes_byte_by_byte() -> None:
    config = StandInConfig.for_portal(PORTAL, public_url=PUBLIC, admin_url=ADMIN)
    socket = listen(0)
    base = f"http://127.0.0.1:{port_of(socket)}"
    site = Site(create_standin(config).admin, socket)
    async with serving(site), httpx.AsyncClient(base_url=base, trust_env=False) as http:
        await http.put(FAULTS, json={"kind": "drip", "seconds": 0.02})
        async with http.stream("GET", "/version") as answer:
            chunks = [chunk async for chunk in answer.aiter_raw()]
    assert len(chunks) > 3
    assert json.loads(b"".join(chunks)) == {"version": "stand-in"}


async def test_a_refused_decision_has_changed_nothing() -> None:
    async with lab() as ory:
        await order(ory, {"kind": "status", "status": 503, "path": CLIENTS})
        await ory.admin.post(CLIENTS, json={})
        assert (await ory.admin.delete(FAULTS)).status_code == 204
        assert (await ory.admin.get(CLIENTS)).json() == []


async def test_what_is_wrong_can_be_seen_and_healed_whatever_is_wrong() -> None:
    async with lab() as ory:
        fault = {"kind": "status", "status": 500}
        await order(ory, fault, {"kind": "latency", "seconds": 30.0})
        async with asyncio.timeout(5):
            assert (await ory.admin.get(FAULTS)).json() == [
                fault,
                {"kind": "latency", "seconds": 30.0},
            ]
            await ory.admin.delete(FAULTS)
            assert (await ory.admin.get(CLIENTS)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"\xff",
        b'{"kind":"earthquake"}',
        b'{"kind":"status","status":200}',
        b'{"kind":"latency","seconds":-1}',
        b'{"kind":"latency","seconds":1e9}',
        b'{"kind":"garbage","times":0}',
        b'{"kind":"garbage","tmies":1}',
        b"[" * 5000,
    ],
)
async def test_a_fault_that_is_none_is_refused(body: bytes) -> None:
    async with lab() as ory:
        answer = await ory.admin.put(FAULTS, content=body)
        assert answer.status_code == 400
        assert (await ory.admin.get(FAULTS)).json() == []
