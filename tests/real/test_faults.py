"""The fault proxy fails as asked, at once, and heals."""

from collections.abc import Iterator

import httpx
import pytest

from tests.real.faults import FaultProxy
from tests.real.relying_party import RelyingParty


@pytest.fixture
def proxy(relying_party: RelyingParty) -> Iterator[FaultProxy]:
    proxy = FaultProxy(int(relying_party.url.rsplit(":", 1)[1]))
    yield proxy
    proxy.close()


def ask(proxy: FaultProxy, http: httpx.Client) -> httpx.Response:
    return http.get(f"{proxy.url}/callback?code=1", timeout=1)


def test_without_a_fault_answers_pass(proxy: FaultProxy, http_client: httpx.Client) -> None:
    assert "Back at the app" in ask(proxy, http_client).text


def test_a_server_that_is_down_refuses_and_comes_back_on_the_same_port(
    proxy: FaultProxy, http_client: httpx.Client
) -> None:
    ask(proxy, http_client)
    proxy.down()
    with pytest.raises(httpx.ConnectError):
        ask(proxy, http_client)
    proxy.heal()
    assert ask(proxy, http_client).status_code == 200


@pytest.mark.parametrize("fault", ["slow", "drip"])
def test_a_slow_server_makes_its_caller_wait(
    proxy: FaultProxy, http_client: httpx.Client, fault: str
) -> None:
    if fault == "slow":
        proxy.slow(30)
    else:
        proxy.drip()
    patience = httpx.Timeout(0.1)
    with pytest.raises(httpx.ReadTimeout):
        http_client.get(f"{proxy.url}/callback", timeout=patience)
    proxy.heal()
    assert ask(proxy, http_client).status_code == 200


def test_a_status_and_a_body_can_be_chosen(proxy: FaultProxy, http_client: httpx.Client) -> None:
    proxy.answer(429, '{"error":"slow_down"}')
    answer = ask(proxy, http_client)
    assert (answer.status_code, answer.json()) == (429, {"error": "slow_down"})
    proxy.garbage()
    assert "It works!" in ask(proxy, http_client).text
