"""Every page renders in every state, is sound HTML, and needs neither script nor trust."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
import msgspec
import pytest

import portal
from portal.apps import AppView
from portal.consent.pages import ConsentPage
from portal.page import Page
from portal.resources import resource_dir
from portal.samples import SAMPLES, fill
from tests.pages.conftest import PREFIX
from tests.pages.rendering import (
    TOKEN,
    by_id,
    elements,
    ids,
    parse,
    render,
    skeleton,
    text_of,
)

TEMPLATES = Path(resource_dir("templates"))
NAMES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
SOURCES = {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in NAMES}
WHOLE = {name: page for name, page in SAMPLES.items() if page.template != page.partial}
PAYLOADS = (
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus='alert(1)",
    "\"><img src=x onerror=alert(1)><form action='https://evil.example'>",
    '" hx-get="/admin" hx-trigger="load',
    "</title></textarea></style><svg/onload=alert(1)>",
    "</p></form></body></html><h1>Gone</h1>",
    "<!--", "]]>", "&lt;script&gt;", "{{ 7 * 7 }}", "{% raw %}", "`${alert(1)}`",
    "javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
    "\u202egpj.exe\u2066 \u200b\u0301\u0301", "\U0001f469\u200d\U0001f680" * 20, "w" * 5000,
)  # fmt: skip


@pytest.fixture(params=sorted(SAMPLES))
def page(request: pytest.FixtureRequest) -> Page:
    return SAMPLES[request.param]


@pytest.fixture(params=sorted(WHOLE))
def whole(request: pytest.FixtureRequest) -> Page:
    return WHOLE[request.param]


def page_classes(cls: type[Page] = Page) -> Iterator[type[Page]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from page_classes(subclass)


# The set as a whole


@pytest.mark.parametrize("name", NAMES)
def test_every_template_compiles_with_escaping_and_strict_names(
    env: jinja2.Environment, name: str
) -> None:
    assert env.autoescape is True
    assert env.undefined is jinja2.StrictUndefined
    env.get_template(name)


def test_every_page_class_has_a_sample() -> None:
    package = Path(portal.__file__).parent
    for module in package.glob("*/pages.py"):
        importlib.import_module(f"portal.{module.parent.name}.pages")
    pages = {cls for cls in page_classes() if cls.__module__.startswith("portal.")}
    ours = {cls for cls in pages if hasattr(cls, "template")}
    assert ours == {type(page) for page in SAMPLES.values()}


def test_every_template_is_used() -> None:
    pages = {page.template for page in SAMPLES.values()}
    named = {name for text in SOURCES.values() for name in re.findall(r'"([\w/]+\.html)"', text)}
    assert set(NAMES) == pages | named


def test_every_partial_is_included_by_its_page() -> None:
    for page in WHOLE.values():
        if page.partial:
            assert f'include "{page.partial}"' in SOURCES[page.template]


def test_safe_is_never_said_without_a_reason() -> None:
    lines = [line for text in SOURCES.values() for line in text.splitlines()]
    assert [line for line in lines if re.search(r"\|\s*safe\b", line) and "{#" not in line] == []


def test_nothing_inline_and_every_attribute_quoted() -> None:
    for name, text in SOURCES.items():
        tags = re.sub(r"\{#.*?#\}|\{%.*?%\}", "", text, flags=re.DOTALL)
        assert not re.search(r"<style|\sstyle=|\son\w+\s*=|hx-on|hx-vals|hx-vars|\bjs:", tags), name
        assert not re.search(r"=\{\{|<script(?![^>]*\ssrc=)", tags), name


# Each page


def test_it_renders_as_sound_html(env: jinja2.Environment, page: Page) -> None:
    assert text_of(parse(render(env, page)))


def test_data_adds_no_element_and_no_attribute(env: jinja2.Environment, page: Page) -> None:
    expected = skeleton(parse(render(env, fill(page, "word"))))
    for payload in PAYLOADS:
        assert skeleton(parse(render(env, fill(page, payload)))) == expected


def test_data_appears_as_it_is(env: jinja2.Environment, whole: Page) -> None:
    """Nothing is evaluated or decoded on the way."""
    if not any(isinstance(getattr(whole, f), str | AppView) for f in whole.__struct_fields__):
        return  # the page shows no data
    tree = parse(render(env, fill(whole, "{{ 7 * 7 }}&lt;b&gt;")))
    shown = text_of(tree) + " ".join(v for e in elements(tree) for v in e.attrib.values())
    assert "{{ 7 * 7 }}&lt;b&gt;" in shown


def test_every_address_is_http_and_within_the_prefix(env: jinja2.Environment, page: Page) -> None:
    """An address with a host is one that a page was given; the rest is the portal's."""
    tree = parse(render(env, page))
    known = ids(tree)
    for element in elements(tree):
        for name in ("href", "src", "action", "formaction", "hx-get", "hx-post"):
            if name in element.attrib:
                address = urlsplit(element.attrib[name])
                assert address.scheme in ("", "https", "otpauth")
                here = element.attrib[name] == ""  # the page itself, or a place in it
                if name == "href" and address.path == "" and address.fragment in known:
                    here = True
                assert here or address.scheme or address.path.startswith(f"{PREFIX}/")


def test_links_of_apps_tell_the_app_nothing(env: jinja2.Environment, whole: Page) -> None:
    for link in elements(parse(render(env, whole)), "a"):
        if link.attrib["href"].startswith("https:") and "/oauth2/auth" not in link.attrib["href"]:
            assert link.get("rel") == "noopener noreferrer nofollow"


def test_ids_are_unique_and_every_reference_has_its_target(
    env: jinja2.Environment, whole: Page
) -> None:
    tree = parse(render(env, whole))
    known = ids(tree)
    assert len(known) == len(set(known))
    for element in elements(tree):
        for name in ("for", "aria-describedby", "aria-labelledby"):
            assert set(element.get(name, "").split()) <= set(known)
        for name in ("hx-target", "hx-disabled-elt", "hx-sync"):
            wanted = re.findall(r"#([\w-]+)", element.get(name, ""))
            assert set(wanted) - {"reject"} <= set(known)


def test_every_control_has_a_label(env: jinja2.Environment, whole: Page) -> None:
    tree = parse(render(env, whole))
    labels = {label.get("for"): text_of(label) for label in elements(tree, "label")}
    for control in elements(tree, "input", "select", "textarea"):
        if control.get("type") != "hidden":
            assert labels[control.attrib["id"]]
    assert all(text_of(button) for button in elements(tree, "button", "a"))


def test_every_form_works_without_script(env: jinja2.Environment, whole: Page) -> None:
    for form in elements(parse(render(env, whole)), "form"):
        method = form.attrib["method"]
        assert method in ("get", "post")
        assert form.attrib["action"]
        assert any(button.get("type") == "submit" for button in elements(form, "button"))
        tokens = [i.get("value") for i in elements(form, "input") if i.get("name") == "form_token"]
        purpose, challenge = getattr(whole, "purpose", ""), getattr(whole, "challenge", None)
        bound = f"{TOKEN}:{purpose}:{challenge or ''}"
        decides = method == "post" and form.get("class") != "language"  # which shows nothing
        assert tokens == ([bound] if decides else [])
        without_challenge = form.attrib["action"].partition("?")[0]
        assert form.get(f"hx-{method}", without_challenge) == without_challenge


def test_what_htmx_uses_stands_on_the_element_itself(env: jinja2.Environment, whole: Page) -> None:
    """Nothing is inherited, as htmx 4 has it."""
    for element in elements(parse(render(env, whole))):
        if "hx-get" in element.attrib or "hx-post" in element.attrib:
            assert {"hx-target", "hx-swap"} <= set(element.attrib)


def test_a_partial_is_one_element_which_its_form_swaps(
    env: jinja2.Environment, whole: Page
) -> None:
    if whole.partial is None:
        return
    body = parse(render(env, whole, whole.partial)).find("body")
    assert body is not None
    (root,) = body
    in_page = by_id(parse(render(env, whole)), root.attrib["id"])
    assert skeleton(in_page) == skeleton(root)


def test_the_page_has_a_title_a_heading_and_a_place_for_problems(
    env: jinja2.Environment, whole: Page
) -> None:
    tree = parse(render(env, whole))
    (title,) = elements(tree, "title")
    (heading,) = elements(tree, "h1")
    assert text_of(title)
    assert text_of(heading)
    assert by_id(tree, "content").tag == "main"


def test_an_error_is_announced_and_gets_the_focus(env: jinja2.Environment, whole: Page) -> None:
    error = getattr(whole, "error", None)
    if error is None:
        return
    tree = parse(render(env, whole))
    (alert,) = [e for e in elements(tree) if e.get("role") == "alert" and "hidden" not in e.attrib]
    assert text_of(alert).startswith(error)
    (focused,) = [element for element in elements(tree) if "autofocus" in element.attrib]
    assert alert.attrib["id"] in (focused.get("id"), focused.get("aria-describedby"))


def test_people_read_no_jargon(env: jinja2.Environment, whole: Page) -> None:
    if whole.template.startswith("admin/"):
        return
    words = set(re.findall(r"[a-z]+", text_of(parse(render(env, whole))).lower()))
    assert not words & {
        "oauth",
        "scope",
        "scopes",
        "client",
        "token",
        "consent",
        "subject",
        "grant",
    }


# What others rely on (docs/interface: forms and element ids)


def test_the_login_page_keeps_its_names(env: jinja2.Environment) -> None:
    tree = parse(render(env, SAMPLES["login-refused"]))
    assert text_of(by_id(tree, "login-title")) == "Please log in"
    assert "Please log in" in text_of(next(elements(tree, "title")))
    assert by_id(tree, "email").get("value") == "ann@example.org"
    assert by_id(tree, "password").get("value") is None
    assert "checked" in by_id(tree, "remember").attrib
    assert by_id(tree, "remember").get("value") == "1"
    assert {f.get("name") for f in elements(by_id(tree, "login-form"), "input")} == {
        "form_token", "login_challenge", "email", "password", "remember"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["login", "consent", "logout"])
def test_a_decision_is_told_by_name_and_value(env: jinja2.Environment, name: str) -> None:
    tree = parse(render(env, SAMPLES[name]))
    for value in ("accept", "reject"):
        button = by_id(tree, value)
        assert (button.get("name"), button.get("value")) == ("action", value)
        assert "disabled" not in button.attrib


def test_enter_never_asks_for_the_summary(env: jinja2.Environment) -> None:
    """The first submit button of a form is the one that the Enter key presses."""
    form = by_id(parse(render(env, SAMPLES["consent"])), "consent-form")
    assert next(elements(form, "button")).get("id") == "accept"


def test_signing_in_to_the_portal_cannot_be_denied_to_anybody(env: jinja2.Environment) -> None:
    tree = parse(render(env, SAMPLES["login-portal"]))
    assert "reject" not in ids(tree)
    (next_field,) = [f for f in elements(tree, "input") if f.get("name") == "next"]
    assert next_field.get("value") == "/account/apps"


def test_the_consent_page_shows_who_asks_what_and_for_whom(env: jinja2.Environment) -> None:
    text = text_of(parse(render(env, SAMPLES["consent"])))
    for words in (
        "An application requests access to your data!",
        "“Photo Printer”",
        "photos.example.org",
        "Signed in as ann@example.org",
        "Not you?",
        "Keep access while you are away",
        "offline_access",
        "This time only",
        "Until I remove it",
        "Known here since 2024",
        "E-mail: ann@example.org (confirmed)",
        "The app does not work without it.",
    ):
        assert words in text


def test_not_to_be_asked_again_is_one_click_and_never_chosen_beforehand(
    env: jinja2.Environment,
) -> None:
    """What drives the page by its ids clicks ``remember``: the longest duration offered."""
    tree = parse(render(env, SAMPLES["consent"]))
    radios = [field for field in elements(tree, "input") if field.get("type") == "radio"]
    assert [(r.get("name"), r.get("value"), "checked" in r.attrib) for r in radios] == [
        ("remember", "once", True),
        ("remember", "2592000", False),
        ("remember", "always", False),
    ]
    assert by_id(tree, "remember") is radios[-1]


def test_what_was_allowed_before_is_named_and_not_ticked(env: jinja2.Environment) -> None:
    tree = parse(render(env, SAMPLES["consent-expired"]))
    text = text_of(tree)
    assert "You allowed this on 14 March 2026, for 30 days." in text
    assert text.count("Allowed before") == 2
    scopes = [field for field in elements(tree, "input") if field.get("name") == "grant_scope"]
    assert not any("checked" in field.attrib for field in scopes)


def test_a_browser_that_did_not_log_in_sees_no_address(env: jinja2.Environment) -> None:
    assert "Signed in as" not in text_of(parse(render(env, SAMPLES["consent-other-browser"])))


def test_boxes_are_ticked_as_the_page_says(env: jinja2.Environment) -> None:
    tree = parse(render(env, SAMPLES["consent"]))
    boxes = [box for box in elements(tree, "input") if box.get("name") == "grant_scope"]
    assert [(b.get("id"), b.get("value"), "checked" in b.attrib) for b in boxes] == [
        (p.element_id, p.scope, p.ticked) for p in SAMPLES["consent"].permissions
    ]
    services = [box for box in elements(tree, "input") if box.get("name") == "grant_audience"]
    assert [s.get("value") for s in services] == [a.value for a in SAMPLES["consent"].audience]


def test_a_box_asks_for_the_summary_and_sends_the_whole_form(env: jinja2.Environment) -> None:
    choices = by_id(parse(render(env, SAMPLES["consent"])), "consent-choices")
    boxes = [box for box in elements(choices, "input") if box.get("type") == "checkbox"]
    assert len(boxes) == len(SAMPLES["consent"].permissions) + len(SAMPLES["consent"].audience)
    assert choices.get("hx-post") == f"{PREFIX}/consent/summary"
    assert (choices.get("hx-trigger"), choices.get("hx-include")) == ("change", "closest form")
    assert choices.get("hx-target") == "#consent-summary"


def test_what_is_asked_for_stands_under_headings(env: jinja2.Environment) -> None:
    tree = parse(render(env, SAMPLES["consent"]))
    assert [text_of(legend) for legend in elements(tree, "legend")] == [
        "About you",
        "While you are away",
        "Not explained",
        "Where it may use this",
        "How long this holds",
    ]


def test_an_app_that_is_new_here_is_marked_and_doubted(env: jinja2.Environment) -> None:
    text = text_of(parse(render(env, SAMPLES["consent-new-app"])))
    assert "New here since 1 Jun 2026" in text
    assert "Is it the one that you wanted to use?" in text
    assert "Name: Ann Example" in text
    assert "Risk class (not shown here)" in text
    assert "new here" not in text_of(parse(render(env, SAMPLES["consent"]))).lower()


def test_a_consent_page_with_ten_permissions_is_light(env: jinja2.Environment) -> None:
    page = SAMPLES["consent-new-app"]
    assert isinstance(page, ConsentPage)
    ten = tuple(
        msgspec.structs.replace(one, scope=f"{one.scope}{n}", element_id=f"{one.element_id}{n}")
        for n in range(2)
        for one in page.permissions
    )
    assert len(ten) == 10
    assert len(render(env, msgspec.structs.replace(page, permissions=ten)).encode()) < 20_000


def test_allow_waits_for_a_box_only_where_one_is_needed(env: jinja2.Environment) -> None:
    def needs(name: str) -> bool:
        form = by_id(parse(render(env, SAMPLES[name])), "consent-form")
        return "data-needs-choice" in form.attrib

    assert needs("consent")
    assert not needs("consent-nothing-asked")
    assert not needs("consent-empty-allowed")


def test_htmx_is_told_to_evaluate_nothing_and_to_show_errors(env: jinja2.Environment) -> None:
    tree = parse(render(env, SAMPLES["login"]))
    (meta,) = [m for m in elements(tree, "meta") if m.get("name") == "htmx-config"]
    config = json.loads(meta.attrib["content"])
    assert not config["allowEval"]
    assert not config["allowScriptTags"]
    assert not config["includeIndicatorStyles"]
    assert config["selfRequestsOnly"]
    assert config["disableInheritance"]
    assert config["historyCacheSize"] == 0
    for status in (200, 400, 401, 403, 404, 409, 410, 422, 429, 500, 502, 503):
        rules = (r for r in config["responseHandling"] if re.search(r["code"], str(status)))
        assert next(rules)["swap"], status


def test_an_app_without_a_website_is_shown_without_one(env: jinja2.Environment) -> None:
    page = msgspec.structs.replace(
        SAMPLES["consent"], app=AppView(client_id="b7f1", name="b7f1", initials="B")
    )
    assert "receive the answer at" not in text_of(parse(render(env, page)))


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        ("apps", "Connected apps"),
        ("security", "Security"),
        ("profile", "Your data"),
        ("users", "People"),
        ("grants", "All connected apps"),
        ("clients", "Apps"),
        ("jobs", "Bulk removals"),
        ("drift", "Comparison with Ory"),
        ("audit", "Audit trail"),
    ],
)
def test_a_page_is_called_the_same_where_it_is_linked(
    env: jinja2.Environment, sample: str, name: str
) -> None:
    tree = parse(render(env, SAMPLES[sample]))
    (heading,) = elements(tree, "h1")
    (here,) = [link for link in elements(tree, "a") if link.get("aria-current")]
    assert {text_of(heading).strip(), text_of(here).strip()} == {name}
    assert name in text_of(next(elements(tree, "title")))


def test_ones_own_pages_and_the_administration_are_two_groups(env: jinja2.Environment) -> None:
    def groups(sample: str) -> list[int]:
        (header,) = elements(parse(render(env, SAMPLES[sample])), "header")
        return [len(list(elements(nav, "a"))) for nav in elements(header, "nav")]

    assert groups("apps") == [3]
    assert groups("users") == [3, 6]


def test_every_address_that_may_get_the_answer_is_named(env: jinja2.Environment) -> None:
    app = AppView(client_id="b7f1", name="b7f1", initials="B", hosts=("a.test", "b.test"))
    for sample in ("login", "consent"):
        page = msgspec.structs.replace(SAMPLES[sample], app=app)
        assert "a.test or b.test" in text_of(parse(render(env, page)))
