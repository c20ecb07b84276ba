"""What people do on the sign-in page."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from argon2 import PasswordHasher

from portal.decisions import challenge_hash
from portal.passwords import OverloadedError
from portal.store.tables import FlowRecord, LoginSession
from tests.driver import Browser, Document
from tests.fixtures.portal import Portal
from tests.real.portal import Person


def address(portal: Portal, challenge: str) -> str:
    return f"{portal.url}/login?login_challenge={challenge}"


async def answer(
    browser: Browser,
    portal: Portal,
    challenge: str,
    person: Person,
    *,
    password: str | None = None,
    remember: bool = False,
    button: str = "accept",
) -> Document:
    """Open the page, fill it in, press the button."""
    page = await browser.open(address(portal, challenge))
    assert page.has("login-form"), page
    return await answer_again(
        browser, page, person, password=password, remember=remember, button=button
    )


async def answer_again(
    browser: Browser,
    page: Document,
    person: Person,
    *,
    password: str | None = None,
    remember: bool = False,
    button: str = "accept",
) -> Document:
    """Fill in a page that was opened before, such as one in another tab."""
    browser.show(page)
    browser.fill("email", person.email)
    browser.fill("password", person.password if password is None else password)
    browser.tick("remember", ticked=remember)
    return await browser.click(button)


async def plant_session(portal: Portal, person: Person, session_id: str, **fields: Any) -> None:
    """That *person* answered a login of this session of Ory's before."""
    now = datetime.now(UTC)
    session: dict[str, Any] = {
        "session_id_hash": hashlib.sha256(session_id.encode()).hexdigest(),
        "subject": person.subject,
        "acr": "aal1",
        "amr": ["pwd"],
        "authenticated_at": now,
        "epoch": 0,
        "remembered": True,
        "address": "",
        "user_agent": "",
        "last_used_at": now,
    }
    async with portal.store.writing() as rows:
        await rows.login_sessions.save(LoginSession(**session | fields))


async def flow_of(portal: Portal, challenge: str) -> FlowRecord:
    async with portal.store.reading() as rows:
        flow = await rows.flows.find(challenge_hash(challenge))
    assert flow is not None
    return flow


@contextmanager
def overloaded(portal: Portal) -> Iterator[None]:
    """As many passwords wait as may."""
    with ExitStack() as places:
        with suppress(OverloadedError):
            while True:
                places.enter_context(portal.services.passwords.reserve())
        yield


@contextmanager
def counting_verifications(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect the parameters of each run of argon2 that compares a password."""
    runs: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, stored: str, password: bytes) -> Any:
        runs.append(stored.split("$")[3] if stored.count("$") > 3 else stored)
        return verify(self, stored, password)

    with monkeypatch.context() as patch:
        patch.setattr(PasswordHasher, "verify", counted)
        yield runs


def field(page: Document, name: str) -> str:
    """The value of a field that nobody sees; on the login page, of the form with the password."""
    form = page.find("login-form")
    inputs = (page.root if form is None else form).iter("input")
    found = [e.get("value", "") for e in inputs if e.get("name") == name]
    assert len(found) == 1, (name, found)
    return found[0]
