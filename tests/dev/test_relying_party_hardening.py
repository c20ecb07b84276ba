"""What other web sites, other names and odd requests get from the local client: nothing."""

import secrets

import anyio
import pytest

from portal.dev.relying_party.browsers import MOST_BROWSERS
from tests.dev.local_client import HOME, authorize, local_client
from tests.doubles.openid import SUBJECT
from tests.driver import successful

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:5555", "127.0.0.1", "127.0.0.1:80", "localhost:5556", "", "[::]:5555"],
)
async def test_another_host_is_not_answered(host: str) -> None:
    async with local_client() as client, client.http() as http:
        for path in ("", "callback?code=x&state=y", "perform-flow", "nowhere"):
            answer = await http.get(f"{HOME}{path}", headers={"Host": host})
            assert answer.status_code == 421
            assert "location" not in answer.headers


async def test_other_names_of_this_machine_lead_to_the_one_with_the_cookie() -> None:
    async with local_client() as client, client.http() as http:
        for host in ("localhost:5555", "[::1]:5555"):
            answer = await http.get(f"{HOME}?x=1", headers={"Host": host})
            assert (answer.status_code, answer.headers["location"]) == (302, HOME)
            answer = await http.get(f"{HOME}nowhere", headers={"Host": host})
            assert answer.status_code == 404


@pytest.mark.parametrize(
    "path", ["", "perform-flow", "callback", "after-logout", "nowhere", "tokens/x"]
)
async def test_every_answer_has_the_headers_of_a_strict_page(path: str) -> None:
    async with local_client() as client, client.http() as http:
        answer = await http.get(f"{HOME}{path}")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"


async def test_the_cookie_is_kept_from_scripts_and_other_sites() -> None:
    async with local_client() as client, client.http() as http:
        cookie = (await http.get(HOME)).headers["set-cookie"]
        assert cookie.startswith("local_client_5555=")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Secure" not in cookie
    async with local_client(https=True) as client, client.http() as http:
        home = "https://127.0.0.1:5555/"
        assert "Secure" in (await http.get(home)).headers["set-cookie"]


@pytest.mark.parametrize("cookie", ["short", "é", "a" * 42, "a" * 44, "a" * 42 + "/", "a" * 5000])
async def test_a_cookie_that_was_never_given_out_is_replaced(cookie: str) -> None:
    async with local_client() as client, client.http() as http:
        headers = [(b"cookie", f"local_client_5555={cookie}".encode())]
        answer = await http.get(HOME, headers=headers)
        assert cookie not in answer.headers["set-cookie"]


BUTTONS = ("refresh", "userinfo", "introspect", "revoke", "logout")


@pytest.mark.parametrize("name", BUTTONS)
async def test_a_button_needs_the_page_s_token(name: str) -> None:
    async with local_client() as client:
        browser = client.browser()
        page = await authorize(browser)
        before = len(client.op.requests)
        for fields in ([], [("form_token", "")], [("form_token", "x" * 64)], [("form_token", "é")]):
            refused = await browser.send("POST", f"{page.url.path}/{name}", fields)
            assert refused.status == 403
            browser.show(page)
        assert len(client.op.requests) == before


async def test_the_token_of_another_browser_does_not_fit() -> None:
    async with local_client() as client:
        mine, other = client.browser(), client.browser()
        page = await authorize(mine)
        foreign = (await other.open(HOME)).root.find(".//input[@name='form_token']")
        assert foreign is not None
        fields = [("form_token", foreign.get("value", ""))]
        assert (await mine.send("POST", f"{page.url.path}/revoke", fields)).status == 403
        assert (await mine.send("POST", "/again", fields)).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:4444"},
        {"Origin": "null"},
    ],
)
async def test_a_form_of_another_site_is_refused(headers: dict[str, str]) -> None:
    """Even with a token that fits."""
    async with local_client() as client:
        browser = client.browser()
        page = await browser.open(HOME)
        fields = dict(successful(page.form_around(page.element("again"))))
        http = browser._http
        answer = await http.post(f"{HOME}again", data=fields, headers=headers)
        assert answer.status_code == 403
        assert (await http.post(f"{HOME}again", data=fields)).status_code == 303


async def test_pictures_on_another_site_push_no_result_out() -> None:
    async with local_client() as client, client.http() as stranger:
        browser = client.browser()
        page = await authorize(browser)
        picture = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}
        for _ in range(MOST_BROWSERS + 1):
            await stranger.get(f"{HOME}perform-flow", headers=picture)
            stranger.cookies.clear()  # browsers send none from another site
        assert (await browser.open(page.url)).status == 200
        link = picture | {"Sec-Fetch-Dest": "document"}
        assert (await stranger.get(f"{HOME}perform-flow", headers=link)).status_code == 302


async def test_tokens_that_failed_a_check_are_gone() -> None:
    async with local_client() as client:
        client.op.change_claims = lambda claims: claims | {"aud": "mail"}
        browser = client.browser()
        page = await authorize(browser)
        fields = successful(page.form_around(page.element("again")))
        token = [(name, value) for name, value in fields if name == "form_token"]
        before = len(client.op.requests)
        for name in ("refresh", "userinfo", "introspect", "revoke"):
            browser.show(page)
            await browser.send("POST", f"{page.url.path}/{name}", token)
        assert len(client.op.requests) == before


async def test_an_unknown_button_and_an_unknown_page_are_404() -> None:
    async with local_client() as client:
        browser = client.browser()
        page = await authorize(browser)
        token = browser.page.root.find(".//input[@name='form_token']")
        assert token is not None
        fields = [("form_token", token.get("value", ""))]
        assert (await browser.send("POST", f"{page.url.path}/explode", fields)).status == 404
        assert (await browser.open(f"{HOME}tokens/nothing")).status == 404
        assert (await browser.open(f"{HOME}style/x.css")).status == 404


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=" + b"x" * 70_000, FORM, 413),
        (b"{}", "application/json", 415),
        (b"", "", 415),
        (b"a=%ff", FORM, 400),
        (b"\xff", FORM, 400),
        (b"a=1&a=2", FORM, 400),
        (b"a=%00", FORM, 400),
        (b"&".join(b"a%d=1" % n for n in range(60)), FORM, 400),
    ],
)
async def test_bodies_that_no_form_sends_are_refused(body: bytes, kind: str, status: int) -> None:
    async with local_client() as client, client.http() as http:
        await http.get(HOME)
        for path in ("again", "callback"):
            answer = await http.post(f"{HOME}{path}", content=body, headers={"content-type": kind})
            assert answer.status_code == status


async def test_odd_requests_are_refused() -> None:
    async with local_client() as client, client.http() as http:
        assert (await http.get(f"{HOME}callback?{'x' * 40_000}")).status_code == 431
        assert (await http.delete(HOME)).status_code == 405
        assert (await http.get(f"{HOME}callback?code=%ff")).status_code == 400
        assert (await http.post(HOME, data={})).status_code in (405, 415)


async def test_markup_in_tokens_is_text() -> None:
    mark = f"<script>{secrets.token_hex(4)}</script>\u202e"
    async with local_client() as client:
        client.op.change_claims = lambda claims: claims | {mark: mark, "picture": "javascript:1"}
        client.op.userinfo = {"sub": SUBJECT, "name": mark, "odd": "\ud800"}
        client.op.granted = "openid offline <b>"
        browser = client.browser()
        page = await authorize(browser)
        assert "<script" not in page.html
        page = await browser.click("userinfo")
        assert "<script" not in page.html
        assert "\\u202e" in page.text
        assert 'href="javascript' not in page.html


async def test_pages_need_no_script_and_fetch_only_their_stylesheet() -> None:
    async with local_client() as client:
        page = await authorize(client.browser())
        tags = {element.tag for element in page.root.iter()}
        assert not tags & {"script", "style", "img", "iframe"}
        assert not any("style" in element.attrib for element in page.root.iter())
        (sheet,) = page.root.iter("link")
        async with client.http() as http:
            style = await http.get(HOME.rstrip("/") + sheet.get("href", ""))
        assert style.headers["content-type"].startswith("text/css")
        assert "immutable" in style.headers["cache-control"]
        assert "http" not in style.text


@pytest.mark.parametrize("depth", [50, 500, 900, 990, 5_000])
async def test_depth_in_an_answer_breaks_no_page(depth: int) -> None:
    async with local_client() as client:
        nested = '{"sub": "ann-71f0", "deep": ' + "[" * depth + "]" * depth + "}"
        client.op.answers["/userinfo"] = nested.encode()
        browser = client.browser()
        await authorize(browser)
        page = await browser.click("userinfo")
        assert page.status == 200
        assert "deep" in page.text or page.has("trouble")


async def test_a_bug_is_a_page_and_a_place_in_the_log_without_what_was_in_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    canary = secrets.token_hex(8)

    def broken(*args: object, **more: object) -> None:
        raise KeyError(canary)

    async with local_client() as client:
        monkeypatch.setattr("portal.dev.relying_party.pages.welcome_page", broken)
        page = await client.browser().open(HOME)
        assert page.status == 500
        assert "KeyError" in caplog.text
        assert canary not in caplog.text + page.html


async def test_two_clicks_on_refresh_use_the_refresh_token_once_each() -> None:
    async with local_client() as client:
        browser = client.browser()
        page = await authorize(browser)
        fields = [(f.get("name", ""), f.get("value", "")) for f in page.root.iter("input")][:1]
        client.op.delay = 0.01
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(browser.send_and_look_away, f"{page.url.path}/refresh", fields)
        page = await browser.reload()
        assert not page.has("trouble")
        used = [
            form.get("refresh_token") for _, path, form in client.op.requests if path == "/token"
        ]
        assert len(set(used)) == len(used) == 3
