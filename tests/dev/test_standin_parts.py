"""The parts of the stand-in that can be looked at by themselves."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.dev.standin import durations, jsonpatch
from portal.dev.standin.http import Fields, Request, set_query, to_header
from portal.dev.standin.scopes import check_audience, wildcard
from portal.dev.standin.sealing import SealBrokenError, Sealer
from tests.dev.standin import Lab, lab, query_of


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("1h", 3600, "1h0m0s"),
        ("1h30m", 5400, "1h30m0s"),
        ("90s", 90, "1m30s"),
        ("1.5s", 1.5, "1.5s"),
        ("500ms", 0.5, "0.5s"),
        ("-2h", -7200, "-2h0m0s"),
        ("0", 0, "0s"),
    ],
)
def test_durations_are_read_and_written_as_go_does(text: str, seconds: float, written: str) -> None:
    assert durations.parse(text) == seconds
    assert durations.write(seconds) == written


@pytest.mark.parametrize("text", ["", "h", "1", "1x", "1h-2m", " 1h", "1h ", "٣h", "--1h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        durations.parse(text)


@pytest.mark.parametrize(
    ("patch", "after"),
    [
        ([{"op": "replace", "path": "/a", "value": 2}], {"a": 2, "b": ["x"]}),
        ([{"op": "replace", "path": "/new", "value": 2}], {"a": 1, "b": ["x"], "new": 2}),
        ([{"op": "add", "path": "/b/-", "value": "y"}], {"a": 1, "b": ["x", "y"]}),
        ([{"op": "add", "path": "/b/0", "value": "y"}], {"a": 1, "b": ["y", "x"]}),
        ([{"op": "replace", "path": "/b/0", "value": "y"}], {"a": 1, "b": ["y"]}),
        ([{"op": "remove", "path": "/b/0"}], {"a": 1, "b": []}),
        ([{"op": "remove", "path": "/a"}], {"b": ["x"]}),
        ([{"op": "move", "from": "/a", "path": "/c"}], {"b": ["x"], "c": 1}),
        ([{"op": "copy", "from": "/a", "path": "/c"}], {"a": 1, "b": ["x"], "c": 1}),
        ([{"op": "test", "path": "/a", "value": 1}], {"a": 1, "b": ["x"]}),
        ([{"op": "add", "path": "/~1~0", "value": 1}], {"a": 1, "b": ["x"], "/~": 1}),
        ([{"op": "replace", "path": "", "value": 5}], 5),
        ([], {"a": 1, "b": ["x"]}),
    ],
)
def test_a_patch_is_applied_to_a_copy(patch: Any, after: Any) -> None:
    before = {"a": 1, "b": ["x"]}
    assert jsonpatch.apply(before, patch) == after
    assert before == {"a": 1, "b": ["x"]}


@pytest.mark.parametrize(
    "patch",
    [
        None,
        {"op": "test"},
        [1],
        [{"op": "zz", "path": "/a"}],
        [{"op": "add", "path": "/a"}],
        [{"op": "add", "path": "a", "value": 1}],
        [{"op": "add", "path": 1, "value": 1}],
        [{"op": "add", "path": "/a/b", "value": 1}],
        [{"op": "add", "path": "/b/7", "value": 1}],
        [{"op": "add", "path": "/b/x", "value": 1}],
        [{"op": "replace", "path": "/b/1", "value": 1}],
        [{"op": "remove", "path": "/zz"}],
        [{"op": "remove", "path": "/a/b"}],
        [{"op": "remove", "path": ""}],
        [{"op": "move", "from": "/zz", "path": "/a"}],
        [{"op": "test", "path": "/a", "value": 2}],
    ],
)
def test_a_patch_that_does_not_fit_is_refused(patch: Any) -> None:
    with pytest.raises(jsonpatch.PatchError):
        jsonpatch.apply({"a": 1, "b": ["x"]}, patch)


@pytest.mark.parametrize(
    ("pattern", "scope", "fits"),
    [
        ("openid", "openid", True),
        ("openid", "openidx", False),
        ("photos.*", "photos.read", True),
        ("photos.*", "photos.read.mine", True),
        ("photos.*", "photos", False),
        ("photos.*", "photos.", False),
        ("*.read", "photos.read", True),
        ("*.read", "photos.write", False),
        ("photos.read", "photos.read.mine", False),
        ("*", "anything", True),
    ],
)
def test_a_wildcard_stands_for_the_rest(pattern: str, scope: str, fits: bool) -> None:
    assert wildcard([pattern], scope) is fits


@pytest.mark.parametrize(
    ("allowed", "asked", "fits"),
    [
        ("https://api.example.org", "https://api.example.org", True),
        ("https://api.example.org/", "https://api.example.org", True),
        ("https://api.example.org/v1", "https://api.example.org/v1/photos", True),
        ("https://api.example.org/v1", "https://api.example.org/v11", False),
        ("https://api.example.org", "http://api.example.org", False),
        ("https://api.example.org", "https://api.example.org.evil.example", False),
        ("https://api.example.org", "https://[", False),
        ("photos", "photos", True),
    ],
)
def test_an_audience_goes_by_the_beginning_of_its_address(
    allowed: str, asked: str, fits: bool
) -> None:
    if fits:
        check_audience([allowed], [asked])
    else:
        with pytest.raises(Exception, match="invalid_request"):
            check_audience([allowed], [asked])


def sealer() -> Sealer:
    return Sealer(random=bytes)


@given(st.text(max_size=40))
def test_nothing_but_a_seal_opens(text: str) -> None:
    with pytest.raises(SealBrokenError):
        sealer().open("login challenge", text, str)


@given(st.data())
def test_a_changed_or_cut_seal_is_broken(data: st.DataObject) -> None:
    sealed = sealer().seal("login challenge", "secret")
    place = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.sampled_from("ABCxyz-_"))
    changed = sealed[:place] + other + sealed[place + 1 :]
    for broken in (sealed[:place], changed):
        if broken.rstrip("=") != sealed.rstrip("="):
            with pytest.raises(SealBrokenError):
                sealer().open("login challenge", broken, str)
    with pytest.raises(SealBrokenError):
        sealer().open("consent challenge", sealed, str)
    assert sealer().open("login challenge", sealed, str) == "secret"


def test_a_query_is_sorted_and_what_it_had_is_kept() -> None:
    assert set_query("http://a/?z=1&b=ü&z=2&c=3", c="4", a="&") == (
        "http://a/?a=%26&b=%C3%BC&c=4&z=1&z=2"
    )


@given(st.text())
def test_no_address_can_end_a_header(text: str) -> None:
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert to_header(text).isprintable()
        assert to_header(text).isascii()


def test_other_programs_cookies_do_no_harm() -> None:
    request = Request(
        method="GET", path="/", headers={"cookie": 'odd; [x]={"a": 1}; ours=a==; b="c"; =d'}
    )
    assert request.cookies["ours"] == "a=="
    assert request.cookies["b"] == "c"


def test_a_form_and_a_query_are_one_and_the_form_comes_first() -> None:
    request = Request(
        method="POST",
        path="/",
        query_string="a=1&b=2",
        headers={"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        body=b"a=3",
    )
    assert request.form.all("a") == ["3", "1"]
    assert request.form.get("b") == "2"
    assert not Fields().get("a")


async def accept_login(ory: Lab, body: bytes) -> int:
    challenge = query_of(await ory.authorize())["login_challenge"]
    answer = await ory.admin.put(
        f"/admin/oauth2/auth/requests/login/accept?login_challenge={challenge}", content=body
    )
    return answer.status_code


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"subject":"\\ud800"}', 400),
        (b'{"subject":"a","context":NaN}', 400),
        (b'{"subject":"a","context":1e999}', 200),
        (b'{"subject":"a","remember_for":9223372036854775808}', 400),
        (b'{"subject":"a","remember":true,"remember_for":9223372036854775807}', 200),
        (b'{"subject":"a\\u0000"}', 200),
        (b'{"subject":null}', 400),
    ],
)
async def test_odd_values_in_a_body_are_no_accident(body: bytes, status: int) -> None:
    async with lab() as ory:
        await ory.register()
        assert await accept_login(ory, body) == status


async def test_a_cookie_for_ever_is_still_a_cookie() -> None:
    async with lab() as ory:
        await ory.register()
        page = await ory.accept(
            "login", await ory.authorize(), subject="ann", remember=True, remember_for=2**60
        )
    assert page.status_code == 302
    assert f"Max-Age={2**60}" in page.headers["set-cookie"]


async def test_an_id_cannot_write_headers() -> None:
    async with lab() as ory:
        client = await ory.register(client_id="a\r\nSet-Cookie: x=y")
        answer = await ory.admin.post("/admin/clients", json={"client_id": "ü\nX-Other: 1"})
    assert client["client_id"] == "a\r\nSet-Cookie: x=y"
    assert answer.status_code == 201
    assert "x-other" not in answer.headers


@pytest.mark.parametrize(("profile", "kept"), [("2.3", True), ("26", False)])
async def test_the_login_page_may_lose_its_own_query(profile: str, kept: bool) -> None:
    at = "http://localhost:3000/login?tenant=a"
    async with lab(profile=profile, login_url=at) as ory:
        await ory.register()
        page = await ory.authorize()
    assert ("tenant" in query_of(page)) is kept


async def test_registration_has_a_page_of_its_own_where_one_is_named() -> None:
    for named, path in ((None, "/login"), ("http://localhost:3000/join", "/join")):
        async with lab(registration_url=named) as ory:
            await ory.register()
            page = await ory.authorize(prompt="registration")
        assert f"localhost:3000{path}?" in page.headers["location"]
