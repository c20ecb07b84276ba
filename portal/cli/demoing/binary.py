"""A Hydra that the demo starts: a child on loopback, in memory, that ends with it."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from portal.cli.demoing.answering import answers
from portal.cli.refusal import Refusal
from portal.dev.serving import LOOPBACK
from portal.logs import one_line, scrub

SECONDS_TO_START: Final = 60.0
SECONDS_TO_END: Final = 1.5
PAUSE: Final = 0.05
INHERITED: Final = ("PATH", "HOME", "TMPDIR")
LOG: Final = "hydra.log"
TAIL: Final = 4_096


@asynccontextmanager
async def running_hydra(
    binary: Path, *, portal_url: str, public_port: int, admin_port: int, directory: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Serve until the context ends. Its log is in *directory*."""
    log = directory / LOG
    with log.open("wb") as sink:
        try:
            process = await asyncio.create_subprocess_exec(
                *(str(binary), "serve", "all", "--dev"),
                env=_environment(portal_url, public_port=public_port, admin_port=admin_port),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # Ctrl-C is for us alone, who end things in order
            )
        except OSError as exc:
            raise Refusal(f"{binary} cannot be run: {exc.strerror}.") from exc
    try:
        for port in (public_port, admin_port):
            await _until_ready(f"http://{LOOPBACK}:{port}/health/ready", process, log)
        yield process
    finally:
        await _end(process)


async def _until_ready(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    try:
        async with asyncio.timeout(SECONDS_TO_START):
            while not await answers(url):
                if process.returncode is not None:
                    raise Refusal(f"Hydra ended with {process.returncode}. {_last_words(log)}")
                await asyncio.sleep(PAUSE)
    except TimeoutError as exc:
        raise Refusal(
            f"Hydra did not answer within {SECONDS_TO_START:.0f} s. {_last_words(log)}"
        ) from exc


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask it to end, then insist."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(SECONDS_TO_END):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_words(log: Path) -> str:
    lines = log.read_bytes()[-TAIL:].decode(errors="replace").strip().splitlines()
    return f"It said last: {one_line(scrub(lines[-1]))}" if lines else "It said nothing."


def _environment(portal_url: str, *, public_port: int, admin_port: int) -> dict[str, str]:
    """All of Hydra's configuration (contract, section 10); nothing of ours is in it."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    public_url = f"http://{LOOPBACK}:{public_port}"
    return kept | {
        "DSN": "memory",
        "SQA_OPT_OUT": "true",
        "SERVE_PUBLIC_HOST": LOOPBACK,
        "SERVE_PUBLIC_PORT": str(public_port),
        "SERVE_ADMIN_HOST": LOOPBACK,
        "SERVE_ADMIN_PORT": str(admin_port),
        "URLS_SELF_ISSUER": public_url,
        "URLS_SELF_PUBLIC": public_url,
        "URLS_SELF_ADMIN": f"http://{LOOPBACK}:{admin_port}",
        "URLS_LOGIN": f"{portal_url}/login",
        "URLS_CONSENT": f"{portal_url}/consent",
        "URLS_LOGOUT": f"{portal_url}/logout",
        "URLS_ERROR": f"{portal_url}/error",
        "URLS_POST_LOGOUT_REDIRECT": f"{portal_url}/",
        "URLS_DEVICE_VERIFICATION": f"{portal_url}/device/verify",
        "URLS_DEVICE_SUCCESS": f"{portal_url}/device/success",
        "SECRETS_SYSTEM": secrets.token_hex(16),
    }
