"""Keep the catalogs of ``portal/locale`` in step with the texts of templates and code.

Every text that is marked is taken into each language's ``portal.po``; what is not used any more
goes; what is there stays as it was translated. Then each is compiled into the ``portal.mo`` that
the portal reads.

    make messages                           # after a text was changed, and after translating
    python -m scripts.messages --check      # as CI does: change nothing, say what is missing
    python -m scripts.messages --todo de    # as JSON, the texts that have no German yet
    python -m scripts.messages --fill de < translated.json
"""

import argparse
import io
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from babel import Locale
from babel.messages.catalog import Catalog, Message, TranslationError
from babel.messages.checkers import num_plurals, python_format
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po, write_po

from portal.i18n import DEFAULT, DOMAIN, NAMES
from portal.resources import LOCALE_DIR

ROOT: Final = Path(__file__).resolve().parent.parent
WIDTH: Final = 100
SOURCES: Final = (
    ("portal", [("**.py", "python")], {}),
    (
        "templates",
        [("**.html", "jinja2")],
        {"**.html": {"newstyle_gettext": "true", "trimmed": "true", "silent": "false"}},
    ),
)
KEYWORDS: Final[dict[str, Any]] = {
    "_": None, "N_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2),
}  # fmt: skip
HEAD: Final = (
    "# What the portal's pages and mails say. `make messages` keeps it in step with them.\n"
)
_PART: Final = re.compile(r"%\(\w+\)s|\{\w+\}|</?\w+[^>]*>")
LANGUAGES: Final = tuple(tag for tag in NAMES if tag != DEFAULT)


def extracted() -> Catalog:
    """Every marked text, with the files that it stands in."""
    found = Catalog(domain=DOMAIN)
    for folder, methods, options in SOURCES:
        for name, _, message, comments, context in extract_from_dir(
            ROOT / folder,
            methods,
            options,
            KEYWORDS,
            ("Translators:",),
            directory_filter=lambda path: not path.endswith("__pycache__"),
        ):
            place = [(f"{folder}/{name}", None)]
            found.add(message, None, place, auto_comments=comments, context=context)
    return found


def path_of(tag: str, suffix: str) -> Path:
    """Where a language's catalog lies, as :mod:`gettext` looks for it."""
    return LOCALE_DIR / tag / "LC_MESSAGES" / f"{DOMAIN}.{suffix}"


def updated(tag: str, template: Catalog) -> Catalog:
    """The language's catalog with exactly the texts of *template*."""
    path = path_of(tag, "po")
    known = Catalog(locale=Locale.parse(tag), domain=DOMAIN)
    if path.exists():
        with path.open("rb") as file:
            known = read_po(file, locale=Locale.parse(tag), domain=DOMAIN)
    catalog = Catalog(locale=Locale.parse(tag), domain=DOMAIN, header_comment=HEAD.strip())
    for message in template:
        if not message.id:
            continue
        before = known.get(message.id, context=message.context)
        several = isinstance(message.id, tuple)
        same_kind = before is not None and isinstance(before.string, tuple) == several
        catalog.add(
            message.id,
            before.string if before is not None and same_kind else None,
            sorted(set(message.locations)),
            auto_comments=message.auto_comments,
            context=message.context,
        )
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """Its source: sorted, without lines and dates, so that two changes seldom meet."""
    out = io.BytesIO()
    write_po(out, catalog, width=WIDTH, sort_output=True, include_lineno=False, omit_header=True)
    plural = get_plural(catalog.locale)
    head = (
        f'{HEAD}msgid ""\nmsgstr ""\n"Language: {catalog.locale_identifier}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: nplurals={plural.num_plurals}; plural={plural.plural_expr};\\n"\n\n'
    )
    return head.encode() + out.getvalue().lstrip()


def as_mo(po: bytes) -> bytes:
    """The same for a machine."""
    out, catalog = io.BytesIO(), read_po(io.BytesIO(po))
    catalog.creation_date = catalog.revision_date = datetime.fromtimestamp(
        0, UTC
    )  # always the same
    write_mo(out, catalog)
    return out.getvalue()


def problems(tag: str, catalog: Catalog) -> Iterator[str]:
    """What is wrong with a language's texts."""
    for message in catalog:
        if not message.id:
            continue
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        name = message.id[0] if isinstance(message.id, tuple) else message.id
        if not all(strings):
            yield f"{tag}: not translated: {name!r}"
            continue
        for check in (num_plurals, python_format):
            try:
                check(catalog, message)
            except TranslationError as exc:
                yield f"{tag}: {exc}: {name!r}"
        yield from (f"{tag}: {what}: {name!r}" for what in _differences(message, strings))


def _differences(message: Message, strings: tuple[str, ...]) -> Iterator[str]:
    """Names of values and tags of markup that the translation lost or invented."""
    ids = message.id if isinstance(message.id, tuple) else (message.id,)
    allowed = {part for text in ids for part in _parts(text)}
    needed = set(_parts(ids[-1])) - {"{count}", "%(count)s"}
    for text in strings:
        parts = set(_parts(text))
        if parts - allowed:
            yield f"invents {', '.join(sorted(parts - allowed))}"
        if needed - parts:
            yield f"loses {', '.join(sorted(needed - parts))}"


def _parts(text: str) -> list[str]:
    return _PART.findall(text)


def todo(catalog: Catalog) -> list[dict[str, Any]]:
    """What has no translation yet, for whoever writes it."""
    return [
        {
            "id": list(m.id) if isinstance(m.id, tuple) else m.id,
            "context": m.context,
            "where": [place for place, _ in m.locations],
            "comments": m.auto_comments,
            "forms": catalog.num_plurals if isinstance(m.id, tuple) else 1,
        }
        for m in catalog
        if m.id and not all(m.string if isinstance(m.string, tuple) else (m.string,))
    ]


def fill(catalog: Catalog, entries: list[dict[str, Any]]) -> None:
    """Take translations: the same objects as :func:`todo` gives, with a ``text`` (or ``texts``)."""
    for entry in entries:
        key = tuple(entry["id"]) if isinstance(entry["id"], list) else entry["id"]
        message = catalog.get(key, context=entry.get("context"))
        if message is not None:
            message.string = tuple(entry["texts"]) if "texts" in entry else entry["text"]


def main() -> int:
    """Update, or say what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1")
    parser.add_argument("--todo", metavar="LANGUAGE", choices=LANGUAGES)
    parser.add_argument("--fill", metavar="LANGUAGE", choices=LANGUAGES)
    wanted = parser.parse_args()
    template = extracted()
    if wanted.todo:
        print(json.dumps(todo(updated(wanted.todo, template)), ensure_ascii=False))
        return 0
    found: list[str] = []
    for tag in (wanted.fill,) if wanted.fill else LANGUAGES:
        catalog = updated(tag, template)
        if wanted.fill:
            fill(catalog, json.load(sys.stdin))
        po = as_po(catalog)
        found += problems(tag, catalog)
        for suffix, content in (("po", po), ("mo", as_mo(po))):
            path = path_of(tag, suffix)
            if wanted.check and (not path.exists() or path.read_bytes() != content):
                found.append(f"{path.relative_to(ROOT)} is stale: make messages")
            elif not wanted.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(template)} texts, {len(found)} problems")
    return 1 if wanted.check and found else 0


if __name__ == "__main__":
    sys.exit(main())
