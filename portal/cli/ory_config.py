"""``portal ory-config``: tell Ory where the portal's pages are."""

import os
import shlex
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import rich_click as click

from portal.cli.common import explained, is_loopback
from portal.cli.refusal import Refusal
from portal.logs import one_line
from portal.settings import OPTIONS, SettingsError, read_environment
from portal.settings.option import read_all
from portal.settings.reading import web_url

if TYPE_CHECKING:
    from portal.cli.yaml_edit import Edited, Node, Wanted

PAGES: Final[Mapping[str, str]] = {
    "login": "/login",
    "consent": "/consent",
    "logout": "/logout",
    "error": "/error",
    "post_logout_redirect": "/",
}
"""Ory's name below ``urls``, and the portal's page. ``urls.registration`` stays as it is: without
one Ory sends those who want to register to ``urls.login``.
"""
DEVICE_PAGES: Final[Mapping[str, str]] = {
    "verification": "/device/verify",
    "success": "/device/success",
}
"""The same below ``urls.device``; Hydra before 25.4 does not start with these in its file."""
MOST_BYTES: Final = 256 * 1024
_OWN_HYDRA: Final = frozenset({"dsn", "secrets", "log"})
"""Keys that only the file of a self-hosted Hydra has."""


@click.command("ory-config")
@click.argument("file", required=False)
@click.option("--in-place", is_flag=True, help="Change FILE itself instead of printing it.")
@click.option(
    "--base-url", help="Where browsers reach the portal.", default=None, show_default="BASE_URL"
)
@click.option("--project", help="The project's id at Ory Network, for the printed command.")
@click.option(
    "--device/--no-device",
    default=None,
    help="Whether to set the pages of the device flow; Hydra before 25.4 does not know them.",
    show_default="yes, but in a self-hosted Hydra's file only if it has them",
)
@click.option("--allow-http", is_flag=True, help="Accept an http address that is not this machine.")
def ory_config(
    *,
    file: str | None,
    in_place: bool,
    base_url: str | None,
    project: str | None,
    device: bool | None,
    allow_http: bool,
) -> None:
    """Set the portal's addresses in an OAuth2 configuration of Ory's.

    FILE is what `ory get oauth2-config` wrote, or a self-hosted Hydra's own file: YAML or JSON, or
    `-` for standard input. Every other key, comment and line end stays as it is. The result goes
    to standard output and what changed to standard error. Without FILE: prints the `ory patch`
    command, and the lines for a self-hosted Hydra's file or environment. Exit codes: 0 done, or
    nothing to change; 1 refused, and nothing was changed; 2 wrong usage.

    For example:

    $ ory get oauth2-config --project "$PROJECT_ID" --format yaml > config.yaml

    $ portal ory-config config.yaml --in-place --base-url https://login.example.org

    $ ory update oauth2-config --project "$PROJECT_ID" --file config.yaml
    """
    if in_place and file in {None, "-"}:
        raise click.UsageError("--in-place needs a FILE to change.")
    if project is not None and file is not None:
        raise click.UsageError("--project is for the printed command; leave out FILE.")
    base = _base_url(base_url, allow_http=allow_http)
    if file is None:
        click.echo("\n".join(advice(base, project=project, device=device is not False)))
    elif file == "-":
        _set_in(sys.stdin.buffer.read(MOST_BYTES + 1), "standard input", base, device=device)
    else:
        path = Path(file)
        _set_in(_content(path), file, base, device=device, target=path if in_place else None)


def page_urls(base: str) -> dict[str, str]:
    """Where Ory should send browsers, by its own names below ``urls``."""
    return {name: f"{base}{path}" for name, path in PAGES.items()}


def device_urls(base: str) -> dict[str, str]:
    """The same for the device flow, below ``urls.device``."""
    return {name: f"{base}{path}" for name, path in DEVICE_PAGES.items()}


def advice(base: str, *, project: str | None, device: bool) -> Iterator[str]:
    """Say it in the three ways in which Ory is told; each part can be pasted as it is."""
    yield "# Ory Network" + ("" if project else "; `ory list projects` shows the PROJECT_ID")
    yield " \\\n  ".join(_patch(base, project=project, device=device))
    yield "\n# A Hydra of your own: its configuration file"
    yield from yaml_lines(base)
    yield "\n# or its environment"
    yield from (f"URLS_{name.upper()}={url}" for name, url in page_urls(base).items())
    if device:
        yield "# Hydra 25.4 and later: the device flow"
        yield from (f"URLS_DEVICE_{name.upper()}={url}" for name, url in device_urls(base).items())


def yaml_lines(base: str) -> Iterator[str]:
    """Write the part of Hydra's file; every release starts with it."""
    yield "urls:"
    yield from (f"  {name}: {url}" for name, url in page_urls(base).items())
    yield "  # Hydra 25.4 and later, which has the device flow; older ones refuse to start with it:"
    yield "  # device:"
    yield from (f"  #   {name}: {url}" for name, url in device_urls(base).items())


def _patch(base: str, *, project: str | None, device: bool) -> Iterator[str]:
    """Values are JSON, so the quotes inside. What is there from the start is replaced; the rest
    may be absent, and ``--add`` sets it either way.
    """
    named = shlex.quote(project) if project else '"$PROJECT_ID"'
    yield f"ory patch oauth2-config --project {named}"
    for name, url in page_urls(base).items():
        verb = "replace" if name in {"login", "consent"} else "add"
        yield f"--{verb} " + shlex.quote(f'/urls/{name}="{url}"')
    if device:
        members = ",".join(f'"{name}":"{url}"' for name, url in device_urls(base).items())
        yield "--add " + shlex.quote(f"/urls/device={{{members}}}")


def _base_url(given: str | None, *, allow_http: bool) -> str:
    if given is not None:
        try:
            base = web_url(given)
        except ValueError as exc:
            raise click.BadParameter(f"{exc}.", param_hint="--base-url") from exc
    else:
        with explained():
            base = _configured_base_url()
    if base.startswith("http:") and not is_loopback(urlsplit(base).hostname) and not allow_http:
        raise Refusal(
            f"{base} is not https: passwords and cookies would cross the network as they are. "
            "Use an https address, or --allow-http."
        )
    return base


def _configured_base_url() -> str:
    """Read this one setting: a mistake in another one is no obstacle here."""
    values, problems = read_all(
        {name: OPTIONS[name] for name in ("base_url", "port")}, read_environment()
    )
    if problems:
        raise SettingsError(tuple(problems))
    return str(values.get("base_url", f"http://localhost:{values.get('port', 3000)}"))


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise Refusal(f"{path} is a directory. Name the file that ory get oauth2-config wrote.")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "is no name of a file"
        raise Refusal(f"cannot read {one_line(str(path))}: {why}.") from exc


def _set_in(
    content: bytes, name: str, base: str, *, device: bool | None, target: Path | None = None
) -> None:
    from portal.cli.yaml_edit import YamlEditError  # noqa: PLC0415 - not for printing alone

    try:
        edited, left_out = _edited(content, base, device=device)
    except (YamlEditError, _ContentError) as exc:
        raise Refusal(f"{one_line(name)} {exc}. Nothing was changed.") from exc
    result = edited.text.encode()
    if target is None:
        click.echo(result, nl=False)
    elif result != content:
        _replace(target, result)
    for change in edited.changes:
        was = "added" if change.old is None else f"was {one_line(change.old, 120)}"
        click.echo(f"{change.path}: {change.new} ({was})", err=True)
    if not edited.changes:
        click.echo("Nothing changes: Ory's configuration names this portal already.", err=True)
    if left_out:
        click.echo("urls.device was left out; --device sets it (Hydra 25.4 and later).", err=True)


class _ContentError(Exception):
    """No configuration that this command knows."""


def _edited(content: bytes, base: str, *, device: bool | None) -> "tuple[Edited, bool]":
    from portal.cli.yaml_edit import Edited, parse, set_texts  # noqa: PLC0415 - as above

    text = _text(content)
    body = text.removeprefix("\ufeff")
    root = parse(body)
    urls = _urls_of(root)
    with_device = _wants_device(root, urls) if device is None else device
    wanted: Wanted = page_urls(base)
    if with_device:
        wanted = {**wanted, "device": device_urls(base)}
    done = set_texts(body, {"urls": wanted})
    mark = text[: len(text) - len(body)]
    return Edited(mark + done.text, done.changes), device is None and not with_device


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise _ContentError(f"is larger than {MOST_BYTES // 1024} KiB")
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise _ContentError("is not UTF-8 text") from exc


def _urls_of(root: "Node") -> "Node":
    found = root.find("urls") if root.kind == "map" else None
    if root.kind != "map":
        raise _ContentError("is no mapping of names to values")
    if found is None:
        where = "services.oauth2.config" if root.find("services") else ""
        hint = f": export {where} alone, with `ory get oauth2-config`" if where else ""
        raise _ContentError(f"has no `urls`, so it is no OAuth2 configuration of Ory's{hint}")
    if found[1].is_null:
        raise _ContentError("has an empty `urls`; write `urls: {}` if that is meant")
    if found[1].kind != "map":
        raise _ContentError("has something else than a mapping at urls")
    return found[1]


def _wants_device(root: "Node", urls: "Node") -> bool:
    """Ory Network knows the device flow; a self-hosted Hydra may be too old to start with it."""
    return urls.find("device") is not None or not (
        any(root.find(name) for name in _OWN_HYDRA) or _has_ports(root)
    )


def _has_ports(root: "Node") -> bool:
    serve = root.find("serve")
    if serve is None or serve[1].kind != "map":
        return False
    sides = (serve[1].find(side) for side in ("public", "admin"))
    return any(
        side[1].kind == "map" and (side[1].find("port") or side[1].find("host"))
        for side in sides
        if side is not None
    )


def _replace(path: Path, content: bytes) -> None:
    """Write beside the file and move it there, so that nobody ever reads half of it."""
    draft: str | None = None
    try:
        real = path.resolve(strict=True)  # a link stays a link
        found = real.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Refusal(f"{path} is no regular file; leave out --in-place.")
        descriptor, draft = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode))
            with suppress(PermissionError):  # only root may give files away
                os.fchown(file.fileno(), found.st_uid, found.st_gid)
        Path(draft).replace(real)
        draft = None
    except OSError as exc:
        raise Refusal(f"cannot write {path}: {exc.strerror}. Nothing was changed.") from exc
    finally:
        if draft is not None:
            with suppress(OSError):
                Path(draft).unlink()
