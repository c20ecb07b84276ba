"""When Ory says that a consent can be skipped, including when it should not."""

import httpx

from tests.contract.cases import case
from tests.contract.driver import App, Browser, Document, NewApp, Ory

REMEMBER: Document = {"remember": True, "remember_for": 0}


@case(35)
def test_a_remembered_consent_covers_the_same_and_less(
    app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, "openid offline", consent=REMEMBER)
    assert browser.would_skip_consent(app, ann, "openid offline")
    assert browser.would_skip_consent(app, ann, "openid")
    assert browser.would_skip_consent(app, ann, "")
    assert not browser.would_skip_consent(app, ann, "openid offline read")


@case(35)
def test_a_consent_is_remembered_for_one_person_and_one_app(
    app: App, other_app: App, browser: Browser, ann: str, bob: str
) -> None:
    browser.connect(app, ann, consent=REMEMBER)
    assert browser.would_skip_consent(app, ann)
    assert not browser.would_skip_consent(app, bob)
    assert not browser.would_skip_consent(other_app, ann)


def test_a_consent_that_is_not_remembered_does_not_skip(
    app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann)
    assert not browser.would_skip_consent(app, ann)


@case(37)
def test_a_partly_granted_request_never_skips(app: App, browser: Browser, ann: str) -> None:
    partly = REMEMBER | {"grant_scope": ["openid"]}
    browser.connect(app, ann, "openid offline", consent=partly)
    assert not browser.would_skip_consent(app, ann, "openid offline")
    assert browser.would_skip_consent(app, ann, "openid")


@case(38)
def test_prompt_consent_never_skips(app: App, browser: Browser, ann: str) -> None:
    browser.connect(app, ann, consent=REMEMBER)
    assert browser.would_skip_consent(app, ann)
    assert not browser.would_skip_consent(app, ann, prompt="consent")


@case(39)
def test_another_audience_skips_all_the_same(
    ory: Ory, browser: Browser, new_app: NewApp, ann: str
) -> None:
    app = new_app(audience=["https://a.test", "https://b.test"])
    browser.connect(app, ann, audience="https://a.test", consent=REMEMBER)
    page = browser.ask_consent(app, ann, audience="https://b.test")
    request = ory.consent_request(page.challenge)
    assert request["skip"] is True
    assert request["requested_access_token_audience"] == ["https://b.test"]


@case(40)
def test_skip_believes_the_scope_in_the_address(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, "openid", consent=REMEMBER)
    login = browser.authorize(app, "openid read write")
    target = httpx.URL(ory.accept("login", login.challenge, subject=ann))
    page = browser.open(str(target.copy_set_param("scope", "openid")))
    request = ory.consent_request(page.challenge)
    assert request["skip"] is True
    assert request["requested_scope"] == ["openid", "read", "write"]


def test_a_granted_wildcard_covers_what_it_matches(
    browser: Browser, new_app: NewApp, ann: str
) -> None:
    """Ory's default strategy; the portal must compare exactly."""
    app = new_app(scope="openid photos.*")
    browser.connect(app, ann, "photos.read", consent=REMEMBER | {"grant_scope": ["photos.*"]})
    assert browser.would_skip_consent(app, ann, "photos.write")


@case(48)
def test_a_skipped_consent_adds_nothing_to_the_memory(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, "openid", consent=REMEMBER)
    wider = REMEMBER | {"grant_scope": ["openid", "read"]}
    tokens = browser.connect(app, ann, "openid", consent=wider)
    assert tokens["scope"] == "openid read"
    assert not browser.would_skip_consent(app, ann, "openid read")
    assert browser.would_skip_consent(app, ann, "openid")
    assert [row["grant_scope"] for row in ory.list_consents(ann)] == [["openid"]]


def test_a_newer_consent_that_is_not_remembered_does_not_disturb(
    app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, "openid offline", consent=REMEMBER)
    browser.connect(app, ann, "openid read", consent={"remember": False})
    assert browser.would_skip_consent(app, ann, "openid offline")


def test_an_open_challenge_says_skip_even_when_the_consent_was_deleted(
    ory: Ory, app: App, browser: Browser, ann: str
) -> None:
    browser.connect(app, ann, consent=REMEMBER)
    page = browser.ask_consent(app, ann)
    assert ory.delete_consents(subject=ann, client=app.client_id) == 204
    assert ory.consent_request(page.challenge)["skip"] is True
    assert app.exchange(browser.allow(page, **REMEMBER).code)
    assert ory.list_consents(ann) == []
    assert not browser.would_skip_consent(app, ann)
