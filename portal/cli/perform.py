"""``portal perform``: a local OAuth2 client, with the flags of Ory's own ``perform``."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import rich_click as click

from portal.cli.addresses import find_addresses
from portal.cli.common import explained, format_option
from portal.cli.performing import perform_in_browser, perform_on_device
from portal.cli.refusal import Refusal
from portal.dev.relying_party import ConfigError, RelyingPartyConfig
from portal.dev.relying_party.asked import AskedError
from portal.dev.relying_party.config import PORT
from portal.settings import read_environment

F = TypeVar("F", bound=Callable[..., Any])
MAX_SECRET: Final = 4_096
SCOPE: Final = ("openid", "offline")
UNSAFE_STATE: Final = (
    "--state is left out: with a fixed state anybody can send you an answer of theirs. "
    "Each attempt gets a state of its own here."
)
NO_SKIP: Final = (
    "--skip is left out: it belongs to the login and consent pages inside Ory's own client. "
    "Here the portal has them, and skips by itself what need not be asked."
)


def _split(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Lists take commas, spaces, or the flag again."""
    return tuple(part for value in values for part in value.replace(",", " ").split())


def _refuse(words: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def refuse(_: click.Context, __: click.Parameter, value: Any) -> None:
        if value:
            raise click.UsageError(words)

    return refuse


def _many(flag: str, about: str) -> Callable[[F], F]:
    return click.option(flag, multiple=True, metavar="A,B", callback=_split, help=about)


def _about_ory(command: F) -> F:
    """Options that both flows have."""
    options = [
        click.option("--client-id", help="Who the app is.", show_default="OAUTH2_CLIENT_ID"),
        click.option(
            "--client-secret",
            help="Its secret; other users of this machine can see it. None: a public client.",
            show_default="OAUTH2_CLIENT_SECRET",
        ),
        click.option(
            "--client-secret-stdin", is_flag=True, help="Read its secret from standard input."
        ),
        click.option(
            "-e",
            "--endpoint",
            help="Ory's public address.",
            show_default="HYDRA_PUBLIC_URL, or ORY_SDK_URL",
        ),
        click.option("--project", help="An Ory Network project: its slug or SDK URL."),
        _many("--scope", "What to ask for. [default: openid,offline]"),
        _many("--audience", "APIs that the access token shall be for."),
        click.option(
            "--token-url", help="Where codes are redeemed.", show_default="what discovery says"
        ),
        click.option("--skip-tls-verify", is_flag=True, help="Trust any certificate of Ory's."),
        click.option(
            "--ca-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Certificates (PEM) to trust when calling Ory.",
            show_default="PORTAL_ORY_CA_FILE, or the system's",
        ),
        format_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def perform() -> None:
    """Try a flow as an app would: a local OAuth2 client that checks what comes back."""


@perform.command("authorization-code")
@_about_ory
@click.option("-p", "--port", type=click.IntRange(1, 65_535), default=PORT, show_default=True)
@_many("--prompt", "`none`, `login`, `consent`, `select_account` or `registration`.")
@click.option("--max-age", type=click.IntRange(min=-1), default=-1, help="Seconds; -1: not asked.")
@click.option("--acr-values", default="", help="Levels of sign-in to ask for, best one first.")
@click.option("--login-hint", default="", help="Who is expected to sign in.")
@click.option("--ui-locales", default="", help="Languages of the pages, best one first.")
@click.option("--claims", default="", help="The claims parameter, as JSON.")
@click.option(
    "--redirect",
    default="",
    help="Where Ory sends the browser back to.",
    show_default="http://127.0.0.1:PORT/callback",
)
@click.option(
    "--auth-url", help="Where the browser is sent first.", show_default="what discovery says"
)
@click.option("--https", is_flag=True, help="Serve https, with a certificate made for this run.")
@click.option(
    "--response-mode",
    type=click.Choice(["query", "form_post"]),
    default="query",
    show_default=True,
    help="How the code comes back.",
)
@click.option("--no-open", is_flag=True, help="Do not open a browser.")
@click.option("--no-shutdown", is_flag=True, help="Keep serving, as it does anyway.")
@click.option("--once", is_flag=True, help="End with the first flow that ends.")
@click.option("--state", hidden=True, expose_value=False, callback=_refuse(UNSAFE_STATE))
@click.option("--skip", hidden=True, is_flag=True, expose_value=False, callback=_refuse(NO_SKIP))
def authorization_code(
    *, no_open: bool, no_shutdown: bool, once: bool, output: str, **given: Any
) -> None:
    """Perform the authorization code flow with a local web page as the app.

    It serves until Ctrl-C; tokens are shown on the page and printed. State, nonce and PKCE are
    always used, and an ID token is believed only if all checks pass. For example:

    $ portal perform authorization-code --client-id 6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11

    $ portal perform authorization-code --once --format json | jq -r .id_token

    Exit codes: 0 tokens came, or it was ended by Ctrl-C; 1 it could not start, or with --once: the
    app was refused (such as access_denied) or a check failed; 2 wrong usage; 130 ended by Ctrl-C
    before --once had a result.
    """
    if once and no_shutdown:
        raise click.UsageError("--once and --no-shutdown exclude each other.")
    config = _config(
        given,
        port=given["port"],
        https=given["https"],
        redirect_uri=given["redirect"],
        prompt=" ".join(given["prompt"]),
        max_age=None if given["max_age"] < 0 else given["max_age"],
        acr_values=given["acr_values"],
        login_hint=given["login_hint"],
        ui_locales=given["ui_locales"],
        claims=given["claims"],
        response_mode=given["response_mode"],
        auth_url=given["auth_url"],
    )
    sys.exit(perform_in_browser(config, once=once, opening=not no_open, output=output))


@perform.command("device-code")
@_about_ory
def device_code(*, output: str, **given: Any) -> None:
    """Perform the device flow: show a code, and wait until somebody entered it elsewhere.

    Hydra has it since 25.4, and Ory Network has it. For example:

    $ portal perform device-code --client-id 6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11 --format json

    Exit codes: 0 tokens came; 1 refused, expired, or a check failed; 2 wrong usage; 130 ended by
    Ctrl-C.
    """
    sys.exit(perform_on_device(_config(given), output=output))


def _config(given: dict[str, Any], **more: Any) -> RelyingPartyConfig:
    """Everything that was given, checked; a mistake is one line."""
    with explained():
        env = read_environment()
        client_id = given["client_id"] or env.get("OAUTH2_CLIENT_ID", "").strip()
        if not client_id:
            raise click.UsageError(
                "--client-id (or OAUTH2_CLIENT_ID) is missing. Register an app with: "
                "portal clients create"
            )
        ory = find_addresses(endpoint=given["endpoint"], project=given["project"])
        try:
            return RelyingPartyConfig(
                client_id=client_id,
                client_secret=_secret(given, env.get("OAUTH2_CLIENT_SECRET", "")),
                public_url=ory.public,
                admin_url=ory.admin,
                admin_key=ory.key,
                scope=given["scope"] or SCOPE,
                audience=given["audience"],
                token_url=given["token_url"],
                verify_tls=not given["skip_tls_verify"],
                ca_file=given["ca_file"] or ory.ca_file,
                **more,
            )
        except (ConfigError, AskedError) as exc:
            raise click.UsageError(str(exc)) from exc


def _secret(given: dict[str, Any], from_env: str) -> str | None:
    if not given["client_secret_stdin"]:
        return given["client_secret"] or from_env.strip() or None
    if given["client_secret"]:
        raise click.UsageError("--client-secret and --client-secret-stdin exclude each other.")
    secret = sys.stdin.readline(MAX_SECRET).strip()
    if not secret:
        raise Refusal("there is no secret on standard input.")
    return secret
