"""The operator's attributes: the file that defines them, and the values that they may have."""

import time

import pytest

from portal.attributes import (
    AttributesError,
    AttributeValueError,
    AttributeValuesError,
    load_attributes,
    text_of,
)

FILE = """
[department]
title = { en = "Department", de = "Abteilung" }
[cost_centre]
title = "Cost centre"
pattern = "[0-9]{4}"
[level]
title = "Level"
type = "number"
min = 1
max = 9.5
[contractor]
title = "Contractor"
type = "boolean"
visible = false
[joined]
title = "Joined"
type = "date"
min = 2000-01-01
[site]
title = "Site"
type = "choice"
choices = ["Berlin", "Paris"]
[groups]
title = "Groups"
type = "list"
max_items = 3
max_length = 10
["https://example.org/roles"]
title = "Roles"
type = "list"
choices = ["reader", "writer"]
"""


@pytest.fixture
def load(tmp_path):
    def make(text):
        path = tmp_path / "attributes.toml"
        path.write_text(text)
        return load_attributes(path)

    return make


@pytest.fixture
def catalog(load):
    return load(FILE)


def problems(load, text):
    with pytest.raises(AttributesError) as caught:
        load(text)
    return [problem.partition("attributes.toml: ")[2] for problem in caught.value.problems]


def test_without_a_file_there_are_none():
    assert load_attributes(None).attributes == {}


def test_attributes_keep_their_order_and_titles(catalog):
    assert list(catalog.attributes)[:3] == ["department", "cost_centre", "level"]
    assert catalog.title("department") == "Department"
    assert catalog.title("department", "de-AT") == "Abteilung"
    assert catalog.attributes["department"].visible
    assert not catalog.attributes["contractor"].visible
    assert catalog.attributes["level"].hint == "A number from 1 to 9.5."


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("department", " Research ", "Research"),
        ("department", "  ", None),
        ("cost_centre", "4711", "4711"),
        ("level", "7", 7),
        ("level", "2.5", 2.5),
        ("contractor", "Yes", True),
        ("contractor", "0", False),
        ("joined", "2020-02-29", "2020-02-29"),
        ("site", "Paris", "Paris"),
        ("groups", "a, b ,c", ["a", "b", "c"]),
        ("groups", "a, b\r\nc", ["a, b", "c"]),
        ("https://example.org/roles", "writer", ["writer"]),
    ],
)
def test_texts_become_values(catalog, name, text, value):
    found = catalog.parse_text(name, text)
    assert (found, type(found)) == (value, type(value))
    if value is not None:
        assert catalog.check(name, found) == found
        again = catalog.parse_text(name, text_of(found))
        assert (again, type(again)) == (found, type(found))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("department", "x" * 256, "more than 255 characters"),
        ("department", "a\x00b", "cannot be seen"),
        ("department", "a\ud800", "cannot be seen"),
        ("cost_centre", "47111", "does not fit the pattern"),
        ("level", "seven", "must be a number"),
        ("level", "10", "at most 9.5"),
        ("level", "0", "at least 1"),
        ("level", "nan", "larger number than apps can read"),
        ("level", "9" * 25, "larger number"),
        ("level", "1e999", "larger number"),
        ("contractor", "perhaps", "yes or no"),
        ("joined", "29.02.2020", "a date as"),
        ("joined", "2021-02-29", "there is not"),
        ("joined", "1999-12-31", "at least 2000-01-01"),
        ("site", "Rome", "one of Berlin, Paris"),
        ("groups", "a,b,c,d", "more than 3 items"),
        ("groups", "a,a", "twice"),
        ("groups", "x" * 11, "more than 10 characters"),
        ("https://example.org/roles", "root", "one of reader, writer"),
        ("unheard", "x", "no such attribute"),
    ],
)
def test_what_is_no_such_value_is_refused_in_words(catalog, name, text, words):
    with pytest.raises(AttributeValueError, match=words):
        catalog.parse_text(name, text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("department", 7),
        ("level", "7"),
        ("level", True),
        ("level", float("inf")),
        ("contractor", "yes"),
        ("contractor", 1),
        ("joined", 2020),
        ("site", ["Paris"]),
        ("groups", "a"),
        ("groups", []),
        ("groups", [7]),
    ],
)
def test_typed_values_have_to_be_of_the_type(catalog, name, value):
    with pytest.raises(AttributeValueError):
        catalog.check(name, value)


def test_all_problems_of_several_values_are_told(catalog):
    with pytest.raises(AttributeValuesError) as caught:
        catalog.checked({"level": 99, "site": "Rome", "department": "Research"})
    assert set(caught.value.problems) == {"level", "site"}
    assert catalog.checked({"level": 2, "site": None}) == {"level": 2, "site": None}


def test_only_what_is_defined_and_fits_may_be_released(catalog):
    stored = {"level": 7, "site": "Rome", "old": "x", "department": "Research"}
    assert catalog.defined(stored) == {"department": "Research", "level": 7}


def test_values_are_shown_in_words(catalog):
    assert catalog.shown("contractor", True) == "yes"
    assert catalog.shown("groups", ["a", "b"]) == "a, b"
    assert catalog.shown("level", 7.0) == "7"
    assert catalog.shown("gone", "x") == "x"


def test_a_pattern_that_would_never_end_is_refused_at_start(load):
    began = time.monotonic()
    (found,) = problems(load, '[a]\ntitle = "A"\npattern = "(a|a)*"\n')
    assert "takes too long" in found
    assert time.monotonic() - began < 3


def test_a_pattern_that_a_value_traps_is_ended(catalog, load):
    trap = load('[a]\ntitle = "A"\nmax_length = 1000\npattern = "(z|z)*"\n')
    began = time.monotonic()
    with pytest.raises(AttributeValueError, match="takes too long"):
        trap.parse_text("a", "z" * 99 + "!")
    assert time.monotonic() - began < 20  # without an end, it would be years


def test_every_problem_of_the_file_is_told_together(load):
    assert problems(
        load,
        """
        [sub]
        title = "Subject"
        [email]
        title = "Mail"
        [admin]
        title = "Admin"
        ["1st"]
        title = "First"
        [a]
        type = "txt"
        [b]
        title = "B"
        type = "choice"
        colour = "red"
        max_length = 7
        [c]
        title = "C"
        type = "number"
        min = 9
        max = 1
        visible = "no"
        [d]
        title = "D"
        pattern = "["
        max_length = 0
        [e]
        title = "E"
        type = "date"
        min = "yesterday"
        [f]
        title = "F"
        type = 7
        """,
    ) == [
        "sub: is what tokens say of themselves: choose another name",
        "email: is a standard claim, which people have anyway: choose another name",
        "admin: is a name that the portal uses itself: choose another name",
        "1st: a name begins with a letter and has at most 100 letters, digits and _ . : / -",
        "a: title: is missing",
        "a: type: must be one of text, number, boolean, date, choice, list",
        "b: colour: is unknown; a table may hold title, type, choices, pattern, max_length, min, "
        "max, max_items, visible",
        "b: max_length: means nothing for the type choice",
        "b: choices: is missing: what can be chosen?",
        "c: min: is more than max",
        "c: visible: must be true or false",
        "d: max_length: must be a whole number from 1 to 1,000",
        "d: pattern: is no regular expression: unterminated character set at position 1",
        "e: min: must be a date as 2026-03-31",
        "f: type: must be one of text, number, boolean, date, choice, list",
    ]
