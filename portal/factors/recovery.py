"""Recovery codes: ten on paper, each of which stands in for a lost second factor, once.

They have 60 bits, less than a fast hash would protect for good (NIST SP 800-63B-4, 3.1.2.2; ASVS
5.0, 6.5.2), so they are kept as scrypt hashes, salted by whose they are.
"""

import asyncio
import hashlib
import re
import secrets
import unicodedata
from datetime import datetime
from typing import Final

from portal.factors.changes import still, tell, write_down
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import User

COUNT: Final = 10
ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's Base32: no letter that looks like a digit, and five bits each."""
LENGTH: Final = 12
GROUP: Final = 4
MAX_TYPED: Final = 64
_LOOK_ALIKE: Final = str.maketrans("oil", "011")
_SHAPE: Final = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


async def make_codes(services: Services, user: User, *, visitor: Visitor) -> tuple[str, ...]:
    """Give *user* new codes, to be shown this once; the old ones end."""
    codes, hashes = await _new(user)
    async with services.store.writing() as rows:
        await still(rows, user)
        await _keep(rows, services, user, hashes, visitor)
    return codes


async def make_first(services: Services, user: User, *, visitor: Visitor) -> tuple[str, ...]:
    """The same for whoever has none left, as after their first second factor; else nothing."""
    async with services.store.reading() as rows:
        if await rows.recovery_codes.count_left(user.subject):
            return ()
    codes, hashes = await _new(user)
    async with services.store.writing() as rows:
        await still(rows, user)
        if await rows.recovery_codes.count_left(user.subject):
            return ()
        await _keep(rows, services, user, hashes, visitor)
    return codes


async def use(rows: Rows, subject: str, code: str, *, at: datetime) -> bool:
    """Whether *code* is one of *subject*'s that nobody used before; it is used then."""
    plain = normalized(code)
    if plain is None:
        return False
    return await rows.recovery_codes.use(subject, await _hash(subject, plain), at)


def normalized(typed: str) -> str | None:
    """Forgive case, width, blanks, dashes and letters that look like digits; ``None``: this is no
    recovery code.
    """
    if len(typed) > MAX_TYPED:
        return None
    folded = unicodedata.normalize("NFKC", typed).casefold()
    plain = re.sub(r"[\s\-\u2010-\u2015]", "", folded).translate(_LOOK_ALIKE)
    return plain if _SHAPE.fullmatch(plain) else None


async def _new(user: User) -> tuple[tuple[str, ...], list[str]]:
    """New codes as they are read, and their hashes."""
    plain = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(COUNT)]
    hashes = await asyncio.gather(*(_hash(user.subject, code) for code in plain))
    return tuple("-".join(re.findall(f".{{{GROUP}}}", code)) for code in plain), hashes


async def _keep(
    rows: Rows, services: Services, user: User, hashes: list[str], visitor: Visitor
) -> None:
    await rows.recovery_codes.replace(user.subject, hashes, at=visitor.now)
    await write_down(rows, "factor.codes_made", user, visitor, {"count": len(hashes)})
    await tell(rows, services, user, "codes_made", visitor)


async def _hash(subject: str, code: str) -> str:
    """In a thread: it takes a moment on purpose."""
    salt = hashlib.sha256(b"recovery code:" + subject.encode()).digest()
    made = await asyncio.to_thread(
        hashlib.scrypt, code.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32
    )
    return made.hex()
