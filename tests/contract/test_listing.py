"""The list of a person's consents, and how to get all of it."""

import base64
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.cases import case
from tests.contract.driver import App, Browser, Document, NewApp, NewBrowser, Ory

REMEMBER: Document = {"remember": True, "remember_for": 0}


@case(33)
def test_a_consent_is_listed_when_the_browser_has_come_back(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    page = browser.ask_consent(app, ann)
    target = ory.accept("consent", page.challenge, grant_scope=["openid"], context={"n": 1})
    assert ory.list_consents(ann) == []
    assert browser.open(target).code
    (row,) = ory.list_consents(ann)
    assert (row["grant_scope"], row["context"]) == (["openid"], {"n": 1})


@case(47)
def test_a_consent_that_is_not_remembered_is_listed(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, consent={"remember": False, "remember_for": 0})
    (row,) = ory.list_consents(ann)
    assert (row["remember"], row["remember_for"]) == (False, 0)


def test_a_listed_consent_is_what_was_decided(ory: Ory, browser: Browser, ann: str) -> None:
    app = ory.register(audience=["https://a.test"])
    session: Document = {"id_token": {"email": "ann@example.org"}, "access_token": {"x": 1}}
    decided: Document = {"session": session, "context": {"decision_id": "d"}, **REMEMBER}
    said: Document = {"acr": "2", "amr": ["pwd"], "context": {"epoch": 1}}
    browser.connect(app, ann, "openid read", login=said, consent=decided, audience="https://a.test")
    (row,) = ory.list_consents(ann)
    asked = row["consent_request"]
    assert (row["session"], row["context"]) == (session, {"decision_id": "d"})
    assert (row["remember"], row["grant_access_token_audience"]) == (True, ["https://a.test"])
    assert (asked["subject"], asked["skip"]) == (ann, False)
    assert asked["requested_scope"] == ["openid", "read"]
    assert asked["client"]["client_id"] == app.client_id
    assert "client_secret" not in asked["client"]


def test_the_context_of_the_login_is_listed_unless_the_consent_has_one(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, login={"context": {"epoch": 1}})
    (row,) = ory.list_consents(ann)
    assert row["context"] == {"epoch": 1}


def test_each_decision_is_a_row(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    for scope in ("openid", "openid read"):
        browser.connect(app, ann, scope)
    granted = [row["grant_scope"] for row in ory.list_consents(ann)]
    assert sorted(granted) == [["openid"], ["openid", "read"]]


@case(54)
def test_somebody_whom_nobody_knows_has_an_empty_list(ory: Ory, bob: str) -> None:
    answer = ory.list_page(bob)
    assert (answer.status_code, answer.json()) == (200, [])
    assert not {"link", "x-total-count"} & set(answer.headers)


@case(54)
def test_a_list_without_a_subject_is_refused(ory: Ory) -> None:
    assert ory.list_page("").status_code == 400
    assert ory.admin("GET", "/oauth2/auth/sessions/consent").status_code == 400


def collect(ory: Ory, subject: str, *, page_size: int) -> list[Document]:
    """Every row: where a total is told the page token is made, else the next link is followed."""
    query = {"page_size": str(page_size)}
    found: list[Document] = []
    while True:
        page = ory.list_page(subject, **query)
        assert page.status_code == 200, page.text
        found += page.json()
        if "x-total-count" in page.headers:
            token = offset_token(len(found)) if len(page.json()) == page_size else None
        else:
            token = next_token(page.headers.get("link", ""))
        if token is None:
            return found
        query["page_token"] = token


def offset_token(offset: int) -> str:
    text = json.dumps({"offset": str(offset), "v": 2}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def next_token(links: str) -> str | None:
    match = re.search(r'<([^>]*)>; *rel="next"', links)
    return parse_qs(urlsplit(match[1]).query)["page_token"][0] if match else None


@case(55)
@pytest.mark.parametrize("page_size", [1, 2, 5, 500])
def test_all_consents_are_found_over_pages(
    ory: Ory, browser: Browser, new_app: NewApp, ann: str, page_size: int
) -> None:
    apps = {browser_connects(browser, new_app(), ann) for _ in range(5)}
    found = collect(ory, ann, page_size=page_size)
    assert len(found) == 5
    assert {row["consent_request"]["client"]["client_id"] for row in found} == apps


def browser_connects(browser: Browser, app: App, subject: str) -> str:
    """A consent of one more app; its id."""
    browser.connect(app, subject)
    return app.client_id


@case(55)
def test_a_total_is_told_by_2_3_alone(ory: Ory, app: App, browser: Browser, ann: str) -> None:
    browser.connect(app, ann)
    browser.connect(app, ann)
    page = ory.list_page(ann, page_size="1")
    assert page.headers.get("x-total-count") == ("2" if ory.profile == "2.3" else None)
    assert len(page.json()) == 1


@case(55, only="26")
def test_a_page_token_that_is_none_is_refused(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann)
    assert ory.list_page(ann, page_token="garbage").status_code == 400


@case(55, only="2.3")
def test_a_page_token_that_is_none_is_not_looked_at(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann)
    assert len(ory.list_consents(ann, page_token="garbage")) == 1


def test_consents_are_those_of_one_login_session_where_it_is_named(
    ory: Ory, app: App, browser: Browser, new_browser: NewBrowser, ann: str
) -> None:
    session: Document = {"remember": True, "remember_for": 3600}
    for one in (browser, new_browser()):
        one.connect(app, ann, login=session)
    rows = ory.list_consents(ann)
    assert len(rows) == 2
    wanted = rows[0]["consent_request"]["login_session_id"]
    (only,) = ory.list_consents(ann, login_session_id=wanted)
    assert only["consent_request"]["login_session_id"] == wanted
