"""What is asked goes to the address that httpx itself would make of it."""

from urllib.parse import quote, urlencode

import httpx
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from portal.ory.calls import Call, Caller


def requested(base_url: str, call: Call) -> httpx.URL:
    caller = Caller(
        httpx.AsyncClient(),
        base_url=base_url,
        api_key=lambda: None,
        budget=1.0,
        forwarded_proto=False,
        observe=None,
    )
    return caller._request(call, None).url


@checked(deadline=None)
@given(
    base_url=st.sampled_from(
        ("http://127.0.0.1:4445", "https://ory.example/admin%20side/", "http://[::1]:4445")
    ),
    name=st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1).filter(
        lambda name: name not in (".", "..")
    ),
    value=st.text(st.characters(codec="utf-8")),
)
def test_a_path_and_a_query_arrive_whatever_is_in_them(base_url, name, value):
    path, query = f"/admin/clients/{quote(name, safe='')}", {"login_challenge": value}
    made = requested(base_url, Call(endpoint="get", method="GET", path=path, query=query))
    whole = f"{base_url.rstrip('/')}{path}?{urlencode(query, quote_via=quote, safe='=')}"
    assert made == httpx.URL(whole)
    assert str(made) == str(httpx.URL(whole))
    assert made.raw_path == httpx.URL(whole).raw_path


def test_without_a_query_there_is_no_question_mark():
    made = requested("http://127.0.0.1:4445", Call(endpoint="ready", method="GET", path="/ready"))
    assert str(made) == "http://127.0.0.1:4445/ready"
