"""How an app is shown: where its answer goes, as far as that is known."""

from typing import Any

import pytest

from portal.apps import AppView
from portal.ory.models import OAuth2Client

HOME = "https://photos.test/callback"
LOOPBACK = "http://127.0.0.1:5555/callback"


def hosts(asked: str | None, *registered: str) -> tuple[str, ...]:
    fields: dict[str, Any] = {"client_id": "photos", "redirect_uris": registered}
    return AppView.of(OAuth2Client(**fields), redirect_uri=asked).hosts


def test_the_host_that_the_request_asked_for_is_shown() -> None:
    other = "https://beta.photos.test/callback"
    assert hosts(other, HOME, other) == ("beta.photos.test",)


@pytest.mark.parametrize(
    ("asked", "registered", "shown"),
    [
        ("http://127.0.0.1:5556/callback", LOOPBACK, "127.0.0.1:5556"),
        ("http://127.0.0.1/callback", LOOPBACK, "127.0.0.1"),
        ("http://127.0.0.1:5556/callback", "http://127.0.0.1/callback", "127.0.0.1:5556"),
        ("http://127.0.0.2:1/callback?a=b", "http://127.0.0.2/callback?a=b", "127.0.0.2:1"),
        ("http://[::1]:5556/callback", "http://[::1]:5555/callback", "[::1]:5556"),
    ],
)
def test_on_a_loopback_address_any_port_is_where_the_answer_goes(
    asked: str, registered: str, shown: str
) -> None:
    """RFC 8252, 7.3; so does Ory."""
    assert hosts(asked, HOME, registered) == (shown,)


@pytest.mark.parametrize(
    ("asked", "registered"),
    [
        ("https://evil.test/callback", LOOPBACK),
        ("http://127.0.0.1:5556/other", LOOPBACK),
        ("http://127.0.0.1:5556/callback?x", LOOPBACK),
        ("http://127.0.0.2:5555/callback", LOOPBACK),
        ("https://127.0.0.1:5556/callback", "https://127.0.0.1:5555/callback"),
        ("http://localhost:5556/callback", "http://localhost:5555/callback"),
        ("http://evil.test:5556/callback", "http://evil.test:5555/callback"),
        ("http://x@127.0.0.1:5556/callback", LOOPBACK),
        ("http://127.0.0.1:80\\@evil.test/callback", LOOPBACK),
        ("http://127.0.0.1:99999999/callback", LOOPBACK),
        ("http://[::1/callback", LOOPBACK),
        (LOOPBACK, "http://[::1/callback"),
        ("", LOOPBACK),
        (None, LOOPBACK),
    ],
)
def test_what_ory_cannot_have_checked_is_not_shown(asked: str | None, registered: str) -> None:
    expected = AppView.of(OAuth2Client(client_id="photos", redirect_uris=(registered,))).hosts
    assert hosts(asked, registered) == expected


def test_where_it_is_not_known_every_registered_host_is_shown_once() -> None:
    other = "https://beta.photos.test/callback"
    assert hosts(None, HOME, f"{HOME}/2", other) == ("photos.test", "beta.photos.test")
    assert hosts("https://evil.test/", HOME, other) == ("photos.test", "beta.photos.test")
    assert hosts(None) == ()


def test_a_client_cannot_fill_the_page_with_hosts() -> None:
    many = [f"https://{number}.test/" for number in range(100)]
    assert hosts(None, *many) == ("0.test", "1.test", "2.test", "97 more")
