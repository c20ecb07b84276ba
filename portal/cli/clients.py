"""``portal clients``: apps at Ory, with the flags of Ory's own ``create oauth2-client``."""

import sys
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec
import rich_click as click

from portal.cli.common import (
    ACTOR,
    explained,
    format_option,
    load_settings,
    open_store,
    print_document,
    print_fields,
    print_rows,
    run,
)
from portal.cli.refusal import Refusal
from portal.ory.admin import OryAdmin
from portal.ory.connect import open_client
from portal.ory.errors import OryNotFoundError
from portal.revocations import end_client, forget_client
from portal.settings import Settings
from portal.store import StoreError, schema

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
COLUMNS: Final = {
    "client_id": "CLIENT ID",
    "client_name": "NAME",
    "grant_types": "GRANT TYPES",
    "scope": "SCOPE",
    "redirect_uris": "REDIRECT URIS",
}
FIELDS: Final = {
    "client_id": "CLIENT ID",
    "client_secret": "CLIENT SECRET",
    "client_name": "NAME",
    "grant_types": "GRANT TYPES",
    "response_types": "RESPONSE TYPES",
    "scope": "SCOPE",
    "audience": "AUDIENCE",
    "redirect_uris": "REDIRECT URIS",
    "post_logout_redirect_uris": "POST LOGOUT URIS",
    "token_endpoint_auth_method": "TOKEN ENDPOINT AUTH",
    "skip_consent": "SKIP CONSENT",
}
GRANT_TYPES: Final = ("authorization_code", "refresh_token")
RESPONSE_TYPES: Final = ("code", "id_token")
SCOPE: Final = ("openid", "offline")
CALLBACK: Final = "http://127.0.0.1:5555/callback"
AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
"""Ory takes any word here, and then refuses the app's every call."""
NO_SCOPE: Final = "an app without a scope is given openid, offline and offline_access by Ory."

endpoint_option = click.option(
    "-e", "--endpoint", help="Ory's admin API.", default=None, show_default="HYDRA_ADMIN_URL"
)


@click.group()
def clients() -> None:
    """Apps that are registered at Ory's admin API (HYDRA_ADMIN_URL)."""


def _text(flag: str, field: str, about: str) -> Callable[[F], F]:
    return click.option(flag, field, help=about)


def _many(flag: str, field: str, about: str) -> Callable[[F], F]:
    return click.option(flag, field, multiple=True, metavar="A,B", help=about)


def _either(flag: str, about: str) -> Callable[[F], F]:
    return click.option(f"--{flag}/--no-{flag}", default=None, help=about)


REGISTRATION: Final = (
    _text("--name", "client_name", "What people are told it is called."),
    _many("--grant-type", "grant_types", f"New apps: {','.join(GRANT_TYPES)}"),
    _many("--response-type", "response_types", f"New apps: {','.join(RESPONSE_TYPES)}"),
    _many("--scope", "scope", f"What it may ask for. New apps: {','.join(SCOPE)}"),
    _many("--redirect-uri", "redirect_uris", f"New apps: {CALLBACK}"),
    _many("--post-logout-callback", "post_logout_redirect_uris", "Where people may go afterwards."),
    _many("--audience", "audience", "APIs that it may get access tokens for."),
    click.option(
        "--token-endpoint-auth-method",
        type=click.Choice(AUTH_METHODS),
        help="`none` for a public client.",
    ),
    _text("--jwks-uri", "jwks_uri", "Where its public keys are, for `private_key_jwt`."),
    _text("--client-uri", "client_uri", "Its home page."),
    _text("--policy-uri", "policy_uri", "Its privacy policy."),
    _text("--tos-uri", "tos_uri", "Its terms of service."),
    _text("--logo-uri", "logo_uri", "Its logo."),
    _text("--owner", "owner", "Who it belongs to."),
    _many("--contact", "contacts", "E-mail addresses of its keepers."),
    _text(
        "--backchannel-logout-callback", "backchannel_logout_uri", "Where Ory tells of a logout."
    ),
    _text("--frontchannel-logout-callback", "frontchannel_logout_uri", "The same, in the browser."),
    _many("--allowed-cors-origin", "allowed_cors_origins", "Origins that may call Ory for it."),
    _text("--subject-type", "subject_type", "`public` or `pairwise`."),
    _text("--metadata", "metadata", "JSON that Ory keeps with it."),
    _either("skip-consent", "Allow without asking: an app of your own."),
    _either("skip-logout-consent", "Sign out without asking."),
    click.option("--secret-stdin", is_flag=True, help="Read its secret from standard input."),
)


def registration(command: F) -> F:
    """Give *command* a flag for each member of a registration."""
    for option in reversed(REGISTRATION):
        command = option(command)
    return command


@clients.command()
@endpoint_option
@_text("--id", "client_id", "Its id; by default Ory makes one.")
@registration
@format_option
def create(*, endpoint: str | None, secret_stdin: bool, output: str, **given: Any) -> None:
    """Register an app. Its secret is printed once and cannot be asked for again.

    Lists take commas or the flag again. For example:

    $ portal clients create --name Photos --redirect-uri https://photos.example/callback

    $ portal clients create --format json | jq -r .client_secret
    """
    body = client_body(given)
    if secret_stdin:
        body["client_secret"] = _secret()
    settings = _settings(endpoint)
    made = _ask(settings, lambda ory: ory.create_client(body))
    _write_down(settings, "client.created", made["client_id"], made.get("client_name", ""), body)
    _print_client(made, output)


@clients.command()
@endpoint_option
@click.argument("client_id")
@registration
@format_option
def update(
    *, endpoint: str | None, client_id: str, secret_stdin: bool, output: str, **given: Any
) -> None:
    """Change an app: what is named and nothing else. An empty value clears.

    For example:

    $ portal clients update 6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11 --scope openid,offline,email

    $ portal clients update 6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11 --logo-uri ""
    """
    changes = client_changes(given)
    if secret_stdin:
        changes["client_secret"] = _secret()
    if not changes:
        raise click.UsageError("Name what to change, such as --name or --redirect-uri.")
    settings = _settings(endpoint)
    changed = _ask(settings, lambda ory: ory.update_client(client_id, changes), client_id)
    _write_down(settings, "client.updated", client_id, changed.get("client_name") or "", changes)
    _print_client(changed, output)


@clients.command("list")
@endpoint_option
@format_option
def list_clients(endpoint: str | None, output: str) -> None:
    """List all apps.

    For example:

    $ portal clients list
    """
    found = _ask(_settings(endpoint), lambda ory: ory.list_clients())
    rows: list[dict[str, Any]] = msgspec.to_builtins(list(found))
    hint = "There are no apps yet. Register one with: portal clients create"
    print_rows(rows, COLUMNS, output=output, empty=hint)


@clients.command()
@endpoint_option
@click.argument("client_id")
@format_option
def get(endpoint: str | None, client_id: str, output: str) -> None:
    """Show one app.

    For example:

    $ portal clients get 6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11
    """
    found = _ask(_settings(endpoint), lambda ory: ory.get_client(client_id), client_id)
    _print_client(msgspec.to_builtins(found), output)


@clients.command()
@endpoint_option
@click.argument("client_id", nargs=-1, required=True)
def delete(endpoint: str | None, client_id: tuple[str, ...]) -> None:
    """Delete apps at Ory; their tokens end with them, and what people allowed them.

    The first that fails is named, and nothing after it is tried. For example:

    $ portal clients delete 6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11
    """
    settings = _settings(endpoint)
    for position, each in enumerate(client_id):
        try:
            _ask(settings, lambda ory, each=each: ory.delete_client(each), each)  # type: ignore[misc]  # bound now
        except Refusal as exc:
            rest = ", ".join(client_id[position + 1 :])
            untried = f" (nor were: {rest})" if rest else ""
            raise Refusal(f"{each!r} was not deleted{untried}: {exc}") from exc
        _write_down(settings, "client.deleted", each, "", ())
        click.echo(each)


def client_body(given: dict[str, Any]) -> dict[str, Any]:
    """Say it as Ory's API does; the rest is as in Ory's tutorials, or left to Ory."""
    body = _members({field: value for field, value in given.items() if value})
    body.setdefault("grant_types", list(GRANT_TYPES))
    if "authorization_code" in body["grant_types"]:
        body.setdefault("response_types", list(RESPONSE_TYPES))
        body.setdefault("redirect_uris", [CALLBACK])
    body.setdefault("scope", " ".join(SCOPE))
    return body


def client_changes(given: dict[str, Any]) -> dict[str, Any]:
    """Say what was named; what was not keeps its value."""
    return _members({field: value for field, value in given.items() if value not in (None, ())})


def _members(named: dict[str, Any]) -> dict[str, Any]:
    members = {field: _split(value) for field, value in named.items()}
    if "scope" in members:
        members["scope"] = " ".join(members["scope"])
        if not members["scope"]:
            raise click.BadParameter(NO_SCOPE, param_hint="--scope")
    if "metadata" in members:
        members["metadata"] = _json(members["metadata"])
    if any(not _is_text(value) for value in members.values()):
        raise click.UsageError("A value is not readable text in this terminal's encoding.")
    return members


def _is_text(value: Any) -> bool:
    """Bytes that are no text reach a command as lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in str(value))


def _split(value: Any) -> Any:
    """Take a repeated flag apart at its commas, as Ory's command does."""
    if not isinstance(value, tuple):
        return value
    return [part.strip() for text in value for part in text.split(",") if part.strip()]


def _json(text: str) -> Any:
    """Read metadata; none at all is an empty object, as Ory keeps it."""
    try:
        return msgspec.json.decode(text) if text.strip() else {}
    except msgspec.DecodeError as exc:
        raise click.BadParameter(f"is not JSON: {exc}", param_hint="--metadata") from exc


def _secret() -> str:
    secret = sys.stdin.readline().strip()
    if len(secret) < 6:
        raise Refusal("a client's secret has at least 6 characters.")
    return secret


def _print_client(client: dict[str, Any], output: str) -> None:
    if output != "table":
        print_document(client, output)
        return
    print_fields(client, FIELDS)
    if client.get("client_secret"):
        click.echo("Keep the secret now: it is not shown again.", err=True)


def _settings(endpoint: str | None) -> Settings:
    overrides = {"HYDRA_ADMIN_URL": endpoint} if endpoint else {}
    with explained():
        return load_settings(overrides, require=("hydra_admin_url",))


def _ask(
    settings: Settings, question: Callable[[OryAdmin], Awaitable[T]], client_id: str | None = None
) -> T:
    async def work() -> T:
        async with open_client(settings) as ory:
            try:
                return await question(ory)
            except OryNotFoundError as exc:
                raise Refusal(f"Ory knows no app {client_id!r}. See: portal clients list") from exc

    return run(work)


def _write_down(
    settings: Settings, action: str, client_id: str, name: str, fields: Iterable[str]
) -> None:
    """Tell the portal's database, where there is one here; Ory's side is done either way."""
    now = datetime.now(UTC)

    async def work() -> None:
        async with open_store(settings) as store, store.writing() as rows:
            if action == "client.deleted":
                await end_client(rows, client_id=client_id, app=name, actor=ACTOR, now=now)
                return
            if action == "client.created":
                await forget_client(rows, client_id, now=now)
            detail = {"app": name, "fields": sorted(fields)}
            await rows.audit.add(action, at=now, actor=ACTOR, client_id=client_id, detail=detail)

    try:
        if schema.at_head(settings.database_url):
            run(work)
    except (StoreError, Refusal) as exc:
        click.echo(f"portal: done at Ory, but the portal's database was not told: {exc}", err=True)
