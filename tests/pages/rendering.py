"""Rendering samples and asking what is in the result, by parsing it as a browser does."""

from collections.abc import Iterator
from html import escape
from xml.etree.ElementTree import Element

import html5lib
import jinja2

from portal.page import Page

TOKEN = "form-token-of-this-page"


def render(env: jinja2.Environment, page: Page, template: str | None = None) -> str:
    """The page's own template, or its partial."""

    def form_token(purpose: str, challenge: str) -> str:
        return escape(f"{TOKEN}:{purpose}:{challenge}")

    return env.get_template(template or page.template).render(
        page=page, form_token=form_token, here="/"
    )


def parse(html: str, *, strict: bool = True) -> Element:
    """The tree as a browser sees it; what it would have to repair is an error, unless it is not to
    be *strict*: control characters cannot be told from worse.
    """
    strict = strict and html.lstrip().lower().startswith("<!doctype")
    parser = html5lib.HTMLParser(
        html5lib.getTreeBuilder("etree"), strict=strict, namespaceHTMLElements=False
    )
    tree: Element = parser.parse(html)
    return tree


def elements(tree: Element, *tags: str) -> Iterator[Element]:
    """All elements, or those with one of *tags*."""
    for element in tree.iter():
        if isinstance(element.tag, str) and (not tags or element.tag in tags):
            yield element


def ids(tree: Element) -> list[str]:
    return [element.attrib["id"] for element in elements(tree) if "id" in element.attrib]


def by_id(tree: Element, element_id: str) -> Element:
    (found,) = [element for element in elements(tree) if element.get("id") == element_id]
    return found


def text_of(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def skeleton(tree: Element) -> list[tuple[str, tuple[str, ...]]]:
    """Elements and the names of their attributes, without anything that data may change."""
    return [(element.tag, tuple(sorted(element.attrib))) for element in elements(tree)]
