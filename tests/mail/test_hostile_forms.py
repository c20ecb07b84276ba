"""Whatever is sent to the pages that mails lead to: a clear answer, and nothing changed."""

import httpx
import pytest

from tests.driver import Browser
from tests.fixtures.mail import Outbox
from tests.fixtures.portal import Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person

FORM = "application/x-www-form-urlencoded"
PATHS = ("/recover", "/recover/reset", "/register", "/register/finish", "/verify", "/account/email")
WHOLE = {
    "/recover": "email=ann%40example.org",
    "/recover/reset": "token=x&password=four+walls+and+a+kettle",
    "/register": "email=eve%40example.org",
    "/register/finish": "token=x&password=four+walls+and+a+kettle",
    "/verify": "token=x&action=accept",
    "/account/email": "action=move&email=anna%40example.org",
}


@pytest.fixture
def portal(mailing: Portal) -> Portal:
    return mailing


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "more",
    ["&email=a%00b%40example.org", "&email=%ED%A0%80", "&email=x&email=y", "&unknown=1",
     "&action=x", "&token=a&token=b", "&password=a&password=b", "&=", "&" * 2000,
     "&email=" + "x" * 40_000],
)  # fmt: skip
async def test_a_form_that_no_page_sends_is_refused(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox, path: str, more: str
) -> None:
    await sign_in(browser, portal, ann)
    await browser.open(f"{portal.url}/account/email")
    token = field(browser.page, "form_token")
    body = f"{WHOLE[path]}&form_token={token}{more}"
    answer = await browser._http.post(path, content=body, headers={"Content-Type": FORM})
    assert answer.status_code in (400, 403, 410, 413), answer.text
    assert await outbox() == []
    assert (await portal.user(ann)).email == ann.email


@pytest.mark.parametrize("path", PATHS)
async def test_only_forms_are_read(
    portal: Portal, browser: Browser, ann: Person, http: httpx.AsyncClient, path: str
) -> None:
    await sign_in(browser, portal, ann)
    for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain"):
        answer = await http.post(path, content="{}", headers={"Content-Type": kind})
        assert answer.status_code == 415


@pytest.mark.parametrize("path", PATHS)
async def test_another_website_can_send_none_of_them(
    portal: Portal, browser: Browser, ann: Person, http: httpx.AsyncClient, path: str
) -> None:
    await sign_in(browser, portal, ann)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await http.post(
            path, content=WHOLE[path], headers={"Content-Type": FORM, **headers}
        )
        assert answer.status_code == 403
