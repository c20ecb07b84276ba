"""Recovery codes: ten on paper, each of which stands in for a lost second factor, once.

They have 60 bits, less than a fast hash would protect for good (NIST SP 800-63B-4, 3.1.2.2; ASVS
5.0, 6.5.2), so they are kept as scrypt hashes, salted by whose they are.
"""

import hashlib
import math
import re
import secrets
import unicodedata
from datetime import datetime
from typing import Final

import msgspec

from portal.factors.changes import Settle, still, tell, write_down
from portal.factors.errors import FactorError
from portal.i18n import gettext as _
from portal.i18n import ngettext
from portal.passwords import Passwords, Place
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import User
from portal.writing import day

COUNT: Final = 10
ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's Base32: no letter that looks like a digit, and five bits each."""
LENGTH: Final = 12
GROUP: Final = 4
MAX_TYPED: Final = 64
AT_ONCE: Final = 5
SECONDS_EACH: Final = 600.0
"""Ten hashes are dear: so often somebody makes codes at once, then once in so many seconds."""
_LOOK_ALIKE: Final = str.maketrans("oil", "011")
_SHAPE: Final = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


def heading(site: str, account: str | None, now: datetime) -> tuple[str, ...]:
    """What stands above the codes in a file: whose they are, of when, and what they are for."""
    return (
        _("Recovery codes for {site}").format(site=site),
        *((_("Account: {account}").format(account=account),) if account else ()),
        _("Made on {day}. Older ones do not work any more.").format(day=day(now)),
        _("Each works once."),
    )


class Fresh(msgspec.Struct, frozen=True):
    """Codes that were made, and are nobody's before :func:`keep` has kept their hashes."""

    codes: tuple[str, ...]
    hashes: tuple[str, ...]

    def __repr__(self) -> str:
        """Without the codes, whatever prints it."""
        return "Fresh()"


async def make_codes(
    services: Services, user: User, *, visitor: Visitor, settle: Settle
) -> tuple[str, ...]:
    """Give *user* new codes, to be shown this once; the old ones end."""
    fresh = await _prepare(services, user, visitor=visitor)
    async with services.store.writing() as rows:
        current = await still(rows, user)
        await settle(rows, current, ())
        await _keep(rows, services, current, fresh, visitor)
    return fresh.codes


async def prepare_first(services: Services, user: User, *, visitor: Visitor) -> Fresh | None:
    """Make codes for whoever has none left and adds a factor, before the unit that keeps both.

    Raises :class:`portal.passwords.OverloadedError`, and :class:`FactorError` for whoever made
    codes too often.
    """
    async with services.store.reading() as rows:
        if await rows.recovery_codes.count_left(user.subject):
            return None
    return await _prepare(services, user, visitor=visitor)


async def keep_first(
    rows: Rows, services: Services, user: User, fresh: Fresh | None, *, visitor: Visitor
) -> tuple[str, ...]:
    """Keep them in the unit that adds the factor: what is to be shown, this once."""
    if fresh is None or await rows.recovery_codes.count_left(user.subject):
        return ()
    await _keep(rows, services, user, fresh, visitor)
    return fresh.codes


async def hashed(passwords: Passwords, subject: str, code: str, *, place: Place) -> str | None:
    """The hash by which *code* is found, for which a *place* in the queue was kept; ``None``: this
    is no recovery code.
    """
    plain = normalized(code)
    return await passwords.work(lambda: _hash(subject, plain), place=place) if plain else None


async def use(rows: Rows, subject: str, code_hash: str | None, *, at: datetime) -> bool:
    """Whether it is one of *subject*'s that nobody used before; it is used then."""
    return code_hash is not None and await rows.recovery_codes.use(subject, code_hash, at)


def normalized(typed: str) -> str | None:
    """Forgive case, width, blanks, dashes and letters that look like digits; ``None``: this is no
    recovery code.
    """
    if len(typed) > MAX_TYPED:
        return None
    folded = unicodedata.normalize("NFKC", typed).casefold()
    plain = re.sub(r"[\s\-\u2010-\u2015]", "", folded).translate(_LOOK_ALIKE)
    return plain if _SHAPE.fullmatch(plain) else None


async def _prepare(services: Services, user: User, *, visitor: Visitor) -> Fresh:
    """New codes as they are read, and their hashes: one job of the queue that passwords have."""
    with services.passwords.reserve() as place:
        async with services.store.writing() as rows:
            wait = await rows.attempts.take(
                f"codes:{hashlib.sha256(user.subject.encode()).hexdigest()}",
                now=visitor.now.timestamp(),
                burst=AT_ONCE,
                seconds_each=SECONDS_EACH,
            )
        if wait:
            raise FactorError(_too_often(math.ceil(wait / 60)))
        plain = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(COUNT)]
        hashes = await services.passwords.work(
            lambda: tuple(_hash(user.subject, code) for code in plain), place=place
        )
    shown = tuple("-".join(re.findall(f".{{{GROUP}}}", code)) for code in plain)
    return Fresh(shown, hashes)


async def _keep(rows: Rows, services: Services, user: User, fresh: Fresh, visitor: Visitor) -> None:
    await rows.recovery_codes.replace(user.subject, fresh.hashes, at=visitor.now)
    await write_down(rows, "factor.codes_made", user, visitor, {"count": len(fresh.hashes)})
    await tell(rows, services, user, "codes_made", visitor)


def _hash(subject: str, code: str) -> str:
    """It takes a moment on purpose."""
    salt = hashlib.sha256(b"recovery code:" + subject.encode()).digest()
    return hashlib.scrypt(code.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32).hex()


def _too_often(minutes: int) -> str:
    text = ngettext(
        "You made recovery codes often in a short time. Please try again in {count} minute.",
        "You made recovery codes often in a short time. Please try again in {count} minutes.",
        minutes,
    )
    return text.format(count=minutes)
