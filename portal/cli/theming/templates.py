"""The template directory: files that replace nothing, blocks that fill nothing."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import jinja2
from jinja2 import meta, nodes

from portal.cli.theming.finding import Finding
from portal.web.templating import ORIGINALS


def template_problem(
    exc: Exception, directory: Path, *, pages: tuple[str, ...] = (), file: str = ""
) -> Finding:
    """A template that cannot be read or rendered, with its line."""
    found = f"{type(exc).__name__}: {exc}"
    advice = "Compare it with our template of the same name."
    if isinstance(exc, jinja2.TemplateNotFound):
        found = f"there is no template {exc.name}"
    elif isinstance(exc, jinja2.TemplateSyntaxError | jinja2.UndefinedError):
        found = str(exc.message)
    elif isinstance(exc, RecursionError):
        found = "templates extend or include one another in a circle"
        advice = 'To build upon ours, name it {% extends "portal/…" %}.'
    where = _line_of(exc, directory) or file
    return Finding(kind="template", pages=pages, where=where, problem=found, advice=advice)


def _line_of(exc: Exception, directory: Path) -> str:
    """The innermost line of the theme; of ours where theirs was left long before."""
    if isinstance(exc, jinja2.TemplateSyntaxError):
        return f"{_within(directory, exc.filename or exc.name or '')}:{exc.lineno}"
    lines = []
    trace = exc.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(".html"):
            lines.append((file, trace.tb_lineno))
        trace = trace.tb_next
    own = [line for line in lines if Path(line[0]).is_relative_to(directory)]
    file, number = (own or lines or [("", 0)])[-1]
    return f"{_within(directory, file)}:{number}" if file else ""


def _within(directory: Path, file: str) -> str:
    path = Path(file)
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else file


def files_of(directory: Path) -> list[str]:
    """Everything below *directory* but what is hidden."""
    relative = (path.relative_to(directory) for path in sorted(directory.rglob("*")))
    return [
        path.as_posix()
        for path in relative
        if (directory / path).is_file() and not any(part.startswith(".") for part in path.parts)
    ]


def our_templates(env: jinja2.Environment) -> list[str]:
    """What can be replaced."""
    return [name for name in env.list_templates() if not name.startswith(f"{ORIGINALS}/")]


def blocks_of(name: str, env: jinja2.Environment) -> tuple[str | None, list[str]]:
    """The template that *name* extends, and every block that can be filled in it."""
    blocks: set[str] = set()
    chain: list[str] = []
    above: str | None = name
    while above and above not in chain:  # one that extends itself is told when it is rendered
        chain.append(above)
        tree = _read(above, env)
        blocks |= {block.name for block in tree.find_all(nodes.Block)}
        above = _parent(tree)
    return chain[1] if len(chain) > 1 else None, sorted(blocks)


def _read(name: str, env: jinja2.Environment) -> nodes.Template:
    if env.loader is None:
        raise jinja2.TemplateNotFound(name)
    source, file, _ = env.loader.get_source(env, name)
    return env.parse(source, name, file)


def directory_problems(
    directory: Path, env: jinja2.Environment, our_env: jinja2.Environment
) -> Iterator[Finding]:
    """Files that no page uses, which are probably misspelt, and blocks likewise."""
    theirs, ours = set(files_of(directory)), set(our_templates(our_env))
    parsed: dict[str, nodes.Template] = {}
    waiting = sorted(theirs & ours)
    while waiting:
        name = waiting.pop()
        if name in parsed or name not in theirs:
            continue
        try:
            parsed[name] = env.parse(
                (directory / name).read_text("utf-8"), name, str(directory / name)
            )
        except (jinja2.TemplateSyntaxError, UnicodeDecodeError) as exc:
            parsed[name] = nodes.Template([])
            yield template_problem(exc, directory, file=name)
        waiting += filter(None, meta.find_referenced_templates(parsed[name]))
    for name in sorted(theirs - parsed.keys()):
        close = difflib.get_close_matches(name, ours, 1)
        yield Finding(
            kind="file",
            where=name,
            problem="replaces no template of ours, and none of yours uses it",
            advice=f"Is it meant to be {close[0]}?" if close else "See: portal theme list",
        )
    for name, tree in sorted(parsed.items()):
        yield from _unknown_blocks(name, tree, env)


def _unknown_blocks(name: str, tree: nodes.Template, env: jinja2.Environment) -> Iterator[Finding]:
    """A block at the top of a template that extends another one fills a block of that one."""
    parent = _parent(tree)
    if parent is None:
        return
    try:
        known = blocks_of(parent, env)[1]
    except jinja2.TemplateError:
        return  # rendering says it
    for block in tree.body:
        if isinstance(block, nodes.Block) and block.name not in known:
            close = difflib.get_close_matches(block.name, known, 1)
            yield Finding(
                kind="block",
                where=f"{name}:{block.lineno}",
                problem=f"block {block.name} fills no block of the template that is extended",
                advice=f"Is it meant to be {close[0]}?"
                if close
                else f"There are {', '.join(known)}.",
            )


def _parent(tree: nodes.Template) -> str | None:
    for extends in tree.find_all(nodes.Extends):
        if isinstance(extends.template, nodes.Const):
            return str(extends.template.value)
    return None
