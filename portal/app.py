"""The only wiring: settings in, an ASGI application out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ASGIApp, ControllerRouterHandler

from portal import health, i18n, jobs, logs, metrics
from portal.account import controller as account
from portal.address import controller as address
from portal.admin import audit as admin_audit
from portal.admin import bulk as admin_bulk
from portal.admin import clients as admin_clients
from portal.admin import drift as admin_drift
from portal.admin import grants as admin_grants
from portal.admin import users as admin_users
from portal.claims import load_catalogs
from portal.consent import controller as consent
from portal.device import controller as device
from portal.enrolment import controller as enrolment
from portal.language import controller as language
from portal.login import controller as login
from portal.login import steps_controller as login_steps
from portal.logout import controller as logout
from portal.ory.admin import OryAdmin
from portal.ory.connect import open_client
from portal.passwords import Passwords
from portal.profile import controller as profile
from portal.recovery import controller as recovery
from portal.registration import controller as registration
from portal.sealing import Sealer
from portal.security import controller as security
from portal.services import Services
from portal.settings import Settings
from portal.settings.environment import read_environment
from portal.store import Store
from portal.strength import controller as strength
from portal.web import oryerror
from portal.web.assets import serve_asset
from portal.web.brand import serve_theme
from portal.web.edge import MAX_BODY, Edge
from portal.web.errors import EXCEPTION_HANDLERS
from portal.web.wiring import Web
from portal.welcome.controller import welcome

HANDLERS: list[ControllerRouterHandler] = [
    welcome,
    login.ask,
    login.decide,
    login.decide_by_passkey,
    login_steps.ask_factor,
    login_steps.decide_factor,
    login_steps.ask_enrol,
    login_steps.decide_enrol,
    login_steps.ask_new_password,
    login_steps.decide_new_password,
    consent.ask,
    consent.decide,
    consent.summarise,
    device.ask,
    device.verify,
    device.connected,
    device.denied,
    strength.judge,
    language.choose,
    recovery.ask,
    recovery.send,
    recovery.look,
    recovery.reset,
    registration.ask,
    registration.send,
    registration.look,
    registration.finish,
    address.look,
    address.confirm,
    logout.ask,
    logout.decide,
    security.goodbye,
    account.router,
    security.router,
    enrolment.router,
    profile.router,
    address.router,
    admin_grants.router,
    admin_bulk.router,
    admin_drift.router,
    admin_clients.router,
    admin_users.router,
    admin_audit.router,
    oryerror.show_ory_error,
    health.alive,
    health.ready,
    health.prometheus,
    serve_asset,
    serve_theme,
]


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    connect: Callable[..., AbstractAsyncContextManager[OryAdmin]] = open_client,
) -> AsyncIterator[Services]:
    """What the portal works with, for as long as the context lasts; *connect* leads to another
    Ory.
    """
    catalogs = load_catalogs(settings)
    store = Store(settings.database_url, pool_size=settings.db_pool_size)
    passwords = Passwords(
        time_cost=settings.argon2_time_cost,
        memory_cost=settings.argon2_memory_cost,
        parallelism=settings.argon2_parallelism,
        workers=settings.hash_workers,
        queue=settings.hash_queue,
        peppers=settings.password_peppers,
    )
    try:
        async with connect(settings, observe=metrics.count_ory_call) as ory:
            yield Services(
                settings=settings,
                store=store,
                ory=ory,
                passwords=passwords,
                catalog=catalogs.scopes,
                attributes=catalogs.attributes,
                sealer=Sealer(settings.secret_keys),
            )
    finally:
        passwords.close()
        await store.dispose()


def create_app(
    settings: Settings,
    *,
    background: bool = True,
    opening: Callable[[Settings], AbstractAsyncContextManager[Services]] = open_services,
) -> ASGIApp:
    """The portal as an ASGI application. Without *background* the outbox is left to somebody
    else.
    """

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with opening(settings) as services:
            app.state.services = services
            catalogs = asyncio.create_task(asyncio.to_thread(i18n.read_all))
            worker = asyncio.create_task(jobs.run(services)) if background else None
            try:
                yield
            finally:
                await catalogs
                if worker is not None:
                    worker.cancel()
                    with suppress(asyncio.CancelledError):
                        await worker

    def provide_services(state: State) -> Services:
        services: Services = state.services
        return services

    app = Litestar(
        route_handlers=HANDLERS,
        dependencies={"services": Provide(provide_services, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[lifespan],
        state=State({"web": Web.of(settings)}),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=MAX_BODY,
    )
    return Edge(app, settings)


def from_env() -> ASGIApp:
    """The portal of this process's environment; the factory that a server's workers call."""
    settings = Settings.from_env(read_environment())
    logs.configure(settings)
    return create_app(settings)
