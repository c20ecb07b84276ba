"""The pages' colours, and what follows from an operator's accent."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import portal
from portal.colours import (
    BUILT_IN,
    PAIRS,
    SCHEMES,
    TEXT,
    Scheme,
    completed,
    contrast,
    mix,
    nearest,
)

CSS = (Path(portal.__file__).parent / "static" / "portal.css").read_text(encoding="utf-8")
COLOUR = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_every_colour_of_the_style_sheet_is_known_in_both_schemes() -> None:
    used = set(re.findall(r"var\(--([\w-]+)\)", CSS))
    assert set(BUILT_IN["light"]) == set(BUILT_IN["dark"])
    assert {"page", "surface", "text", "muted", "accent", "on-accent"} <= set(BUILT_IN["light"])
    assert set(BUILT_IN["light"]) <= used


def test_every_colour_that_is_written_or_drawn_with_is_compared_with_another() -> None:
    """Lines that only part things need no contrast (WCAG 2.2, 1.4.11)."""
    fronts = set(re.findall(r"(?<![-\w])color: var\(--([\w-]+)\)", CSS))
    assert fronts <= {pair.front for pair in PAIRS}
    behind = set(re.findall(r"background(?:-color)?: var\(--([\w-]+)\)", CSS))
    assert behind <= {pair.back for pair in PAIRS}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.front} on {pair.back}")
def test_our_own_colours_can_be_told_apart(scheme: Scheme, pair: object) -> None:
    palette = BUILT_IN[scheme]
    assert contrast(palette[pair.front], palette[pair.back]) >= pair.needed  # type: ignore[attr-defined]


def test_contrast_is_what_wcag_calls_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#abcdef", "#abcdef") == 1


def test_a_mix_lies_between_its_colours() -> None:
    assert mix("#000000", "#ffffff", 0) == "#000000"
    assert mix("#000000", "#ffffff", 0.2) == "#333333"


@given(COLOUR, COLOUR)
def test_the_nearest_colour_can_be_told_apart(colour: str, behind: str) -> None:
    found = nearest(colour, {behind: TEXT})
    assert found is not None
    assert contrast(found, behind) >= TEXT
    assert contrast(colour, behind) < TEXT or found == colour


def test_there_is_no_colour_for_every_background_at_once() -> None:
    assert nearest("#808080", {"#000000": 10, "#ffffff": 10}) is None


@given(COLOUR)
def test_a_readable_accent_makes_readable_colours_around_it(accent: str) -> None:
    schemes = completed({"light": {"accent": accent}})
    for scheme in SCHEMES:
        palette = BUILT_IN[scheme] | schemes[scheme]
        pairs = {(p.front, p.back): contrast(palette[p.front], palette[p.back]) for p in PAIRS}
        own = [pairs["accent", back] for back in ("page", "surface", "sunken")]
        if scheme == "dark" or min(own) >= TEXT:
            assert min(pairs.values()) >= 3
            assert [pair for pair in PAIRS if pairs[pair.front, pair.back] < pair.needed] == []


def test_what_is_given_is_never_replaced() -> None:
    given_light = {"accent": "#0a7d4f", "on-accent": "#eeeeee", "accent-soft": "#dddddd"}
    schemes = completed({"light": given_light, "dark": {"accent": "#ffee00"}})
    assert given_light.items() <= schemes["light"].items()
    assert schemes["dark"]["accent"] == "#ffee00"
    assert completed({"light": {"page": "#eeeeee"}}) == {"light": {"page": "#eeeeee"}, "dark": {}}
