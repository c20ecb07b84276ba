"""The documents against the code: links, settings, commands, targets and citations that exist."""

import re
import shlex
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import rich_click as click

from portal.cli import main
from portal.settings import OPTIONS

ROOT = Path(__file__).resolve().parent.parent
TOP = [ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")]
PAGES = sorted([*TOP, *(ROOT / "docs").rglob("*.md")])
ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
CODE = sorted(chain.from_iterable((ROOT / top).rglob("*.py") for top in ("portal", "tests")))

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,4} (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b")
CONTRACT = re.compile(r"hydra-contract\s+(\d+(?:\.\d+)?(?:,\s+\d+(?:\.\d+)?)*)")
SECTION = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)\.? ", re.MULTILINE)
ADR = re.compile(r"ADR[- ](\d{1,4})\b")

NO_SETTINGS = {
    "CLIENT_ID": "an argument of portal clients",
    "HYDRA_BIN": "of the build of Hydra (tests/hydra/build.py)",
    "OAUTH2_CLIENT_ID": "Ory's own variable for `perform`",
    "OAUTH2_CLIENT_SECRET": "Ory's own variable for `perform`",
    "PROJECT_ID": "of a shell, in an example",
    "SSL_CERT_FILE": "of OpenSSL",
    "TYPE_CHECKING": "of Python",
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of *path*."""
    words = (
        re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(path.read_text())
    )
    return {text.strip().replace(" ", "-") for text in words}


def settings() -> set[str]:
    names = {name for option in OPTIONS.values() for name in option.names}
    secret = {name for option in OPTIONS.values() if option.secret for name in option.names}
    return names | {f"{name}_FILE" for name in secret}


def commands_in_blocks(path: Path, program: str) -> Iterator[list[str]]:
    for _, block in BLOCK.findall(path.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith(f"{program} "):
                yield shlex.split(line, comments=True)[1:]


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that ``portal WORDS`` runs, and what is left for it to parse."""
    command: click.Command = main
    context = click.Context(command, info_name="portal", **command.context_settings)
    while isinstance(command, click.Group) and words:
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
        context = click.Context(command, info_name=name, parent=context, **command.context_settings)
    assert not isinstance(command, click.Group), f"{context.command_path} lacks a command"
    return command, words


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_variable_that_is_named_is_a_setting(page: Path) -> None:
    named = set(VARIABLE.findall(page.read_text()))
    assert named - settings() - NO_SETTINGS.keys() == set()


def test_every_command_in_the_readme_can_be_typed() -> None:
    typed = list(commands_in_blocks(ROOT / "README.md", "portal"))
    assert ["serve", "--workers", "2"] in typed
    for words in typed:
        command, rest = resolve(words)
        command.make_context(command.name, rest, **main.context_settings)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_in_the_text_exists_with_its_options(page: Path) -> None:
    for text in INLINE.findall(page.read_text()):
        words = text.split()
        if words[0] != "portal" or len(words) == 1 or words[1] == "…":
            continue
        group = main.get_command(click.Context(main, **main.context_settings), words[1])
        assert group is not None, text
        if len(words) == 2:
            continue
        command, rest = resolve(words[1:])
        known = {flag for parameter in command.params for flag in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, text


def test_every_make_target_in_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`|\s)make (\w+)(?=`|\n)", text))
    assert {"demo", "test"} <= named <= targets


def test_every_section_of_the_contract_that_is_cited_exists() -> None:
    sections = set(SECTION.findall((ROOT / "docs" / "hydra-contract.md").read_text()))
    cited = {
        section
        for path in (*CODE, *PAGES)
        for found in CONTRACT.findall(path.read_text())
        for section in re.split(r",\s+", found)
    }
    assert "3.6" in cited
    assert cited - sections == set()


def test_every_adr_that_is_cited_exists() -> None:
    numbers = {int(path.name[:4]) for path in ADRS}
    cited = {int(n) for path in (*CODE, *PAGES) for n in ADR.findall(path.read_text())}
    assert cited - numbers == set()


def test_every_adr_is_in_the_list() -> None:
    listed = LINK.findall((ROOT / "docs" / "adr" / "README.md").read_text())
    assert sorted(listed) == [path.name for path in ADRS]


@pytest.mark.parametrize("page", ADRS, ids=name_of)
def test_an_adr_has_the_usual_parts(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {int(page.name[:4])}. ")
    parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert parts == ["Status", "Context", "Decision", "Consequences"]
