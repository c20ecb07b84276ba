"""Sign-ins: what one costs beside its hash, and what five hundred at once do.

Starts the portal as a process with default parameters of argon2, on SQLite, and Ory's stand-in in
this one.

1. CPU: that of a bare verification in this process, divided by that of the portal's process for one
   POST of the sign-in form, with and without an app's challenge; round by round in turns, so that
   a busy moment of the machine hits all.
2. Load: as many people as are asked for, each with a browser and an address of their own, sign in
   at the same time, again and again; every third with a wrong password. Another process asks
   ``/health/alive`` all the while.

    make bench-sign-ins
    python -m benchmarks.sign_ins --people 500 --seconds 20
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

import aiohttp
from argon2 import PasswordHasher

from benchmarks.real_portal import (
    PASSWORD,
    Form,
    Served,
    browser,
    challenge,
    fill,
    free_port,
    register_app,
    serve,
    standin,
    told,
)

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
ALLOWED = {200, 302, 303, 401, 429, 503}
LEAST_RATIO, MOST_HEALTH, MOST_GROWTH, MOST_RECOVERY = 0.8, 0.250, 150.0, 5.0
NORMAL = 0.5
"""Seconds: a sign-in that takes no longer is normal again."""


async def main() -> int:
    """Print every figure, and whether it is good enough."""
    wanted = arguments()
    if wanted.probe:
        return probe(wanted.probe)
    stored = HASHER.hash(PASSWORD)
    people = {f"person{n}@example.org": stored for n in range(wanted.people)}
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        directory = Path(name)
        await fill(directory, people)
        async with standin(f"http://localhost:{port}") as (admin, public):
            with serve(directory, admin, {}, port) as portal:
                good = await overhead(portal, (admin, public), stored, rounds=wanted.rounds)
                good &= await overload(portal, list(people), wanted.seconds)
    return 0 if good else 1


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--probe", metavar="URL", help=argparse.SUPPRESS)
    return parser.parse_args()


async def overhead(
    portal: Served, ory: tuple[str, str], stored: str, *, rounds: int, each: int = 20
) -> bool:
    """Compare a sign-in with what nobody can save: its hash."""
    admin, public = ory
    bare: list[float] = []
    plain: list[float] = []
    for_app: list[float] = []
    async with browser() as http:
        client_id = await register_app(http, admin)
        own = await Form.open(http, portal)
        for turn in range(rounds + 1):
            forms = [
                await Form.open(http, portal, await challenge(http, public, client_id))
                for _ in range(each)
            ]
            figures = (
                spent_on_hashes(stored, each),
                await spent(http, portal, [own] * each),
                await spent(http, portal, forms),
            )
            if turn:  # the first one warms up
                for found, figure in zip((bare, plain, for_app), figures, strict=True):
                    found.append(figure)
    base = statistics.median(bare)
    good = True
    print(f"CPU of a bare verification            {base * 1000:7.2f} ms")
    for words, found in (("without a challenge", plain), ("with a challenge", for_app)):
        cost = statistics.median(found)
        ratio = statistics.median(b / f for b, f in zip(bare, found, strict=True))
        good &= ratio >= LEAST_RATIO
        print(f"CPU of POST /login {words:<19}{cost * 1000:7.2f} ms  ratio {ratio:.2f}")
    return told(good, f"ratio at least {LEAST_RATIO}")


def spent_on_hashes(stored: str, each: int) -> float:
    """CPU of one verification in this process."""
    started = time.process_time()
    for _ in range(each):
        HASHER.verify(stored, PASSWORD)
    return (time.process_time() - started) / each


async def spent(http: aiohttp.ClientSession, portal: Served, forms: list[Form]) -> float:
    """CPU that one POST costs the portal."""
    started = portal.cpu()
    for form in forms:
        status, _, _ = await form.post(http, portal, "person0@example.org")
        if status not in (200, 303):
            raise SystemExit(f"a sign-in was answered with {status}")
    return (portal.cpu() - started) / len(forms)


async def overload(portal: Served, people: list[str], seconds: float) -> bool:
    """Let everybody sign in at the same time, and look whether the portal bears it."""
    async with browser() as http:
        forms = [await Form.open(http, portal, address=address_of(n)) for n in range(len(people))]
        for _ in range(5):
            await forms[0].post(http, portal, people[0], address=address_of(0))
        before = portal.memory()
        prober = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.sign_ins", "--probe", portal.url,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        statuses: Counter[int] = Counter()
        refusals: list[float] = []
        peak = before
        until = time.monotonic() + seconds

        async def person(n: int) -> None:
            password = PASSWORD if n % 3 else "wrong, as many are"
            while time.monotonic() < until:
                status, took, pause = await forms[n].post(
                    http, portal, people[n], password, address_of(n)
                )
                statuses[status] += 1
                if status == 503:
                    refusals.append(took)
                await asyncio.sleep(min(pause, until - time.monotonic()) if pause else 0)

        async def watch() -> None:
            nonlocal peak
            while time.monotonic() < until:
                peak = max(peak, portal.memory())
                await asyncio.sleep(0.1)

        await asyncio.gather(watch(), *(person(n) for n in range(len(people))))
        recovery = await recovered(http, portal, forms[1], people[1])
        health = json.loads((await prober.communicate(b"\n"))[0])
    p99 = sorted(health)[int(len(health) * 0.99)]
    print(f"answers                               {dict(sorted(statuses.items()))}")
    print(
        f"503 after (median, as seen outside)   {statistics.median(refusals or [0]) * 1000:.0f} ms"
    )
    print(f"/health/alive p99 of {len(health):<5}            {p99 * 1000:.0f} ms")
    print(f"memory                                {before:.0f} MB, +{peak - before:.0f} MB")
    print(f"normal again after                    {recovery:.2f} s")
    good = told(set(statuses) <= ALLOWED, "only 200, 302, 303, 401, 429 and 503")
    good &= told(p99 <= MOST_HEALTH, f"health p99 within {MOST_HEALTH * 1000:.0f} ms")
    good &= told(peak - before <= MOST_GROWTH, f"memory grows by at most {MOST_GROWTH:.0f} MB")
    return told(recovery <= MOST_RECOVERY, f"normal within {MOST_RECOVERY:.0f} s") and good


async def recovered(http: aiohttp.ClientSession, portal: Served, form: Form, email: str) -> float:
    """Seconds until somebody signs in as fast as on a quiet day."""
    started = time.monotonic()
    while True:
        status, took, _ = await form.post(http, portal, email, address="203.0.113.250")
        if (status == 303 and took <= NORMAL) or time.monotonic() - started > 60:
            return time.monotonic() - started
        await asyncio.sleep(0.1)


def probe(url: str) -> int:
    """Ask for the portal's health until somebody says stop; a process of its own."""
    import threading  # noqa: PLC0415 - of this process alone

    stopped = threading.Event()

    def wait() -> None:
        sys.stdin.readline()
        stopped.set()

    threading.Thread(target=wait, daemon=True).start()
    seen = []
    while not stopped.is_set():
        started = time.perf_counter()
        with urllib.request.urlopen(f"{url}/health/alive", timeout=30) as answer:  # noqa: S310
            answer.read()
        seen.append(time.perf_counter() - started)
        time.sleep(0.02)
    print(json.dumps(seen))
    return 0


def address_of(n: int) -> str:
    """An address of somebody's own."""
    return f"198.18.{n // 250}.{n % 250 + 1}"


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
