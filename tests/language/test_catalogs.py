"""Every word for people can be translated, and is."""

from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from portal import i18n
from portal.resources import resource_dir
from scripts.messages import LANGUAGES, as_mo, as_po, extracted, path_of, problems, updated
from tests.language import unmarked

TEMPLATES = sorted(Path(resource_dir("templates")).rglob("*.html"))


def test_no_word_of_a_page_or_a_mail_is_left_out() -> None:
    assert list(unmarked.everything()) == []


def test_only_literals_are_looked_up_in_templates() -> None:
    found = {
        path.name: wrong
        for path in TEMPLATES
        if (wrong := list(unmarked.calls_with_data(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_catalog_has_exactly_the_texts_that_are_used(tag: str) -> None:
    catalog = updated(tag, extracted())
    assert list(problems(tag, catalog)) == []
    po = path_of(tag, "po").read_bytes()
    assert po == as_po(catalog), "make messages"
    assert path_of(tag, "mo").read_bytes() == as_mo(po), "make messages"


def test_a_language_is_offered_if_and_only_if_it_has_a_catalog() -> None:
    found = {path.parent.parent.name for path in path_of("xx", "mo").parents[2].rglob("*.mo")}
    assert found | {i18n.DEFAULT} == set(i18n.NAMES)


@pytest.mark.parametrize(
    "source",
    [
        "<p>Words</p>",
        '<input aria-label="Search">',
        '{{ "Error: " if page.error }}',
        "{{ button('Sign in') }}",
        "<p>{{ _('Ann') }} says hello</p>",
    ],
)
def test_words_in_a_template_are_noticed(source: str) -> None:
    assert list(unmarked.in_template(source))


@pytest.mark.parametrize(
    "source",
    [
        "{# Words for developers #}",
        '<p class="card wide">{{ _("Words") }}</p>',
        "{% trans name=page.name %}Hello <bdi>{{ name }}</bdi>{% endtrans %}",
        '<input autocomplete="username webauthn">',
        "<p>&nbsp;·</p>",
    ],
)
def test_what_nobody_reads_is_left_alone(source: str) -> None:
    assert list(unmarked.in_template(source)) == []


def test_sentences_in_code_are_noticed_and_those_for_a_log_are_not() -> None:
    source = '"""Words of a module."""\nlogs.step("a b", text="for a log")\n'
    assert unmarked.in_module(source + 'x = _("Some words.")\n') == []
    assert unmarked.in_module('x = cast("dict[str, str | None]", y)\n') == []
    assert unmarked.in_module('x = cast("str", "Some words.")\n') == [(1, "Some words.")]
    assert unmarked.in_module(source + 'x = f"Some words for {name}."\n')
    assert unmarked.in_module(source + 'x = error("Some words.")\n') == [(3, "Some words.")]


def test_a_translation_that_loses_a_name_or_breaks_markup_is_noticed() -> None:
    po = (
        b'msgid "Hello <b>%(name)s</b>"\nmsgstr "Hallo %(nome)s"\n\n'
        b'msgid "{count} app"\nmsgid_plural "{count} apps"\n'
        b'msgstr[0] "eine App"\nmsgstr[1] "Apps"\n'
    )
    found = list(problems("de", read_po(BytesIO(po), locale="de")))
    assert len(found) >= 3
    assert any("nome" in line for line in found)
