"""One process, one event loop: the parts start in the order in which they need each other.

They end in reverse, whatever the reason, and whenever it comes.
"""

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import rich_click as click

from portal import logs
from portal.app import create_app, open_services
from portal.cli.browser import open_browser
from portal.cli.common import explained
from portal.cli.demoing.answering import answers
from portal.cli.demoing.card import Card
from portal.cli.demoing.doors import reserved
from portal.cli.demoing.ory import Ory, opened_ory
from portal.cli.demoing.people import ADMIN, USER, app_body, have_account, registered
from portal.cli.demoing.plan import Plan, ignored_settings
from portal.cli.demoing.signals import Signals
from portal.cli.protocol import PROTOCOL
from portal.cli.refusal import Refusal
from portal.dev.relying_party import RelyingPartyConfig, create_relying_party
from portal.dev.relying_party.http import ProviderError
from portal.dev.relying_party.preflight import preflight
from portal.dev.relying_party.provider import Provider
from portal.dev.serving import ListenError, Site, port_of, serving
from portal.settings import Settings
from portal.store import schema

SCOPE: Final = ("openid", "offline", "profile", "email")
PORTAL_RULES: Final = {
    "http": PROTOCOL,
    "lifespan": "on",
    "timeout_keep_alive": 30,
}
"""As ``portal serve`` has them."""
DATABASE: Final = "demo.db"
"""Not the name that a portal in earnest gives its own by default."""


def run_demo(plan: Plan, signals: Signals) -> None:
    """Run until a signal comes; what ends it otherwise is a :class:`Refusal`."""
    if names := ignored_settings(plan):
        verb = "is" if len(names) == 1 else "are"
        click.echo(
            f"portal: {' and '.join(names)} {verb} ignored: the demo has an Ory of its own. "
            "--hydra takes another one.",
            err=True,
        )
    with _explained():
        asyncio.run(_until_signalled(plan, signals))
    with suppress(OSError):  # who reads along may have gone first
        click.echo("\nThe demo has ended.", err=True)


@contextmanager
def _explained() -> Iterator[None]:
    """Name the flags of this command where messages name those of others."""
    try:
        with explained():
            yield
    except ListenError as exc:
        raise Refusal(str(exc)) from exc
    except ProviderError as exc:
        raise Refusal(re.sub(r"(?<![\w-])-e(?= |,)", "--public-url", str(exc))) from exc
    except Refusal as exc:
        raise Refusal(str(exc).replace("HYDRA_ADMIN_URL", "--hydra")) from exc


async def _until_signalled(plan: Plan, signals: Signals) -> None:
    work = asyncio.create_task(_demo(plan))
    asked = asyncio.create_task(signals.one())
    await asyncio.wait((work, asked), return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    work.cancel()
    await asyncio.wait((work,))
    if not work.cancelled():
        work.result()


async def _demo(plan: Plan) -> None:
    async with AsyncExitStack() as stack:
        doors = stack.enter_context(reserved(plan))
        directory = stack.enter_context(_directory(plan.data_dir))
        url = f"http://localhost:{port_of(doors['portal'])}"
        ory = await stack.enter_async_context(
            opened_ory(plan, doors, portal_url=url, directory=directory)
        )
        settings = _settings(ory, portal_url=url, directory=directory)
        logs.configure(settings)
        stack.enter_context(_called("client", "portal.dev.relying_party"))
        schema.upgrade(settings.database_url)
        services = await stack.enter_async_context(open_services(settings))
        app = _app(ory, settings, port=port_of(doors["client"]))
        device = await _offers_devices(app)
        made = await stack.enter_async_context(
            registered(services.ory, app_body(app, device=device), forget=not ory.runs_here)
        )
        app = replace(app, client_id=made["client_id"], client_secret=made.get("client_secret"))
        user = await have_account(services, *USER)
        admin = await have_account(services, *ADMIN, admin=True)
        portal = create_app(settings, opening=lambda _: nullcontext(services))
        portal_task, client_task = await stack.enter_async_context(
            serving(
                Site(portal, doors["portal"], PORTAL_RULES),
                Site(create_relying_party(app), doors["client"]),
            )
        )
        await _require_answers(url, app, ory)
        card = Card(
            portal=url,
            ory=ory,
            app=app,
            user=user,
            admin=admin,
            device=device,
            settings=settings,
            kept_in=plan.data_dir,
        )
        _show(card, plan)
        await _first_end({**ory.alive, portal_task: "The portal", client_task: "The local client"})


@contextmanager
def _directory(kept: Path | None) -> Iterator[Path]:
    if kept is None:
        with TemporaryDirectory(prefix="portal-demo-") as directory:
            yield Path(directory)
        return
    if "?" in str(kept):
        raise Refusal(
            "--data-dir: a question mark cannot be in the name of a database's directory."
        )
    try:
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise Refusal(f"--data-dir: {kept} cannot be used: {exc.strerror}.") from exc
    yield kept.resolve()


@contextmanager
def _called(name: str, logger: str) -> Iterator[None]:
    """Whose log is read here knows the parts by what they are, not by their modules."""

    def rename(record: logging.LogRecord) -> bool:
        record.name = name
        return True

    logging.getLogger(logger).addFilter(rename)
    try:
        yield
    finally:
        logging.getLogger(logger).removeFilter(rename)


def _settings(ory: Ory, *, portal_url: str, directory: Path) -> Settings:
    """Everything is said here: nothing that is set for another portal leaks in."""
    return Settings.from_env(
        {
            "HYDRA_ADMIN_URL": ory.admin_url,
            "HYDRA_PUBLIC_URL": ory.public_url,
            "BASE_URL": portal_url,
            "DATABASE_URL": f"sqlite:///{directory / DATABASE}",
            "PORTAL_DATA_DIR": str(directory),
            "PORTAL_LOG_FORMAT": "console",
            "PORTAL_REGISTRATION": "yes",
            **ory.settings,
        }
    )


def _app(ory: Ory, settings: Settings, *, port: int) -> RelyingPartyConfig:
    """The local client; who it is becomes known when it is registered."""
    key = settings.ory_api_key
    return RelyingPartyConfig(
        client_id="unregistered",
        public_url=ory.public_url,
        admin_url=ory.admin_url,
        admin_key=lambda: key.reveal() if key is not None else None,
        port=port,
        scope=SCOPE,
        ca_file=settings.ory_ca_file,
    )


async def _offers_devices(app: RelyingPartyConfig) -> bool:
    """Ask for Ory's discovery document; whether it has the device flow."""
    async with _provider(app) as provider:
        return (await provider.discover()).device_authorization_endpoint is not None


@asynccontextmanager
async def _provider(app: RelyingPartyConfig) -> AsyncIterator[Provider]:
    provider = Provider(app)
    try:
        yield provider
    finally:
        await provider.close()


async def _require_answers(portal_url: str, app: RelyingPartyConfig, ory: Ory) -> None:
    urls = {f"{portal_url}/health/ready": "The portal", app.home: "The local client"}
    if ory.runs_here:
        urls |= dict.fromkeys((f"{ory.public_url}/health/ready",), "Ory")
    else:
        async with _provider(app) as provider:
            await preflight(app, provider)
    for url, name in urls.items():
        if not await answers(url):
            raise Refusal(f"{name} does not answer at {url}.")


def _show(card: Card, plan: Plan) -> None:
    click.echo(card.json() if plan.output == "json" else card.text())
    if plan.opening:
        threading.Thread(target=open_browser, args=(card.client,), daemon=True).start()


async def _first_end(alive: Mapping[asyncio.Task[Any], str]) -> None:
    ended, _ = await asyncio.wait(alive, return_when=asyncio.FIRST_COMPLETED)
    raise Refusal(f"{alive[ended.pop()]} has ended by itself, and so does the demo.")
