import pytest

from benchmarks.flows.browser import FlowError, form_fields, keep

PORTAL = """
<form method="post" action="/language"><input type="hidden" name="language" value="de"></form>
<form id="consent-form" method="post" action="/consent">
  <input type="hidden" name="form_token" value="a&amp;b">
  <input type="checkbox" name="grant_scope" value="openid">
  <input type="radio" name="remember" value="3600"><input type="radio" name="remember" value="0">
  <button id="accept"
          name="action"
          value="accept">Allow</button>
  <button id="reject" name="action" value="reject">Deny</button>
</form>"""
REFERENCE = (
    '<form action="/login" method="POST"><input type="hidden" name="_csrf" value="t"/>'
    '<input type="checkbox" id="remember" name="remember" value="1"/>'
    '<input type="submit" id="accept" name="submit" value="Log in"/>'
    '<input type="submit" id="reject" name="submit" value="Deny access"/></form>'
)


def test_a_form_is_sent_as_a_browser_sends_it_whose_accept_was_pressed() -> None:
    fields = form_fields(PORTAL)

    assert fields == {"form_token": "a&b", "remember": "0", "action": "accept"}


def test_the_reference_apps_form_is_understood_too() -> None:
    assert form_fields(REFERENCE) == {"_csrf": "t", "remember": "1", "submit": "Log in"}


def test_a_page_without_that_form_is_an_error_that_shows_it() -> None:
    with pytest.raises(FlowError, match="Something went wrong"):
        form_fields("<h1>Something went wrong</h1>")


def test_cookies_are_kept_replaced_and_forgotten() -> None:
    jar = {"old": "1", "kept": "2"}

    keep(jar, ["old=; Path=/; Max-Age=0", "__Host-new=a.b-c; Path=/; Secure; HttpOnly"])
    keep(jar, ["kept=3; Path=/"])

    assert jar == {"__Host-new": "a.b-c", "kept": "3"}


def test_a_cookie_of_the_past_is_forgotten() -> None:
    jar = {"old": "1"}

    keep(jar, ["old=gone; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"])

    assert jar == {}
