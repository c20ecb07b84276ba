"""One's own data: seen by oneself, changed where it is one's own, told to apps that may see it."""

import pytest

from portal import i18n
from portal.claims.standard import FIELDS
from tests.driver import Browser, Document, words
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person
from tests.test_routes import change

PATH = "/account/profile"


async def open_profile(browser: Browser, portal: Portal) -> Document:
    page = await browser.open(portal.url + PATH)
    assert page.status == 200, page
    return page


async def save(browser: Browser, **typed: str) -> Document:
    for element_id, text in typed.items():
        browser.fill(element_id.replace("_of_", "-"), text)
    return await browser.click("save")


async def test_what_was_typed_is_kept(portal: Portal, browser: Browser, ann: Person) -> None:
    await sign_in(browser, portal, ann)
    await open_profile(browser, portal)
    page = await save(
        browser,
        name="Ann Example",
        given_name="Ann",
        phone_number="+49 30 123456",
        address_of_locality="Berlin",
        birthdate="1990-12-31",
        website="https://ann.example.org/",
    )
    assert page.query == {"notice": "saved"}
    assert page.element("name").get("value") == "Ann Example"
    assert page.element("address-locality").get("value") == "Berlin"
    user = await portal.user(ann)
    assert user.name == "Ann Example"
    assert user.profile["given_name"] == "Ann"
    assert user.profile["address"] == {"locality": "Berlin"}
    assert (await portal.actions())[-1] == "user.profile_changed"


async def test_saving_what_is_there_changes_nothing(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    await open_profile(browser, portal)
    page = await save(browser)
    assert page.query == {"notice": "unchanged"}
    assert "user.profile_changed" not in await portal.actions()


async def test_what_is_emptied_is_forgotten(portal: Portal, browser: Browser, ann: Person) -> None:
    await sign_in(browser, portal, ann)
    await open_profile(browser, portal)
    await save(browser, nickname="Annie")
    page = await save(browser, nickname="", name="")
    assert page.query == {"notice": "saved"}
    user = await portal.user(ann)
    assert user.name is None
    assert "nickname" not in user.profile


async def test_what_cannot_be_is_told_at_its_field_and_nothing_is_saved(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    await open_profile(browser, portal)
    page = await save(browser, nickname="Annie", birthdate="31.12.1990", website="javascript:1")
    assert page.status == 422
    assert page.title.startswith("Error: ")
    for name in ("birthdate", "website"):
        assert page.element(name).get("aria-invalid") == "true"
        assert words(page.element(f"{name}-problem"))
    assert page.element("nickname").get("aria-invalid") is None
    assert page.element("nickname").get("value") == "Annie"
    assert page.element("birthdate").get("value") == "31.12.1990"
    summary = page.element("form-error")
    assert "autofocus" in summary.attrib
    links = {link.get("href"): words(link) for link in summary.iter("a")}
    assert set(links) == {"#birthdate", "#website"}
    assert links["#birthdate"].startswith("Date of birth: ")
    assert (await portal.user(ann)).profile == {}


@pytest.mark.parametrize("field_name", [each.name for each in FIELDS])
@pytest.mark.parametrize("text", ["x" * 20_000, "\u202e\u200b", "<script>alert(1)</script>"])
async def test_odd_texts_are_answered_calmly(
    portal: Portal, browser: Browser, ann: Person, field_name: str, text: str
) -> None:
    await sign_in(browser, portal, ann)
    page = await open_profile(browser, portal)
    form = {field_name: text, "form_token": field(page, "form_token")}
    answer = await browser._http.post(PATH, data=form)
    assert answer.status_code in (303, 422)
    assert "<script>alert" not in answer.text
    assert "<script>alert" not in (await open_profile(browser, portal)).html


@pytest.mark.parametrize(
    "form",
    [
        {"email": "eve@example.org"},
        {"email_verified": "1"},
        {"admin": "1"},
        {"phone_number_verified": "yes"},
        {"preferred_username": "admin"},
        {"sub": "x"},
        {"name": "a\x00b"},
    ],
)
async def test_what_is_not_theirs_to_set_is_refused(
    portal: Portal, browser: Browser, ann: Person, form: dict[str, str]
) -> None:
    await sign_in(browser, portal, ann)
    page = await open_profile(browser, portal)
    token = {"form_token": field(page, "form_token")}
    answer = await browser._http.post(PATH, data=form | token)
    assert answer.status_code == 400
    user = await portal.user(ann)
    assert (user.email, user.admin, user.profile) == (ann.email, False, {})


async def test_what_was_not_sent_stays(portal: Portal, browser: Browser, ann: Person) -> None:
    await sign_in(browser, portal, ann)
    page = await open_profile(browser, portal)
    form = {"nickname": "Annie", "form_token": field(page, "form_token")}
    assert (await browser._http.post(PATH, data=form)).status_code == 303
    user = await portal.user(ann)
    assert (user.name, user.profile) == ("Ann", {"nickname": "Annie"})


async def test_a_stale_form_keeps_what_was_typed_and_saves_nothing(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    form = await open_profile(browser, portal)
    await sign_in(browser, portal, ann)
    browser.show(form)
    page = await save(browser, nickname="Annie")
    assert page.status == 403
    assert page.element("nickname").get("value") == "Annie"
    assert (await portal.user(ann)).profile == {}
    assert (await browser.click("save")).query == {"notice": "saved"}


async def test_browsers_can_fill_it_in(portal: Portal, browser: Browser, ann: Person) -> None:
    await sign_in(browser, portal, ann)
    page = await open_profile(browser, portal)
    for element_id, token in {
        "name": "name",
        "given_name": "given-name",
        "phone_number": "tel",
        "address-street_address": "street-address",
        "address-postal_code": "postal-code",
        "address-country": "country-name",
        "birthdate": "bday",
        "website": "url",
    }.items():
        assert page.element(element_id).get("autocomplete") == token


async def test_the_address_is_changed_on_its_own_page(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    page = await open_profile(browser, portal)
    assert not page.has("email")
    assert ann.email in page.text
    assert page.link("Change your address").endswith("/account/email")


async def test_apps_are_named_with_what_they_see(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    assert "No app sees any of it" in (await open_profile(browser, portal)).text
    await portal.add_grant(ann, client_name="Photo Printer")
    await portal.add_grant(ann, "bare", client_name="Bare", scopes=["openid"])
    page = await open_profile(browser, portal)
    assert "Photo Printer" in page.text
    assert "Bare" not in page.text


async def test_the_operators_attributes_are_seen_where_they_may_be(
    new_portal: NewPortal, new_browser: NewBrowser, tmp_path
) -> None:
    definitions = tmp_path / "attributes.toml"
    definitions.write_text(
        '[department]\ntitle = "Department"\n'
        '[score]\ntitle = "Risk score"\ntype = "number"\nvisible = false\n'
    )
    portal = await new_portal(PORTAL_ATTRIBUTES=str(definitions))
    eve = await portal.add_user(
        "eve@example.org", attributes={"department": "Sales & more", "score": 7, "gone": "x"}
    )
    browser = new_browser(at=portal)
    await sign_in(browser, portal, eve)
    page = await open_profile(browser, portal)
    assert "Department" in page.text
    assert "Sales & more" in page.text
    assert "Risk score" not in page.text
    answer = await browser._http.post(
        PATH, data={"department": "Board", "form_token": field(page, "form_token")}
    )
    assert answer.status_code == 400


async def test_nobody_sees_anybody_elses(
    portal: Portal, new_browser: NewBrowser, ann: Person, bob: Person
) -> None:
    change(
        portal, "UPDATE users SET profile = ? WHERE subject = ?", '{"nickname": "B"}', bob.subject
    )
    browser = new_browser()
    await sign_in(browser, portal, ann)
    page = await open_profile(browser, portal)
    assert page.element("nickname").get("value") == ""
    assert bob.email not in page.html


# The language


def languages_of(page: Document) -> dict[str, str]:
    return {option.get("value", ""): words(option) for option in page.element("locale")}


def chosen_in(page: Document) -> list[str]:
    options = page.element("locale")
    return [option.get("value", "") for option in options if "selected" in option.attrib]


async def test_the_language_is_chosen_among_those_of_the_pages_and_spoken_at_once(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    page = await open_profile(browser, portal)
    assert languages_of(page) == {"": "As my browser says"} | i18n.NAMES
    assert chosen_in(page) == [""]
    browser.select("locale", "ar")
    page = await browser.click("save")
    assert page.response.headers["content-language"] == "ar"
    assert chosen_in(page) == ["ar"]
    assert (await portal.user(ann)).profile == {"locale": "ar"}
    browser.select("locale", "")
    page = await browser.click("save")
    assert page.response.headers["content-language"] == "en"
    assert (await portal.user(ann)).profile == {}


async def test_a_language_that_the_pages_do_not_speak_stays_until_another_is_chosen(
    portal: Portal, browser: Browser
) -> None:
    for number, (tag, name) in enumerate(
        {"pt-BR": "português (Brasil)", "tlh": "tlh", "de-x1y2z": "de-x1y2z"}.items()
    ):
        person = await portal.add_user(f"p{number}@example.org", profile={"locale": tag})
        await sign_in(browser, portal, person)
        page = await open_profile(browser, portal)
        assert languages_of(page)[tag] == name
        assert chosen_in(page) == [tag]
        page = await browser.click("save")
        assert page.query == {"notice": "unchanged"}
        assert (await portal.user(person)).profile == {"locale": tag}


async def test_what_is_no_language_is_told_at_its_field_and_what_was_kept_stays_to_choose(
    portal: Portal, browser: Browser
) -> None:
    eve = await portal.add_user("eve@example.org", profile={"locale": "en-GB"})
    await sign_in(browser, portal, eve)
    page = await open_profile(browser, portal)
    form = {"locale": "no language", "form_token": field(page, "form_token")}
    answer = Document(await browser._http.post(PATH, data=form))
    assert answer.status == 422
    assert words(answer.element("locale-problem"))
    assert chosen_in(answer) == ["no language"]
    assert "en-GB" in languages_of(answer)
    assert (await portal.user(eve)).profile == {"locale": "en-GB"}


@pytest.mark.parametrize(("choice", "spoken"), [("de", "de"), ("", "en")])
async def test_what_was_chosen_at_the_foot_of_a_page_before_does_not_stand_in_its_way(
    portal: Portal, browser: Browser, choice: str, spoken: str
) -> None:
    eve = await portal.add_user("eve@example.org", profile={"locale": "es"})
    await sign_in(browser, portal, eve)
    for instead_of in ("es", "de"):
        form = {"language": "fr", "instead_of": instead_of, "back": PATH}
        await browser._http.post("/language", data=form)
    await open_profile(browser, portal)
    browser.select("locale", choice)
    page = await browser.click("save")
    assert page.response.headers["content-language"] == spoken
