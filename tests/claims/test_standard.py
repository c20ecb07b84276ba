"""What a standard claim may be, and which of them a person may edit."""

import pytest

from portal.claim_names import ADDRESS_PARTS, STANDARD
from portal.claims import FIELDS, ClaimValueError, parse_profile
from portal.claims.standard import EDITABLE, SETTABLE, check, merged, nested, parse_text


def test_every_claim_of_the_standard_has_its_place():
    elsewhere = {"email", "email_verified", "updated_at"}  # columns of their own
    named = {name.partition(".")[0] for name in SETTABLE}
    assert named == STANDARD - elsewhere
    assert {f"address.{part}" for part in ADDRESS_PARTS} <= set(SETTABLE)


def test_a_person_cannot_say_that_their_number_is_verified_nor_how_apps_call_them():
    assert not {"phone_number_verified", "preferred_username", "email"} & EDITABLE
    posted = {"phone_number_verified": "yes", "preferred_username": "admin", "admin": "1"}
    assert parse_profile(posted) == ({}, {})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("name", "  Ann  Example ", "Ann  Example"),
        ("name", "Zoe\u0308", "Zoë"),
        ("picture", "https://example.org/a.png?x=1", "https://example.org/a.png?x=1"),
        ("locale", "DE_at", "de-AT"),
        ("locale", "zh-hant-tw", "zh-Hant-TW"),
        ("zoneinfo", "Europe/Berlin", "Europe/Berlin"),
        ("phone_number", "+49 (30) 12-34.56", "+4930123456"),
        ("phone_number", "0049 30 123456", "+4930123456"),
        ("birthdate", "1990-12-31", "1990-12-31"),
        ("birthdate", "1990", "1990"),
        ("birthdate", "0000-02-29", "0000-02-29"),
        ("address.street_address", "Example Street 1\r\n2nd floor", "Example Street 1\n2nd floor"),
        ("phone_number_verified", "yes", True),
        ("nickname", " \t", None),
    ],
)
def test_values_are_spelled_in_one_way(name, text, value):
    assert parse_text(name, text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("name", "a\x00b"),
        ("name", "a\ud800"),
        ("name", "a\nb"),
        ("name", "\u202egnp.exe"),
        ("name", "x" * 256),
        ("picture", "http://example.org/a.png"),
        ("picture", "javascript:alert(1)"),
        ("picture", "https://user:pw@example.org/"),
        ("picture", "https://"),
        ("picture", "https://[::1"),
        ("picture", "https://example.org:99999/"),
        ("picture", 'https://example.org/"><script>'),
        ("picture", f"https://example.org/{'x' * 500}"),
        ("locale", "german"),
        ("locale", "de-"),
        ("locale", "de_DE.UTF-8"),
        ("zoneinfo", "Europe/Bärlin"),
        ("zoneinfo", "../../etc/passwd"),
        ("phone_number", "030 123456"),
        ("phone_number", "+49"),
        ("phone_number", "4.93E+12"),
        ("phone_number", "+\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668"),
        ("birthdate", "31.12.1990"),
        ("birthdate", "1990-02-30"),
        ("birthdate", "0000"),
        ("birthdate", "1990-12"),
        ("phone_number_verified", "perhaps"),
    ],
)
def test_what_is_no_such_value_is_refused(name, text):
    with pytest.raises(ClaimValueError):
        parse_text(name, text)


@pytest.mark.parametrize("value", [1, True, ["a"], {"a": 1}])
def test_a_text_is_a_text(value):
    with pytest.raises(ClaimValueError):
        check("name", value)
    with pytest.raises(ClaimValueError):
        check("sub", "x")


def test_a_form_is_read_whole_and_its_problems_are_told_by_field():
    values, problems = parse_profile(
        {"name": " Ann ", "nickname": "", "locale": "nonsense", "picture": "ftp://x"}
    )
    assert values == {"name": "Ann", "nickname": None}
    assert set(problems) == {"locale", "picture"}
    assert problems["locale"] == "This must be a language as en, de-AT or pt-BR."


def test_every_field_of_the_page_can_be_read_and_has_a_label():
    assert len({field.name for field in FIELDS}) == len(FIELDS)
    assert len({field.label for field in FIELDS}) == len(FIELDS)
    values, problems = parse_profile({field.name: "" for field in FIELDS})
    assert not problems
    assert set(values) == EDITABLE


def test_another_number_is_not_verified():
    before = {"phone_number": "+4930123456", "phone_number_verified": True}
    assert merged(before, {"phone_number": "+4930123457"}) == {"phone_number": "+4930123457"}
    assert merged(before, {"phone_number": "+4930123456"}) == before
    assert merged(before, {"phone_number": None}) == {}
    assert merged({}, {"phone_number_verified": True}) == {}


def test_another_address_is_not_written_as_the_old_one_was():
    before = {"address.formatted": "Street 1\nBerlin", "address.locality": "Berlin"}
    assert merged(before, {"address.locality": "Potsdam"}) == {"address.locality": "Potsdam"}
    assert merged(before, {"address.locality": "Berlin"}) == before


def test_values_are_stored_in_the_form_of_the_standard():
    flat = {"name": "Ann", "given_name": "Ann", "address.locality": "Berlin", "locale": None}
    assert nested(flat) == {"given_name": "Ann", "address": {"locality": "Berlin"}}
