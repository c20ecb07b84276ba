"""Who lives in the demo: somebody who signs in, an administrator, and an app."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import rich_click as click

from portal import accounts
from portal.accounts import WeakPasswordError
from portal.cli.clients import GRANT_TYPES, client_body
from portal.cli.common import ACTOR
from portal.dev.relying_party import RelyingPartyConfig
from portal.ory.admin import OryAdmin
from portal.ory.errors import OryError
from portal.services import Services

USER: Final = ("ann@example.org", "Ann Example")
ADMIN: Final = ("admin@example.org", "Ada Admin")
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
CONSONANTS: Final = "bdfghklmnprstvz"
VOWELS: Final = "aeiou"


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who can sign in, and how."""

    email: str
    password: str = field(repr=False)


def easy_password(email: str, *, min_length: int) -> str:
    """A random password that can be read off a screen and typed: ``rabo-timu-keda-zufo``."""
    while True:
        words = (
            "".join(secrets.choice(letters) for letters in (CONSONANTS, VOWELS) * 2)
            for _ in range(max(4, min_length // 5 + 1))
        )
        password = "-".join(words)
        try:
            accounts.check_password(password, email=email, min_length=min_length)
        except WeakPasswordError:
            continue  # one in a great many repeats itself
        return password


async def have_account(
    services: Services, email: str, name: str, *, admin: bool = False
) -> Account:
    """Somebody with a new password; in a database that was kept they may be known already."""
    store, passwords = services.store, services.passwords
    shortest, now = services.settings.password_min_length, datetime.now(UTC)
    account = Account(email=email, password=easy_password(email, min_length=shortest))
    async with store.reading() as rows:
        known = await rows.users.find_by_email(email)
    if known is None:
        await accounts.create_user(
            store,
            passwords,
            email=email,
            name=name,
            password=account.password,
            admin=admin,
            min_length=shortest,
            now=now,
            actor=ACTOR,
        )
        return account
    await accounts.set_password(
        store,
        passwords,
        known.subject,
        password=account.password,
        min_length=shortest,
        now=now,
        actor=ACTOR,
    )
    await accounts.enable_user(store, known.subject, now=now, actor=ACTOR)
    return account


def app_body(config: RelyingPartyConfig, *, device: bool) -> dict[str, Any]:
    """The registration of ``portal clients create``, with what the local client's buttons need."""
    given: dict[str, Any] = {
        "client_name": "Demo app",
        "scope": config.scope,
        "redirect_uris": (config.redirect_uri,),
        "post_logout_redirect_uris": (config.after_logout,),
    }
    if device:
        given["grant_types"] = (*GRANT_TYPES, DEVICE_CODE)
    return client_body(given)


@asynccontextmanager
async def registered(
    ory: OryAdmin, body: dict[str, Any], *, forget: bool
) -> AsyncIterator[dict[str, Any]]:
    """The app at Ory. With *forget* it is deleted again, also if the demo ends meanwhile."""
    making = asyncio.create_task(ory.create_client(body))
    try:
        yield await asyncio.shield(making)
    finally:
        if forget:
            await _delete(ory, making)


async def _delete(ory: OryAdmin, making: asyncio.Task[dict[str, Any]]) -> None:
    await asyncio.wait((making,))
    if making.cancelled() or making.exception() is not None:
        return
    client_id = making.result()["client_id"]
    try:
        await ory.delete_client(client_id)
    except OryError as exc:
        click.echo(
            f"portal: the app {client_id} is still registered at Ory ({type(exc).__name__}). "
            "Delete it with: portal clients delete",
            err=True,
        )
