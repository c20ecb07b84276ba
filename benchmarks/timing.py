"""Can somebody tell by the time of an answer whether an account exists, or what its hash is?

Starts the portal as a process with default parameters of argon2, on SQLite, and tries to sign in
with a wrong password, one try after the other, in turns, at accounts of every kind: each time
another account from another address, so that nothing is throttled. Printed is, for each kind, how
often one of its answers takes longer than one for an unknown account: the area under the curve, 0.5
where nothing can be told (Mann-Whitney).

Twice: while all hashes are of today's kind, so that no answer waits for anything; and while older
and imported ones are stored, too.

    make bench-timing
    python -m benchmarks.timing --attempts 400
"""

import argparse
import asyncio
import hashlib
import random
import statistics
import sys
import tempfile
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import bcrypt
from argon2 import PasswordHasher

from benchmarks.real_portal import PASSWORD, Form, Served, browser, fill, free_port, serve

TODAY = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
OLD = PasswordHasher(time_cost=4, memory_cost=19_456, parallelism=1)
LOWEST, HIGHEST = 0.44, 0.56
DJANGO = 260_000
WARM_UP = 10


async def main() -> int:
    """Print every figure, and whether it is good enough."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--attempts", type=int, default=400, help="of each kind")
    attempts = parser.parse_args().attempts
    today = TODAY.hash(PASSWORD)
    kinds: dict[str, str | None] = {"wrong": today, "disabled": today, "no password": None}
    good = await compare("all hashes of today's kind", kinds, attempts)
    kinds |= {
        "older parameters": OLD.hash(PASSWORD),
        "bcrypt": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode(),
        "PBKDF2 of Django": django(),
    }
    good &= await compare("with older and imported hashes", kinds, attempts)
    return 0 if good else 1


def django() -> str:
    """A hash as Django stores it."""
    key = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"salt-of-django", DJANGO)
    return f"pbkdf2_sha256${DJANGO}$salt-of-django${b64encode(key).decode()}"


async def compare(title: str, kinds: dict[str, str | None], attempts: int) -> bool:
    """Measure all *kinds* against unknown accounts in one run of the portal."""
    people = {
        address_of(kind, n): stored
        for kind, stored in kinds.items()
        for n in range(attempts + WARM_UP)
    }
    now = datetime.now(UTC)
    fields = {email: {"disabled_at": now} for email in people if email.startswith("disabled")}
    times: dict[str, list[float]] = {kind: [] for kind in ("unknown", *kinds)}
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        directory = Path(name)
        await fill(directory, people, **fields)
        with serve(directory, "http://127.0.0.1:9", {}, free_port()) as portal:
            async with browser() as http:
                await measure(http, portal, times, attempts)
    print(f"\n{title}: {attempts} answers of each kind")
    good = True
    for kind, found in times.items():
        area = auc(found, times["unknown"])
        fine = LOWEST <= area <= HIGHEST
        good &= fine
        verdict = "" if kind == "unknown" else f"AUC {area:.3f}  {'ok' if fine else 'MISS'}"
        print(f"  {kind:<18} median {statistics.median(found) * 1000:7.1f} ms  {verdict}")
    return good


async def measure(
    http: aiohttp.ClientSession, portal: Served, times: dict[str, list[float]], attempts: int
) -> None:
    """Try all kinds in turns, each turn in another order."""
    form = await Form.open(http, portal)
    number = 0
    for turn in range(attempts + WARM_UP):
        for kind in random.sample(list(times), len(times)):
            number += 1
            origin = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            email = address_of(kind, turn)
            status, took, _ = await form.post(http, portal, email, "wrong", origin)
            if status != 401:
                raise SystemExit(f"a try was answered with {status}")
            if turn >= WARM_UP:
                times[kind].append(took)


def address_of(kind: str, n: int) -> str:
    """The account of one try; all are as long."""
    return f"{kind.replace(' ', '-'):x<18}{n:05}@example.org"


def auc(some: list[float], others: list[float]) -> float:
    """How likely one of *some* is greater than one of *others*; ties count half."""
    wins = sum((x > y) + 0.5 * (x == y) for x in some for y in others)
    return wins / (len(some) * len(others))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
