"""Whoever looks at a sample in another language sees no English in it but the person's own data."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final
from xml.etree.ElementTree import Element

import jinja2
import pytest
from babel.messages.pofile import read_po

from portal import i18n
from portal.samples import SAMPLES, in_language
from scripts.messages import path_of
from tests.pages.rendering import elements, parse, render
from tests.pages.site import SPOKEN

READ_OUT: Final = ("alt", "aria-label", "placeholder", "title")
DATA: Final = {"App", "Phone"}
"""What people in the samples call their second factors; elsewhere these are words of ours."""
FIELD: Final = re.compile(r"%\(\w+\)s|\{\w*\}|</?\w[^>]*>")
LETTERS_ENOUGH: Final = 12
"""Of a text with fields, to be known again with anything in them."""


@cache
def known(tag: str) -> tuple[frozenset[str], list[tuple[str, re.Pattern[str]]]]:
    """English texts that read otherwise in *tag*: whole ones, and those with fields."""
    whole, filled = set(), []
    with path_of(tag, "po").open("rb") as file:
        catalog = read_po(file)
    for message in catalog:
        pairs = zip(_forms(message.id), _forms(message.string), strict=False)
        for english, translated in pairs:
            if not english or english == translated:
                continue
            if not FIELD.search(english):
                whole.add(english.replace("%%", "%"))
            elif len(re.sub(r"[^A-Za-z]", "", FIELD.sub("", english))) >= LETTERS_ENOUGH:
                parts = FIELD.split(english)
                pattern = re.compile(".+?".join(re.escape(part) for part in parts))
                filled.append((max(parts, key=len), pattern))
    return frozenset(whole - DATA), filled


def _forms(texts: object) -> tuple[str, ...]:
    return tuple(texts) if isinstance(texts, tuple | list) else (str(texts),)


def shown(tree: Element) -> Iterator[str]:
    """Every piece of text that somebody sees or hears."""
    for element in elements(tree):
        if element.tag not in ("script", "style"):
            yield element.text or ""
        yield element.tail or ""
        yield from (element.get(name, "") for name in READ_OUT)
        if element.tag == "input" and element.get("type") in ("submit", "button"):
            yield element.get("value", "")


@cache
def is_english(text: str, tag: str) -> bool:
    whole, filled = known(tag)
    return text in whole or any(part in text and one.fullmatch(text) for part, one in filled)


def english_in(texts: Iterable[str], tag: str) -> list[str]:
    read = {" ".join(text.split()) for text in texts}
    return sorted(text for text in read if is_english(text, tag))


@pytest.mark.parametrize("tag", ["ar", "de"])
def test_a_sample_speaks_one_language(env: jinja2.Environment, tag: str) -> None:
    left: dict[str, list[str]] = {}
    for name, page in in_language(tag).items():
        with i18n.speaking(tag):
            tree = parse(render(env, page))
        found = english_in(shown(tree), tag)
        if found:
            left[name] = found
    assert left == {}


def test_english_that_is_left_is_noticed(env: jinja2.Environment) -> None:
    with i18n.speaking("ar"):
        tree = parse(render(env, SAMPLES["consent"]))
    found = english_in(shown(tree), "ar")
    assert "Know that it is you" in found
    filled = "You removed this app's access on 3 March 2026."
    assert english_in([filled], "ar") == [filled]


@pytest.mark.parametrize("tag", SPOKEN)
def test_every_language_has_the_same_samples(tag: str) -> None:
    assert [(name, type(page), page.status) for name, page in in_language(tag).items()] == [
        (name, type(page), page.status) for name, page in SAMPLES.items()
    ]
