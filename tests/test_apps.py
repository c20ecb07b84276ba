"""How an app is shown: where its answer goes, as far as that is known."""

from datetime import UTC, datetime, timedelta
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


NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def known(created_at: str, now: datetime | None = NOW) -> tuple[datetime | None, bool]:
    app = AppView.of(OAuth2Client(client_id="photos", created_at=created_at), now=now)
    return app.known_since, app.is_new


@pytest.mark.parametrize(
    ("age", "is_new"),
    [(timedelta(), True), (timedelta(days=29, hours=23), True), (timedelta(days=30), False)],
)
def test_an_app_is_new_here_for_thirty_days(age: timedelta, is_new: bool) -> None:
    since = NOW - age
    assert known(since.isoformat().replace("+00:00", "Z")) == (since, is_new)
    assert known(since.isoformat(), now=None) == (None, False)


@pytest.mark.parametrize(
    "created_at", ["", "0001-01-01T00:00:00Z", "2026-11-25T12:00:00", "yesterday", "9" * 50]
)
def test_an_app_whose_age_ory_does_not_tell_is_neither_new_nor_known(created_at: str) -> None:
    assert known(created_at) == (None, False)


def test_nanoseconds_and_a_clock_that_is_ahead_do_no_harm() -> None:
    assert known("2024-03-01T10:00:00.123456789Z")[1] is False
    assert known("9999-12-31T23:59:59-12:00") == (NOW, True)


def test_how_many_more_hosts_there_are_is_said() -> None:
    assert hosts(None, *(f"https://{n}.photos.test/" for n in "abcde"))[-1] == "2 more"


def test_the_app_s_own_website_is_known_whatever_it_is_called_on_screen() -> None:
    fields = {"client_uri": "https://photos.test/", "tos_uri": "https://t.test"}
    client = OAuth2Client(client_id="photos", **fields)
    app = AppView.of(client)
    assert app.home is not None
    assert (app.home.href, [link.is_home for link in app.links]) == (
        "https://photos.test/",
        [True, False],
    )
