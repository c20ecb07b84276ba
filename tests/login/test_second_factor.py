"""The second factor, asked after the password: whoever has one, always."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest
import time_machine

from portal import accounts, jobs
from portal.decisions import login_session_hash
from portal.sessions import SEALED_FOR
from portal.store.tables import Passkey
from tests.doubles.authenticator import PRESENT
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.portal import NewBrowser, Portal
from tests.login.factors import (
    give_app,
    give_codes,
    give_passkey,
    login_session,
    type_code,
    type_recovery_code,
    use_passkey,
    wrong,
)
from tests.login.steps import address, answer, answer_again, flow_of
from tests.real.portal import Person

MFA = ["pwd", "otp", "mfa"]


@pytest.fixture
def challenge(ory: OryDouble) -> str:
    return ory.plant_login(session_id="session-of-ory")


def accepted(ory: OryDouble) -> dict:
    (body,) = ory.decided("login", "accept")
    assert body is not None
    return body


async def test_a_code_follows_the_password_and_the_app_is_told_both(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    assert (page.status, page.url.path) == (200, "/login/factor")
    assert page.query == {"login_challenge": challenge}
    assert ann.email in page.text
    assert ory.decisions == []
    assert await portal.actions() == []
    await type_code(browser, app.now())
    body = accepted(ory)
    assert (body["acr"], body["amr"], body["subject"]) == ("aal2", MFA, ann.subject)
    session = await login_session(portal, login_session_hash("session-of-ory"))
    assert session is not None
    assert (session.acr, session.amr, session.remembered) == ("aal2", MFA, False)
    assert session.sealed_id is not None
    assert portal.services.sealer.open(session.sealed_id, SEALED_FOR) == "session-of-ory"
    async with portal.store.reading() as rows:
        (event,) = (await rows.audit.list_page(after=None, limit=10)).events
    assert (event.action, event.detail["amr"]) == ("login.succeeded", MFA)


async def test_who_has_none_and_needs_none_is_told_as_a_password(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    await answer(browser, portal, challenge, ann)
    assert (accepted(ory)["acr"], accepted(ory)["amr"]) == ("aal1", ["pwd"])


async def test_staying_signed_in_is_kept_over_the_steps(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await answer(browser, portal, challenge, ann, remember=True)
    await type_code(browser, app.now())
    assert accepted(ory)["remember"] is True


async def test_a_wrong_code_can_be_corrected(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await answer(browser, portal, challenge, ann)
    page = await type_code(browser, wrong(app))
    assert page.status == 401
    assert page.url.path == "/login/factor"
    assert "not right" in page.text
    assert page.element("code").get("value") in (None, "")
    assert ory.decisions == []
    await type_code(browser, app.now())
    assert accepted(ory)["acr"] == "aal2"
    assert await portal.actions() == ["login.factor_failed", "login.succeeded"]


async def test_guesses_are_counted_before_they_are_looked_at(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await answer(browser, portal, challenge, ann)
    for _ in range(5):
        assert (await type_code(browser, wrong(app))).status == 401
    page = await type_code(browser, app.now())
    assert page.status == 429
    assert 0 < int(page.response.headers["retry-after"]) <= 60
    assert "Too many attempts" in page.text
    assert ory.decisions == []


async def test_who_guessed_too_often_is_told_that_a_passkey_still_works(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, challenge: str
) -> None:
    app = await give_app(portal, ann)
    async with portal.store.writing() as rows:
        await rows.passkeys.add(
            Passkey(
                credential_id="Y3JlZGVudGlhbA",
                subject=ann.subject,
                public_key="key",
                sign_count=0,
                transports=[],
                backed_up=False,
                name="Key",
                created_at=datetime.now(UTC),
            )
        )
    await answer(browser, portal, challenge, ann)
    for _ in range(5):
        page = await type_code(browser, wrong(app))
        assert "Your passkey still works" not in page.text
    page = await type_code(browser, app.now())
    assert page.status == 429
    assert "Your passkey still works" in page.text


async def test_a_code_is_taken_once(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, ann: Person
) -> None:
    app = await give_app(portal, ann)
    code = app.now()
    statuses = []
    for _ in range(2):
        browser = new_browser()
        await answer(browser, portal, ory.plant_login(), ann)
        statuses.append((await type_code(browser, code)).status)
    assert statuses == [200, 401]
    assert len(ory.decisions) == 1


async def test_a_recovery_code_works_once_and_says_what_is_left(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await give_app(portal, ann)
    codes = await give_codes(portal, ann)
    page = await answer(browser, portal, ory.plant_login(), ann)
    assert f"Afterwards you have {len(codes) - 1} left" in page.text
    await type_recovery_code(browser, codes[0].upper())
    assert accepted(ory)["amr"] == MFA
    page = await answer(browser, portal, ory.plant_login(), ann)
    assert f"Afterwards you have {len(codes) - 2} left" in page.text
    page = await type_recovery_code(browser, codes[0])
    assert page.status == 401
    assert "none of your recovery codes" in page.text


async def test_a_passkey_stands_beside_the_password(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    key = await give_passkey(portal, ann, flags=PRESENT)
    await answer(browser, portal, challenge, ann)
    await use_passkey(browser, key)
    assert accepted(ory)["amr"] == ["pwd", "hwk", "user", "mfa"]


async def test_somebody_elses_passkey_does_not(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person, bob: Person
) -> None:
    await give_passkey(portal, ann)
    key = await give_passkey(portal, bob)
    await answer(browser, portal, challenge, ann)
    page = await use_passkey(browser, key)
    assert page.status == 401
    assert ory.decisions == []
    assert "login.factor_failed" in await portal.actions()


async def test_an_empty_form_is_no_guess(
    portal: Portal, browser: Browser, challenge: str, ann: Person
) -> None:
    await give_app(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    page.element("code").attrib.pop("required")
    assert (await type_code(browser, " ")).status == 422
    assert await portal.actions() == []


@pytest.mark.parametrize("step", ["factor", "enrol", "new-password"])
async def test_no_step_can_be_opened_before_the_first_one(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, step: str, ann: Person
) -> None:
    await give_app(portal, ann)
    page = await browser.open(f"{portal.url}/login/{step}?login_challenge={challenge}")
    assert page.url.path == "/login"
    assert page.query == {"login_challenge": challenge, "again": "1"}
    assert "begin again" in page.text
    page = await browser.open(f"{portal.url}/login/{step}?next=/account/apps/one")
    assert (page.url.path, page.query) == ("/login", {"next": "/account/apps/one", "again": "1"})
    assert "begin again" in page.text


async def test_another_browser_cannot_go_on(
    portal: Portal, browser: Browser, new_browser: NewBrowser, challenge: str, ann: Person
) -> None:
    await give_app(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    other = new_browser()
    await other.open(address(portal, challenge))
    assert (await other.open(page.url)).url.path == "/login"


async def test_it_counts_for_a_quarter_of_an_hour(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        await answer(browser, portal, challenge, ann)
    with time_machine.travel(now + timedelta(minutes=15, seconds=1), tick=False):
        page = await type_code(browser, app.now())
    assert page.url.path == "/login"
    assert ory.decisions == []


@pytest.mark.parametrize("change", ["disabled", "password"])
async def test_it_does_not_outlive_a_change_of_the_account(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person, change: str
) -> None:
    app = await give_app(portal, ann)
    await answer(browser, portal, challenge, ann)
    now = datetime.now(UTC)
    if change == "disabled":
        await accounts.disable_user(portal.store, ann.subject, now=now, actor="cli")
    else:
        async with portal.store.writing() as rows:
            await rows.users.set_password(ann.subject, password_hash="x", at=now)
    assert (await type_code(browser, app.now())).url.path == "/login"
    assert ory.decisions == []


async def test_a_factor_that_was_removed_meanwhile_is_not_asked_for(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await answer(browser, portal, challenge, ann)
    async with portal.store.writing() as rows:
        await rows.totp_factors.delete_all(ann.subject)
    await type_code(browser, app.now())
    assert accepted(ory)["amr"] == ["pwd"]


async def test_the_form_sent_twice_is_the_same_accept_twice(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    await type_code(browser, app.now())
    browser.show(page)
    await browser.click("accept")
    first, second = ory.decided("login", "accept")
    assert first == second
    assert (await portal.actions()).count("login.succeeded") == 1


async def test_another_form_of_the_same_page_decides_nothing_afterwards(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    tab = await answer(browser, portal, challenge, ann)
    other_tab = await browser.reload()
    await type_code(browser, app.now())
    browser.show(tab)
    page = await type_code(browser, app.now())
    assert page.status == 410
    assert "completed already" in page.text
    page = await browser.open(other_tab.url)
    assert page.status == 410
    assert len(ory.decisions) == 1


async def test_what_ory_could_not_be_told_is_told_by_the_same_form(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    code = app.now()

    async def send() -> int:
        form = {"form_token": token(page), "login_challenge": challenge, "code": code}
        return (await browser._http.post("/login/factor", data=form)).status_code

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ory, "_decide", lambda *_: httpx.Response(503))
        assert await send() == 503
    assert (await flow_of(portal, challenge)).state == "unsent"
    assert await send() == 303
    assert accepted(ory)["acr"] == "aal2"


async def test_back_at_the_password_somebody_else_signs_in(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person, bob: Person
) -> None:
    app = await give_app(portal, ann)
    stale = await answer(browser, portal, challenge, ann)
    page = await browser.follow("Back, or use another account")
    assert (page.url.path, page.query) == ("/login", {"login_challenge": challenge})
    await answer_again(browser, page, bob)
    assert accepted(ory)["subject"] == bob.subject
    browser.show(stale)
    assert (await type_code(browser, app.now())).status in (409, 410)
    assert len(ory.decisions) == 1


async def test_the_app_is_told_no_from_here_too(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    await give_app(portal, ann)
    await answer(browser, portal, challenge, ann)
    await browser.click("reject")
    (body,) = ory.decided("login", "reject")
    assert body is not None
    assert body["error"] == "access_denied"


async def test_a_form_of_another_page_is_shown_again(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await answer(browser, portal, challenge, ann)
    form = {"form_token": "x", "login_challenge": challenge, "code": app.now()}
    response = await browser._http.post("/login/factor", data=form)
    assert response.status_code == 403
    assert ory.decisions == []
    await browser.reload()
    await type_code(browser, app.now())
    assert accepted(ory)["acr"] == "aal2"


@pytest.mark.parametrize("text", ["\x00", "1" * 20_000, "१२३४५६", "-1", "٠" * 6, "<script>"])
async def test_hostile_codes_are_wrong_codes(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person, text: str
) -> None:
    await give_app(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    for name in ("code", "recovery_code", "credential"):
        form = {"form_token": token(page), "login_challenge": challenge, name: text}
        response = await browser._http.post("/login/factor", data=form)
        assert response.status_code in (400, 401, 413), name
        assert "<script>" not in response.text
    assert ory.decisions == []


async def test_the_pages_of_an_apps_flow_may_end_at_ory(
    portal: Portal, browser: Browser, challenge: str, ann: Person
) -> None:
    await give_app(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    assert "form-action" not in page.response.headers["content-security-policy"]


async def test_the_portals_own_sign_in_asks_for_it_too(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await browser.open(f"{portal.url}/account/apps?filter=x")
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    page = await browser.click("accept")
    assert page.url.path == "/login/factor"
    assert page.url.query.decode() == "next=" + quote("/account/apps?filter=x")
    assert await sessions(portal, ann) == []
    page = await type_code(browser, app.now())
    assert str(page.url) == f"{portal.url}/account/apps?filter=x"
    assert await sessions(portal, ann) == [("aal2", tuple(MFA))]
    page = await browser.open(f"{portal.url}/login/factor?next=/account/apps")
    assert page.url.path == "/login"


async def test_nobody_is_led_away_by_a_step(portal: Portal, browser: Browser, ann: Person) -> None:
    app = await give_app(portal, ann)
    await browser.open(f"{portal.url}/login")
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    page = await browser.click("accept")
    for hidden in page.root.iter("input"):
        if hidden.get("name") == "next":
            hidden.set("value", "//evil.example/account")
    page = await type_code(browser, app.now())
    assert str(page.url) == f"{portal.url}/account/apps"


async def test_what_nobody_went_on_with_is_forgotten(
    portal: Portal, browser: Browser, challenge: str, ann: Person
) -> None:
    await give_app(portal, ann)
    await answer(browser, portal, challenge, ann)
    await jobs.forget(portal.services, now=datetime.now(UTC) + timedelta(minutes=70))
    async with portal.store.writing() as rows:
        assert await rows.sign_ins.end_all(ann.subject) == 0


async def sessions(portal: Portal, person: Person) -> list[tuple[str, tuple[str, ...]]]:
    async with portal.store.reading() as rows:
        found = await rows.portal_sessions.of_subject(person.subject)
    return [(session.acr, tuple(session.amr)) for session in found]


def token(page: Document) -> str:
    """Of the page's first form."""
    inputs = page.root.iter("input")
    return next(i.get("value", "") for i in inputs if i.get("name") == "form_token")
