"""The ids of the consent page's boxes: by the scope's name, and never another element's."""

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.consent.pages import RESERVED_IDS, ConsentPage, element_ids
from portal.samples import SAMPLES
from tests.pages.rendering import ids, parse, render

SCOPE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
TRICKY = st.sampled_from([*sorted(RESERVED_IDS), "scope-accept", "hint-openid", "audience-1"])


@pytest.mark.parametrize(
    "scope",
    [
        "openid",
        "offline",
        "offline_access",
        "email",
        "photos.read",
        "urn:x:y",
        "READ",
        "foo",
        "a-b",
    ],
)
def test_a_plain_scope_is_its_own_id(scope: str) -> None:
    assert element_ids([scope]) == ((scope,), ())


@pytest.mark.parametrize(
    "scope",
    [
        "accept", "reject", "remember", "consent-form", "content", "submit", "action", "children",
        "getAttribute", "querySelector", "scope-email", "hint-email", "audience-1", "1st",
        "https://api.example.org/read", '"><b',
    ],
)  # fmt: skip
def test_a_scope_that_would_hide_something_is_prefixed(scope: str) -> None:
    assert element_ids([scope]) == ((f"scope-{scope}",), ())


@given(st.lists(SCOPE | TRICKY, unique=True, max_size=8), st.integers(0, 3))
def test_ids_never_collide(scopes: list[str], services: int) -> None:
    boxes, audience = element_ids(scopes, ["https://api.example.org"] * services)
    hints = [f"hint-{box}" for box in boxes]
    used = [*boxes, *audience, *hints, *RESERVED_IDS]
    assert len(used) == len(set(used))


def test_the_reserved_ids_are_the_pages_own(env: jinja2.Environment) -> None:
    found: set[str] = set()
    boxes: set[str] = set()
    for page in SAMPLES.values():
        if isinstance(page, ConsentPage):
            found |= set(ids(parse(render(env, page))))
            boxes |= {box.element_id for box in (*page.permissions, *page.audience)}
    assert found - boxes - {f"hint-{box}" for box in boxes} == RESERVED_IDS
