"""The pages that set up, name and remove second factors, with what they leave and end."""

import json
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from portal.enrolment.flow import SECURITY
from portal.factors import passkeys
from portal.factors.standing import Standing, standing_of
from portal.postbox import PURPOSE
from portal.web.cookies import id_hash
from tests.doubles.authenticator import Authenticator
from tests.driver import Browser, Document, words
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.real.portal import Person
from tests.test_routes import change

ADD_KEY, ADD_APP = f"{SECURITY}/passkeys/add", f"{SECURITY}/authenticator/add"
CODES, RENAME, REMOVE = (
    f"{SECURITY}/codes",
    f"{SECURITY}/factors/rename",
    f"{SECURITY}/factors/remove",
)


async def standing(portal: Portal, person: Person) -> Standing:
    async with portal.store.reading() as rows:
        return await standing_of(rows, person.subject)


async def names(portal: Portal, person: Person) -> list[str]:
    found = await standing(portal, person)
    return [each.name for each in (*found.passkeys, *found.totp)]


async def sessions(portal: Portal, person: Person) -> set[str]:
    async with portal.store.reading() as rows:
        found = await rows.portal_sessions.of_subject(person.subject)
    return {session.session_id_hash for session in found}


def session_of(browser: Browser) -> str:
    return id_hash(browser.cookies["__Host-portal_session"])


def field(page: Document, name: str) -> str:
    found = [e for e in page.root.iter("input") if e.get("name") == name]
    assert found, f"no {name} on {page}"
    return found[0].get("value", "")


async def make_passkey(browser: Browser, key: Authenticator, **fields: str) -> Document:
    """Press the button with a browser that makes passkeys."""
    page = browser.page
    (place,) = [e for e in page.root.iter() if "data-passkey" in e.attrib]
    challenge = passkeys.challenge_of(field(page, "form_token"))
    (credential,) = [
        e for e in page.element("content").iter("input") if e.get("name") == "credential"
    ]
    credential.set("value", key.create(challenge, place.attrib["data-options"]))
    for element_id, text in fields.items():
        browser.fill(element_id, text)
    (button,) = list(page.form_around(credential).iter("button"))
    return await browser.submit(button)


async def add_app(browser: Browser, portal: Portal, **fields: str) -> Document:
    page = await browser.open(portal.url + ADD_APP)
    assert page.status == 200, str(page)
    secret = "".join(page.element("totp-secret").itertext()).replace(" ", "")
    browser.fill("code", pyotp.TOTP(secret).now())
    for element_id, text in fields.items():
        browser.fill(element_id, text)
    return await press(browser)


async def press(browser: Browser) -> Document:
    """The page's one button."""
    buttons = browser.page.element("content").iter("button")
    (button,) = [b for b in buttons if b.get("type") == "submit"]
    return await browser.submit(button)


@pytest.fixture
async def inside(portal: Portal, browser: Browser, ann: Person) -> Browser:
    """Ann, who signed in a moment ago."""
    await sign_in(browser, portal, ann)
    return browser


async def test_the_first_factor_comes_with_codes(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    page = await add_app(inside, portal, name="My phone")
    assert page.status == 200
    assert "Added: My phone" in page.text
    codes = [code for code in page.element("recovery-codes").itertext() if code.strip()]
    assert len(codes) == 10
    now = await standing(portal, ann)
    assert ([app.name for app in now.totp], now.codes_left) == (["My phone"], 10)
    page = await inside.open(portal.url + ADD_KEY)
    await make_passkey(inside, Authenticator())
    assert inside.trail[-1].url.path == SECURITY
    now = await standing(portal, ann)
    assert (len(now.passkeys), now.codes_left) == (1, 10)
    actions = await portal.actions()
    assert [a for a in actions if a.startswith("factor")] == [
        "factor.added", "factor.codes_made", "factor.added"
    ]  # fmt: skip


async def test_a_passkey_is_named_by_its_browser_or_its_owner(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    for name in ("", "Blue key"):
        await inside.open(portal.url + ADD_KEY)
        await make_passkey(inside, Authenticator(), name=name)
    first, second = (await standing(portal, ann)).passkeys
    assert first.name.startswith("Passkey")
    assert second.name == "Blue key"


async def test_codes_in_a_file_say_whose_they_are_and_of_when(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    await add_app(inside, portal)
    assert heading_of(inside.page) == await expected_heading(portal, ann)
    await inside.open(portal.url + CODES)
    await press(inside)
    assert heading_of(inside.page) == await expected_heading(portal, ann)


def heading_of(page: Document) -> list[str]:
    (buttons,) = [e for e in page.root.iter() if "data-codes" in e.attrib]
    return buttons.attrib["data-heading"].splitlines()


async def expected_heading(portal: Portal, person: Person) -> list[str]:
    return [
        f"Recovery codes for {portal.settings.site_name}",
        f"Account: {person.email}",
        f"Made on {datetime.now(UTC):%-d %b %Y}. Older ones do not work any more.",
        "Each works once.",
    ]


async def test_other_sessions_end_and_this_one_gets_a_new_id(
    portal: Portal, inside: Browser, new_browser: NewBrowser, ann: Person, bob: Person
) -> None:
    other, bobs = new_browser(), new_browser()
    await sign_in(other, portal, ann)
    await sign_in(bobs, portal, bob)
    before = session_of(inside)
    await add_app(inside, portal)
    assert session_of(inside) != before
    assert await sessions(portal, ann) == {session_of(inside)}
    assert (await other.open(portal.url + ADD_APP)).url.path == "/login"
    assert (await bobs.open(portal.url + ADD_APP)).status == 200
    async with portal.store.reading() as rows:
        found = await rows.portal_sessions.find(session_of(inside))
    assert found is not None
    assert found[0].acr == "aal2", "the password and the code were proved"


async def test_a_wrong_code_keeps_the_picture(portal: Portal, inside: Browser) -> None:
    page = await inside.open(portal.url + ADD_APP)
    secret = page.element("totp-secret").text
    inside.fill("code", "000 000")
    inside.fill("name", "Phone")
    page = await press(inside)
    assert page.status == 422
    assert "not right" in page.text
    assert page.element("totp-secret").text == secret
    assert page.element("name").get("value") == "Phone"


async def test_a_form_is_taken_once(portal: Portal, inside: Browser, ann: Person) -> None:
    await inside.open(portal.url + ADD_KEY)
    shown = inside.page
    key = Authenticator()
    await make_passkey(inside, key)
    inside.show(shown)
    page = await make_passkey(inside, Authenticator())
    assert page.status == 403, "the session has another id now"
    assert len((await standing(portal, ann)).passkeys) == 1


async def test_a_browser_without_a_script_is_told_why(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    page = await inside.open(portal.url + ADD_KEY)
    assert "Passkeys need JavaScript" in page.text
    page = await press(inside)
    assert page.status == 422
    assert "JavaScript" in page.text
    assert (await standing(portal, ann)).passkeys == ()


async def test_new_codes_end_the_old_ones_when_they_are_made(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    assert (await inside.open(portal.url + CODES)).status == 404
    page = await add_app(inside, portal)
    first = page.element("recovery-codes")
    page = await inside.open(portal.url + CODES)
    assert "still use 10 of your codes" in page.text
    page = await press(inside)
    assert page.status == 200
    assert "".join(page.element("recovery-codes").itertext()) != "".join(first.itertext())
    assert (await standing(portal, ann)).codes_left == 10


async def test_a_factor_gets_another_name(portal: Portal, inside: Browser, ann: Person) -> None:
    await add_app(inside, portal)
    (app,) = (await standing(portal, ann)).totp
    await inside.open(f"{portal.url}{RENAME}?kind=totp&id={app.id}")
    inside.fill("name", "Old phone")
    await press(inside)
    assert inside.trail[-1].url.path == SECURITY
    assert [app.name for app in (await standing(portal, ann)).totp] == ["Old phone"]
    await inside.open(f"{portal.url}{RENAME}?kind=totp&id={app.id}")
    inside.fill("name", "n" * 65)
    page = await press(inside)
    assert page.status == 422
    assert "64 characters" in page.text


async def test_with_the_last_factor_its_codes_end(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    await add_app(inside, portal)
    await inside.open(portal.url + ADD_KEY)
    await make_passkey(inside, Authenticator())
    now = await standing(portal, ann)
    page = await inside.open(f"{portal.url}{REMOVE}?kind=totp&id={now.totp[0].id}")
    assert "With your passkey." in page.text
    assert "With your password and a recovery code." in page.text
    before = session_of(inside)
    await press(inside)
    assert session_of(inside) != before
    key = now.passkeys[0].credential_id
    page = await inside.open(f"{portal.url}{REMOVE}?kind=passkey&id={key}")
    assert "With your password alone. Your recovery codes end, too." in page.text
    await press(inside)
    assert await standing(portal, ann) == Standing()
    assert (await portal.actions())[-2:] == ["factor.removed", "factor.removed"]


async def test_who_must_have_a_second_factor_keeps_one(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal()
    ann, browser = await portal.add_user("ann@example.org"), new_browser(at=portal)
    await sign_in(browser, portal, ann)
    await add_app(browser, portal)
    (app,) = (await standing(portal, ann)).totp
    page = await browser.open(f"{portal.url}{REMOVE}?kind=totp&id={app.id}")
    strict = await new_portal(PORTAL_SECOND_FACTOR_FOR="everyone")
    demanding = new_browser(at=strict)
    demanding.cookies.update(browser.cookies)
    demanding.show(page)
    page = await press(demanding)
    assert page.status == 422
    assert "your last second step" in page.text
    assert (await standing(portal, ann)).has_second_factor
    page = await demanding.open(f"{strict.url}{REMOVE}?kind=totp&id={app.id}")
    assert "your last second step" in page.text
    assert not list(page.element("content").iter("button"))


async def test_the_last_way_in_cannot_be_removed(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    await inside.open(portal.url + ADD_KEY)
    await make_passkey(inside, Authenticator())
    await add_app(inside, portal)
    now = await standing(portal, ann)
    key = now.passkeys[0].credential_id
    page = await inside.open(f"{portal.url}{REMOVE}?kind=passkey&id={key}")
    change(portal, "UPDATE users SET password_hash = NULL WHERE subject = ?", ann.subject)
    page = await press(inside)
    assert page.status == 422
    assert "last way to sign in" in page.text
    after = await standing(portal, ann)
    assert (len(after.passkeys), len(after.totp), after.codes_left) == (1, 1, 10)


async def test_somebody_elses_factor_does_not_exist(
    portal: Portal, inside: Browser, new_browser: NewBrowser, ann: Person, bob: Person
) -> None:
    await add_app(inside, portal)
    (app,) = (await standing(portal, ann)).totp
    bobs = new_browser()
    await sign_in(bobs, portal, bob)
    for path in (RENAME, REMOVE):
        assert (await bobs.open(f"{portal.url}{path}?kind=totp&id={app.id}")).status == 404
        page = await inside.open(f"{portal.url}{path}?kind=totp&id={app.id}")
        page = await bobs.open(portal.url + ADD_APP)
        values = {"kind": "totp", "id": app.id, "form_token": field(page, "form_token")}
        answer = await bobs._http.post(path, data=values)
        assert answer.status_code == 404
    assert [app.name for app in (await standing(portal, ann)).totp] == [app.name]


async def test_who_signed_in_long_ago_does_it_again_first(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    await add_app(inside, portal)
    (app,) = (await standing(portal, ann)).totp
    change(
        portal,
        "UPDATE portal_sessions SET authenticated_at = '2026-01-01 00:00:00.000000', seen_at = ?",
        datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    )
    # an absolute limit may have ended the session altogether; either way the password is asked for
    for path in (ADD_KEY, ADD_APP, CODES, f"{REMOVE}?kind=totp&id={app.id}"):
        page = await inside.open(portal.url + path)
        assert page.url.path.startswith("/login")


async def test_a_password_alone_adds_nothing_to_what_somebody_has(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    await add_app(inside, portal)
    change(portal, "UPDATE portal_sessions SET acr = 'aal1'")
    for path in (ADD_KEY, ADD_APP, CODES):
        page = await inside.open(portal.url + path)
        assert page.url.path.startswith("/login")


@pytest.mark.parametrize(
    "path", ["/account/security/password", "/account/security/delete", "/account/email"]
)
async def test_nor_does_it_change_the_password_or_the_address_or_delete_the_account(
    portal: Portal, inside: Browser, ann: Person, path: str
) -> None:
    assert (await inside.open(portal.url + path)).url.path == path
    await add_app(inside, portal)
    assert (await inside.open(portal.url + path)).url.path == path, "the app was proved just now"
    change(portal, "UPDATE portal_sessions SET acr = 'aal1'")
    page = await inside.open(portal.url + path)
    assert (page.url.path, page.url.params["next"]) == ("/login", path)


@pytest.mark.parametrize("path", [ADD_KEY, ADD_APP, CODES, RENAME, REMOVE])
@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": "1"},
        {"kind": "password"},
        {"credential": "{" * 9000, "sealed": "x", "code": "1", "id": "x", "kind": "totp"},
        {"credential": "\x00"},
        {"id": "\ufffe"},
        {"name": "x" * 60_000},
    ],
)
async def test_hostile_forms_change_nothing(
    portal: Portal, inside: Browser, ann: Person, path: str, changes: dict[str, str]
) -> None:
    page = await inside.open(portal.url + ADD_APP)
    before = await portal.actions()
    values = {"form_token": field(page, "form_token")} | changes
    answer = await inside._http.post(path, data=values)
    assert 400 <= answer.status_code < 500
    assert await portal.actions() == before
    assert await standing(portal, ann) == Standing()


async def test_a_portal_at_an_address_makes_no_passkeys(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal(BASE_URL="https://203.0.113.9")
    ann, browser = await portal.add_user("ann@example.org"), new_browser(at=portal)
    await sign_in(browser, portal, ann)
    page = await browser.open(portal.url + ADD_APP)
    assert page.status == 200
    assert (await browser.open(portal.url + ADD_KEY)).status == 404
    answer = await browser._http.post(ADD_KEY, data={"form_token": "x"})
    assert answer.status_code in (403, 404)


async def test_the_person_is_told_by_mail(
    new_portal: NewPortal, new_browser: NewBrowser, ann: Person
) -> None:
    portal = await new_portal(PORTAL_SMTP_URL="smtp://mail.example.org")
    browser = new_browser(at=portal)
    await sign_in(browser, portal, ann)
    await add_app(browser, portal)
    (app,) = (await standing(portal, ann)).totp
    await browser.open(f"{portal.url}{REMOVE}?kind=totp&id={app.id}")
    await press(browser)
    now = datetime.now(UTC)
    async with portal.store.writing() as rows:
        mails = await rows.outgoing_mails.claim_due(now=now, limit=10, lease=timedelta(minutes=1))
    letters = [json.loads(portal.services.sealer.open(mail.sealed, PURPOSE)) for mail in mails]
    assert [ann.email in json.dumps(letter) for letter in letters] == [True] * 3
    kinds = ("factor_added", "codes_made", "factor_removed")
    assert all(kind in json.dumps(letters) for kind in kinds)


async def test_secrets_stay_out_of_the_trail_and_the_log(
    portal: Portal, inside: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    page = await add_app(inside, portal)
    codes = [code for code in page.element("recovery-codes").itertext() if code.strip()]
    async with portal.store.reading() as rows:
        trail = await rows.audit.list_page(after=None, limit=100, oldest_first=True)
    details = repr([event.detail for event in trail.events]) + caplog.text
    assert not any(code in details for code in codes)
    assert {"kind": "totp"}.items() <= trail.events[-2].detail.items()


@pytest.mark.parametrize("path", [ADD_KEY, ADD_APP, CODES, RENAME, REMOVE])
async def test_a_stale_form_comes_back_and_changes_nothing(
    portal: Portal, inside: Browser, ann: Person, path: str
) -> None:
    await add_app(inside, portal)
    (app,) = (await standing(portal, ann)).totp
    page = await inside.open(f"{portal.url}{path}?kind=totp&id={app.id}")
    assert page.status == 200
    before = await portal.actions()
    values = {e.get("name", ""): e.get("value", "") for e in page.element("content").iter("input")}
    answer = await inside._http.post(path, data=values | {"form_token": "AAAA" * 16})
    assert answer.status_code == 403
    assert "was sent before" in answer.text or "Nothing was changed" in answer.text
    assert await portal.actions() == before


async def test_a_changed_secret_begins_anew(portal: Portal, inside: Browser, ann: Person) -> None:
    page = await inside.open(portal.url + ADD_APP)
    secret = page.element("totp-secret").text
    assert secret
    values = {"form_token": field(page, "form_token"), "sealed": "x.y", "code": "123456"}
    for token, status in ((values["form_token"], 422), ("x", 403)):
        answer = await inside._http.post(ADD_APP, data=values | {"form_token": token})
        assert answer.status_code == status
        assert secret not in answer.text
        assert "totp-secret" in answer.text
    assert await standing(portal, ann) == Standing()


async def test_an_app_is_added_once_also_by_going_back(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    page = await inside.open(portal.url + ADD_APP)
    secret = "".join(page.element("totp-secret").itertext()).replace(" ", "")
    sealed = field(page, "sealed")
    inside.fill("code", pyotp.TOTP(secret).now())
    await press(inside)
    page = await inside.open(portal.url + ADD_APP)
    values = {"form_token": field(page, "form_token"), "sealed": sealed}
    answer = await inside._http.post(ADD_APP, data=values | {"code": pyotp.TOTP(secret).now()})
    assert answer.status_code == 422
    assert "added already" in answer.text
    assert len((await standing(portal, ann)).totp) == 1


async def test_a_refused_passkey_keeps_the_name(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    await inside.open(portal.url + ADD_KEY)
    page = await make_passkey(inside, Authenticator(origin="https://evil.example"), name="Key")
    assert page.status == 422
    assert "could not be added" in page.text
    assert page.element("name").get("value") == "Key"
    assert await standing(portal, ann) == Standing()


async def test_a_passkey_gets_another_name(portal: Portal, inside: Browser, ann: Person) -> None:
    await inside.open(portal.url + ADD_KEY)
    await make_passkey(inside, Authenticator(), name="Key")
    (key,) = (await standing(portal, ann)).passkeys
    for name, expected in (("Key", "Key"), ("Ring", "Ring")):
        await inside.open(f"{portal.url}{RENAME}?kind=passkey&id={key.credential_id}")
        inside.fill("name", name)
        await press(inside)
        (key,) = (await standing(portal, ann)).passkeys
        assert key.name == expected
    assert (await portal.actions()).count("factor.renamed") == 1
    for kind in ("totp", "password", ""):
        page = await inside.open(f"{portal.url}{REMOVE}?kind={kind}&id={key.credential_id}")
        assert page.status == 404


@pytest.mark.parametrize("kind", ["passkey", "totp"])
@pytest.mark.parametrize("name", ["", "   ", "\u00a0"])
async def test_an_empty_name_is_refused_at_its_field(
    portal: Portal, inside: Browser, ann: Person, kind: str, name: str
) -> None:
    if kind == "passkey":
        await inside.open(portal.url + ADD_KEY)
        await make_passkey(inside, Authenticator(), name="Key")
        factor_id = (await standing(portal, ann)).passkeys[0].credential_id
    else:
        await add_app(inside, portal)
        factor_id = (await standing(portal, ann)).totp[0].id
    before = await names(portal, ann)
    await inside.open(f"{portal.url}{RENAME}?kind={kind}&id={factor_id}")
    inside.fill("name", name)
    page = await press(inside)
    assert page.status == 422
    assert page.element("name").get("aria-invalid") == "true"
    assert "Type a name" in words(page.element("name-problem"))
    assert await names(portal, ann) == before
    assert "factor.renamed" not in await portal.actions()


async def test_codes_that_are_loaded_again_say_that_they_were_made(
    portal: Portal, inside: Browser, ann: Person
) -> None:
    """The same form once more: its token is none of the new session's."""
    await add_app(inside, portal)
    page = await inside.open(f"{portal.url}/account/security/codes")
    values = {e.get("name", ""): e.get("value", "") for e in page.element("content").iter("input")}
    made = await inside._http.post("/account/security/codes", data=values)
    assert made.status_code == 200
    again = await inside._http.post("/account/security/codes", data=values)
    assert again.status_code == 403
    assert "was sent before" in again.text
    assert "Nothing was changed" not in again.text
    assert (await portal.actions()).count("factor.codes_made") == 2
