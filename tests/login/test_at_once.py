"""Steps that are sent many times at once; who comes first is what databases decide: both."""

import asyncio
from urllib.parse import urlencode

import pytest

from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import Portal
from tests.login.factors import demand, expire_password, give_app, give_codes, wrong
from tests.login.steps import answer
from tests.login.test_enrolling import app_on
from tests.login.test_second_factor import sessions, token
from tests.real.portal import Person


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    return database_url


@pytest.fixture
def challenge(ory: OryDouble) -> str:
    return ory.plant_login()


async def test_twenty_guesses_at_once_are_judged_five_times(
    portal: Portal, browser: Browser, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    form = {
        "form_token": token(page),
        "login_challenge": challenge,
        "code": wrong(app),
    }
    answers = await asyncio.gather(
        *(browser._http.post("/login/factor", data=form) for _ in range(20))
    )
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(401), statuses.count(429)) == (5, 15)


async def test_ten_sent_at_once_are_one_decision(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    app = await give_app(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    form = {"form_token": token(page), "login_challenge": challenge, "code": app.now()}
    answers = await asyncio.gather(
        *(browser._http.post("/login/factor", data=form) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {303}
    assert (await portal.actions()).count("login.succeeded") == 1
    assert len({str(body) for body in ory.decided("login", "accept")}) == 1


async def test_one_recovery_code_lets_one_in(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await give_app(portal, ann)
    code = (await give_codes(portal, ann))[0]
    forms = []
    for _ in range(4):
        challenge = ory.plant_login()
        page = await answer(browser, portal, challenge, ann)
        forms.append(
            {"form_token": token(page), "login_challenge": challenge, "recovery_code": code}
        )
    answers = await asyncio.gather(
        *(browser._http.post("/login/factor", data=form) for form in forms)
    )
    assert sorted(answer.status_code for answer in answers) == [303, 401, 401, 401]
    assert len(ory.decisions) == 1


async def test_the_portals_own_sign_in_begins_one_session(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await browser.open(f"{portal.url}/login")
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    page = await browser.click("accept")
    form = {"form_token": token(page), "next": "/account/apps", "code": app.now()}
    answers = await asyncio.gather(
        *(browser._http.post("/login/factor", data=form) for _ in range(6))
    )
    assert {answer.status_code for answer in answers} == {303}
    assert len(await sessions(portal, ann)) == 1
    assert (await portal.actions()).count("portal.signed_in") == 1


async def test_an_expired_password_is_replaced_once(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    await expire_password(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    form = {"form_token": token(page), "login_challenge": challenge}
    answers = await asyncio.gather(
        *(
            browser._http.post(
                "/login/new-password", data=form | {"password": f"violet trombone {n} bridges"}
            )
            for n in range(5)
        )
    )
    assert {answer.status_code for answer in answers} <= {303, 410}
    assert (await portal.actions()).count("user.password_changed") == 1
    assert (await portal.actions()).count("login.succeeded") == 1
    assert (await portal.user(ann)).epoch == 2


async def test_an_app_is_set_up_once(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    await demand(portal)
    page = await answer(browser, portal, challenge, ann)
    sealed = next(i.get("value", "") for i in page.root.iter("input") if i.get("name") == "sealed")
    form = {"form_token": token(page), "login_challenge": challenge, "sealed": sealed}
    code = app_on(page).now()
    answers = await asyncio.gather(
        *(browser._http.post("/login/enrol", data=form | {"code": code}) for _ in range(5))
    )
    assert 200 in {answer.status_code for answer in answers} <= {200, 303, 422}
    async with portal.store.reading() as rows:
        assert len(await rows.totp_factors.of_subject(ann.subject)) == 1
    await browser.open(f"{portal.url}/login/enrol?{urlencode({'login_challenge': challenge})}")
    assert len(ory.decided("login", "accept")) == 1
