"""What a new password must be, and what is said about it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts import WeakPasswordError, check_password
from portal.accounts.password_policy import strength

MAIL = "ann.miller@example.org"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "seven tame herons in a row",
        "Müller trägt im Grünen Grün",
        "только длинные слова подходят",
        "🦆🐸🐢🦊🐻🦉🐝🐌🦀🐙🦕🐳🦋🐞🦔",
        "aaaa bbbb cccc dddd eeee",
    ],
)
def test_length_is_all_that_is_asked_for(password: str) -> None:
    check_password(password, email=MAIL, min_length=15, words=("Example", "Ann Miller"))
    assert strength(password, email=MAIL, min_length=15).enough


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("fourteen chars", "at least 15 characters"),
        ("ann.miller@example.org", "too close"),
        ("annmillerexample123", "too close"),
        ("Passw0rdpassword123", "too close"),
        ("acme-portal-login-1", "too close"),
        ("aaaaaaaaaaaaaaaaaaaa", "repeats itself"),
        ("abcabcabcabcabcabc", "repeats itself"),
        ("123456789012345678", "tried first"),
        ("iloveyouiloveyou", "tried first"),
        ("!!!sunshine2024!!!!!", "tried first"),
        ("MICHELLEMICHELLE99", "tried first"),
    ],
)
def test_what_is_tried_first_is_refused_however_long_it_is(password: str, why: str) -> None:
    with pytest.raises(WeakPasswordError, match=why) as refused:
        check_password(password, email=MAIL, min_length=15, words=("Acme", "Ann Miller"))
    assert password not in str(refused.value)
    found = strength(password, email=MAIL, min_length=15, words=("Acme", "Ann Miller"))
    assert (found.enough, found.score <= 1) == (False, True)
    assert found.words.endswith(".")


@pytest.mark.parametrize(
    "password", ["password1", "Sunshine1", "football!", "123456789", "qwertyuiop"]
)
def test_beside_a_second_factor_eight_characters_do_but_none_that_are_common(password: str) -> None:
    with pytest.raises(WeakPasswordError):
        check_password(password, email=MAIL, min_length=8)
    check_password("vex7 quip", email=MAIL, min_length=8)


def test_composed_and_decomposed_letters_count_alike() -> None:
    with pytest.raises(WeakPasswordError, match="15"):
        check_password("u\u0308" * 14, email=MAIL, min_length=15)


def test_a_password_that_is_half_typed_is_told_how_much_is_missing() -> None:
    assert strength("", min_length=8).words == "8 more characters needed."
    assert strength("seven c", min_length=8).words == "1 more character needed."
    assert strength("seven c", min_length=8).score <= 1


def test_whose_password_it_is_makes_a_difference() -> None:
    theirs = "heronsmith tidewater"
    stranger = strength(theirs, email="bob@example.org", min_length=15)
    own = strength(theirs, email="heronsmith@tidewater.example", min_length=15)
    assert (stranger.enough, own.enough) == (True, False)


@given(st.text(max_size=120))
def test_nothing_that_is_typed_breaks_the_judgement(password: str) -> None:
    found = strength(password, email=MAIL, min_length=15)
    assert 0 <= found.score <= 4
    assert found.words


def test_signs_that_stand_for_letters_do_not_keep_a_processor_busy() -> None:
    strength("warm up the dictionaries", min_length=8)
    started = time.thread_time()
    strength("4@8({[<369!|1i0$5+7%2" * 4, min_length=8)
    assert time.thread_time() - started < 0.5
