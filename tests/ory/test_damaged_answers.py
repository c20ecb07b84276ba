"""Whatever happens to a valid answer, the client raises an OryError or returns a valid document."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.ory.admin import OryAdmin
from portal.ory.authorization import origin_of
from portal.ory.errors import OryError
from portal.ory.models import (
    AcceptLogin,
    ConsentRequest,
    ConsentSession,
    LoginRequest,
    LogoutRequest,
    OAuth2Client,
)
from portal.ory.transport import DirectClient

CLIENT = {
    "client_id": "photos",
    "contacts": ["ann@photos.test"],
    "metadata": {"a": 1},
    "skip_consent": True,
}
REQUEST = {
    "challenge": "c" * 20,
    "client": CLIENT,
    "request_url": "http://ory.test/oauth2/auth?client_id=photos",
    "skip": True,
    "subject": "alice",
    "requested_scope": ["openid", "email"],
    "oidc_context": {"login_hint": "a", "id_token_hint_claims": {"sub": "alice"}},
    "session_id": "s",
    "context": {"a": [1]},
    "rp_initiated": True,
}
SESSION = {"consent_request": REQUEST, "grant_scope": ["openid"], "session": {"id_token": {"a": 1}}}
REDIRECT = {"redirect_to": "http://ory.test/oauth2/auth?login_verifier=x"}

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
STATUS = st.sampled_from([200] * 6 + [201, 204, 206, 301, 400, 401, 403, 404, 409, 410])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each member, however deep."""
    for name, member in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, name)
        if isinstance(member, dict | list):
            yield from places(member, (*path, name))


def changed(document: Any, path: tuple[Any, ...], junk: Any, *, remove: bool) -> bytes:
    copy = json.loads(json.dumps(document))
    *parents, name = path
    target = copy
    for parent in parents:
        target = target[parent]
    if remove:
        del target[name]
    else:
        target[name] = junk
    return json.dumps(copy).encode()


@st.composite
def damaged(draw: st.DrawFn, document: Any) -> bytes:
    """One member replaced or removed, the bytes cut and continued wrongly, or all replaced."""
    how = draw(st.sampled_from(["replace", "remove", "cut", "other"]))
    if how == "other":
        return json.dumps(draw(JUNK)).encode()
    if how == "cut":
        text = json.dumps(document).encode()
        return text[: draw(st.integers(0, len(text)))] + draw(st.binary(max_size=20))
    path = draw(st.sampled_from(list(places(document))))
    return changed(document, path, draw(JUNK), remove=how == "remove")


def ory_that_says(body: bytes, status: int = 200) -> OryAdmin:
    headers = {"content-type": "application/json"}
    transport = httpx.MockTransport(
        lambda request: httpx.Response(status, content=body, headers=headers)
    )
    return OryAdmin(DirectClient(transport), base_url="http://ory.test", api_key=lambda: None)


async def asked(ory: OryAdmin, kind: type) -> Any:
    match kind.__name__:
        case "LoginRequest":
            return await ory.get_login_request("x" * 20)
        case "ConsentRequest":
            return await ory.get_consent_request("x" * 20)
        case "LogoutRequest":
            return await ory.get_logout_request("x" * 20)
        case "ConsentSession":
            return await ory.list_consent_sessions("alice")
    return await ory.list_clients()


CASES = [
    (LoginRequest, REQUEST),
    (ConsentRequest, REQUEST),
    (LogoutRequest, REQUEST),
    (ConsentSession, [SESSION, SESSION]),
    (OAuth2Client, [CLIENT]),
]


@pytest.mark.parametrize(("kind", "document"), CASES)
async def test_an_undamaged_answer_is_a_document(kind: type, document: Any) -> None:
    assert await asked(ory_that_says(json.dumps(document).encode()), kind)


@pytest.mark.parametrize(("kind", "document"), CASES)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), status=STATUS)
async def test_a_damaged_answer_is_an_error_or_a_document(
    kind: type, document: Any, data: st.DataObject, status: int
) -> None:
    ory = ory_that_says(data.draw(damaged(document)), status)
    try:
        found = await asked(ory, kind)
    except OryError:
        return
    for item in found if isinstance(found, tuple) else (found,):
        assert isinstance(item, kind)
        plain = msgspec.to_builtins(item)
        assert msgspec.convert(plain, kind) == item
        assert repr(item)


@settings(max_examples=150, deadline=None)
@given(body=damaged(REDIRECT) | st.text().map(lambda s: json.dumps({"redirect_to": s}).encode()))
async def test_a_damaged_redirect_never_leads_away(body: bytes) -> None:
    request = msgspec.convert(REQUEST, LoginRequest)
    try:
        redirect = await ory_that_says(body).accept_login(request, AcceptLogin(subject="alice"))
    except OryError:
        return
    assert origin_of(redirect.redirect_to) == "http://ory.test"


@settings(max_examples=1000, deadline=None)
@given(st.text() | st.from_regex(r"https?:[/\\\\]{0,3}[^a]{0,9}ory\.test[:@/?#\\\\.]{0,3}.*"))
def test_an_address_with_an_origin_is_one_that_every_browser_reads_alike(address: str) -> None:
    origin = origin_of(address)
    if origin is not None:
        assert address.lower().startswith(("http://", "https://"))
        authority = re.split(r"[/?#]", address.partition("//")[2])[0]
        assert not set(authority) & set('@\\%<>"^`{|} ')
