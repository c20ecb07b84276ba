"""Finds words for people that nobody could translate.

python -m tests.language.unmarked templates/login portal/login
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jinja2 import nodes

from portal.resources import resource_dir
from portal.settings import Settings
from portal.web.templating import environment

ROOT: Final = Path(__file__).resolve().parents[2]
MARKS: Final = frozenset({"_", "N_", "gettext", "ngettext", "pgettext"})
QUIET: Final = (
    *("logs.", "re.", "log.", "structlog.", "table.problem"),
    *("Unsendable", "ValueError", "InvalidSubjectError", "super().__init__"),
)
"""Calls whose texts are for a log, for whoever wrote the operator's file or the calling code, or
for a terminal: only commands name a subject."""
FOR_DEVELOPERS: Final = (
    "portal/__main__.py", "portal/cli/", "portal/dev/", "portal/settings/", "portal/store/",
    "portal/ory/", "portal/logs.py", "portal/metrics.py", "portal/i18n.py", "portal/sealing.py",
    "portal/operator_files.py", "portal/claim_names.py", "portal/resources.py", "portal/jobs.py",
    "portal/health.py", "portal/pace.py", "portal/sample_data.py", "portal/passwords/",
    "portal/mail/smtp.py", "portal/accounts/import_rows.py", "portal/accounts/importing.py",
    "portal/colours.py", "portal/web/brand.py",
)  # fmt: skip
"""What is said there is for a terminal, a log, a style sheet or a file of the operator's."""
SPOKEN_ATTRIBUTES: Final = re.compile(
    r'\b(?:aria-label|title|alt|placeholder)="([^"{]*[A-Za-z][^"{]*)"'
)
COMMENT: Final = re.compile(r"\{#.*?#\}", re.DOTALL)
TRANSLATED: Final = re.compile(r"\{%-?\s*trans\b.*?endtrans\s*-?%\}", re.DOTALL)
CODE: Final = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
HERE: Final = re.compile(r"\{% block (here|layout) %\}[\w-]+\{% endblock %\}")
"""Which entry of the navigation a page is, and which layout it has: neither is on screen."""
TAG: Final = re.compile(r"<[^>]*>", re.DOTALL)
ATTRIBUTES: Final = re.compile(r'(?:\s*[a-z-]+="[^"]*")+\s*')
"""A piece that is put into a tag."""
WORD: Final = re.compile(r"[A-Za-z]{2,}")
SENTENCE: Final = re.compile(r"[A-Za-z]{2,}[.,:;!?”]? [“(]?[A-Za-z]{2,}")
LABEL: Final = re.compile(r"[A-Z][a-z]+[.:!?…]?\s*")

KEPT: Final = frozenset(
    {
        # why a grant or a sign-in ended, as it is kept; portal/admin/wording.py has the words
        *("alive at Ory", "never completed", "second sweep", "client deleted", "account deleted"),
        *("password set", "password reset", "signed out", "revoked at Ory"),
        # what a hash or a seal is for
        *("codes of ", "one-time codes of ", "one-time codes to be of "),
        # autofill, and commands
        *("username webauthn", "portal doctor", "portal users create ann@example.org"),
        "portal users create you@example.org --admin",
        'portal clients create --name "My app" --redirect-uri https://…',
        # where a password was wrong, as the audit trail keeps it
        "own password",
        # OAuth's own words, and parts of headers
        *("code id_token", "code token", "id_token token", "code id_token token"),
        *("openid offline", 'attachment; filename="', "login session"),
        *("public, max-age=31536000, immutable", "HX-Request, Accept-Language"),
        # products, as they call themselves, also in their user agents
        *("Samsung Internet", "Mac OS X"),
        # the person that the conformance suite is told of
        *("Foo Bar", "1 Example Street, 10115 Berlin, Germany", "1 Example Street"),
        # keys of tables of texts
        *("this app", "this person's data"),
    }
)
"""What looks like a sentence and is none that anybody reads."""

_ENVIRONMENT: Final = environment(
    Settings.from_env({"HYDRA_ADMIN_URL": "http://ory.test", "SECRET_KEY": "x" * 32})
)


def in_template(source: str) -> Iterator[str]:
    """Text between tags, spoken attributes, and words in expressions, outside of every mark."""
    text = TRANSLATED.sub(" ", HERE.sub(" ", COMMENT.sub(" ", source)))
    yield from SPOKEN_ATTRIBUTES.findall(text)
    for piece in TAG.sub("\n", CODE.sub(" ", text)).splitlines():
        if ATTRIBUTES.fullmatch(piece):
            continue
        if WORD.search(re.sub(r"&\w+;", "", piece)):
            yield piece.strip()
    tree = _ENVIRONMENT.parse(source)
    marked = {
        id(const)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in MARKS
        for const in call.find_all(nodes.Const)
    }
    for const in tree.find_all(nodes.Const):
        value = const.value
        if id(const) not in marked and isinstance(value, str) and is_spoken(value):
            yield value


def calls_with_data(source: str) -> Iterator[str]:
    """Marks around something that is no literal: data would become markup, and is in no catalog."""
    tree = _ENVIRONMENT.parse(source)
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in MARKS:
            texts = call.args[: 2 if call.node.name in ("ngettext", "pgettext") else 1]
            if not all(isinstance(text, nodes.Const) for text in texts):
                yield f"line {call.lineno}"


def is_spoken(value: str) -> bool:
    """Whether somebody could read it as words: a sentence, or a label with a capital letter."""
    is_address = value.startswith(("/", "http", "#", "."))
    if value in KEPT or is_address or value.endswith((".html", ".js", ".css")):
        return False
    return bool(SENTENCE.search(value) or LABEL.fullmatch(value))


class _Texts(ast.NodeVisitor):
    """Strings that are neither marked, nor for a log, nor documentation."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        if name in MARKS or name.startswith(QUIET):
            return
        if name == "cast":  # names a type first, in words of its own
            for argument in node.args[1:]:
                self.visit(argument)
            return
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str) or node.value in KEPT:
            return
        if SENTENCE.search(node.value):
            self.found.append((node.lineno, node.value))


def in_module(source: str) -> list[tuple[int, str]]:
    """Sentences in code that are not marked."""
    texts = _Texts()
    texts.visit(ast.parse(source))
    return texts.found


def everything(*only: str) -> Iterator[str]:
    """All that is left, below the paths given."""
    wanted = [str((ROOT / path).resolve()) for path in only] or [str(ROOT)]
    for path in sorted(Path(resource_dir("templates")).rglob("*.html")):
        if str(path).startswith(tuple(wanted)):
            source = path.read_text(encoding="utf-8")
            yield from (f"{path.relative_to(ROOT)}: {text!r}" for text in in_template(source))
    for path in sorted((ROOT / "portal").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(FOR_DEVELOPERS) or name.endswith("samples.py"):
            continue
        if str(path).startswith(tuple(wanted)):
            found = in_module(path.read_text(encoding="utf-8"))
            yield from (f"{name}:{line}: {text!r}" for line, text in found)


if __name__ == "__main__":
    left = list(everything(*sys.argv[1:]))
    print(*left, f"{len(left)} left", sep="\n")  # noqa: T201
