"""Whatever apps, people, operators, administrators and Ory write stays text on every page.

A page is rendered with hostile texts in all its fields, and with plain words; a browser's parser
must make the same of both, but for the texts themselves.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element

import jinja2
import msgspec
import pytest

from portal.accounts.errors import InvalidEmailError
from portal.accounts.spelling import canonical_email
from portal.accounts.spelling import checked_name as person_name
from portal.apps import AppView, clean_name
from portal.factors.errors import FactorError
from portal.factors.naming import checked_name as factor_name
from portal.ory.models import ConsentSession, OAuth2Client
from portal.page import Page
from portal.samples import ADDRESSES, SAMPLES, fill
from portal.scopes import ScopeCatalogError, load_catalog
from tests.pages.hostile import ALL, BIDI, CONTROLS, KINDS, ZERO_WIDTH
from tests.pages.rendering import elements, parse, render, skeleton

NUMBER: Final = {name: number for number, name in enumerate(sorted(SAMPLES))}
FEWEST_SHIFTS: Final = 4
"""How often a page is rendered, at least; one with few fields more often, for every kind."""
MANY: Final = 10
"""Pages."""
EACH: Final = 100
"""One text in so many is put into all fields of a page; the next page gets others."""
LINKS: Final = ("javascript:alert(1)", "//evil.example")
"""Every field of every page gets these."""
LEADS: Final = {
    *("href", "src", "srcset", "action", "formaction", "data", "poster", "cite", "ping"),
    *("background", "manifest", "hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete"),
    *("hx-push-url", "hx-replace-url"),
}
"""Attributes that say where a browser goes or what it fetches."""
LOOPBACK: Final = {"localhost", "127.0.0.1"}
FIXED: Final = {
    *("class", "type", "rel", "role", "method", "enctype", "target", "content", "http-equiv"),
    *("charset", "autocomplete", "dir", "maxlength", "sandbox", "referrerpolicy", "media"),
    *("aria-live", "aria-atomic", "aria-hidden", "hx-target", "hx-trigger", "hx-swap", "hx-sync"),
    *("hx-headers", "hx-params", "hx-include", "hx-vals", "hx-swap-oob", "hx-disabled-elt"),
    *("hx-select", "hx-ext", "hx-boost"),
}
"""Attributes in which nobody but the portal has a say."""
STEERING: Final = {
    "AuditPage.problems", "AuditPage.what", "Choice.chosen", "Choice.name", "Choice.options",
    "ClientsPage.problems", "ConnectedApp.state", "DataFieldView.kind", "EnrolPage.error_at",
    "FactorPage.error_at", "FieldProblem.field", "GrantRowView.state", "GrantsPage.problems",
    "JobView.state", "PermissionView.group", "Place.kind", "ProfileField.kind",
    "ProfileField.autocomplete", "ProfileField.name", "RemovePage.kind", "RunView.state",
    "VerifyPage.kind",
}  # fmt: skip
"""Fields that decide what a page is made of. They stay as they are where every field gets a text of
its own, so that no part of a page is missed; where all get the same one, they get it too.
"""


def refused(read: Callable[[], str | None], *errors: type[Exception]) -> str:
    """What is read; nothing, if it is refused."""
    try:
        return read() or ""
    except errors:
        return ""


def email(text: str) -> str:
    return refused(lambda: canonical_email(f"{text}@example.org"), InvalidEmailError)


def factor(text: str) -> str:
    return refused(lambda: factor_name(text, "Passkey"), FactorError)


def person(text: str) -> str:
    return person_name(text) or ""


def decision(text: str) -> str:
    asked = {"client": {"client_id": "x"}, "request_url": "", "subject": "x"}
    said = {"consent_request": asked, "context": {"decision_id": text}}
    return msgspec.convert(said, ConsentSession).decision_id or ""


def permission(text: str) -> str:
    """As an operator's file has it."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "scopes.toml"
        said = json.dumps(text)
        path.write_text(f"[x]\ntitle = {said}\ndescription = {said}\n", encoding="utf-8")
        return refused(lambda: load_catalog(path).describe("x").title, ScopeCatalogError)


INLINE: Final = {
    "a",
    "b",
    "code",
    "em",
    "i",
    "label",
    "output",
    "small",
    "span",
    "strong",
    "sup",
    "time",
}
ISOLATED: Final = {"technical", "host", "reference", "json", "code", "avatar", "visually-hidden"}
"""Classes whose elements the style sheet isolates, or takes out of the line."""
OWN_WORDS: Final = {
    "ActPage.title", "ActivityView.browser", "ActivityView.by", "AuditPage.export_urls",
    "AuditPage.presets", "Chip.label", "FactorView.kind", "GrantsPage.export_urls",
    "ClientPage.usual_duration", "ConnectedApp.lasted", "DataFieldView.problem", "Datum.note",
    "DeletePage.kept_for", "EventRowView.action", "Fact.advice", "Fact.button", "Fact.words",
    "FieldView.problem", "Link.title", "NewUserPage.invitation_lasts", "OneGrantPage.reason",
    "PersonPage.acts", "PersonPage.password_text", "PersonPage.waiting_text", "Place.browser",
    "ProblemPage.reference", "RemovalView.trouble", "RunView.found", "RunView.trouble",
    "StuckView.trouble", "WordView.label",
}  # fmt: skip
"""Fields in which the portal itself speaks."""
TYPED: Final = {"FieldProblem.text"}
"""What quotes to somebody what they typed just now."""
CLEANED: Final[Mapping[str, Callable[[str], str]]] = {
    "AppView.name": clean_name,
    "AtOryPage.app_name": clean_name,
    "ClientPage.app_name": clean_name,
    "DeleteClientPage.app_name": clean_name,
    "GrantRowView.app_name": clean_name,
    "NewSecretPage.app_name": clean_name,
    "ProblemPage.code": clean_name,
    "RevokePage.app_name": clean_name,
    "DataPage.email": email,
    "GrantRowView.email": email,
    "RemovePage.name": factor,
    "RenamePage.name": factor,
    "UserRowView.name": person,
    "DataFieldView.label": permission,
    "Datum.label": permission,
    "PermissionView.description": permission,
    "ProfileField.title": permission,
    "OrySessionView.decision_id": decision,
}
"""By what takes it out, or refuses it, before a page gets it. All files of operators are read as
that of permissions is.
"""


def replaced(value: Any, change: Callable[[str, str], str], owner: str = "") -> Any:
    """*value* with each text of its fields changed; *change* is told whose field it is, too."""
    if isinstance(value, str):
        return change(owner, value) if value else value
    if isinstance(value, tuple):
        return tuple(replaced(item, change, owner) for item in value)
    if isinstance(value, msgspec.Struct):
        name = type(value).__name__
        fields = {
            field: replaced(getattr(value, field), change, f"{name}.{field}")
            for field in value.__struct_fields__
        }
        return msgspec.structs.replace(value, **fields)
    return value


def filled(page: Page, text: Callable[[int], str]) -> tuple[Page, dict[int, str]]:
    """*page* with another text in each field that steers nothing, and whose text it is."""
    owners: dict[int, str] = {}

    def change(owner: str, old: str) -> str:
        if owner in STEERING:
            return old
        number = len(owners)
        owners[number] = owner
        new = text(number)
        return f"{old}#{new}" if owner.partition(".")[2] in ADDRESSES else new

    return replaced(page, change), owners


def word(number: int) -> str:
    """A plain name, unlike any other."""
    return f"word{number}x"


def chosen(name: str, shift: int, fields: int) -> Callable[[int], str]:
    """Which text each field of the sample gets: neighbours get other kinds, and other pages and
    shifts other texts of them.
    """
    kinds = list(KINDS.values())

    def text(number: int) -> str:
        turn = number + shift * max(fields, 1)
        texts = kinds[turn % len(kinds)]
        return texts[(NUMBER[name] + 7 * (turn // len(kinds))) % len(texts)]

    return text


def shifts(fields: int) -> range:
    """As many as it takes until every kind had its turn."""
    if not fields:
        return range(0)
    return range(max(FEWEST_SHIFTS, -(-len(KINDS) // fields)))


def leads_to(address: str) -> tuple[str, str]:
    """Scheme and host, as a browser reads them (WHATWG URL, 4.4), which is more than others do."""
    seen = re.sub(r"[\t\n\r]", "", address.strip("".join(map(chr, range(33))))).replace("\\", "/")
    found = re.match(r"([a-z][a-z0-9+.-]*):", seen, re.IGNORECASE)
    scheme = found[1].lower() if found else ""
    rest = seen[len(scheme) + 1 :] if scheme else seen
    host = re.match(r"//+([^/?#]*)", rest)
    return scheme, host[1] if host else ""


def bones(tree: Element, fixed: Collection[str] = FIXED) -> list[tuple[Any, ...]]:
    """All of a page in which no text has a say; of attributes, the values of those *fixed*."""
    found: list[tuple[Any, ...]] = list(skeleton(tree))
    for element in tree.iter():
        if not isinstance(element.tag, str):
            found.append(("comment", element.text))
            continue
        if element.tag in ("script", "style"):
            found.append((element.tag, element.text))
        for name, value in sorted(element.attrib.items()):
            if name in LEADS:
                found.append((name, leads_to(value)))
            elif name in fixed:
                found.append((name, value))
    return found


def everything_said(tree: Element) -> str:
    """Its texts, and the values of its attributes, as they are and as an address has them."""
    said = ["".join(tree.itertext())]
    for element in elements(tree):
        for value in element.attrib.values():
            said += [value, unquote_plus(value)]
    return "\n".join(squeezed(text) for text in said)


def squeezed(text: str) -> str:
    return " ".join(text.split())


def parsed(html: str) -> Element:
    return parse(html, strict=not re.search(f"[{CONTROLS}]", html))


# The texts


def test_there_are_enough_and_each_kind_has_its_own() -> None:
    assert len(ALL) >= 250
    assert len(KINDS) >= 15
    assert not any("\x00" in text for text in ALL)


def test_every_page_sees_every_kind_and_every_text_is_seen_by_many_pages() -> None:
    pages: dict[str, set[str]] = {text: set() for text in ALL}
    for name, page in SAMPLES.items():
        _, owners = filled(page, word)
        seen = {
            chosen(name, shift, len(owners))(number)
            for shift in shifts(len(owners))
            for number in owners
        }
        if owners:
            assert all(seen & set(texts) for texts in KINDS.values()), name
        for text in seen:
            pages[text].add(name)
    assert min(map(len, pages.values())) >= MANY


# Pages


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_page_is_made_of_the_same_whatever_is_written_in_it(
    env: jinja2.Environment, name: str
) -> None:
    page, owners = filled(SAMPLES[name], word)
    plain = parsed(render(env, page))
    expected, said = bones(plain), everything_said(plain)
    shown = [number for number in owners if word(number) in said]
    for shift in shifts(len(owners)):
        text = chosen(name, shift, len(owners))
        hostile, _ = filled(SAMPLES[name], text)
        tree = parsed(render(env, hostile))
        assert bones(tree) == expected
        told = everything_said(tree)
        changed = [
            (owners[number], text(number)) for number in shown if squeezed(text(number)) not in told
        ]
        assert changed == []


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_nor_does_a_text_steer_a_page_further_than_a_plain_word(
    env: jinja2.Environment, name: str
) -> None:
    """The same text in every field; what it takes a page to be is the same for all."""
    expected = bones(parsed(render(env, fill(SAMPLES[name], "word"))), ())
    for text in (*LINKS, *ALL[NUMBER[name] % EACH :: EACH]):
        assert bones(parsed(render(env, fill(SAMPLES[name], text))), ()) == expected, text[:80]


@pytest.mark.parametrize("text", ALL)
def test_an_app_links_to_web_pages_alone_and_says_to_which(text: str) -> None:
    """Whatever it registered, where a browser goes is what stands beside the link."""
    for address in (text, f"https://{text}", f"https://app.example/{text}"):
        client = OAuth2Client(
            client_id="x",
            client_name=text,
            client_uri=address,
            policy_uri=address,
            tos_uri=address,
            logo_uri=address,
            redirect_uris=(address,),
        )
        for link in AppView.of(client, redirect_uri=address).links:
            assert leads_to(link.href) in {("https", link.host), ("http", link.host)}
            assert link.href.startswith("https:") or link.host.partition(":")[0] in LOOPBACK
            assert link.href.isascii()
            assert re.fullmatch(r"[\w.\-\[\]:]+", link.host), "no browser decodes or refuses it"


# Direction


def test_no_text_turns_another_around(env: jinja2.Environment) -> None:
    """Next to others it stands in an element of its own direction, or what turns texts around was
    taken out of it before; a title, which has no elements, holds only such texts.
    """
    found = set()
    for page in SAMPLES.values():
        turned, owners = filled(page, lambda number: f"\u202e⟦{number}⟧")
        tree = parsed(render(env, turned))
        found |= {owners[number] for number in not_isolated(tree)}
    assert found - OWN_WORDS - TYPED - CLEANED.keys() == set()
    assert (OWN_WORDS | TYPED | CLEANED.keys()) - found == set(), "isolated by now"


def not_isolated(tree: Element) -> Iterator[int]:
    """The numbers of texts with others of the same paragraph around them, which is to be seen."""
    for element in elements(tree):
        if not is_scope(element) or "visually-hidden" in element.get("class", ""):
            continue
        text = squeezed("".join(own_texts(element)))
        for whole, number in re.findall(r"(\u202e⟦(\d+)⟧)", text):
            if text.replace(whole, "", 1).strip("“” "):
                yield int(number)


def own_texts(scope: Element) -> Iterator[str]:
    """The texts of a paragraph, without those that have a direction of their own."""
    yield scope.text or ""
    for child in scope:
        if isinstance(child.tag, str):
            yield from ("" if is_scope(child) else own_texts(child))
        yield child.tail or ""


def is_scope(element: Element) -> bool:
    """Whether texts in it and around it leave each other alone, as browsers and ours style it."""
    return (
        element.tag not in INLINE
        or "dir" in element.attrib
        or bool(ISOLATED & set(element.get("class", "").split()))
    )


@pytest.mark.parametrize("text", ALL)
def test_what_is_cleaned_turns_nothing_around(text: str) -> None:
    for gate in {*CLEANED.values()}:
        assert not set(gate(text)) & {*BIDI, *ZERO_WIDTH, *CONTROLS}, gate


def test_most_texts_come_through() -> None:
    """Or what is cleaned would prove nothing."""
    for gate in {*CLEANED.values()} - {email}:
        assert sum(bool(gate(text)) for text in ALL) > len(ALL) / 2
