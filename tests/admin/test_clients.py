"""The apps that are registered at Ory: found, registered, changed, given a new secret, deleted."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

import httpx
import pytest

from portal.admin import client_listing
from portal.store.audit import AuditSearch
from portal.store.tables import ClientPolicy
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document, words
from tests.fixtures.portal import Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person


@pytest.fixture(autouse=True)
async def signed_in(browser: Browser, portal: Portal, admin: Person) -> None:
    await sign_in(browser, portal, admin)


async def at(browser: Browser, portal: Portal, path: str = "", **terms: str) -> Document:
    return await browser.open(httpx.URL(f"{portal.url}/admin/clients{path}", params=terms))


async def press(browser: Browser) -> Document:
    """Send the form of the page."""
    main = browser.page.element("content")
    (button,) = [b for b in main.iter("button") if b.get("type") == "submit"]
    return await browser.submit(button)


def type_into(browser: Browser, element_id: str, text: str) -> None:
    element = browser.page.element(element_id)
    if element.tag == "textarea":
        element.text = text
    else:
        element.set("value", text)


async def new(browser: Browser, portal: Portal) -> Document:
    """The form of a new app, with all that it asks for."""
    page = await at(browser, portal, "/create")
    type_into(browser, "client_name", "Photos")
    return page


def names(page: Document) -> list[str]:
    return [
        words(row.find(".//bdi")) for row in page.root.iter("tr") if row.find(".//td") is not None
    ]


def box(page: Document, name: str, value: str) -> Element:
    return page.box(name, value)


async def details(portal: Portal, action: str) -> list[dict[str, Any]]:
    async with portal.store.reading() as rows:
        found = await rows.audit.list_page(AuditSearch(actions=(action,)), after=None, limit=100)
    return [event.detail for event in found.events]


async def policy(portal: Portal, client_id: str = "photos") -> ClientPolicy | None:
    async with portal.store.reading() as rows:
        return await rows.policies.find(client_id)


# The list


async def test_without_apps_the_page_says_how_to_register_one(
    browser: Browser, portal: Portal
) -> None:
    page = await at(browser, portal)
    assert "No apps yet" in page.text
    assert "portal clients create" in page.text
    assert page.link("Register an app").endswith("/admin/clients/create")


async def test_apps_are_listed_with_what_tells_them_apart(
    browser: Browser, portal: Portal, ory: OryDouble, ann: Person, bob: Person
) -> None:
    ory.plant_client("photos", client_name="Photos")
    ory.plant_client(
        "mail",
        client_name="mail",
        token_endpoint_auth_method="none",
        skip_consent=True,
        redirect_uris=["com.example.mail:/cb", "https://mail.test/cb", "https://mail.test/other"],
    )
    await portal.add_grant(ann)
    await portal.add_grant(bob)
    page = await at(browser, portal)
    assert names(page) == ["mail", "Photos"]
    mail, photos = [words(row) for row in page.root.iter("tr")][1:]
    assert "Public Nobody is asked about it" in mail
    assert mail.count("mail.test") == 1
    assert "com.example.mail: (an app on this device)" in mail
    assert "Confidential" in photos
    assert page.link("2 people").endswith("/admin/grants?client=photos")


async def test_names_and_ids_are_searched_whatever_their_case(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("b7f1", client_name="Photo Printer")
    ory.plant_client("mail-100%", client_name=None)
    for term, found in {
        "": ["mail-100%", "Photo Printer"],
        "PHOTO": ["Photo Printer"],
        " b7 ": ["Photo Printer"],
        "%": ["mail-100%"],
        "_": [],
        "' OR 1=1": [],
        "<script>": [],
    }.items():
        page = await at(browser, portal, app=term)
        assert names(page) == found, term
        assert page.element("app").get("value") == term
    assert "No app has this" in page.text


async def test_a_search_that_nobody_could_type_is_refused(browser: Browser, portal: Portal) -> None:
    for terms in ({"app": "x" * 321}, {"start": "-1"}, {"start": "x"}, {"start": "9999"}):
        assert (await at(browser, portal, **terms)).status == 400


async def test_pages_hold_every_app_once(browser: Browser, portal: Portal, ory: OryDouble) -> None:
    for number in range(120):
        ory.plant_client(f"app-{number:03}", client_name=f"App {number:03}")
    page, seen = await at(browser, portal, app="app"), []
    assert "Apps 1 to 50 of 120" in page.text
    while True:
        seen += names(page)
        if not any(link.get("rel") == "next" for link in page.root.iter("a")):
            break
        page = await browser.follow("Show more")
    assert seen == [f"App {number:03}" for number in range(120)]


async def test_beyond_the_bound_it_is_said_and_an_exact_id_still_finds(
    browser: Browser, portal: Portal, ory: OryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_listing, "MOST", 2)
    for client_id in ("a", "b", "c", "far-away"):
        ory.plant_client(client_id)
    page = await at(browser, portal)
    assert names(page) == ["A", "B"]
    assert "more apps than" in page.text
    assert names(await at(browser, portal, app="far-away")) == ["Far-Away"]
    assert names(await at(browser, portal, app="far")) == []


async def test_with_htmx_only_the_results_are_sent(browser: Browser, portal: Portal) -> None:
    answer = await browser._http.get("/admin/clients?app=x", headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<section id="clients-results"')
    assert "<html" not in answer.text


HOSTILE: dict[str, Any] = {
    "client_name": "<script>alert(1)</script>",
    "client_uri": "javascript:alert(1)",
    "policy_uri": "data:text/html,x",
    "logo_uri": "https://tracker.test/pixel.png",
    "redirect_uris": ["javascript:alert(1)", "https://[bad", 'https://x.test/"><img src=x>'],
    "owner": '"><img src=x>',
    "grant_types": ['" onclick="x'],
    "response_types": None,
    "contacts": None,
    "created_at": "yesterday",
    "token_endpoint_auth_method": "<b>",
}


async def test_hostile_texts_from_ory_are_shown_as_texts(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("evil", **HOSTILE)
    for page in (
        await at(browser, portal),
        await at(browser, portal, "/edit", client_id="evil"),
        await at(browser, portal, "/delete", client_id="evil"),
        await at(browser, portal, "/rotate", client_id="evil"),
    ):
        assert page.status == 200
        assert list(page.root.iter("img")) == []
        assert all((s.get("src") or "").startswith("/static/") for s in page.root.iter("script"))
        for element in page.root.iter():
            for name in ("href", "src", "action"):
                assert not (element.get(name) or "").startswith(("javascript:", "data:", "https:"))


async def test_an_id_that_no_database_of_ours_keeps_hides_no_other_app(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("pho\x00tos", client_name="Odd")
    ory.plant_client("mail", client_name="Mail")
    assert names(await at(browser, portal)) == ["Mail", "Odd"]


@pytest.mark.parametrize("path", ["", "/edit?client_id=x", "/delete?client_id=x"])
async def test_ory_away_is_told_and_leads_back(
    browser: Browser, portal: Portal, ory: OryDouble, path: str
) -> None:
    ory.down()
    assert (await browser.open(f"{portal.url}/admin/clients{path}")).status == 503
    ory.garbage()
    assert (await browser.open(f"{portal.url}/admin/clients{path}")).status == 502


@pytest.mark.parametrize("client_id", ["nobody", "", "..", "a/b", "x" * 3000])
async def test_an_app_that_is_none_is_not_found(
    browser: Browser, portal: Portal, client_id: str
) -> None:
    for path in ("/edit", "/delete", "/rotate"):
        assert (await at(browser, portal, path, client_id=client_id)).status == 404


# Registering


async def test_a_new_app_is_as_in_ory_s_tutorials(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    await new(browser, portal)
    type_into(browser, "client_name", " Photos ")
    page = await press(browser)
    assert page.status == 200
    (made,) = ory.clients.values()
    assert made["client_name"] == "Photos"
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    assert made["response_types"] == ["code", "id_token"]
    assert made["scope"] == "openid offline"
    assert made["redirect_uris"] == ["http://127.0.0.1:5555/callback"]
    assert words(page.element("client-id")) == made["client_id"]
    (told,) = await details(portal, "client.created")
    assert told["app"] == "Photos"
    assert {"client_id", "redirect_uris", "scope"} <= set(told["fields"])
    assert await policy(portal, made["client_id"]) is None


async def test_the_secret_is_on_the_answer_and_nowhere_else(
    browser: Browser, portal: Portal, ory: OryDouble, caplog: pytest.LogCaptureFixture
) -> None:
    await new(browser, portal)
    page = await press(browser)
    secret = words(page.element("client-secret"))
    assert len(secret) > 20
    assert page.response.headers["cache-control"] == "no-store"
    assert secret not in str(page.url)
    assert secret not in caplog.text
    (client_id,) = ory.clients
    for other in (
        await at(browser, portal),
        await at(browser, portal, "/edit", client_id=client_id),
    ):
        assert secret not in other.html
    async with portal.store.reading() as rows:
        events = (await rows.audit.list_page(after=None, limit=100)).events
    assert all(secret not in str(event.detail) for event in events)


async def test_a_public_app_has_no_secret(browser: Browser, portal: Portal, ory: OryDouble) -> None:
    await new(browser, portal)
    choose_method(browser, "none")
    page = await press(browser)
    assert not page.has("client-secret")
    assert "has no secret" in page.text
    (client_id,) = ory.clients
    assert (
        "Replace the secret" not in (await at(browser, portal, "/edit", client_id=client_id)).text
    )
    assert (await at(browser, portal, "/rotate", client_id=client_id)).status == 404


def choose_method(browser: Browser, value: str) -> None:
    for option in browser.page.element("token_endpoint_auth_method").iter("option"):
        option.attrib.pop("selected", None)
        if option.get("value") == value:
            option.set("selected", "")


async def test_a_form_that_is_sent_twice_makes_one_app(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    form = await new(browser, portal)
    await press(browser)
    browser.show(form)
    page = await press(browser)
    assert page.status == 422
    assert "exists already" in words(page.element("client_id-problem"))
    assert len(ory.clients) == 1


async def test_everything_typed_is_kept_when_ory_refuses(
    browser: Browser, portal: Portal, ory: OryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    ory.status(
        400, {"error": "invalid_client_metadata", "error_description": "The contacts are wrong."}
    )
    await refill(browser, portal, ory)
    page = await press(browser)
    assert page.status == 422
    assert "Ory refuses this: invalid_client_metadata The contacts are wrong." in words(
        page.element("form-error")
    )
    assert page.element("client_name").get("value") == "Photos <3"
    assert page.element("contacts").text == "ann@example.org"
    assert "checked" in page.element("verified").attrib
    assert "checked" not in box(page, "grant_types", "refresh_token").attrib
    assert ory.clients == {}
    assert await portal.actions() == ["portal.signed_in"]


async def refill(browser: Browser, portal: Portal, ory: OryDouble) -> None:
    await new(browser, portal)
    type_into(browser, "client_name", "Photos <3")
    type_into(browser, "contacts", "ann@example.org")
    browser.tick("verified")
    browser.choose("grant_types", "authorization_code")


WRONG = {
    "client_id": ["", "a/b", "..", "a b", "é", "x" * 256],
    "client_name": ["", "  ", "\u200b", "x" * 256],
    "redirect_uris": [
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https://a.test/#part",
        "/callback",
        "a.test/callback",
        "https://",
        "https://[bad",
        "https://ok.test/\nnonsense",
    ],
    "post_logout_redirect_uris": ["javascript:alert(1)"],
    "scope": ["", "  ", 'a"b', "a\\b", "é"],
    "client_uri": ["javascript:alert(1)", "data:x", "ftp://a.test", "a.test", "https://"],
    "policy_uri": ["javascript:alert(1)"],
    "tos_uri": ["vbscript:x"],
    "logo_uri": ["data:image/png;base64,AAAA"],
    "jwks_uri": ["file:///etc/passwd"],
    "required_scopes": ['a"b'],
    "contacts": ["ann", "@a.test", "ann@", "a b@a.test", "ann@a.test, bob@a.test", "ann@a.test\nx"],
    "longest_grant": ["0", "soon", "-1d", "4000d", "1.5h"],
}


async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_sent(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    for element_id, texts in WRONG.items():
        for text in texts:
            await new(browser, portal)
            type_into(browser, element_id, text)
            page = await press(browser)
            assert page.status == 422, (element_id, text)
            assert words(page.element(f"{element_id}-problem")), (element_id, text)
            kept = page.element(element_id)
            assert (kept.get("value") if kept.tag == "input" else kept.text or "") == text
    assert ory.clients == {}


async def test_all_that_is_wrong_is_said_at_once(browser: Browser, portal: Portal) -> None:
    await new(browser, portal)
    type_into(browser, "scope", "")
    type_into(browser, "tos_uri", "x")
    browser.choose("grant_types")
    page = await press(browser)
    assert words(page.element("form-error")).startswith("3 fields need another look.")
    for name, label in (("scope", "Permissions"), ("tos_uri", "Terms of service")):
        assert words(page.element("form-error").find(f".//a[@href='#{name}']")).startswith(label)
    assert page.has("grant_types-1"), "the first of several boxes is where its link leads"
    assert page.element("form-error").find(".//a[@href='#grant_types-1']") is not None
    assert page.has("grant_types-problem")


async def test_addresses_of_apps_on_devices_are_addresses(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    await new(browser, portal)
    uris = ["com.example.app:/callback", "http://127.0.0.1/cb", "https://a.test/cb?x=1"]
    type_into(browser, "redirect_uris", "\r\n".join(uris) + "\r\n\r\n")
    assert (await press(browser)).status == 200
    assert next(iter(ory.clients.values()))["redirect_uris"] == uris


async def test_an_app_that_signs_nobody_in_needs_no_address(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    await new(browser, portal)
    type_into(browser, "redirect_uris", "")
    browser.choose("grant_types", "client_credentials")
    assert (await press(browser)).status == 200


async def test_contacts_are_e_mail_addresses_and_stay_as_they_were_typed(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    await new(browser, portal)
    type_into(browser, "contacts", " Ann@Example.org \n\nops+apps@corp.local\n")
    assert (await press(browser)).status == 200
    (made,) = ory.clients.values()
    assert made["contacts"] == ["Ann@Example.org", "ops+apps@corp.local"]


# Changing


async def test_what_an_app_lacked_all_along_is_not_asked_for(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos", client_name="", contacts=["the night shift"])
    await at(browser, portal, "/edit", client_id="photos")
    type_into(browser, "owner", "Ann")
    assert "Saved." in (await press(browser)).text
    assert ory.clients["photos"]["contacts"] == ["the night shift"]


async def test_an_apps_name_is_not_taken_away(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos", client_name="Photos")
    await at(browser, portal, "/edit", client_id="photos")
    type_into(browser, "client_name", "")
    page = await press(browser)
    assert page.status == 422
    assert words(page.element("client_name-problem"))
    assert ory.clients["photos"]["client_name"] == "Photos"


async def test_only_what_was_changed_is_sent(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    before = dict(
        ory.plant_client("photos", metadata={"team": "x"}, jwks_uri="https://a.test/keys")
    )
    await at(browser, portal, "/edit", client_id="photos")
    type_into(browser, "client_name", "Pictures")
    page = await press(browser)
    assert "Saved." in page.text
    assert page.element("client_name").get("value") == "Pictures"
    after = dict(ory.clients["photos"])
    assert after.pop("updated_at") != before.pop("updated_at")
    assert after == before | {"client_name": "Pictures"}
    assert await details(portal, "client.updated") == [
        {"app": "Pictures", "fields": ["client_name"]}
    ]
    assert await details(portal, "policy.changed") == []


async def test_a_form_that_changes_nothing_tells_ory_nothing(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos", grant_types=["refresh_token", "urn:x", "authorization_code"])
    await at(browser, portal, "/edit", client_id="photos")
    page = await press(browser)
    assert "Nothing was changed." in page.text
    assert {method for method, _ in ory.calls} == {"GET"}
    assert await portal.actions() == ["portal.signed_in"]


async def test_a_field_is_cleared_by_emptying_it(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos", tos_uri="https://a.test/tos", contacts=["a@a.test"])
    await at(browser, portal, "/edit", client_id="photos")
    type_into(browser, "tos_uri", "")
    type_into(browser, "contacts", "\n")
    await press(browser)
    assert (ory.clients["photos"]["tos_uri"], ory.clients["photos"]["contacts"]) == ("", [])


async def test_what_was_wrong_all_along_can_stay(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    """Hydra 2.3 keeps anything: somebody who mends a name need not mend it all."""
    ory.plant_client("photos", logo_uri="javascript:x", redirect_uris=[], scope="")
    await at(browser, portal, "/edit", client_id="photos")
    type_into(browser, "client_name", "Mended")
    assert "Saved." in (await press(browser)).text
    assert ory.clients["photos"]["logo_uri"] == "javascript:x"


async def test_a_refusal_of_ory_changes_nothing_here(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos", subject_type="x")
    await at(browser, portal, "/edit", client_id="photos")
    type_into(browser, "client_name", "Mine")
    browser.tick("verified")
    original = ory._patch_client
    ory._patch_client = lambda *_: httpx.Response(  # type: ignore[method-assign]  # this once
        400, json={"error": "invalid_redirect_uri", "error_description": "No."}
    )
    page = await press(browser)
    assert page.status == 422
    assert "invalid_redirect_uri No." in words(page.element("form-error"))
    assert page.element("client_name").get("value") == "Mine"
    assert await policy(portal) is None
    ory._patch_client = original  # type: ignore[method-assign]  # as it was
    assert "Saved." in (await press(browser)).text
    saved = await policy(portal)
    assert saved is not None
    assert saved.verified


async def test_a_change_of_somebody_else_is_noticed_once(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos")
    await at(browser, portal, "/edit", client_id="photos")
    type_into(browser, "scope", "openid")
    ory.clients["photos"]["client_name"] = "Theirs"
    page = await press(browser)
    assert page.status == 409
    assert "Somebody else has changed this app" in words(page.element("form-error"))
    assert page.element("scope").get("value") == "openid"
    assert ory.clients["photos"]["client_name"] == "Theirs"
    assert "Saved." in (await press(browser)).text


async def test_a_refused_form_still_notices_a_change_of_somebody_else(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos")
    await at(browser, portal, "/edit", client_id="photos")
    type_into(browser, "scope", "")
    ory.clients["photos"]["client_name"] = "Theirs"
    assert (await press(browser)).status == 422
    type_into(browser, "scope", "openid")
    assert (await press(browser)).status == 409


async def test_an_old_token_keeps_what_was_typed(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos")
    for path, title in (("/create", "Register an app"), ("/edit?client_id=photos", "App")):
        await browser.open(f"{portal.url}/admin/clients{path}")
        for token in browser.page.root.iter("input"):
            if token.get("name") == "form_token":
                token.set("value", "x")
        type_into(browser, "client_name", "Typed")
        page = await press(browser)
        assert page.status == 403
        assert title in page.title
        assert page.element("client_name").get("value") == "Typed"
    assert {method for method, _ in ory.calls} == {"GET"}


async def test_fields_that_no_form_has_are_refused(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos")
    token = field(await at(browser, portal, "/edit", client_id="photos"), "form_token")
    form = {"client_id": "photos", "client_secret": "mine", "form_token": token}
    assert (await browser._http.post("/admin/clients/edit", data=form)).status_code == 400


# The policy


async def test_a_policy_is_kept_here_and_told_to_nobody_else(
    browser: Browser, portal: Portal, ory: OryDouble, admin: Person
) -> None:
    ory.plant_client("photos")
    await at(browser, portal, "/edit", client_id="photos")
    browser.tick("verified")
    type_into(browser, "required_scopes", " email  openid email ")
    type_into(browser, "longest_grant", "36h")
    page = await press(browser)
    assert {method for method, _ in ory.calls} == {"GET"}
    saved = await policy(portal)
    assert saved is not None
    assert (saved.verified, saved.required_scopes, saved.longest_grant, saved.updated_by) == (
        True,
        ["email", "openid"],
        36 * 3600,
        admin.subject,
    )
    assert page.element("longest_grant").get("value") == "36h"
    assert await details(portal, "policy.changed") == [
        {
            "app": "Photos",
            "verified": True,
            "required_scopes": ["email", "openid"],
            "longest_grant": 36 * 3600,
            "required_acr": None,
        }
    ]
    assert "Verified" in (await at(browser, portal)).text


async def test_an_app_may_ask_for_a_second_factor(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos")
    await at(browser, portal, "/edit", client_id="photos")
    browser.tick("second_factor")
    page = await press(browser)
    saved = await policy(portal)
    assert saved is not None
    assert saved.required_acr == "aal2"
    assert page.box("second_factor", "1").get("checked") is not None
    assert "Asks for a second factor" in (await at(browser, portal)).text
    assert (await details(portal, "policy.changed"))[0]["required_acr"] == "aal2"
    await at(browser, portal, "/edit", client_id="photos")
    browser.tick("second_factor", ticked=False)
    await press(browser)
    saved = await policy(portal)
    assert saved is not None
    assert saved.required_acr is None
    assert "Asks for a second factor" not in (await at(browser, portal)).text


async def test_a_new_app_may_come_with_its_policy(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    await new(browser, portal)
    type_into(browser, "longest_grant", "90m")
    await press(browser)
    (client_id,) = ory.clients
    saved = await policy(portal, client_id)
    assert saved is not None
    assert (saved.verified, saved.longest_grant) == (False, 5400)


# A new secret


async def test_a_new_secret_is_shown_this_once(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    ory.plant_client("photos")
    await at(browser, portal, "/rotate", client_id="photos")
    page = await press(browser)
    secret = words(page.element("client-secret"))
    assert re.fullmatch(r"[\w-]{32}", secret)
    assert page.response.headers["cache-control"] == "no-store"
    assert ("PATCH", "/clients/photos") in ory.calls
    assert await details(portal, "client.updated") == [
        {"app": "Photos", "fields": ["client_secret"]}
    ]


# Deleting


async def test_a_deletion_says_what_it_ends_and_ends_it(
    browser: Browser, portal: Portal, ory: OryDouble, ann: Person, bob: Person
) -> None:
    ory.plant_client("photos")
    await portal.add_grant(ann)
    await portal.add_grant(bob)
    await portal.add_grant(ann, "notes")
    await save_policy(portal, "photos")
    page = await at(browser, portal, "/delete", client_id="photos")
    assert "2 people have it connected" in page.text
    page = await press(browser)
    assert "The app was deleted" in page.text
    assert ory.clients == {}
    for person in (ann, bob):
        grant = await portal.grant(person)
        assert grant is not None
        assert grant.revoke_reason == "client deleted"
        assert grant.revoked_at == grant.revoke_synced_at is not None
    other = await portal.grant(ann, "notes")
    assert other is not None
    assert other.revoked_at is None
    assert await policy(portal) is None
    assert await details(portal, "client.deleted") == [{"app": "Photos", "grants": 2}]


async def save_policy(portal: Portal, client_id: str, **fields: Any) -> None:
    values: dict[str, Any] = {"verified": True, "required_scopes": [], "longest_grant": None}
    async with portal.store.writing() as rows:
        await rows.policies.save(
            ClientPolicy(
                client_id=client_id,
                updated_at=datetime.now(UTC),
                updated_by="admin",
                **values | fields,
            )
        )


async def test_nothing_ends_here_while_ory_cannot_delete(
    browser: Browser, portal: Portal, ory: OryDouble, ann: Person
) -> None:
    ory.plant_client("photos")
    await portal.add_grant(ann)
    await at(browser, portal, "/delete", client_id="photos")
    ory.down()
    assert (await press(browser)).status == 503
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None
    assert "client.deleted" not in await portal.actions()


async def test_what_is_left_of_an_app_that_ory_has_forgotten_can_be_ended(
    browser: Browser, portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    page = await at(browser, portal, "/delete", client_id="photos")
    assert "Ory does not know this app any more" in page.text
    await press(browser)
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoke_synced_at is not None


async def test_a_new_app_inherits_no_policy_of_one_that_ory_has_forgotten(
    browser: Browser, portal: Portal, ory: OryDouble
) -> None:
    await save_policy(portal, "photos", verified=True)
    await new(browser, portal)
    type_into(browser, "client_id", "photos")
    assert browser.page.status == 200
    await press(browser)
    assert "photos" in ory.clients
    found = await policy(portal)
    assert found is None or not found.verified


async def test_what_is_left_of_an_app_that_nobody_has_connected_can_be_ended(
    browser: Browser, portal: Portal
) -> None:
    await save_policy(portal, "photos", verified=True)
    page = await at(browser, portal, "/delete", client_id="photos")
    assert "Ory does not know this app any more" in page.text
    await press(browser)
    assert await policy(portal) is None


async def test_an_app_that_somebody_else_deletes_meanwhile_is_as_deleted(
    browser: Browser, portal: Portal, ory: OryDouble, ann: Person
) -> None:
    ory.plant_client("photos")
    await portal.add_grant(ann)
    await at(browser, portal, "/delete", client_id="photos")
    del ory.clients["photos"]
    assert "The app was deleted" in (await press(browser)).text
    assert (await portal.actions()).count("client.deleted") == 1


async def test_an_app_that_is_gone_is_not_shown_to_people_any_more(
    browser: Browser, portal: Portal, ory: OryDouble, admin: Person
) -> None:
    ory.plant_client("photos")
    await portal.add_grant(admin)
    await at(browser, portal, "/delete", client_id="photos")
    await press(browser)
    assert "No connected apps" in (await browser.open(f"{portal.url}/account/apps")).text


async def test_a_policy_shows_among_everybodys_apps(
    browser: Browser, portal: Portal, ann: Person
) -> None:
    await portal.add_grant(ann, granted_at=datetime.now(UTC) - timedelta(days=2))
    await save_policy(portal, "photos", longest_grant=86_400)
    (row,) = [words(row) for row in (await grants(browser, portal)).root.iter("tr")][1:]
    assert "Photos Verified" in row
    assert "Expired" in row
    await save_policy(portal, "photos", verified=False, longest_grant=3 * 86_400)
    (row,) = [words(row) for row in (await grants(browser, portal)).root.iter("tr")][1:]
    assert "Verified" not in row
    assert "Active Not asked again before" in row


async def grants(browser: Browser, portal: Portal) -> Document:
    return await browser.open(f"{portal.url}/admin/grants")


@pytest.mark.parametrize("start", ["-1", "x", "99999", "1001", "٣"])
async def test_a_place_that_is_not_in_the_list_leads_back_to_its_beginning(
    browser: Browser, portal: Portal, start: str
) -> None:
    page = await at(browser, portal, app="photo", start=start)
    assert page.status == 400
    assert page.element("app").get("value") == "photo"
    page = await browser.follow("Back to the first page")
    assert (page.status, page.query) == (200, {"app": "photo"})


async def test_a_search_longer_than_anything_stays_in_the_form_with_an_explanation(
    browser: Browser, portal: Portal
) -> None:
    page = await at(browser, portal, app="x" * 321)
    assert page.status == 400
    assert page.element("app").get("value") == "x" * 321
    assert "longer than anything" in words(page.element("app-problem"))
