"""How static files are sent: packed for who can unpack them, and never twice."""

import gzip
from typing import Any

import httpx
import pytest

from portal.web.assets import ASSETS, accepts_gzip, asset_path
from tests.fixtures.portal import Portal
from tests.web.raw import HOST, ask

STYLE = asset_path("portal.css")
CSS = ASSETS["portal.css"].content


async def fetch(portal: Portal, path: str = STYLE, **headers: str) -> Any:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return await ask(portal.app, "GET", path, headers=[HOST, *sent])


@pytest.mark.parametrize("name", sorted(ASSETS))
async def test_a_file_is_sent_packed_to_a_browser(portal: Portal, name: str) -> None:
    answer = await fetch(portal, asset_path(name), accept_encoding="gzip, deflate, br, zstd")
    assert answer.one("content-encoding") == "gzip"
    assert answer.one("vary") == "Accept-Encoding"
    assert gzip.decompress(answer.body) == ASSETS[name].content
    assert len(answer.body) == int(answer.one("content-length")) < len(ASSETS[name].content)


async def test_it_is_sent_as_it_is_to_who_cannot_unpack_it(portal: Portal) -> None:
    answer = await fetch(portal)
    assert answer.all("content-encoding") == []
    assert answer.one("vary") == "Accept-Encoding"
    assert answer.body == CSS


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("gzip", True),
        ("GZIP;q=0.5, br", True),
        ("br, *", True),
        ("*;q=0, gzip", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("br, *;q=0", False),
        ("x-gzip", False),
        (",;,q=1;;", False),
    ],
)
def test_what_a_browser_says_it_takes_is_read_as_the_standard_has_it(
    header: str, allowed: bool
) -> None:
    assert accepts_gzip(header) is allowed


async def test_a_browser_that_has_the_file_is_not_sent_it_again(portal: Portal) -> None:
    first = await fetch(portal, "/static/old/portal.css", accept_encoding="gzip")
    tag = first.one("etag")
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = await fetch(
            portal, "/static/old/portal.css", accept_encoding="gzip", if_none_match=known
        )
        assert again.status == 304
        assert again.body == b""
        for name in ("etag", "cache-control", "vary"):
            assert again.one(name) == first.one(name)
    other = await fetch(portal, accept_encoding="gzip", if_none_match='"x"')
    assert other.status == 200


async def test_packed_and_unpacked_are_told_apart(portal: Portal) -> None:
    """A cache between may hold both."""
    packed = await fetch(portal, accept_encoding="gzip")
    plain = await fetch(portal, if_none_match=packed.one("etag"))
    assert plain.status == 200
    assert plain.one("etag") != packed.one("etag")


async def test_a_clients_library_reads_what_was_packed(http: httpx.AsyncClient) -> None:
    answer = await http.get(STYLE)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == CSS
