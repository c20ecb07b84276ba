"""What login and consent say can be read by somebody of thirteen: grade 8 of an American school.

By two measures of textstat: Flesch-Kincaid (words in a sentence, syllables in a word) and Gunning
Fog (words in a sentence, and how many of them have three syllables or more). Names, addresses and
what an app called its permissions are data, and are left out.
"""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

import jinja2
import pytest
import textstat

from tests.pages.rendering import elements, parse, render
from tests.pages.site import WHOLE

HIGHEST: Final = 8.0
STEPS: Final = ("login/", "consent/")
PAGES: Final = [name for name, page in WHOLE.items() if page.template.startswith(STEPS)]
INLINE: Final = frozenset(
    ("a", "span", "small", "strong", "em", "b", "bdi", "code", "abbr", "time")
)
DATA: Final = frozenset(("bdi", "code", "time"))
A_NAME: Final = "Ann"
"""Stands for whatever is data."""
UNSEEN: Final = frozenset(("script", "style", "svg", "input", "select", "template"))


def sentences(main: Element) -> list[str]:
    """What is said, in order; a heading or a button is a sentence, too."""
    texts = ("".join(text).split() for text in _blocks(main))
    said = (" ".join(words) for words in texts)
    return [
        sentence if sentence[-1] in ".?!" else f"{sentence}."
        for text in said
        for sentence in re.split(r"(?<=[.?!])\s+", text)
        if re.search(r"[A-Za-z]{2}", sentence.replace(A_NAME, ""))
    ]


def _blocks(element: Element) -> Iterator[list[str]]:
    """The pieces of text of each block; what is inline belongs to its block."""
    own: list[str] = []
    for part in _parts(element):
        if isinstance(part, str):
            own.append(part)
        else:
            if own:
                yield own
                own = []
            yield from _blocks(part)
    if own:
        yield own


def _parts(element: Element) -> Iterator[str | Element]:
    yield element.text or ""
    for child in element:
        if child.tag in DATA:
            yield f" {A_NAME} "
        elif child.tag in INLINE:
            yield from _parts(child)
        elif isinstance(child.tag, str) and child.tag not in UNSEEN:
            yield child
        yield child.tail or ""


def grade(text: str) -> float:
    """The harder of the two measures."""
    return float(max(textstat.flesch_kincaid_grade(text), textstat.gunning_fog(text)))


@pytest.mark.parametrize("name", PAGES)
def test_it_is_easy_to_read(env: jinja2.Environment, name: str) -> None:
    (main,) = elements(parse(render(env, WHOLE[name])), "main")
    said = sentences(main)
    assert len(said) > 3
    hardest = sorted(said, key=grade, reverse=True)[:3]
    assert grade(" ".join(said)) <= HIGHEST, hardest


def test_jargon_would_be_noticed() -> None:
    text = (
        "The relying party requests authorization to access aforementioned identity attributes, "
        "whereupon your authenticated session will be delegated to an administrative intermediary."
    )
    assert grade(text) > HIGHEST


def test_data_is_not_judged_and_a_block_is_a_sentence() -> None:
    html = (
        "<!DOCTYPE html><title>x</title><main><h1>Sign in</h1>"
        "<p>Go on to <bdi>Donaudampfschifffahrt</bdi> <strong>now</strong>. Then rest.</p>"
        "<ul><li><bdi>Photo</bdi></li><li>One</li></ul></main>"
    )
    (main,) = elements(parse(html), "main")
    assert sentences(main) == ["Sign in.", "Go on to Ann now.", "Then rest.", "One."]
