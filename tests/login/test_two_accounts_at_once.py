"""One browser, two accounts: what proves one of them proves nothing of the other."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from portal.login import factor, stepping
from tests.driver import Browser, Document
from tests.fixtures.portal import Portal
from tests.login.factors import give_app, give_codes, type_code, type_recovery_code
from tests.real.portal import Person


async def test_the_code_of_one_account_proves_nothing_of_another_one_that_comes_between(
    portal: Portal,
    browser: Browser,
    http: httpx.AsyncClient,
    ann: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bob knows Ann's password, and signs in with it while his own code is looked at."""
    bobs = await give_app(portal, bob)
    await give_app(portal, ann)
    await _bob_proves_himself_while_ann_comes_between(
        portal, browser, http, ann, bob, monkeypatch, lambda: type_code(browser, bobs.now())
    )
    assert (await _who_is_signed_in(portal)) == []


async def test_nor_does_a_recovery_code(
    portal: Portal,
    browser: Browser,
    http: httpx.AsyncClient,
    ann: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await give_app(portal, bob)
    await give_app(portal, ann)
    codes = await give_codes(portal, bob)
    await _bob_proves_himself_while_ann_comes_between(
        portal, browser, http, ann, bob, monkeypatch, lambda: type_recovery_code(browser, codes[0])
    )
    assert (await _who_is_signed_in(portal)) == []


async def _bob_proves_himself_while_ann_comes_between(
    portal: Portal,
    browser: Browser,
    http: httpx.AsyncClient,
    ann: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
    prove: Callable[[], Awaitable[Document]],
) -> None:
    page = await browser.open(f"{portal.url}/login")
    token = page.element("accept")
    form = {i.get("name"): i.get("value", "") for i in page.form_around(token).iter("input")}
    browser.fill("email", bob.email)
    browser.fill("password", bob.password)
    page = await browser.click("accept")
    assert page.url.path == "/login/factor", page

    async def take(*args: Any, **options: Any) -> Any:
        begun = await stepping.take(*args, **options)
        monkeypatch.undo()
        answer = await http.post(
            f"{portal.url}/login",
            data={
                "action": "accept",
                "form_token": form["form_token"],
                "email": ann.email,
                "password": ann.password,
            },
            headers={"Origin": portal.settings.origin, "Sec-Fetch-Site": "same-origin"},
        )
        assert answer.headers["location"].startswith("/login/factor"), answer
        return begun

    monkeypatch.setattr(factor, "take", take)
    page = await prove()
    assert page.url.path == "/login/factor", page


async def _who_is_signed_in(portal: Portal) -> list[str]:
    found = []
    async with portal.store.reading() as rows:
        for subject in ("ann-71f0", "bob-71f0"):
            found += [s.subject for s in await rows.portal_sessions.of_subject(subject)]
    return found
