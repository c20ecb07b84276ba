"""What an app is told about a person, and what the person sees of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from portal import i18n
from portal.attributes import Attribute, AttributeCatalog
from portal.claims import (
    CONFORMANCE_CLAIMS,
    Datum,
    claims_for,
    in_one_line,
    released_by,
    shown_data,
)
from portal.operator_files import Words, words
from portal.scopes import Entry, ScopeCatalog
from portal.store.tables import User

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ATTRIBUTES = AttributeCatalog(
    {
        "department": Attribute(title=words("Department")),
        "level": Attribute(title=words("Level"), type="number"),
        "risk": Attribute(title=words("Risk class"), visible=False),
        "groups": Attribute(title=words("Groups"), type="list"),
    }
)
CATALOG = ScopeCatalog(
    {
        "work": Entry(
            title=words("See where you work"),
            description=words("Your department."),
            claims=("department", "level", "groups", "nickname"),
        ),
        "risk": Entry(title=words("Risk"), description=words("It."), claims=("risk",)),
        "bare": Entry(title=words("Bare"), description=words("Releases nothing.")),
    }
)
EVERYTHING: dict[str, Any] = {
    "given_name": "Ann",
    "family_name": "Example",
    "nickname": "Annie",
    "preferred_username": "ann",
    "locale": "de-DE",
    "phone_number": "+4930123456",
    "phone_number_verified": True,
    "address": {
        "street_address": "Example Street 1",
        "postal_code": "10115",
        "locality": "Berlin",
        "country": "Germany",
    },
}


def person(**fields):
    given: dict[str, Any] = {
        "subject": "ann",
        "email": "ann@example.org",
        "email_verified": True,
        "name": "Ann Example",
        "profile": EVERYTHING,
        "attributes": {"department": "Research", "level": 7, "risk": "high"},
        "created_at": NOW,
        "updated_at": NOW,
    }
    return User(**given | fields)


def told(*scopes, user=None, catalog=CATALOG, attributes=ATTRIBUTES, fake=False):
    user = user or person()
    return claims_for(user, scopes, catalog=catalog, attributes=attributes, fake=fake)


def seen(scope, user=None):
    return shown_data(user or person(), scope, catalog=CATALOG, attributes=ATTRIBUTES)


def test_nothing_is_told_without_openid():
    assert told("profile", "email", "phone", "address", "work") == {}
    assert told() == {}


def test_openid_alone_tells_nothing_about_the_person():
    assert told("openid") == {}


def test_each_scope_tells_what_the_standard_says():
    assert told("openid", "email") == {"email": "ann@example.org", "email_verified": True}
    assert told("openid", "profile") == {
        "name": "Ann Example",
        "given_name": "Ann",
        "family_name": "Example",
        "nickname": "Annie",
        "preferred_username": "ann",
        "locale": "de-DE",
        "updated_at": int(NOW.timestamp()),
    }
    assert told("openid", "phone") == {
        "phone_number": "+4930123456",
        "phone_number_verified": True,
    }
    assert told("openid", "address")["address"] == {
        "formatted": "Example Street 1\n10115 Berlin\nGermany",
        **EVERYTHING["address"],
    }


def test_what_a_person_has_not_said_is_left_out():
    bare = person(name=None, profile={}, attributes={})
    scopes = ("openid", "profile", "phone", "address", "work")
    assert told(*scopes, user=bare) == {"updated_at": int(NOW.timestamp())}


def test_a_number_that_nobody_has_verified_is_told_to_be_so():
    someone = person(profile={"phone_number": "+4930123456"})
    assert told("openid", "phone", user=someone)["phone_number_verified"] is False


def test_own_scopes_tell_attributes_and_standard_claims():
    assert told("openid", "work") == {"department": "Research", "level": 7, "nickname": "Annie"}
    assert told("openid", "bare", "unheard.of") == {}


def test_an_attribute_that_is_no_longer_defined_or_of_another_type_is_not_told():
    assert "department" not in told("openid", "work", attributes=AttributeCatalog())
    odd = person(attributes={"level": "seven", "department": ["a"], "groups": ["x", "y"]})
    assert told("openid", "work", user=odd) == {"groups": ["x", "y"], "nickname": "Annie"}


def test_an_attribute_cannot_take_the_place_of_what_the_person_is():
    someone = person(attributes={"email": "admin@example.org", "sub": "root", "nickname": "x"})
    claims = told("openid", "email", "work", user=someone)
    assert claims["email"] == "ann@example.org"
    assert claims["nickname"] == "Annie"
    assert "sub" not in claims


def test_what_the_profile_holds_beside_the_standard_is_not_told():
    someone = person(profile={"sub": "root", "admin": True, "given_name": "Ann"})
    assert set(told("openid", "profile", user=someone)) == {"name", "given_name", "updated_at"}


def test_the_made_up_claims_replace_real_ones_of_granted_scopes_alone():
    claims = told("openid", "email", "work", fake=True)
    assert claims["email"] == CONFORMANCE_CLAIMS["email"]["email"]
    assert "birthdate" not in claims


def test_everything_that_can_be_told_is_known_before():
    everything = {"name", "address", "phone_number", "email", "department", "risk", "updated_at"}
    assert everything <= released_by(CATALOG)


def lines(data):
    return [f"{d.label}: {d.value}" + (f" ({d.note})" if d.note else "") for d in data]


@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        ("openid", []),
        ("email", ["E-mail: ann@example.org (confirmed)"]),
        (
            "profile",
            ["Name: Ann Example", "Nickname: Annie", "User name: ann", "Language: de-DE"],
        ),
        ("phone", ["Phone: +4930123456 (confirmed)"]),
        ("address", ["Postal address: Example Street 1, 10115 Berlin, Germany"]),
        ("work", ["Department: Research", "Level: 7", "Nickname: Annie"]),
        ("risk", ["Risk class: "]),
        ("bare", []),
        ("unheard.of", []),
    ],
)
def test_a_person_sees_their_own_data_with_what_it_is(scope, shown):
    assert lines(seen(scope)) == shown


def test_a_person_without_data_sees_none():
    bare = person(name=None, profile={}, attributes={})
    assert {seen(scope, bare) for scope in ("profile", "phone", "address", "work")} == {()}


def test_what_nobody_has_confirmed_is_said_to_be_so():
    someone = person(email_verified=False, profile={"phone_number": "+4930123456"})
    assert [d.note for d in (*seen("email", someone), *seen("phone", someone))] == [
        "not confirmed"
    ] * 2


def test_a_value_that_the_operator_hides_is_not_shown():
    (hidden,) = seen("risk")
    assert hidden == Datum(label="Risk class")
    assert in_one_line((hidden,)) == "Risk class"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1990-12-31", "31 December 1990"),
        ("1990", "1990"),
        ("0000-12-31", "0000-12-31"),
    ],
)
def test_a_date_of_birth_is_written_as_people_write_it(value, shown):
    (name, birthday) = seen("profile", person(profile={"birthdate": value}))
    assert (name.label, birthday.value) == ("Name", shown)


def test_words_of_the_operator_are_in_the_language_of_the_page():
    attributes = AttributeCatalog(
        {"department": Attribute(title=Words({"en": "Department", "de": "Abteilung"}))}
    )
    i18n.begin(browser="de")
    try:
        (shown, *_) = shown_data(person(), "work", catalog=CATALOG, attributes=attributes)
        assert shown.label == "Abteilung"
    finally:
        i18n.begin()


def test_long_data_is_cut():
    name, site = seen(
        "profile", person(name="x" * 255, profile={"website": "https://x/" + "y" * 400})
    )
    assert (len(name.value), len(site.value)) == (200, 200)
    assert site.value.endswith("…")
    assert len(in_one_line((name, site))) == 200


def test_one_line_holds_every_value_once():
    assert in_one_line(seen("profile")) == "Ann Example, Annie, ann, de-DE"
    assert in_one_line(()) is None
