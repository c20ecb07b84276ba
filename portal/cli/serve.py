"""``portal serve``: everything that can be wrong is said before the server starts."""

import errno
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import rich_click as click
import uvicorn

from portal import logs, metrics
from portal.claims import load_catalogs
from portal.cli.common import explained, load_settings
from portal.cli.db import wait_for_database, wait_option
from portal.cli.listening import announced
from portal.cli.protocol import PROTOCOL
from portal.cli.refusal import Refusal
from portal.ory.connect import tls_context
from portal.settings import Settings, read_environment, unknown_variables
from portal.settings.environment import export
from portal.store import schema

FACTORY: Final = "portal.app:from_env"
GRACE: Final = 10
"""Seconds that open requests have to finish after SIGTERM."""


@click.command()
@click.option("--host", help="Address to listen on.", show_default="HOST, or 127.0.0.1")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port.", show_default="PORT, or 3000")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes."
)
@click.option("--reload", is_flag=True, help="Start again when a file changes (development).")
@click.option("--migrate", is_flag=True, help="Bring the database up to date first.")
@wait_option
def serve(
    *, host: str | None, port: int | None, workers: int, reload: bool, migrate: bool, wait: float
) -> None:
    """Run the portal.

    For example:

    $ HYDRA_ADMIN_URL=http://127.0.0.1:4445 portal serve --migrate
    """
    if reload and workers > 1:
        raise click.UsageError("--reload and --workers exclude each other.")
    overrides = {"HOST": host, "PORT": None if port is None else str(port)}
    given = {name: value for name, value in overrides.items() if value is not None}
    with explained():
        settings = load_settings(given, require=("hydra_admin_url",))
        load_catalogs(settings)
        tls_context(str(settings.hydra_admin_url), settings.ory_ca_file)
        _prepare_database(settings, migrate=migrate, wait=wait)
    _require_free(settings.host, settings.port)
    export(given)  # the workers read their settings themselves
    logs.configure(settings)
    if unknown := unknown_variables(read_environment()):
        logs.problem("settings.unknown", unknown=unknown)
    logs.step("portal.starting", url=settings.base_url, port=settings.port, workers=workers)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # what is left to do after a clean stop
    with _shared_metrics(workers):
        if settings.metrics_port is not None:
            _serve_metrics(settings.metrics_host, settings.metrics_port)
        with announced(settings):
            _run(settings, workers=workers, reload=reload)


def _prepare_database(settings: Settings, *, migrate: bool, wait: float) -> None:
    wait_for_database(settings.database_url, wait)
    if migrate:
        schema.upgrade(settings.database_url)
    elif not schema.at_head(settings.database_url):
        raise Refusal(
            "the database is not up to date. Run: portal db upgrade (or start with --migrate)"
        )


def _require_free(host: str, port: int) -> None:
    """Say in words what the server would say with a number, once for each of its processes."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise Refusal(
                f"port {port} is in use. Choose another one with --port, or end the program that "
                f"listens there: `lsof -i :{port}` tells which."
            ) from exc
        raise Refusal(f"cannot listen on {host}, port {port}: {exc.strerror}.") from exc


@contextmanager
def _shared_metrics(workers: int) -> Iterator[None]:
    """Give several workers a fresh place to count together, before the first one starts."""
    if workers == 1:
        yield
        return
    directory = tempfile.mkdtemp(prefix="portal-metrics-")
    export({"PROMETHEUS_MULTIPROC_DIR": directory})
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _serve_metrics(host: str, port: int) -> None:
    try:
        metrics.listen(host, port)
    except OSError as exc:
        raise Refusal(f"cannot serve metrics on {host}, port {port}: {exc.strerror}.") from exc


def _run(settings: Settings, *, workers: int, reload: bool) -> None:
    uvicorn.run(
        FACTORY,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        reload=reload,
        reload_dirs=[str(Path(__file__).parents[1])] if reload else None,
        http=PROTOCOL,
        loop="auto",
        ws="none",
        lifespan="on",
        log_config=None,  # portal.logs has configured logging
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
    )
