"""What the client of Ory does about devices."""

import pytest

from portal.ory.admin import OryAdmin
from portal.ory.errors import OryNonsenseError, OryRefusalError
from portal.ory.models import AcceptLogin
from portal.ory.transport import DirectClient
from tests.device.conftest import CODE
from tests.doubles.ory import OryDouble

FOREIGN = (
    "https://evil.test/oauth2/device/verify?device_verifier=x", "/oauth2/device/verify",
    "//evil.test/", "javascript:alert(1)", "http://ory.test:4444@evil.test/", "", "http://ory.test/",
)  # fmt: skip


def client(double: OryDouble, public_url: str | None = "http://ory.test:4444") -> OryAdmin:
    http = DirectClient(double.transport())
    return OryAdmin(http, base_url=double.admin_url, public_url=public_url, api_key=lambda: None)


async def test_the_code_is_told_and_nothing_else(ory: OryDouble, challenge: str) -> None:
    redirect = await client(ory).accept_device(challenge, CODE)
    assert ory.decisions == [("device", "accept", {"user_code": CODE})]
    assert redirect.redirect_to.startswith("http://ory.test:4444/oauth2/device/verify?")
    assert "verifier" not in repr(redirect)


async def test_a_code_that_ory_does_not_know_is_a_refusal(ory: OryDouble, challenge: str) -> None:
    with pytest.raises(OryRefusalError) as refusal:
        await client(ory).accept_device(challenge, "canary-code")
    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize("target", FOREIGN)
async def test_a_redirect_that_does_not_lead_to_ory_is_nonsense(
    ory: OryDouble, challenge: str, target: str
) -> None:
    ory.status(200, {"redirect_to": target})
    with pytest.raises(OryNonsenseError, match="does not lead to Ory"):
        await client(ory).accept_device(challenge, CODE)


async def test_without_a_public_address_the_next_step_of_a_device_flow_is_taken_as_orys(
    ory: OryDouble, challenge: str
) -> None:
    unseen = client(ory, public_url=None)
    assert (await unseen.accept_device(challenge, CODE)).redirect_to
    for target in ("https://evil.test/", "https://evil.test/oauth2/device/verify?x=y"):
        ory.status(200, {"redirect_to": target})
        with pytest.raises(OryNonsenseError):
            await unseen.accept_device(challenge, CODE)


async def test_once_ory_was_seen_the_next_step_is_there(ory: OryDouble, challenge: str) -> None:
    seen = client(ory, public_url=None)
    assert seen.device_address is None
    login = await seen.get_login_request(ory.plant_login())
    await seen.accept_login(login, AcceptLogin(subject="ann"))
    assert seen.device_address == "http://ory.test:4444/oauth2/device/verify"
    assert (await seen.accept_device(challenge, CODE)).redirect_to
    ory.status(200, {"redirect_to": FOREIGN[0]})
    with pytest.raises(OryNonsenseError):
        await seen.accept_device(challenge, CODE)
