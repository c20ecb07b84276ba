"""Changes to what is told about a person: one transaction, one event, no values in it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from portal.accounts import UnknownUserError
from portal.accounts.profile import InvalidProfileError, change_attributes_in, change_profile

FILE = """
[department]
title = "Department"
[level]
title = "Level"
type = "number"
"""
LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def portal_database_url(database_url):
    return database_url


@pytest.fixture
async def desk(new_portal, tmp_path):
    path = tmp_path / "attributes.toml"
    path.write_text(FILE)
    return await new_portal(PORTAL_ATTRIBUTES=str(path))


@pytest.fixture
async def ann(desk):
    return await desk.add_user(
        "ann@example.org",
        name="Ann",
        name_key="ann",
        profile={
            "given_name": "Ann",
            "phone_number": "+4930123456",
            "phone_number_verified": True,
            "x_unknown": "kept",
        },
        attributes={"department": "Research", "gone": "kept"},
    )


async def change(desk, ann, actor="cli", **values):
    return await change_profile(desk.services, ann.subject, values=values, actor=actor, now=LATER)


async def change_own(desk, ann, **values):
    catalog = desk.services.attributes
    async with desk.store.writing() as rows:
        return await change_attributes_in(
            rows, catalog, ann.subject, values=values, actor="cli", now=LATER
        )


async def events(desk):
    async with desk.store.reading() as rows:
        page = await rows.audit.list_page(after=None, limit=10)
    return [(event.action, event.detail) for event in page.events]


async def test_a_profile_is_changed_with_its_event_and_time(desk, ann):
    values = {"name": "Zoë Example", "locale": "de_at", "address.locality": "Berlin"}
    changed = await change_profile(
        desk.services, ann.subject, values=values, actor=ann.subject, now=LATER
    )
    assert changed == ("name", "locale", "address.locality")
    user = await desk.user(ann)
    assert (user.name, user.name_key) == ("Zoë Example", "zoë example")
    assert user.profile == {
        "given_name": "Ann",
        "phone_number": "+4930123456",
        "phone_number_verified": True,
        "x_unknown": "kept",
        "locale": "de-AT",
        "address": {"locality": "Berlin"},
    }
    assert user.updated_at == LATER
    assert await events(desk) == [
        ("user.profile_changed", {"changed": ["name", "locale", "address.locality"]})
    ]


async def test_what_changes_nothing_is_no_event(desk, ann):
    before = await desk.user(ann)
    assert await change(desk, ann, name="Ann", given_name=" Ann ") == ()
    assert await change_own(desk, ann, department="Research") == ()
    assert (await desk.user(ann)).updated_at == before.updated_at
    assert await events(desk) == []


async def test_values_are_removed_by_none(desk, ann):
    assert await change(desk, ann, name=None, given_name=None) == ("name", "given_name")
    user = await desk.user(ann)
    assert (user.name, user.name_key) == (None, None)
    assert "given_name" not in user.profile


async def test_a_person_s_new_number_is_not_verified(desk, ann):
    changed = await change(desk, ann, actor=ann.subject, phone_number="+4930654321")
    assert set(changed) == {"phone_number", "phone_number_verified"}
    assert "phone_number_verified" not in (await desk.user(ann)).profile


@pytest.mark.parametrize("name", ["phone_number_verified", "preferred_username"])
async def test_a_person_cannot_change_what_is_not_theirs(desk, ann, name):
    value = True if name == "phone_number_verified" else "admin"
    with pytest.raises(InvalidProfileError, match="not yours"):
        await change(desk, ann, actor=ann.subject, **{name: value})
    assert await change(desk, ann, actor="cli", preferred_username="ann") == ("preferred_username",)


async def test_nothing_is_changed_where_one_value_is_wrong(desk, ann):
    with pytest.raises(InvalidProfileError) as caught:
        await change(desk, ann, name="New", locale="nonsense", sub="root")
    assert set(caught.value.problems) == {"locale", "sub"}
    with pytest.raises(InvalidProfileError) as caught:
        await change_own(desk, ann, department="New", level="seven", unheard="x")
    assert set(caught.value.problems) == {"level", "unheard"}
    assert (await desk.user(ann)).name == "Ann"
    assert await events(desk) == []


async def test_attributes_are_changed_and_those_no_longer_defined_stay(desk, ann):
    assert await change_own(desk, ann, level=7, department=None) == ("department", "level")
    user = await desk.user(ann)
    assert user.attributes == {"level": 7, "gone": "kept"}
    assert user.updated_at == LATER
    assert await events(desk) == [("user.attributes_changed", {"changed": ["department", "level"]})]
    assert await change_own(desk, ann, gone=None) == ("gone",)


async def test_nobody_is_changed_who_is_not_there(desk):
    nobody = SimpleNamespace(subject="nobody")
    for act in (change, change_own):
        with pytest.raises(UnknownUserError):
            await act(desk, nobody)
