"""What is sealed opens with the keys of this portal, for its own purpose, unchanged; else never."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.sealing import Sealer, UnsealableError
from portal.settings import Secret

OLD, NEW = (
    Secret("an old key that is long enough for it"),
    Secret("a new key that is long enough now"),
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=200)


@given(TEXT, TEXT)
def test_what_was_sealed_opens_for_the_same_purpose(text, purpose):
    sealer = Sealer([NEW])
    assert sealer.open(sealer.seal(text, purpose), purpose) == text


def test_it_does_not_open_for_another_purpose():
    sealer = Sealer([NEW])
    with pytest.raises(UnsealableError):
        sealer.open(sealer.seal("JBSWY3DP", "totp:ann"), "totp:bob")


def test_nothing_of_it_can_be_changed():
    sealer = Sealer([NEW])
    sealed = sealer.seal("JBSWY3DP", "totp:ann")
    for place in range(len(sealed)):
        other = "A" if sealed[place] != "A" else "B"
        with pytest.raises(UnsealableError):
            sealer.open(sealed[:place] + other + sealed[place + 1 :], "totp:ann")


@pytest.mark.parametrize(
    "nonsense", ["", ".", "x", "deadbeef.", "deadbeef.é", "\ud800.AAAA", "a" * 9000]
)
def test_what_nobody_sealed_does_not_open(nonsense):
    sealer = Sealer([NEW])
    for text in (nonsense, f"{sealer.key_id}.{nonsense}"):
        with pytest.raises(UnsealableError):
            sealer.open(text, "")


def test_the_same_text_never_looks_the_same():
    sealer = Sealer([NEW])
    assert len({sealer.seal("JBSWY3DP", "") for _ in range(50)}) == 50


def test_an_old_key_opens_and_is_known_to_be_old():
    before = Sealer([OLD]).seal("JBSWY3DP", "")
    rotated = Sealer([NEW, OLD])
    assert rotated.open(before, "") == "JBSWY3DP"
    assert rotated.is_outdated(before)
    assert not rotated.is_outdated(rotated.seal("JBSWY3DP", ""))


def test_without_the_old_key_nothing_opens():
    with pytest.raises(UnsealableError):
        Sealer([NEW]).open(Sealer([OLD]).seal("JBSWY3DP", ""), "")
