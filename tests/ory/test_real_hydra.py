"""The client against the real Hydra: the answers that its errors and documents are made from."""

import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from portal.ory.admin import OryAdmin
from portal.ory.connect import open_client
from portal.ory.errors import (
    ChallengeUnknownError,
    OryConflictError,
    OryNonsenseError,
    OryNotFoundError,
    OryRefusalError,
)
from portal.ory.models import AcceptConsent, AcceptLogin, ConsentSessionData, Reject
from portal.settings import Settings

pytestmark = pytest.mark.hydra

CALLBACK = "http://127.0.0.1:5555/callback"


@pytest.fixture
async def ory(hydra: Any) -> AsyncIterator[OryAdmin]:
    settings = Settings.from_env({"HYDRA_ADMIN_URL": hydra.admin_url})
    async with open_client(settings) as ory:
        yield ory


@pytest.fixture
async def client_id(ory: OryAdmin) -> AsyncIterator[str]:
    registration = {
        "client_name": "Photos",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid offline",
    }
    created = await ory.create_client(registration)
    assert created["client_secret"]
    yield created["client_id"]
    await ory.delete_client(created["client_id"])


class Browser:
    """Follows Hydra's redirects up to the next challenge."""

    def __init__(self, public_url: str) -> None:
        self.http = httpx.AsyncClient(trust_env=False)
        self.public_url = public_url

    async def open(self, client_id: str, **query: str) -> str:
        parameters = {
            "client_id": client_id,
            "response_type": "code",
            "scope": "openid offline",
            "redirect_uri": CALLBACK,
            "state": secrets.token_hex(8),
        } | query
        return await self.go(f"{self.public_url}/oauth2/auth?{urlencode(parameters)}")

    async def go(self, address: str) -> str:
        """The challenge, or the code, in the first redirect that leaves Hydra."""
        while address.startswith(self.public_url):
            address = (await self.http.get(address)).headers["location"]
        query = parse_qs(urlsplit(address).query)
        for name in ("login_challenge", "consent_challenge", "logout_challenge", "code"):
            if name in query:
                return query[name][0]
        raise AssertionError(sorted(query), query.get("error"))


@pytest.fixture
async def browser(hydra: Any) -> AsyncIterator[Browser]:
    browser = Browser(hydra.public_url)
    yield browser
    await browser.http.aclose()


async def consented(ory: OryAdmin, browser: Browser, client_id: str, subject: str) -> None:
    """A whole flow, up to the code."""
    login = await ory.get_login_request(await browser.open(client_id))
    body = AcceptLogin(subject=subject, remember=True, remember_for=60, context={"epoch": 1})
    redirect = await ory.accept_login(login, body)
    consent = await ory.get_consent_request(await browser.go(redirect.redirect_to))
    assert (consent.subject, consent.context) == (subject, {"epoch": 1})
    assert consent.login_session_id == login.session_id
    answer = AcceptConsent(
        grant_scope=consent.requested_scope,
        session=ConsentSessionData(id_token={"email": "a@b.test"}),
        context={"decision_id": "d"},
    )
    redirect = await ory.accept_consent(consent, answer)
    assert await browser.go(redirect.redirect_to)


async def test_a_login_request_is_understood_and_rejected(
    ory: OryAdmin, browser: Browser, client_id: str
) -> None:
    challenge = await browser.open(client_id, login_hint="ann@photos.test")
    request = await ory.get_login_request(challenge)
    assert (request.challenge, request.skip, request.subject) == (challenge, False, "")
    assert request.client.client_id == client_id
    assert request.requested_scope == ("openid", "offline")
    assert request.oidc_context.login_hint == "ann@photos.test"
    redirect = await ory.reject_login(request, Reject(error="access_denied"))
    assert "login_verifier" in redirect.redirect_to
    with pytest.raises(ChallengeUnknownError):
        await ory.get_consent_request(challenge)


@pytest.mark.parametrize("challenge", ["garbage-0123456789", "A" * 1100, "!!", "ä/?&="])
async def test_a_challenge_that_is_none_is_unknown(ory: OryAdmin, challenge: str) -> None:
    for ask in (ory.get_login_request, ory.get_consent_request, ory.get_logout_request):
        with pytest.raises(ChallengeUnknownError):
            await ask(challenge)


async def test_an_answer_that_hydra_does_not_take_is_a_refusal(
    ory: OryAdmin, browser: Browser, client_id: str
) -> None:
    request = await ory.get_login_request(await browser.open(client_id))
    with pytest.raises(OryRefusalError, match="subject"):
        await ory.accept_login(request, AcceptLogin(subject=""))
    with pytest.raises(OryRefusalError):
        await ory.list_consent_sessions("")
    with pytest.raises(OryRefusalError):
        await ory.revoke_consent("", None)


async def test_consents_are_listed_and_deleted(
    ory: OryAdmin, browser: Browser, client_id: str
) -> None:
    subject = f"alice-{secrets.token_hex(4)}"
    await consented(ory, browser, client_id, subject)
    (session,) = await ory.list_consent_sessions(subject)
    assert (session.client_id, session.grant_scope) == (client_id, ("openid", "offline"))
    assert (session.context, session.session.id_token) == (
        {"decision_id": "d"},
        {"email": "a@b.test"},
    )
    await ory.revoke_consent(subject, client_id)
    assert await ory.list_consent_sessions(subject) == ()


async def test_consents_on_many_pages_are_listed_once_each(
    ory: OryAdmin, browser: Browser, client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.ory.admin._PAGE_SIZE", 2)
    subject = f"bob-{secrets.token_hex(4)}"
    for _ in range(5):
        browser.http.cookies.clear()
        await consented(ory, browser, client_id, subject)
    found = await ory.list_consent_sessions(subject)
    assert len({session.consent_request.login_challenge for session in found}) == len(found) == 5


async def test_a_logout_is_understood_and_accepted(
    ory: OryAdmin, browser: Browser, client_id: str
) -> None:
    subject = f"carol-{secrets.token_hex(4)}"
    await consented(ory, browser, client_id, subject)
    challenge = await browser.go(f"{browser.public_url}/oauth2/sessions/logout")
    request = await ory.get_logout_request(challenge)
    assert (request.subject, request.rp_initiated, request.client) == (subject, False, None)
    redirect = await ory.accept_logout(request)
    assert "logout_verifier" in redirect.redirect_to
    await ory.reject_logout(request)


async def test_nobody_has_no_consents_and_loses_none(ory: OryAdmin) -> None:
    assert await ory.list_consent_sessions("nobody") == ()
    await ory.revoke_consent("nobody", "nothing")
    await ory.revoke_consent("nobody", None)
    await ory.end_login_sessions("nobody")
    await ory.end_login_session("no-session")


async def test_clients_exist_once(ory: OryAdmin, client_id: str) -> None:
    with pytest.raises(OryConflictError):
        await ory.create_client({"client_id": client_id})
    assert client_id in {client.client_id for client in await ory.list_clients()}
    assert (await ory.get_client(client_id)).client_name == "Photos"


@pytest.mark.parametrize("client_id", ["nobody", "a/b", "..", "a%2Fb?x=y"])
async def test_a_client_that_is_none_is_not_found(ory: OryAdmin, client_id: str) -> None:
    for ask in (ory.get_client, ory.delete_client):
        with pytest.raises(OryNotFoundError):
            await ask(client_id)


async def test_clients_on_many_pages_are_listed_once_each(
    ory: OryAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.ory.admin._PAGE_SIZE", 2)
    made = [(await ory.create_client({}))["client_id"] for _ in range(5)]
    found = [client.client_id for client in await ory.list_clients()]
    assert len(found) == len(set(found))
    assert set(made) <= set(found)
    for client_id in made:
        await ory.delete_client(client_id)


async def test_the_public_side_is_not_the_admin_side(hydra: Any, ory: OryAdmin) -> None:
    assert await ory.ready()
    settings = Settings.from_env({"HYDRA_ADMIN_URL": hydra.public_url})
    async with open_client(settings) as mistaken:
        with pytest.raises(OryNonsenseError):
            await mistaken.get_login_request("A" * 40)
