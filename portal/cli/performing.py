"""Running the local client at a terminal: what it says, what it prints, and how it ends."""

import asyncio
import contextlib
import logging
import socket
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import rich_click as click

from portal.cli.browser import open_browser
from portal.cli.common import ended_by_sigterm, print_document
from portal.cli.refusal import Refusal
from portal.dev.relying_party import (
    ConfigError,
    FlowResult,
    RelyingPartyConfig,
    create_relying_party,
)
from portal.dev.relying_party.advice import advice
from portal.dev.relying_party.certificate import self_signed
from portal.dev.relying_party.device import perform_device
from portal.dev.relying_party.http import ProviderError
from portal.dev.relying_party.preflight import preflight
from portal.dev.relying_party.provider import DeviceAnswer, OAuthError, Provider
from portal.dev.serving import ListenError, Site, listen, serving
from portal.logs import one_line

FIELDS: Final = {
    "access_token": "ACCESS TOKEN",
    "refresh_token": "REFRESH TOKEN",
    "id_token": "ID TOKEN",
    "expiry": "EXPIRY",
}
LINGER: Final = 1.0
"""Seconds that the browser has to fetch its page before the client ends."""
INTERRUPTED: Final = 130
VERDICTS: Final = {True: "Passed", False: "Failed", None: "Note"}
COLUMN: Final = 16
LONGEST: Final = 500
MAX_TOKEN: Final = 100_000


def perform_in_browser(
    config: RelyingPartyConfig, *, once: bool, opening: bool, output: str
) -> int:
    """Serve the client until Ctrl-C, or with *once* until a flow has ended; the exit code."""

    async def work() -> int:
        with contextlib.closing(listen(config.port)) as bound, _certificate(config) as options:
            await _check(config)
            return await _serve(config, bound, options, once=once, opening=opening, output=output)

    return _run(work, interrupted=INTERRUPTED if once else 0)


def perform_on_device(config: RelyingPartyConfig, *, output: str) -> int:
    """Run the device flow; the exit code."""

    async def work() -> int:
        async with _provider(config) as provider:
            try:
                result = await perform_device(config, provider, show=_show_code, waiting=_waiting)
            except OAuthError as exc:
                result = FlowResult(ok=False, summary=str(exc), error=exc.error)
        _clear_line()
        if output == "table":
            _show_checks(result)
        return _report(result, config, output=output)

    return _run(work, interrupted=INTERRUPTED)


async def _serve(
    config: RelyingPartyConfig,
    bound: socket.socket,
    options: dict[str, Any],
    *,
    once: bool,
    opening: bool,
    output: str,
) -> int:
    results: asyncio.Queue[FlowResult] = asyncio.Queue()
    app = create_relying_party(config, on_result=results.put_nowait)
    async with serving(Site(app, bound, options)):
        _announce(config)
        if opening:
            threading.Thread(target=open_browser, args=(config.home,), daemon=True).start()
        while True:
            result = await results.get()
            if once:
                code = _report(result, config, output=output)
                await asyncio.sleep(LINGER)
                return code
            if result.ok:  # what went wrong is on the page, and in the log
                _print_tokens(result.tokens, output=output)


def _run(work: Callable[[], Coroutine[Any, Any, int]], *, interrupted: int) -> int:
    """Run to the end or to Ctrl-C, with steps as lines on standard error."""
    with _steps_shown():
        try:
            return asyncio.run(ended_by_sigterm(work()))
        except (ListenError, ProviderError, ConfigError) as exc:
            raise Refusal(str(exc)) from exc
        except (KeyboardInterrupt, asyncio.CancelledError):
            click.echo("\nEnded.", err=True)
            return interrupted


async def _check(config: RelyingPartyConfig) -> None:
    async with _provider(config) as provider:
        if warning := await preflight(config, provider):
            click.echo(f"portal: {warning}", err=True)


@contextlib.asynccontextmanager
async def _provider(config: RelyingPartyConfig) -> AsyncIterator[Provider]:
    provider = Provider(config)
    try:
        yield provider
    finally:
        await provider.close()


@contextlib.contextmanager
def _certificate(config: RelyingPartyConfig) -> Iterator[dict[str, Any]]:
    """Options of the server; the key is on disk for as long as it runs."""
    if not config.https:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="portal-perform-") as directory:
        made = self_signed(Path(directory))
        yield {"ssl_certfile": str(made.certificate), "ssl_keyfile": str(made.key)}


@contextlib.contextmanager
def _steps_shown() -> Iterator[None]:
    logger = logging.getLogger("portal.dev.relying_party")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def _announce(config: RelyingPartyConfig) -> None:
    lines = [
        f"The app is at     {config.home}",
        f"It comes back to  {config.redirect_uri}",
        f"It asks Ory at    {config.public_url}",
        "End it with       Ctrl-C",
    ]
    if config.https:
        lines.append("Browsers will warn of its certificate: it was made for this run.")
    if not config.verify_tls:
        lines.append("Ory's certificate is not checked: anybody could answer in its place.")
    click.echo("\n".join(lines), err=True)


def _report(result: FlowResult, config: RelyingPartyConfig, *, output: str) -> int:
    """Print what came, or say why nothing did; the exit code that it means."""
    if result.ok:
        _print_tokens(result.tokens, output=output)
        return 0
    todo = advice(result.error, result.summary, config)
    click.echo(f"portal: {_ended(result.summary)} {todo}".rstrip(), err=True)
    return 1


def _print_tokens(tokens: Mapping[str, str], *, output: str) -> None:
    if output != "table":
        print_document(dict(tokens), output=output)
        return
    width = max(map(len, FIELDS.values()))
    for field, title in FIELDS.items():
        value = one_line(tokens.get(field, ""), MAX_TOKEN)
        click.echo(f"{title.ljust(width)}  {value}".rstrip())


def _show_code(answer: DeviceAnswer) -> None:
    lines = [
        f"Open            {one_line(answer.verification_uri)}",
        f"and enter       {one_line(answer.user_code)}",
    ]
    if answer.verification_uri_complete:
        lines.append(f"or open         {one_line(answer.verification_uri_complete, 500)}")
    click.echo("\n".join(lines), err=True)


def _show_checks(result: FlowResult) -> None:
    """What a page would show: who signed in, and why that is believed."""
    lines = [
        f"{VERDICTS[check.passed].ljust(COLUMN)}{check.name}: {one_line(check.words, LONGEST)}"
        for check in result.checks
    ]
    told = {"Subject": result.subject, "Issuer": result.issuer}
    lines += [f"{name.ljust(COLUMN)}{one_line(text)}" for name, text in told.items() if text]
    if lines:
        click.echo("\n".join(lines), err=True)


def _waiting(left: float) -> None:
    if sys.stderr.isatty():
        click.echo(f"\rWaiting, {left:.0f} s left … ", err=True, nl=False)


def _clear_line() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
