"""The driver sends what a browser would send, so that a page's mistakes show."""

import httpx
import pytest

from tests.driver import Browser

FORM = """<!doctype html><title>Form</title><form id="f" method="post" action="/target?x=1">
<input type="hidden" name="token" value="t"><input id="email" name="email" required>
<input type="checkbox" name="scope" value="openid" checked><input type="checkbox" name="scope"
value="email"><input name="off" value="1" disabled><input id="bare" type="checkbox" name="remember">
<button id="accept" name="action" value="accept">Allow</button>
<button id="reject" name="action" value="reject" formnovalidate>Deny</button></form>"""


def browser_on(seen: list[httpx.Request]) -> Browser:
    """A browser in front of one form; ``/target`` redirects to another site."""

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/target":
            return httpx.Response(303, headers={"location": "http://other.example.org/end"})
        return httpx.Response(200, html=FORM)

    return Browser(httpx.AsyncClient(transport=httpx.MockTransport(answer)))


async def test_only_what_a_browser_sends_is_sent() -> None:
    seen: list[httpx.Request] = []
    browser = browser_on(seen)
    await browser.open("http://portal.example.org/form")
    browser.fill("email", "ann@example.org")
    browser.tick("bare")
    await browser.click("accept")
    sent = seen[1]
    assert sent.method == "POST"
    assert str(sent.url) == "http://portal.example.org/target?x=1"
    assert sent.content == (
        b"token=t&email=ann%40example.org&scope=openid&remember=on&action=accept"
    )
    assert sent.headers["origin"] == "http://portal.example.org"
    assert sent.headers["sec-fetch-site"] == "same-origin"


async def test_a_redirect_is_followed_by_get_and_tells_that_it_crossed_sites() -> None:
    seen: list[httpx.Request] = []
    browser = browser_on(seen)
    await browser.open("http://portal.example.org/form")
    await browser.click("reject")
    last = seen[-1]
    assert (last.method, str(last.url)) == ("GET", "http://other.example.org/end")
    assert last.headers["sec-fetch-site"] == "cross-site"
    assert "origin" not in last.headers
    assert [hop.status for hop in browser.trail] == [303, 200]


async def test_an_empty_required_field_is_not_sent() -> None:
    seen: list[httpx.Request] = []
    browser = browser_on(seen)
    await browser.open("http://portal.example.org/form")
    with pytest.raises(AssertionError, match="#email is empty"):
        await browser.click("accept")
    assert len(seen) == 1
