"""An administrator who loses the role while the request is under way: the act is refused."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from portal.admin.user_acts import ACTS
from portal.store.tables import TotpFactor
from portal.web import session
from portal.web.inputs import AnyRequest
from portal.web.session import Person as SignedIn
from tests.doubles.ory import OryDouble
from tests.driver import Browser, words
from tests.fixtures.mail import NOWHERE
from tests.fixtures.portal import NewPortal, Portal, sign_in
from tests.real.portal import Person
from tests.test_routes import change

Fill = Callable[[Browser], object]


@pytest.fixture
async def portal(new_portal: NewPortal) -> Portal:
    """One that sends mails, so that there is nothing that cannot be done."""
    return await new_portal(PORTAL_SMTP_URL=NOWHERE, PORTAL_MAIL_FROM="portal@example.org")


@pytest.fixture(autouse=True)
async def signed_in(browser: Browser, portal: Portal, admin: Person) -> None:
    await sign_in(browser, portal, admin)


async def lose_the_role(portal: Portal, admin: Person) -> None:
    async with portal.store.writing() as rows:
        await rows.users.set_admin(admin.subject, admin=False, at=datetime.now(UTC))


async def be_shut_out(portal: Portal, admin: Person) -> None:
    async with portal.store.writing() as rows:
        await rows.users.disable(admin.subject, datetime.now(UTC))


async def send(
    browser: Browser, button: str, monkeypatch: pytest.MonkeyPatch, meanwhile: Awaitable[object]
) -> None:
    """Press *button*; *meanwhile* happens once the guard has let the request in."""
    find_person = session.find_person

    async def find_and_go_on(request: AnyRequest) -> SignedIn | None:
        found = await find_person(request)
        await meanwhile
        return found

    pressed = [
        each
        for each in browser.page.root.iter("button")
        if each.get("type") == "submit" and words(each).startswith(button)
    ]
    with monkeypatch.context() as patch:
        patch.setattr(session, "find_person", find_and_go_on)
        page = await browser.submit(pressed[0])
    assert page.status == 403
    assert "This is not for you" in page.text


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("end", [lose_the_role, be_shut_out])
async def test_nothing_is_done_to_anybody(
    portal: Portal,
    browser: Browser,
    ann: Person,
    admin: Person,
    monkeypatch: pytest.MonkeyPatch,
    act: str,
    end: Callable[[Portal, Person], Awaitable[None]],
) -> None:
    now = datetime.now(UTC)
    async with portal.store.writing() as rows:
        await rows.totp_factors.add(
            TotpFactor(id="t", subject=ann.subject, sealed_secret="s", name="App", created_at=now)
        )
        if act == "enable":
            await rows.users.disable(ann.subject, now)
        if act == "withdraw-admin":
            await rows.users.set_admin(ann.subject, admin=True, at=now)
    if act == "send-password-link":
        change(portal, "UPDATE users SET password_hash = NULL WHERE subject = ?", ann.subject)
    before = await portal.user(ann)
    actions = await portal.actions()
    await browser.open(f"{portal.url}/admin/users/act?subject={ann.subject}&act={act}")
    await send(browser, ACTS[act].button, monkeypatch, end(portal, admin))
    user = await portal.user(ann)
    assert (user.epoch, user.admin, user.disabled_at) == (
        before.epoch,
        before.admin,
        before.disabled_at,
    )
    assert await portal.actions() == actions


FORMS: dict[str, tuple[str, Fill, str]] = {
    "a person": (
        "/admin/users/create",
        lambda browser: [
            browser.fill("email", "cleo@example.org"),
            browser.fill("password", "correct horse battery staple"),
        ],
        "Create",
    ),
    "another address": (
        "/admin/users/address?subject=ann-71f0",
        lambda browser: browser.fill("email", "cleo@example.org"),
        "",
    ),
    "data": (
        "/admin/users/data?subject=ann-71f0",
        lambda browser: browser.fill("name", "Anna"),
        "Save",
    ),
    "an app": (
        "/admin/clients/create",
        lambda browser: [
            browser.page.element("client_name").set("value", "Photos"),
            setattr(browser.page.element("redirect_uris"), "text", "https://photos.example/cb"),
        ],
        "",
    ),
    "a grant": ("/admin/grants/revoke?subject=ann-71f0&client_id=photos", lambda _: None, ""),
    "all grants": ("/admin/grants/revoke-all?scope=email", lambda _: None, ""),
    "a comparison": ("/admin/grants/drift", lambda _: None, "Compare"),
}


@pytest.mark.parametrize("form", FORMS)
async def test_nothing_is_made_changed_or_removed(
    portal: Portal,
    browser: Browser,
    ory: OryDouble,
    ann: Person,
    admin: Person,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    assert ann.subject == "ann-71f0"
    await portal.add_grant(ann)
    actions, apps = await portal.actions(), dict(ory.clients)
    path, fill, button = FORMS[form]
    assert (await browser.open(portal.url + path)).status == 200
    fill(browser)
    await send(browser, button, monkeypatch, lose_the_role(portal, admin))
    assert await portal.actions() == actions
    assert ory.clients == apps
    assert ory.deletions == []


@pytest.mark.parametrize("path", ["/admin/grants/export", "/admin/audit/export"])
async def test_nothing_is_taken_along(
    portal: Portal,
    browser: Browser,
    admin: Person,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    find_person = session.find_person

    async def find_and_go_on(request: AnyRequest) -> SignedIn | None:
        found = await find_person(request)
        await lose_the_role(portal, admin)
        return found

    monkeypatch.setattr(session, "find_person", find_and_go_on)
    answer = await browser._http.get(path)
    assert answer.status_code == 403
