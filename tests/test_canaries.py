"""Secrets are marked, sent through everything that can happen, and looked for where none may be."""

import io
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from portal import bulk, jobs, logs, metrics
from portal.login.forms import LoginForm
from portal.settings import Settings
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.portal import KEY, NewPortal, Portal, hashed, sign_in
from tests.login.steps import answer, field
from tests.real.portal import Person

API_KEY = "ory_pat_canaryKeyOfTheAdminApi0123456789"
WRONG = "canary-wrong-password-Zq7"
TYPED = "canary-typed-in-the-address-field-Xk4"


@pytest.fixture
def ory() -> OryDouble:
    return OryDouble(api_key=API_KEY)


@pytest.fixture
async def portal(new_portal: NewPortal) -> Portal:
    return await new_portal(ORY_API_KEY=API_KEY, PORTAL_METRICS_TOKEN="canary-token-of-metrics")


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Everything that is logged, by us and by every library, in one of the two formats."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    variables = {"BASE_URL": "https://login.example.org", "SECRET_KEY": KEY}
    logs.configure(
        Settings.from_env(
            variables | {"PORTAL_LOG_FORMAT": request.param, "PORTAL_LOG_LEVEL": "debug"}
        ),
        stream=stream,
    )
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


class Secrets:
    """What was sent or issued and is worth stealing, by what it is."""

    def __init__(self) -> None:
        self.found: dict[str, set[str]] = {}

    def add(self, kind: str, *values: str) -> str:
        self.found.setdefault(kind, set()).update(values)
        return values[0] if values else ""

    def watch(self, page: Document) -> None:
        """Note the tokens of a page's forms."""
        tokens = [
            e.get("value", "") for e in page.root.iter("input") if e.get("name") == "form_token"
        ]
        self.add("form token", *tokens)

    def in_text(self, text: str, *but: str) -> list[str]:
        return [
            f"{kind}: {value[:12]}…"
            for kind, values in self.found.items()
            for value in values
            if kind not in but and value in text
        ]


async def live_through_everything(
    portal: Portal, browser: Browser, ory: OryDouble, person: Person, secrets: Secrets
) -> list[httpx.Response]:
    """Sign in, allow, sign out, and everything that can go wrong on the way: all the answers."""
    answers: list[httpx.Response] = []
    http = browser._http
    inner = ory._redirect_to

    def redirect_to(*arguments: Any) -> str:
        return secrets.add("redirect", inner(*arguments))

    async def note(response: httpx.Response) -> None:
        if response.url.host == "login.example.org":
            await response.aread()
            answers.append(response)

    vars(ory)["_redirect_to"] = redirect_to
    http.event_hooks["response"].append(note)
    secrets.watch(await sign_in(browser, portal, person))
    await sign_in_to_an_app(portal, browser, ory, person, secrets)
    await allow(portal, browser, ory, person, secrets)
    await log_out(portal, browser, ory, person, secrets)
    await look_after_grants(portal, browser, ory, person, secrets)
    await run_into_trouble(portal, browser, ory, person, secrets)
    for cookie in browser.cookies.jar:
        secrets.add(f"cookie {cookie.name}", cookie.value or "")
    for response in answers:
        for value in response.cookies.values():
            secrets.add("cookie", value)
        secrets.watch(Document(response))
    return answers


async def sign_in_to_an_app(
    portal: Portal, browser: Browser, ory: OryDouble, person: Person, secrets: Secrets
) -> None:
    challenge = secrets.add("challenge", ory.plant_login())
    assert (await answer(browser, portal, challenge, person, password=WRONG)).status == 401
    mistaken = Person(email=TYPED, password=WRONG, subject="")
    assert (await answer(browser, portal, challenge, mistaken)).status == 401
    assert (await answer(browser, portal, challenge, person)).url.host == "ory.test"
    assert (await browser.open(f"{portal.url}/login?login_challenge={challenge}")).status == 410
    known = ory.plant_login(skip=True, subject=person.subject)
    await browser.open(f"{portal.url}/login?login_challenge={secrets.add('challenge', known)}")


async def allow(
    portal: Portal, browser: Browser, ory: OryDouble, person: Person, secrets: Secrets
) -> None:
    context = {"epoch": 0}
    challenge = ory.plant_consent(
        subject=person.subject, context=context, requested_scope=["openid", "email"]
    )
    address = f"{portal.url}/consent?consent_challenge={secrets.add('challenge', challenge)}"
    await browser.open(address)
    assert (await browser.click("accept")).status == 422
    browser.choose("grant_scope", "openid")
    assert (await browser.click("accept")).url.host == "ory.test"
    assert (await browser.open(address)).status == 410


async def log_out(
    portal: Portal, browser: Browser, ory: OryDouble, person: Person, secrets: Secrets
) -> None:
    challenge = secrets.add("challenge", ory.plant_logout(subject=person.subject))
    await browser.open(f"{portal.url}/logout?logout_challenge={challenge}")
    assert (await browser.click("accept")).url.host == "ory.test"
    await sign_in(browser, portal, person)


async def look_after_grants(
    portal: Portal, browser: Browser, ory: OryDouble, person: Person, secrets: Secrets
) -> None:
    """Compare with Ory, which lists more than anybody has to see, and remove, also in vain."""
    claims = {"id_token": {"ssn": secrets.add("claim", "canary-claim-of-another-login-app")}}
    listed = ory.plant_consent_session(person.subject, "elsewhere", session=claims)
    secrets.add("challenge", listed["consent_request"]["challenge"])
    secrets.add("login session", listed["consent_request"]["login_session_id"])
    await browser.open(f"{portal.url}/admin/grants/drift")
    browser.fill("person", person.email)
    one = next(f for f in browser.page.root.iter("form") if "person" in f.get("action", ""))
    assert (await browser.submit(next(one.iter("button")))).status == 200
    for page in ("at-ory", "one"):
        pair = f"subject={person.subject}&client_id=elsewhere"
        assert (await browser.open(f"{portal.url}/admin/grants/{page}?{pair}")).status == 200
    for path in ("grants/export", "grants/export?format=jsonl", "audit/export"):
        assert (await browser._http.get(f"/admin/{path}")).status_code == 200
    ory.status(401, {"error": {"message": f"{API_KEY} {listed['consent_request']['challenge']}"}})
    page = await browser.open(f"{portal.url}/admin/grants/revoke-all?client=elsewhere")
    ask = next(f for f in page.root.iter("form") if f.get("method") == "post")
    job = await browser.submit(next(ask.iter("button")))
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert await bulk.advance(portal.services, now=later)
    assert await jobs.work_off(portal.services, now=later + timedelta(minutes=1)) > 0
    ory.heal()
    for path in (job.url.path, "/admin/grants/jobs", "/admin/audit", "/account/apps"):
        assert (await browser.open(f"{portal.url}{path}")).status == 200


async def run_into_trouble(
    portal: Portal, browser: Browser, ory: OryDouble, person: Person, secrets: Secrets
) -> None:
    challenge = secrets.add("challenge", ory.plant_login())
    address = f"{portal.url}/login?login_challenge={challenge}"
    leak = {"error": "invalid_request", "error_description": f"login_challenge={challenge} is bad"}
    faults: list[Callable[[], None]] = [
        ory.down,
        ory.garbage,
        lambda: ory.status(400, leak),
        lambda: ory.status(401, {"error": {"message": f"{API_KEY} {challenge}"}}),
        lambda: ory.status(403, leak),
        lambda: ory.status(500, leak),
        lambda: ory.status(200, {"client": challenge}),
        lambda: ory.status(404, f"no {challenge} here"),
        lambda: ory.status(409, leak),
        lambda: ory.slow(5),
    ]
    for fault in faults:
        fault()
        assert (await browser.open(address)).status in (502, 503)
        ory.heal()
    ory.use_up(challenge, f"https://ory.test/{challenge}")
    assert (await browser.open(address)).status == 410
    secrets.add("form token", "canary-token-that-fits-nothing")
    form = {
        "action": "accept",
        "login_challenge": secrets.add("challenge", ory.plant_login()),
        "form_token": "canary-token-that-fits-nothing",
        "email": person.email,
        "password": person.password,
    }
    assert (await browser._http.post("/login", data=form)).status_code == 403
    for spoiled in (form | {"x": "y"}, form | {"password": f"{person.password}\x00"}):
        assert (await browser._http.post("/login", data=spoiled)).status_code == 400
    for content_type in ("application/json", "multipart/form-data; boundary=x"):
        headers = {"Content-Type": content_type}
        await browser._http.post("/login", content=person.password.encode(), headers=headers)
    await fail_ourselves(portal, browser, address, person)


async def fail_ourselves(portal: Portal, browser: Browser, address: str, person: Person) -> None:
    """A defect whose message and whose variables hold everything."""

    async def defect(challenge: str) -> None:
        password = person.password
        raise RuntimeError(f"{address} password={password} Authorization: Bearer {API_KEY}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portal.services.ory, "get_login_request", defect)
        assert (await browser.open(address)).status == 500


@pytest.fixture
async def lived(
    portal: Portal, browser: Browser, ory: OryDouble, log: io.StringIO
) -> tuple[Secrets, list[httpx.Response]]:
    password = "canary-right-password-Wm3"
    await portal.add_user("cat@example.org", password_hash=hashed(password), admin=True)
    cat = Person(email="cat@example.org", password=password, subject="cat-71f0")
    secrets = Secrets()
    secrets.add("password", password, WRONG)
    secrets.add("typed", TYPED)
    secrets.add("api key", API_KEY)
    secrets.add("secret key", KEY)
    secrets.add("metrics token", "canary-token-of-metrics")
    answers = await live_through_everything(portal, browser, ory, cat, secrets)
    assert {"challenge", "redirect", "form token", "cookie __Host-portal_session"} <= set(
        secrets.found
    )
    return secrets, answers


async def test_no_secret_is_left_behind_anywhere(
    portal: Portal,
    lived: tuple[Secrets, list[httpx.Response]],
    log: io.StringIO,
    browser: Browser,
) -> None:
    secrets, answers = lived
    written = log.getvalue()
    for word in ("cat@…", "ory", "request.failed", "Error"):
        assert word in written or word.replace(".", " ") in written, f"the log is not whole: {word}"
    assert secrets.in_text(written) == []
    assert secrets.in_text(metrics.exposition().decode()) == []
    stored = stored_bytes(portal).decode("latin-1")
    assert "cat@example.org" in stored
    assert secrets.in_text(stored) == []
    shown = ("challenge", "form token", "typed")
    for response in answers:
        page = Document(response)
        is_form = any(page.root.iter("form"))
        leaked = secrets.in_text(response.text, *(shown if is_form else ()))
        assert leaked == [], (response.status_code, response.url.path)


def stored_bytes(portal: Portal) -> bytes:
    """The database with everything that SQLite keeps beside it."""
    path = Path(portal.settings.database_url.removeprefix("sqlite:///"))
    return b"".join(part.read_bytes() for part in sorted(path.parent.glob(path.name + "*")))


async def test_settings_and_forms_do_not_print_their_secrets(portal: Portal) -> None:
    form = LoginForm(action="accept", password=WRONG, login_challenge="c" * 40, form_token="t" * 40)
    for printed in (repr(portal.settings), str(portal.settings), repr(portal.services), repr(form)):
        for secret in (API_KEY, KEY, WRONG, "c" * 40, "t" * 40, "canary-token-of-metrics"):
            assert secret not in printed


async def test_an_address_that_was_mistyped_into_a_password_field_is_nobodys_business(
    portal: Portal, browser: Browser, ory: OryDouble, log: io.StringIO
) -> None:
    """People type their password where their address belongs."""
    person = Person(email=WRONG, password="x", subject="")
    await answer(browser, portal, ory.plant_login(), person)
    assert "203.0.113.7" in log.getvalue()
    assert WRONG not in log.getvalue()
    assert WRONG.encode() not in stored_bytes(portal)


async def test_the_metrics_are_for_whoever_has_their_token(portal: Portal) -> None:
    async with portal.http() as http:
        for given, status in (
            (None, 403),
            ("Bearer x", 403),
            ("canary-token", 403),
            ("Bearer é", 403),
            ("Bearer canary-token-of-metrics", 200),
        ):
            headers = {} if given is None else {"Authorization": given.encode("latin-1")}
            answer = await http.get("/metrics/prometheus", headers=headers)  # type: ignore[arg-type]
            assert answer.status_code == status, given


async def test_a_page_holds_nothing_of_another_browsers_visit(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    challenge = ory.plant_login()
    page = await answer(browser, portal, challenge, ann, password=WRONG)
    assert page.status == 401
    token = field(page, "form_token")
    async with portal.http() as other:
        seen = (await other.get("/login", params={"login_challenge": challenge})).text
    assert token not in seen
    assert ann.email not in seen
