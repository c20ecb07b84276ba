"""What an authorization request's address tells, and what it hides."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.ory.authorization import AuthorizationParameters, origin_of

BASE = "https://ory.test/oauth2/auth"


def of(**query: str) -> AuthorizationParameters:
    return AuthorizationParameters.of(f"{BASE}?{urlencode(query)}")


def jwt(claims: Any) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmF0dXJl"


def test_prompts_are_split_at_blanks() -> None:
    assert of(prompt="login consent").prompt == {"login", "consent"}
    assert of(prompt="").prompt == of(scope="openid").prompt == frozenset()


def test_the_first_of_two_parameters_counts_as_it_does_for_ory() -> None:
    found = AuthorizationParameters.of(f"{BASE}?prompt=none&prompt=login")
    assert found.prompt == {"none"}


def test_a_request_object_overrides_the_query() -> None:
    request = jwt({"prompt": "login", "redirect_uri": "https://app.test/jwt", "max_age": 5})
    found = of(prompt="none", redirect_uri="https://app.test/query", request=request)
    assert found.prompt == {"login"}
    assert found.redirect_uri == "https://app.test/jwt"
    assert not found.by_reference
    assert of(prompt="none", request=jwt({"scope": "openid"})).prompt == {"none"}


def test_levels_are_asked_for_in_the_query_or_in_a_request_object() -> None:
    assert of().acr_values == ()
    assert of(acr_values="aal2 aal1").acr_values == ("aal2", "aal1")
    request = jwt({"acr_values": "aal2"})
    assert of(acr_values="aal1", request=request).acr_values == ("aal2",)


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "a.b.c.d.e", jwt([1]), jwt("x"), "..", "a.=.c"]
)
def test_a_request_object_that_cannot_be_read_hides_its_parameters(token: str) -> None:
    assert of(prompt="none", request=token).by_reference


def test_parameters_that_lie_elsewhere_are_told() -> None:
    assert of(request_uri="https://app.test/request").by_reference
    assert of(request=jwt({"request_uri": "https://app.test/r"})).by_reference
    assert not of(client_id="photos").by_reference


def test_of_parameters_that_lie_elsewhere_the_redirect_uri_is_not_known() -> None:
    elsewhere = of(request_uri="https://app.test/request", redirect_uri="https://app.test/query")
    assert elsewhere.redirect_uri is None
    assert of(request="a.b.c.d.e", redirect_uri="https://app.test/query").redirect_uri is None


def test_a_request_by_post_shows_no_query() -> None:
    assert not AuthorizationParameters.of(BASE).has_query
    assert of(client_id="photos").has_query


def test_a_device_is_told_by_the_path() -> None:
    assert AuthorizationParameters.of("https://ory.test/x/oauth2/device/verify?a=b").is_device
    assert not of(client_id="photos").is_device


def test_of_a_devices_address_nothing_counts_because_anybody_can_write_it() -> None:
    query = "user_code=x&prompt=none&redirect_uri=https://evil.test/&request_uri=https://evil.test"
    found = AuthorizationParameters.of(f"https://ory.test/oauth2/device/verify?{query}")
    assert found.is_device
    assert found.prompt == frozenset()
    assert found.redirect_uri is None
    assert not found.by_reference


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://ory.test/a?b#c", "https://ory.test"),
        ("HTTPS://Ory.Test:443", "https://ory.test"),
        ("http://ory.test:80/", "http://ory.test"),
        ("http://ory.test:080/", "http://ory.test"),
        ("http://127.0.0.1:4444/x", "http://127.0.0.1:4444"),
        ("http://[::1]:4444/x", "http://[::1]:4444"),
        ("https://ory.test:80/", "https://ory.test:80"),
        ("https://ory.test?x", "https://ory.test"),
        ("ftp://ory.test/", None),
        ("/oauth2/sessions/logout", None),
        ("https://user@ory.test/", None),
        ("https://ory.test\\@evil.test/", None),
        ("https://ory%2etest/", None),
        ("https://ory.test:port/", None),
        ("https://", None),
        ("https://[::1/", None),
    ],
)
def test_the_origin_of_an_address(address: str, expected: str | None) -> None:
    assert origin_of(address) == expected


@given(st.text() | st.text().map(lambda text: f"{BASE}?request={text}&prompt={text}"))
def test_no_address_is_too_strange(address: str) -> None:
    found = AuthorizationParameters.of(address)
    assert isinstance(found.prompt, frozenset)
