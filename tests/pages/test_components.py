"""The page that shows every component is what the macros and the style sheet make today."""

import re
from pathlib import Path

import pytest

import portal
from portal.resources import resource_dir
from scripts.components import TARGET, rendered
from tests.pages.rendering import elements, ids, parse, text_of

ROOT = Path(portal.__file__).parent.parent
CSS = (ROOT / "portal/static/portal.css").read_text(encoding="utf-8")
TEMPLATES = [p.read_text(encoding="utf-8") for p in Path(resource_dir("templates")).rglob("*.html")]
OUR_MACROS = sorted(
    path.stem for path in (Path(resource_dir("templates")) / "_macros").glob("*.html")
)
LEFT_OUT = {
    "dated", "instant",  # words within others' sentences
    "person", "searching", "about", "described",  # attributes and names, nothing to look at
    "titled", "news", "told",  # of windows, and for ears
}  # fmt: skip


def classes() -> set[str]:
    """What the style sheet knows."""
    rules = re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", CSS, flags=re.DOTALL)
    return set(re.findall(r"\.([a-z][a-z_-]*)", rules))


def test_the_page_of_components_is_not_stale() -> None:
    assert TARGET.read_text(encoding="utf-8") == rendered(), "run `make components`"


def test_it_is_a_sound_page() -> None:
    tree = parse(rendered())
    known = ids(tree)
    assert len(known) == len(set(known))
    for element in elements(tree):
        for name in ("for", "aria-describedby", "aria-labelledby"):
            assert set(element.get(name, "").split()) <= set(known)


def test_it_uses_the_style_sheet_of_the_pages_and_fetches_nothing() -> None:
    tree = parse(rendered())
    fetched = [e.attrib["href"] for e in elements(tree, "link")]
    fetched += [e.attrib["src"] for e in elements(tree, "script", "img")]
    assert "../portal/static/portal.css" in fetched
    assert all(address.startswith("../portal/static/") for address in fetched)
    for address in fetched:
        assert (TARGET.parent / address).is_file()


@pytest.mark.parametrize("name", OUR_MACROS)
def test_every_macro_is_shown(name: str) -> None:
    source = (Path(resource_dir("templates")) / "_macros" / f"{name}.html").read_text("utf-8")
    macros = set(re.findall(r"\{% macro (\w+)\(", source)) - LEFT_OUT
    shown = (ROOT / "scripts/components.html").read_text(encoding="utf-8")
    imported = re.findall(rf'from "_macros/{name}.html" import ([\w, ]+)', shown)
    assert macros <= {word for line in imported for word in re.findall(r"\w+", line)}


@pytest.mark.parametrize("state", ["disabled", "busy", "invalid", "chosen", "readonly"])
def test_every_state_is_shown(state: str) -> None:
    has = {
        "disabled": lambda e: "disabled" in e.attrib,
        "busy": lambda e: e.get("aria-busy") == "true",
        "invalid": lambda e: e.get("aria-invalid") == "true",
        "chosen": lambda e: "checked" in e.attrib,
        "readonly": lambda e: "readonly" in e.attrib,
    }[state]
    assert any(has(element) for element in elements(parse(rendered())))


def test_the_style_sheet_has_no_rule_that_no_page_uses() -> None:
    words = set(re.findall(r"[\w-]+", " ".join(TEMPLATES)))
    by_data = {"active", "expired", "revoked", "at_ory"}  # states of grants, from Python
    assert classes() - words - by_data - {"htmx-request"} == set()


def test_sides_are_start_and_end() -> None:
    """But for one rule, which says where text goes that keeps its own direction."""
    rules = re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL)
    lines = [line for line in rules.splitlines() if re.search(r"\b(left|right)\b", line)]
    assert [line.strip() for line in lines] == [
        '[dir="rtl"] :is(.technical, .reference, .code) { text-align: right; }'
    ]


def test_no_selector_stands_twice_in_one_place() -> None:
    base = CSS.partition("@media (max-width: 68rem)")[0]
    base = re.sub(r"/\*.*?\*/|@media[^{]*\{.*?\n\}", "", base, flags=re.DOTALL)
    selectors = [" ".join(s.split()) for s in re.findall(r"([^{}]+)\{", base)]
    assert {s for s in selectors if selectors.count(s) > 1} == set()


def test_the_page_names_its_parts() -> None:
    headings = {text_of(h) for h in elements(parse(rendered()), "h2")}
    assert {"Buttons", "Fields", "Choices", "Messages", "Lists"} <= headings
