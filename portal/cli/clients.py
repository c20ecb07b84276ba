"""``portal clients``: apps at Ory, with the flags of Ory's own ``create oauth2-client``."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
import rich_click as click

from portal.cli.common import (
    explained,
    format_option,
    load_settings,
    print_document,
    print_fields,
    print_rows,
    run,
)
from portal.cli.refusal import Refusal
from portal.ory.admin import OryAdmin
from portal.ory.connect import open_client

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


@clients.command()
@endpoint_option
@_text("--id", "client_id", "Its id; by default Ory makes one.")
@_text("--name", "client_name", "What people are told it is called.")
@_many("--grant-type", "grant_types", "[default: authorization_code,refresh_token]")
@_many("--response-type", "response_types", "[default: code,id_token]")
@_many("--scope", "scope", "What it may ask for. [default: openid,offline]")
@_many("--redirect-uri", "redirect_uris", f"[default: {CALLBACK}]")
@_many("--post-logout-callback", "post_logout_redirect_uris", "Where people may go after logout.")
@_many("--audience", "audience", "APIs that it may get access tokens for.")
@_text("--token-endpoint-auth-method", "token_endpoint_auth_method", "`none` for a public client.")
@_text("--client-uri", "client_uri", "Its home page.")
@_text("--policy-uri", "policy_uri", "Its privacy policy.")
@_text("--tos-uri", "tos_uri", "Its terms of service.")
@_text("--logo-uri", "logo_uri", "Its logo.")
@_text("--owner", "owner", "Who it belongs to.")
@_many("--contact", "contacts", "E-mail addresses of its keepers.")
@_text("--backchannel-logout-callback", "backchannel_logout_uri", "Where Ory tells of a logout.")
@_text("--frontchannel-logout-callback", "frontchannel_logout_uri", "The same, in the browser.")
@_many("--allowed-cors-origin", "allowed_cors_origins", "Origins that may call Ory for it.")
@_text("--subject-type", "subject_type", "`public` or `pairwise`.")
@_text("--metadata", "metadata", "JSON that Ory keeps with it.")
@click.option("--skip-consent", is_flag=True, help="Allow without asking: an app of your own.")
@click.option("--skip-logout-consent", is_flag=True, help="Log out without asking.")
@click.option("--secret-stdin", is_flag=True, help="Read its secret from standard input.")
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
    made = _ask(endpoint, lambda ory: ory.create_client(body))
    if output != "table":
        print_document(made)
        return
    print_fields(made, FIELDS)
    if made.get("client_secret"):
        click.echo("Keep the secret now: it is not shown again.", err=True)


@clients.command("list")
@endpoint_option
@format_option
def list_clients(endpoint: str | None, output: str) -> None:
    """List all apps.

    For example:

    $ portal clients list
    """
    found = _ask(endpoint, lambda ory: ory.list_clients())
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
    found = msgspec.to_builtins(_ask(endpoint, lambda ory: ory.get_client(client_id)))
    if output == "table":
        print_fields(found, FIELDS)
    else:
        print_document(found)


@clients.command()
@endpoint_option
@click.argument("client_id", nargs=-1, required=True)
def delete(endpoint: str | None, client_id: tuple[str, ...]) -> None:
    """Delete apps at Ory; their tokens end with them.

    For example:

    $ portal clients delete 6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11
    """
    for each in client_id:
        _ask(endpoint, lambda ory, each=each: ory.delete_client(each))  # type: ignore[misc]  # bound now
        click.echo(each)


def client_body(given: dict[str, Any]) -> dict[str, Any]:
    """Say it as Ory's API does; the rest is as in Ory's tutorials, or left to Ory."""
    body = {field: _split(value) for field, value in given.items() if value}
    body.setdefault("grant_types", list(GRANT_TYPES))
    if "authorization_code" in body["grant_types"]:
        body.setdefault("response_types", list(RESPONSE_TYPES))
        body.setdefault("redirect_uris", [CALLBACK])
    body["scope"] = " ".join(body.get("scope", SCOPE))
    if "metadata" in body:
        body["metadata"] = _json(body["metadata"])
    if any(not _is_text(value) for value in body.values()):
        raise click.UsageError("A value is not readable text in this terminal's encoding.")
    return body


def _is_text(value: Any) -> bool:
    """Bytes that are no text reach a command as lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in str(value))


def _split(value: Any) -> Any:
    """Take a repeated flag apart at its commas, as Ory's command does."""
    if not isinstance(value, tuple):
        return value
    return [part.strip() for text in value for part in text.split(",") if part.strip()]


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as exc:
        raise click.BadParameter(f"is not JSON: {exc}", param_hint="--metadata") from exc


def _secret() -> str:
    secret = sys.stdin.readline().strip()
    if len(secret) < 6:
        raise Refusal("a client's secret has at least 6 characters.")
    return secret


def _ask(endpoint: str | None, question: Callable[[OryAdmin], Awaitable[T]]) -> T:
    overrides = {"HYDRA_ADMIN_URL": endpoint} if endpoint else {}

    with explained():
        settings = load_settings(overrides, require=("hydra_admin_url",))

    async def work() -> T:
        async with open_client(settings) as ory:
            return await question(ory)

    return run(work)
