"""Where Ory is, for a client: its public address, and the admin API with its key if that is known.

Only the settings about Ory are read: a client needs no database and no key of the portal's.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import rich_click as click

from portal.cli.refusal import Refusal
from portal.settings import OPTIONS, Secret, SettingsError, read_environment, reading
from portal.settings.option import read_all

SETTINGS: Final = ("hydra_admin_url", "hydra_public_url", "ory_api_key", "ory_ca_file")
NETWORK: Final = ".projects.oryapis.com"
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Ory's two sides, as configured."""

    public: str
    admin: str | None
    key: Callable[[], str | None] = field(repr=False)
    ca_file: Path | None


def find_addresses(*, endpoint: str | None, project: str | None) -> Addresses:
    """Take the options first, then the settings. At Ory Network both sides have one address."""
    if endpoint and project:
        raise click.UsageError("--endpoint and --project exclude each other.")
    env = read_environment()
    found, problems = read_all({name: OPTIONS[name] for name in SETTINGS}, env)
    if problems:
        raise SettingsError(tuple(problems))
    admin: str | None = found.get("hydra_admin_url")
    if project:
        public = admin = project_url(project)
    elif endpoint:
        public = _url(endpoint, "--endpoint")
        admin = public if _is_network(public) else admin
    else:
        sdk = admin if _is_network(admin) or not env.get("HYDRA_ADMIN_URL", "").strip() else None
        chosen = found.get("hydra_public_url") or sdk
        if chosen is None:
            raise Refusal(
                "where Ory is was not said. Set HYDRA_PUBLIC_URL to its public address, such as "
                "HYDRA_PUBLIC_URL=http://127.0.0.1:4444, or give it with -e."
            )
        public = chosen
    key: Secret | None = found.get("ory_api_key")
    return Addresses(
        public=public.rstrip("/"),
        admin=admin,
        key=lambda: key.reveal() if key is not None else None,
        ca_file=found.get("ory_ca_file"),
    )


def project_url(project: str) -> str:
    """The address of an Ory Network project, from its SDK URL or its slug."""
    if _UUID.fullmatch(project):
        raise Refusal(
            "a project's id cannot be turned into its address. Give its slug or its SDK URL; "
            f"`ory get project {project}` shows the slug."
        )
    if "://" in project:
        return _url(project, "--project")
    if not _SLUG.fullmatch(project):
        raise click.BadParameter("is neither a slug nor an SDK URL.", param_hint="--project")
    return f"https://{project.lower()}{NETWORK}"


def _is_network(url: str | None) -> bool:
    return (urlsplit(url or "").hostname or "").endswith(NETWORK)


def _url(text: str, hint: str) -> str:
    try:
        return reading.admin_url(text)
    except ValueError as exc:
        raise click.BadParameter(f"{exc}.", param_hint=hint) from exc
