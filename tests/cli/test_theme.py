"""``portal theme``: what a brand breaks is found, and a brand that breaks nothing is left alone."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from portal.cli.theming.checking import examine
from portal.cli.theming.contrast import weak_pairs
from portal.cli.theming.finding import Finding, gathered
from portal.cli.theming.markup import Markup
from portal.cli.theming.templates import blocks_of, our_templates
from portal.colours import NAMES, contrast
from portal.samples import SAMPLES
from portal.settings import Settings
from portal.settings.environment import read_environment
from portal.web.templating import environment

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "theme"
TEMPLATES = ROOT / "templates"
FEW = {name: SAMPLES[name] for name in ("login", "consent", "logout", "device", "problem", "apps")}


@pytest.fixture
def theme(tmp_path: Path) -> Any:
    """Write templates, and see what the check says about a few pages."""
    directory = tmp_path / "theme"

    def look(**files: str) -> list[Finding]:
        for name, text in files.items():
            path = directory / name.replace("__", "/").replace("_html", ".html")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        env = {"SECRET_KEY": "k" * 40, "PORTAL_TEMPLATE_DIR": str(directory)}
        return examine(Settings.from_env(env), FEW, tell=lambda _: None)

    return look


def ours(name: str, *changes: tuple[str, str]) -> str:
    """A template of ours, with something in it replaced."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def told(findings: list[Finding], kind: str) -> list[str]:
    assert {finding.kind for finding in findings} == {kind}
    return [finding.problem for finding in findings]


def below_login(html: str) -> str:
    return (
        '{% extends "portal/login/login.html" %}{% block card %}{{ super() }}'
        + html
        + ("{% endblock %}")
    )


# The command


def test_a_portal_without_a_brand_is_whole(portal: Any) -> None:
    done = portal("theme", "check")
    assert (done.exit_code, done.stdout) == (0, "")
    assert f"{len(SAMPLES)} samples of pages rendered in en, de, ar: nothing breaks." in done.stderr


def test_the_example_breaks_nothing_and_is_on_the_pages(
    portal: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "docs" / "examples" / "theme")
    shutil.copy(EXAMPLE / "theme.env", tmp_path / ".env")
    monkeypatch.chdir(tmp_path)
    done = portal("theme", "check")
    assert (done.exit_code, done.stdout) == (0, "")
    env = environment(Settings.from_env({**read_environment(), "SECRET_KEY": "k" * 40}))
    html = env.get_template("login/login.html").render(
        page=SAMPLES["login"], form_token=lambda *_: "token", here="/login"
    )
    page = Markup(html)
    assert "Your branch helps you to begin." in page.text
    assert "Example Bank plc, 1 Example Street" in page.text
    assert "Privacy" in page.text
    assert [image.get("alt") for image in page.all("img")] == ["Example Bank"]


def test_what_breaks_in_one_language_alone_is_found(theme: Any) -> None:
    broken = below_login(
        '{% if language().direction == "rtl" %}<p>{{ page.nonsense }}</p>{% endif %}'
    )
    (found,) = theme(login__login_html=broken)
    assert found.kind == "template"
    assert set(found.pages) == {"login (ar)"}


def test_only_the_languages_that_are_named_are_checked(portal: Any) -> None:
    done = portal("theme", "check", "--language", "ja", "--language", "ja")
    assert done.exit_code == 0
    assert "rendered in ja: nothing breaks." in done.stderr


def test_findings_are_a_table_and_an_exit_code(portal: Any) -> None:
    done = portal("theme", "check", PORTAL_COLOURS="accent=#7fd4ff")
    assert done.exit_code == 1
    head, first, *_ = done.stdout.splitlines()
    assert head.split("  ")[0] == "Page"
    assert "accent #7fd4ff on page #" in first
    assert "needs 4.5:1" in first
    assert re.search(r"accent=#[0-9a-f]{6} would do", first)
    assert "things to mend" in done.stderr


def test_findings_are_json_for_programs(portal: Any) -> None:
    done = portal("theme", "check", "--format", "json", PORTAL_COLOURS="muted=#999")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert {(f["kind"], *f["pages"], f["where"]) for f in found} == {
        ("contrast", "light pages", "PORTAL_COLOURS")
    }


def test_nothing_has_to_be_configured_and_nothing_is_written(portal: Any, tmp_path: Path) -> None:
    done = portal("theme", "check", BASE_URL="https://login.example.org")
    assert done.exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_settings_that_cannot_be_used_are_told_as_everywhere(portal: Any) -> None:
    done = portal("theme", "check", PORTAL_COLOURS="accent=green", PORTAL_HELP="x")
    assert done.exit_code == 1
    assert "PORTAL_COLOURS: accent must be a colour" in done.stderr
    assert "PORTAL_HELP: must be a page" in done.stderr


def test_what_can_be_replaced_is_listed_with_its_blocks(portal: Any) -> None:
    done = portal("theme", "list", "--format", "json")
    listed = {row["template"]: row for row in json.loads(done.stdout)}
    assert set(listed) == {p.relative_to(TEMPLATES).as_posix() for p in TEMPLATES.rglob("*.html")}
    assert listed["login/login.html"]["extends"] == "_layouts/card.html"
    assert {"card", "content", "title"} <= set(listed["login/login.html"]["blocks"])


# Templates


def test_a_template_that_cannot_be_read_is_told_with_its_line_once(theme: Any) -> None:
    findings = theme(login__login_html="{% extends 'portal/login/login.html' %}\n{% block %}\n")
    (found,) = findings
    assert (found.kind, found.where, found.pages) == ("template", "login/login.html:2", ("login",))


def test_a_name_that_does_not_exist_is_told_with_its_line(theme: Any) -> None:
    (found,) = theme(login__login_html=below_login("\n\n{{ page.appp.name }}"))
    assert found.where == "login/login.html:3"
    assert "has no attribute 'appp'" in found.problem


def test_an_error_in_a_piece_is_told_where_it_is_on_every_page_that_has_it(theme: Any) -> None:
    (found,) = theme(_layouts___footer_html="<p>\n{{ 1 / 0 }}</p>")
    assert found.where == "_layouts/_footer.html:2"
    assert set(found.pages) == set(FEW)
    assert found.row()["page"] == f"{found.pages[0]} and {len(FEW) - 1} more"


def test_a_template_that_extends_itself_is_told_how_to_build_upon_ours(theme: Any) -> None:
    (found,) = theme(login__login_html='{% extends "login/login.html" %}')
    assert "circle" in found.problem
    assert '{% extends "portal/…" %}' in found.advice


def test_a_template_that_is_not_there_is_named(theme: Any) -> None:
    (found,) = theme(login__login_html=below_login('{% include "login/_more.html" %}'))
    assert found.problem == "there is no template login/_more.html"


def test_a_file_that_replaces_nothing_is_probably_misspelt(theme: Any) -> None:
    found = theme(login__logn_html="", login___own_html="<p>Hi</p>", _git__config="")
    assert told(found, "file") == ["replaces no template of ours, and none of yours uses it"] * 3
    advice = {finding.where: finding.advice for finding in found}
    assert advice["login/logn.html"] == "Is it meant to be login/login.html?"


def test_a_file_that_another_one_uses_is_no_mistake_nor_is_a_hidden_one(
    theme: Any, tmp_path: Path
) -> None:
    (tmp_path / "theme" / ".git").mkdir(parents=True)
    (tmp_path / "theme" / ".git" / "config").write_text("x")
    used = below_login('{% include "login/_own.html" %}')
    assert theme(login__login_html=used, login___own_html="<p>Hi</p>") == []


def test_a_block_that_fills_nothing_is_probably_misspelt(theme: Any) -> None:
    source = '{% extends "portal/login/login.html" %}\n{% block crad %}{% endblock %}'
    (found,) = theme(login__login_html=source)
    assert (found.kind, found.where) == ("block", "login/login.html:2")
    assert found.advice == "Is it meant to be card?"


# What others rely on


def test_ids_that_ory_and_our_script_look_for_are_missed(theme: Any) -> None:
    found = theme(
        login__login_html=ours("login/login.html", ('id="login-title"', 'id="title"')),
        _layouts__base_html=ours("_layouts/base.html", (' id="content"', "")),
    )
    problems = told(found, "contract")
    assert "#login-title is missing" in problems
    assert "#content is missing" in problems


def test_a_form_without_its_token_or_its_challenge_is_found(theme: Any) -> None:
    include = '{% include "_layouts/_csrf.html" %}'
    found = theme(logout__confirm_html=ours("logout/confirm.html", (include, "")))
    (problem,) = told(found, "contract")
    assert problem.startswith("the field form_token=")
    assert found[0].pages == ("logout",)
    found = theme(
        logout__confirm_html=ours("logout/confirm.html", ("logout_challenge", "challenge"))
    )
    assert "the field logout_challenge is missing" in told(found, "contract")


def test_a_page_that_says_nothing_any_more_lacks_everything(theme: Any) -> None:
    found = theme(consent__consent_html="<!DOCTYPE html><p>Hello</p>")
    problems = set(told(found, "contract"))
    assert {
        "#accept is missing",
        "#reject is missing",
        "#openid is missing",
        "the field grant_scope=openid is missing",
        "the field action=accept is missing",
        "no form leads to /consent by POST",
        "the page does not say “An application requests access to your data!”",
    } <= problems


def test_nothing_may_be_ticked_beforehand(theme: Any) -> None:
    permission = ours("consent/_permission.html")
    ticked = re.sub(r"\{\{ [^}]*checked[^}]*\}\}|\{% if [^%]*ticked[^%]*%\}checked\{% endif %\}",
                    "checked", permission)  # fmt: skip
    assert ticked != permission
    found = theme(consent___permission_html=ticked)
    assert "grant_scope=photos.read is ticked beforehand" in told(found, "contract")


# What browsers block, and what leads elsewhere


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("<script>alert(1)</script>", "a script stands in the page"),
        ("<style>p { color: red }</style>", "a <style> stands in the page"),
        ('<p style="color: red">Hi</p>', "style= stands on <p>"),
        ('<p onclick="alert(1)">Hi</p>', "onclick= stands on <p>"),
        ('<p hx-on:click="alert(1)">Hi</p>', "hx-on:click= stands on <p>"),
        ('<a href=" JavaScript:alert(1)">Hi</a>', "href= of <a> holds a script"),
        ('<a href="java&#9;script:alert(1)">Hi</a>', "href= of <a> holds a script"),
        ('<img alt="" src="https://cdn.example/x.png">', "<img> asks cdn.example"),
        (r'<img alt="" src="/\cdn.example/x.png">', "<img> asks cdn.example"),
        ('<img alt="" srcset="/a.png 1x, //cdn.example/x.png 2x">', "<img> asks cdn.example"),
        ('<img alt="" src="data:image/png;base64,x">', "<img> holds its picture itself"),
        ('<link rel="stylesheet" href="https://fonts.example/x">', "<link> asks fonts.example"),
        ('<script src="https://cdn.example/x.js"></script>', "<script> asks cdn.example"),
        ('<iframe src="/login"></iframe>', "<iframe> is blocked"),
        ('<p hx-get="https://x.example/">Hi</p>', "<p> asks x.example"),
        ('<p hx-delete="https://x.example/">Hi</p>', "<p> asks x.example"),
        ('<form method="get" action="https://x.example/"></form>', "<form> asks x.example"),
    ],
)
def test_what_our_policy_forbids_is_found(theme: Any, html: str, problem: str) -> None:
    assert told(theme(login__login_html=below_login(html)), "policy") == [problem]


def test_a_link_to_elsewhere_is_none_of_that(theme: Any) -> None:
    link = '<p><a href="https://bank.example.org/">Our bank</a></p><img alt="" src="/logo.png">'
    assert theme(login__login_html=below_login(link)) == []


# Data stays text


@pytest.mark.parametrize(
    "html",
    [
        "{{ page.app.name|safe }}",
        "<b title={{ page.app.name }}>!</b>",
        "<!-- {{ page.app.name|safe }} -->",
        '<textarea aria-label="App">{{ page.app.name|safe }}</textarea>',
    ],
)
def test_data_that_becomes_html_is_found(theme: Any, html: str) -> None:
    found = theme(login__login_html=below_login(html))
    assert told(found, "escaping") == ["what people and apps are called becomes HTML"]
    assert found[0].pages == ("login",)


# Sound HTML


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("<div>", "<div> is never closed"),
        ("<section><b>Hi</section>", "<b> is never closed"),
        ("</i>", "</i> closes nothing"),
        ("<div/>", "<div /> does not close itself: write </div>"),
        ("<p>Hi<b><div>you</div></b>", "<div> cannot stand within <p>"),
        ('<p id="email">Hi</p>', "#email is there 2 times"),
        ('<input name="x">', "the field x has no label"),
        ('<img src="/x.png">', "a picture has no alt="),
    ],
)
def test_html_that_browsers_would_repair_is_found(theme: Any, html: str, problem: str) -> None:
    assert problem in told(theme(login__login_html=below_login(html)), "markup")


@pytest.mark.parametrize(
    "html",
    [
        "<ul><li>One<li>Two</ul>",
        "<p>One<p>Two",
        "<table><tr><td>One<td>Two</table>",
        '<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>',
        "<p>One<br/>Two</p>",
        "<select><option>One<option>Two</select>",
        "<button><p>Hi</p></button>",
    ],
)
def test_html_that_only_looks_unclosed_is_sound(html: str) -> None:
    assert Markup(html).problems == []


# Colours


def problems_of(scheme: str, **colours: str) -> list[Finding]:
    return list(weak_pairs({scheme: {n.replace("_", "-"): c for n, c in colours.items()}}))  # type: ignore[dict-item]


def test_the_colour_that_would_do_does() -> None:
    found = problems_of("light", accent="#7fd4ff")
    (advice,) = {finding.advice for finding in found}
    value = advice.partition("=")[2].partition(" ")[0]
    assert problems_of("light", accent=value) == []
    assert contrast(value, "#ffffff") < 7  # and is not simply black


def test_a_background_is_what_is_to_change_where_it_was_chosen() -> None:
    found = problems_of("dark", page="#777777")
    assert {finding.advice.partition("=")[0] for finding in found} == {"page"}
    assert {finding.where for finding in found} == {"PORTAL_COLOURS_DARK"}
    value = found[0].advice.partition("=")[2].partition(" ")[0]
    assert problems_of("dark", page=value) == []


def test_a_contrast_just_below_is_not_rounded_up() -> None:
    (found,) = [f for f in problems_of("light", text="#777777") if "on surface" in f.problem]
    assert found.problem == "text #777777 on surface #ffffff has 4.4:1; needs 4.5:1"


def test_edges_of_fields_need_less_than_text() -> None:
    found = problems_of("light", control="#cccccc")
    assert {finding.problem.partition("; ")[2] for finding in found} == {"needs 3:1"}


def test_where_no_shade_fits_the_other_colour_has_to_change() -> None:
    found = problems_of("light", accent="#808080", page="#000000", surface="#ffffff")
    assert any("change what is behind it" in finding.advice for finding in found)


# Findings


def test_the_same_problem_on_two_pages_is_one_finding() -> None:
    one = Finding(kind="markup", pages=("a",), where="x.html", problem="p", advice="d")
    other = Finding(kind="markup", pages=("b",), where="x.html", problem="p", advice="d")
    assert [finding.pages for finding in gathered([one, other, one])] == [("a", "b")]


def test_a_problem_cannot_move_the_cursor() -> None:
    finding = Finding(kind="markup", problem="a\x1b[2Jb\nc", advice="d")
    assert "\x1b" not in finding.row()["problem"]
    assert "\n" not in finding.row()["problem"]


# The page about it


THEMING = (ROOT / "docs" / "theming.md").read_text(encoding="utf-8")


def test_the_page_about_theming_names_every_colour() -> None:
    table = THEMING.partition("### Colours")[2].partition("\n\n`PORTAL_COLOURS`")[0]
    named = [
        n for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for n in row.split(", ")
    ]
    assert sorted(name.strip("`") for name in named) == sorted(NAMES)


def test_the_templates_and_blocks_that_it_offers_exist() -> None:
    env = environment(Settings.from_env({"SECRET_KEY": "k" * 40}))
    offered = re.findall(r"^\| `(_layouts/\w+\.html)` \|", THEMING, re.MULTILINE)
    assert len(offered) == 4
    assert set(offered) <= set(our_templates(env))
    blocks = re.findall(r"^\| `(\w+)` \| (?:every page|pages in a box)", THEMING, re.MULTILINE)
    every = set(blocks_of("_layouts/base.html", env)[1])
    assert set(blocks) == every | {"card"}
    assert set(blocks_of("_layouts/card.html", env)[1]) == set(blocks)


def test_the_example_that_it_shows_is_the_one_that_is_there() -> None:
    shown = re.findall(r"```jinja\n(.*?)```", THEMING, re.DOTALL)[0].partition("\n")[2]
    there = (EXAMPLE / "templates" / "login" / "login.html").read_text(encoding="utf-8")
    assert shown == there.partition("\n")[2]
