"""Grants with real tokens, many and fast: browser and pages are played here, by HTTP alone."""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import uuid_utils.compat

from portal.store import Store
from portal.store.tables import GrantRecord
from tests.real.hydra import RealHydra

CALLBACK = "http://127.0.0.1:5555/callback"
"""Nobody listens: the code is read from the address."""
SCOPES = ["openid", "offline"]
AT_ONCE = 3
"""Hydra takes a second connection while it issues tokens, and has two for each core: four at once
on two cores wait for each other for ever."""
IN_A_UNIT = 500


@dataclass(frozen=True, kw_only=True)
class RealGrant:
    """What an app got of one person."""

    subject: str
    client_id: str
    client_name: str
    decision_id: str
    granted_at: datetime
    access_token: str
    refresh_token: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.subject, self.client_id

    def record(self) -> GrantRecord:
        """As the portal would have written it down."""
        return GrantRecord(
            subject=self.subject,
            client_id=self.client_id,
            client_name=self.client_name,
            scopes=SCOPES,
            audience=[],
            remembered_scopes=SCOPES,
            remembered_audience=[],
            hydra_scopes=SCOPES,
            listable=True,
            decision_id=self.decision_id,
            granted_at=self.granted_at,
            last_accept_at=self.granted_at,
        )


def public_app(hydra: RealHydra, name: str) -> str:
    """Register an app without a secret, because checking one is dear: its id."""
    document = {
        "client_name": name,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": " ".join(SCOPES),
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none",
    }
    answer = hydra.http.post(f"{hydra.admin_url}/admin/clients", json=document)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["client_id"])


async def connect_many(
    hydra: RealHydra, store: Store, wanted: Iterable[tuple[str, str, str]]
) -> list[RealGrant]:
    """Allow for each subject, client id and client name of *wanted*: at Ory, and here."""
    turns = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncHTTPTransport(verify=False) as transport:  # no TLS here

        async def one(subject: str, client_id: str, name: str) -> RealGrant:
            async with turns:
                browser = httpx.AsyncClient(transport=transport, trust_env=False, timeout=60)
                return await _connect(browser, hydra, subject, client_id, name)

        grants = await asyncio.gather(*(one(*names) for names in wanted))
    for start in range(0, len(grants), IN_A_UNIT):
        async with store.writing() as rows:
            for grant in grants[start : start + IN_A_UNIT]:
                await rows.grants.save(grant.record())
    return list(grants)


async def active(hydra: RealHydra, grants: Iterable[RealGrant]) -> dict[tuple[str, str], set[str]]:
    """Which of the tokens of *grants* Ory still honours: ``access``, ``refresh``."""
    turns = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(trust_env=False, timeout=60, verify=False) as http:  # noqa: S501 - no TLS

        async def is_active(token: str) -> bool:
            async with turns:
                url = f"{hydra.admin_url}/admin/oauth2/introspect"
                answer = await http.post(url, data={"token": token})
                return bool(answer.json()["active"])

        async def one(grant: RealGrant) -> set[str]:
            tokens = {"access": grant.access_token, "refresh": grant.refresh_token}
            found = await asyncio.gather(*(is_active(token) for token in tokens.values()))
            return {name for name, lives in zip(tokens, found, strict=True) if lives}

        listed = list(grants)
        states = await asyncio.gather(*(one(grant) for grant in listed))
    return {grant.pair: state for grant, state in zip(listed, states, strict=True)}


async def _connect(
    browser: httpx.AsyncClient, hydra: RealHydra, subject: str, client_id: str, name: str
) -> RealGrant:
    verifier, decision_id = secrets.token_urlsafe(48), str(uuid_utils.compat.uuid7())
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": " ".join(SCOPES),
        "state": secrets.token_urlsafe(16),
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    login = await _goes_to(browser, f"{hydra.public_url}/oauth2/auth?{urlencode(asked)}")
    signed_in = {"subject": subject, "remember": False}
    consent = await _goes_to(browser, await _accept(browser, hydra, "login", login, signed_in))
    granted_at = datetime.now(UTC)
    allowed = {
        "grant_scope": SCOPES,
        "remember": True,
        "remember_for": 0,
        "context": {"decision_id": decision_id},
    }
    back = await _goes_to(browser, await _accept(browser, hydra, "consent", consent, allowed))
    answer = await browser.post(
        f"{hydra.public_url}/oauth2/token",
        data={
            "grant_type": "authorization_code",
            "code": back["code"],
            "redirect_uri": CALLBACK,
            "client_id": client_id,
            "code_verifier": verifier,
        },
    )
    assert answer.status_code == 200, answer.text
    return RealGrant(
        subject=subject,
        client_id=client_id,
        client_name=name,
        decision_id=decision_id,
        granted_at=granted_at,
        access_token=answer.json()["access_token"],
        refresh_token=answer.json()["refresh_token"],
    )


async def _goes_to(browser: httpx.AsyncClient, url: str) -> dict[str, str]:
    """The parameters of the address that the browser is sent to."""
    answer = await browser.get(url)
    assert answer.is_redirect, answer.text
    return dict(httpx.URL(answer.headers["location"]).params)


async def _accept(
    browser: httpx.AsyncClient, hydra: RealHydra, kind: str, sent: dict[str, str], body: Any
) -> str:
    challenge = f"{kind}_challenge"
    answer = await browser.put(
        f"{hydra.admin_url}/admin/oauth2/auth/requests/{kind}/accept",
        params={challenge: sent[challenge]},
        json=body,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["redirect_to"])
