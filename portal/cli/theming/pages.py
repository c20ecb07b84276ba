"""A page of the theme beside our own of the same sample: what has to be there, and what must not.

What has to be there is read from our own page: forms, fields and ids that the portal, its script
and Ory's own tests rely on. A new field needs no line here.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from portal.cli.theming.markup import CONTROLS, Element, Markup

Problem = tuple[str, str, str]
"""Kind, problem, advice."""
CONTRACT_IDS: Final = frozenset(
    {
        *("login-title", "email", "password", "remember", "accept", "reject", "code", "verify"),
        *("content", "flash"),
    }
)
"""By which others find things: Ory's tests, password managers' rules, our script."""
CONTRACT_WORDS: Final = ("Please log in", "An application requests access to your data!")
"""Ory's tests look for them."""
FETCHES: Final = {
    "audio": ("src",),
    "embed": ("src",),
    "form": ("action",),
    "button": ("formaction",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "input": ("src", "formaction"),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
FORBIDDEN: Final = frozenset(("applet", "audio", "base", "embed", "frame", "iframe", "object"))
_ASKS: Final = frozenset(f"hx-{method}" for method in ("get", "post", "put", "patch", "delete"))
_NEW_TAB: Final = "Give the browser an address below the portal's own, such as a file of /theme."
LEAK: Final = "x-leak"
PAYLOAD: Final = f"a {LEAK}=1 \"'>--></title></textarea><{LEAK}>"
"""Data that tries to become HTML, out of where markup is but text, too."""


def missing(ours: Markup, theirs: Markup, target: str | None) -> Iterator[Problem]:
    """What our page has and theirs lacks."""
    needed = CONTRACT_IDS | {(target or "").removeprefix("#")} | _targets(ours)
    found = {element.get("id") for element in theirs.elements}
    for name in dict.fromkeys(element.get("id") for element in ours.elements):
        if name and (name in needed or _is_scope(ours, name)) and name not in found:
            yield "contract", f"#{name} is missing", "Give the element its id back."
    for method, action in sorted(_forms(ours) - _forms(theirs)):
        path = action.partition("?")[0]
        advice = f'Write <form method="{method}" action="…"> as in our template.'
        yield "contract", f"no form leads to {path} by {method.upper()}", advice
    our_fields, their_fields = _fields(ours), _fields(theirs)
    for field in our_fields:
        if field not in their_fields:
            advice = "The form cannot be used without it; keep our template's field."
            yield "contract", f"the field {_said(field)} is missing", advice
        elif their_fields[field] and not our_fields[field]:
            advice = "Leave it to the person: nobody may find something allowed already."
            yield "contract", f"{_said(field)} is ticked beforehand", advice
    for words in CONTRACT_WORDS:
        in_title = words in ours.title and words not in theirs.title
        if in_title or (words in ours.text and words not in theirs.text):
            what = "the title" if in_title else "the page"
            yield "contract", f"{what} does not say “{words}”", "Ory's own tests look for it."


def forbidden(page: Markup) -> Iterator[Problem]:
    """What the content security policy stops, or a browser would ask of somebody else."""
    if page.scripts_within:
        yield "policy", "a script stands in the page", "No browser runs it here. Leave it out."
    for element in page.elements:
        yield from _forbidden_in(element)


def _forbidden_in(element: Element) -> Iterator[Problem]:
    tag = element.tag
    if tag == "style":
        yield "policy", "a <style> stands in the page", "Use PORTAL_COLOURS and the like instead."
    if tag in FORBIDDEN:
        yield "policy", f"<{tag}> is blocked", "Leave it out."
    if tag == "meta" and element.get("http-equiv").lower() == "refresh":
        yield "policy", "the page reloads itself", "Leave <meta http-equiv> out."
    for name, value in element.attributes.items():
        if name == "style":
            advice = "Browsers ignore it here. Use a class of our style sheet."
            yield "policy", f"style= stands on <{tag}>", advice
        elif name.startswith(("on", "hx-on")):
            yield "policy", f"{name}= stands on <{tag}>", "No browser runs it here. Leave it out."
        elif _as_browsers_read(value).lower().startswith("javascript:"):
            yield "policy", f"{name}= of <{tag}> holds a script", "Leave it out."
        elif name in FETCHES.get(tag, ()) or name in _ASKS:
            for address in _addresses(name, value):
                yield from _elsewhere(tag, address)


def _as_browsers_read(address: str) -> str:
    """Without what they leave out of an address (WHATWG URL, 4.4), with their slashes."""
    return re.sub(r"^[\x00-\x20]+|[\t\n\r]", "", address).replace("\\", "/")


def _elsewhere(tag: str, address: str) -> Iterator[Problem]:
    parts = urlsplit(_as_browsers_read(address))
    if parts.scheme == "data":
        yield "policy", f"<{tag}> holds its picture itself", _NEW_TAB
    elif parts.scheme or parts.netloc:
        advice = "Nothing may come from, or go to, another host. " + _NEW_TAB
        yield "policy", f"<{tag}> asks {parts.netloc or parts.scheme}", advice


def unsound(page: Markup) -> Iterator[Problem]:
    """What browsers repair, each in its way, and what people who cannot see would miss."""
    for problem in page.problems:
        yield "markup", problem, "Close what you open, in its order."
    ids = Counter(element.get("id") for element in page.elements if element.get("id"))
    for name, count in ids.items():
        if count > 1:
            yield "markup", f"#{name} is there {count} times", "An id is there once."
    labelled = {label.get("for") for label in page.all("label")}
    for control in page.all("input", "select", "textarea"):
        name = control.get("name")
        named = control.get("aria-label") or control.get("aria-labelledby")
        if control.get("type") != "hidden" and not named and control.get("id") not in labelled:
            yield "markup", f"the field {name} has no label", "Add <label for=…> with its id."
    for image in page.all("img"):
        if "alt" not in image.attributes:
            yield "markup", "a picture has no alt=", 'Say what it shows, or write alt="".'


def leaking(page: Markup) -> Iterator[Problem]:
    """Whether a page that was filled with :data:`PAYLOAD` took it for HTML."""
    if any(e.tag == LEAK or LEAK in e.attributes for e in page.elements):
        advice = "Take |safe and {% autoescape false %} away, and quote every attribute."
        yield "escaping", "what people and apps are called becomes HTML", advice


def _targets(page: Markup) -> set[str]:
    return {name for e in page.elements for name in re.findall(r"#([\w-]+)", e.get("hx-target"))}


def _is_scope(page: Markup, name: str) -> bool:
    return any(e.get("id") == name and e.get("name") == "grant_scope" for e in page.elements)


def _forms(page: Markup) -> set[tuple[str, str]]:
    return {(form.get("method").lower(), form.get("action")) for form in page.all("form")}


def _fields(page: Markup) -> dict[tuple[str, str], bool]:
    """Names of what is posted, with the value where it is not typed; and whether it is ticked."""
    return {
        (
            e.get("name"),
            e.get("value") if e.tag == "button" or e.get("type") in FIXED else "",
        ): "checked" in e.attributes
        for e in page.all(*CONTROLS)
        if e.get("name")
    }


FIXED: Final = ("hidden", "checkbox", "radio")


def _said(field: tuple[str, str]) -> str:
    name, value = field
    return f"{name}={value}" if value and len(value) < 60 else name


def _addresses(name: str, value: str) -> list[str]:
    if name == "srcset":
        return [part.split()[0] for part in value.split(",") if part.strip()]
    return [value]
