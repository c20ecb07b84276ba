"""What one run of an algorithm costs: named, limited, estimated, and spent to be measured."""

import hashlib
import re
from typing import Final

import argon2
import bcrypt
import msgspec

MOST_MEMORY: Final = 1_048_576
"""KiB of one argon2 or scrypt hash: 1 GiB."""
MOST_SECONDS: Final = 5.0
"""By :attr:`Cost.estimate`. Longer, and a few sign-ins would keep a processor busy."""
_ARGON2_TYPES: Final = {
    "argon2id": argon2.Type.ID,
    "argon2i": argon2.Type.I,
    "argon2d": argon2.Type.D,
}
_SALT: Final = b"measured, not stored"
_KIND: Final = re.compile(r"([a-z0-9-]{1,16})((?: [a-z]=[0-9]{1,10}){1,3})", re.ASCII)
_SECONDS_EACH: Final = {
    "argon2id": 0.75e-6,
    "argon2i": 0.75e-6,
    "argon2d": 0.75e-6,
    "bcrypt": 50e-6,
    "pbkdf2-sha1": 0.25e-6,
    "pbkdf2-sha256": 0.35e-6,
    "pbkdf2-sha512": 0.5e-6,
    "scrypt": 0.35e-6,
}
"""Of one unit on a usual core; good for telling cheap from dear and both from absurd."""


class Cost(msgspec.Struct, frozen=True):
    """An algorithm and what makes it dear; *numbers* as the algorithm names them."""

    algorithm: str
    numbers: dict[str, int]

    @property
    def kind(self) -> str:
        """The name of what costs alike, at most 64 characters."""
        return " ".join((self.algorithm, *(f"{name}={n}" for name, n in self.numbers.items())))

    @property
    def estimate(self) -> float:
        """Seconds on a usual core."""
        n = self.numbers
        units: float
        match self.algorithm:
            case "bcrypt":
                units = 2 ** min(n["c"], 64)
            case "scrypt":
                units = n["n"] * n["r"] * n["p"]
            case "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512":
                units = n["i"] * n["b"]
            case _:
                units = n["m"] * n["t"]
        return units * _SECONDS_EACH[self.algorithm]

    @property
    def is_absurd(self) -> bool:
        """Whether verifying such a hash would be an attack on this machine, or cannot work."""
        n = self.numbers
        match self.algorithm:
            case "bcrypt":
                impossible = not 4 <= n["c"] <= 31
            case "scrypt":
                power = n["n"] > 1 and n["n"] & (n["n"] - 1) == 0
                impossible = not power or n["n"] * n["r"] // 8 > MOST_MEMORY or n["p"] > 16
                impossible = impossible or n["r"] < 1 or n["p"] < 1
            case "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512":
                impossible = n["i"] < 1
            case _:
                impossible = not 8 * n["p"] <= n["m"] <= MOST_MEMORY
                impossible = impossible or n["t"] < 1 or not 1 <= n["p"] <= 64
        return impossible or self.estimate > MOST_SECONDS

    def spend(self) -> None:
        """Do the work once, on nothing."""
        n = self.numbers
        match self.algorithm:
            case "bcrypt":
                bcrypt.hashpw(_SALT, b"$2b$%02d$" % n["c"] + b"." * 22)
            case "scrypt":
                scrypt(_SALT, _SALT, n, 64)
            case "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512":
                digest = self.algorithm.removeprefix("pbkdf2-")
                length = hashlib.new(digest).digest_size * n["b"]
                hashlib.pbkdf2_hmac(digest, _SALT, _SALT, n["i"], length)
            case name:
                argon2.low_level.hash_secret_raw(
                    _SALT, _SALT, n["t"], n["m"], n["p"], 32, _ARGON2_TYPES[name]
                )


def scrypt(password: bytes, salt: bytes, numbers: dict[str, int], length: int) -> bytes:
    """Run it with as much memory as these parameters need (RFC 7914)."""
    n, r, p = numbers["n"], numbers["r"], numbers["p"]
    memory = 128 * r * (n + p + 2) + 1_048_576
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, dklen=length, maxmem=memory)


def cost_of_kind(kind: str) -> Cost | None:
    """Read a name of :attr:`Cost.kind` again; ``None`` for what is none."""
    found = _KIND.fullmatch(kind)
    if found is None or found[1] not in _SECONDS_EACH:
        return None
    pairs = (pair.split("=") for pair in found[2].split())
    cost = Cost(found[1], {name: int(number) for name, number in pairs})
    try:
        return None if cost.is_absurd else cost
    except KeyError:
        return None
