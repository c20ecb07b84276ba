"""What time alone does. Everything that has to get old is made first; then one wait serves all."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.contract.cases import case
from tests.contract.driver import (
    DEVICE_GRANT,
    ERROR_UI,
    App,
    Browser,
    Document,
    NewBrowser,
    Ory,
    Page,
)
from tests.contract.targets import SHORT_TTL

SCOPE = "openid offline"
SESSION: Document = {"remember": True, "remember_for": 3600}
CHALLENGES = ("login", "consent", "consent after a slow login")


@dataclass(frozen=True, kw_only=True)
class Old:
    """What was begun more than :data:`SHORT_TTL` seconds ago, and never finished."""

    ory: Ory
    app: App
    challenges: dict[str, str]
    login_verifier: str
    consent_verifier: str
    logout: Page
    logout_verifier: str
    signed_in: Browser
    """Somebody who has had a login session since then."""
    browsers: dict[str, Browser]
    remembered_briefly: tuple[str, Document]
    remembered: str
    device: App | None
    """Where there is a device flow; it has waited since then."""
    waiting: Document
    code_page: Page | None


@pytest.fixture(scope="module")
def old(short_lived: Ory) -> Iterator[Old]:
    with contextlib.ExitStack() as stack:

        def new_browser() -> Browser:
            return stack.enter_context(contextlib.closing(Browser(short_lived)))

        yield make_old(short_lived, new_browser)


def make_old(ory: Ory, new_browser: NewBrowser) -> Old:
    """Begin everything, and wait."""
    app = ory.register()
    names = (*CHALLENGES, "login verifier", "consent verifier", "logout", "logged out", "session")
    browsers = {name: new_browser() for name in names}
    brief, wide = new_browser(), new_browser()
    browsers["session"].sign_in(browsers["session"].authorize(app), "ann", **SESSION)
    tokens = brief.connect(app, "brief", SCOPE, consent={"remember": True, "remember_for": 2})
    wide.connect(app, "wide", SCOPE, consent={"remember": True})
    for name in ("logout", "logged out"):
        browsers[name].sign_in(browsers[name].authorize(app), name, **SESSION)
    url = f"{ory.public_url}/oauth2/sessions/logout"
    logout, logged_out = (browsers[name].open(url) for name in ("logout", "logged out"))
    login = browsers["login"].authorize(app)
    consent = browsers["consent"].ask_consent(app, "ann")
    login_verifier = ory.accept(
        "login", browsers["login verifier"].authorize(app).challenge, subject="ann"
    )
    asked = browsers["consent verifier"].ask_consent(app, "ann")
    consent_verifier = ory.accept("consent", asked.challenge, grant_scope=["openid"])
    logout_verifier = ory.put("logout", "accept", logged_out.challenge).json()["redirect_to"]
    slow = browsers["consent after a slow login"].authorize(app)
    device, waiting, code_page = None, {}, None
    if ory.profile == "26":
        device = ory.register(grant_types=[DEVICE_GRANT])
        waiting = device.ask_for_device("openid")
        code_page = new_browser().open(waiting["verification_uri"])
    time.sleep(SHORT_TTL * 0.4)
    slow = browsers["consent after a slow login"].sign_in(slow, "ann")
    assert ory.get("consent", slow.challenge).status_code == 200
    time.sleep(SHORT_TTL * 0.6 + 0.6)
    return Old(
        ory=ory,
        app=app,
        challenges=dict(
            zip(CHALLENGES, (page.challenge for page in (login, consent, slow)), strict=True)
        ),
        login_verifier=login_verifier,
        consent_verifier=consent_verifier,
        logout=logout,
        logout_verifier=logout_verifier,
        signed_in=browsers["session"],
        browsers=browsers | {"brief": brief, "wide": wide},
        remembered_briefly=("brief", tokens),
        remembered="wide",
        device=device,
        waiting=waiting,
        code_page=code_page,
    )


@case(6, 7)
@pytest.mark.parametrize("which", CHALLENGES)
def test_a_challenge_ends_with_the_time_of_its_login(old: Old, which: str) -> None:
    kind, challenge = which.split(maxsplit=1)[0], old.challenges[which]
    for answer in (
        old.ory.get(kind, challenge),
        old.ory.put(kind, "accept", challenge, json={"subject": "ann"} if kind == "login" else {}),
        old.ory.put(kind, "reject", challenge, json={"error": "access_denied"}),
    ):
        assert answer.status_code == 401, answer.request.url.path
        assert answer.json()["error"] == "request_unauthorized"


@case(6)
@pytest.mark.parametrize("kind", ["login", "consent"])
def test_a_verifier_ends_with_its_challenge(old: Old, kind: str) -> None:
    target = old.login_verifier if kind == "login" else old.consent_verifier
    assert old.browsers[f"{kind} verifier"].open(target).error == "request_unauthorized"


@case(6)
def test_a_logout_challenge_ends_in_26_alone(old: Old) -> None:
    answer = old.ory.get("logout", old.logout.challenge)
    assert answer.status_code == (200 if old.ory.profile == "2.3" else 401)


@case(6)
def test_a_logout_verifier_ends_at_the_error_page(old: Old) -> None:
    page = old.browsers["logged out"].open(old.logout_verifier)
    assert (page.place, page.query["error"]) == (ERROR_UI, "request_unauthorized")


@case(20)
def test_a_session_that_is_too_old_does_not_skip(old: Old) -> None:
    page = old.signed_in.authorize(old.app, max_age="1")
    request = old.ory.login_request(page.challenge)
    assert (request["skip"], request["subject"]) == (False, "")
    assert old.signed_in.authorize(old.app, max_age="1", prompt="none").error == "login_required"
    assert old.signed_in.would_skip_login(old.app, max_age="3600")


@case(36)
def test_only_the_most_recent_remembered_consent_counts(old: Old) -> None:
    browser = old.browsers["wide"]
    assert browser.would_skip_consent(old.app, old.remembered, SCOPE)
    browser.connect(old.app, old.remembered, "openid profile", consent={"remember": True})
    assert browser.would_skip_consent(old.app, old.remembered, "openid profile")
    assert not browser.would_skip_consent(old.app, old.remembered, SCOPE)


@case(46)
def test_remember_for_limits_skip_and_list_but_not_the_refresh_token(old: Old) -> None:
    subject, tokens = old.remembered_briefly
    assert not old.browsers["brief"].would_skip_consent(old.app, subject, SCOPE)
    assert old.ory.list_consents(subject) == []
    assert old.app.refreshed(tokens["refresh_token"])


@case(6, only="26")
def test_a_device_challenge_ends_too(old: Old) -> None:
    assert old.code_page
    body = {"user_code": old.waiting["user_code"]}
    answer = old.ory.put("device", "accept", old.code_page.challenge, json=body)
    assert (answer.status_code, answer.json()["error"]) == (401, "request_unauthorized")


@case(65, only="26")
def test_a_user_code_ends(old: Old) -> None:
    assert old.device
    page = old.browsers["wide"].open(old.waiting["verification_uri"])
    body = {"user_code": old.waiting["user_code"]}
    assert old.ory.put("device", "accept", page.challenge, json=body).status_code == 400
    assert old.device.poll(old.waiting)["error"] == "expired_token"
