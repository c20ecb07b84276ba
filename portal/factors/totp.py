"""One-time codes of an authenticator app (TOTP, RFC 6238): SHA-1, 30 seconds, six digits, which is
what every app can do.
"""

import hmac
import re
import unicodedata
import uuid
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

import msgspec
import pyotp
import segno

from portal import logs
from portal.factors import recovery
from portal.factors.changes import Added, Settle, still, tell, write_down
from portal.factors.errors import FactorError
from portal.factors.levels import ONE_TIME_CODE
from portal.factors.naming import checked_name, default_name
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.sealing import Sealer, UnsealableError
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import TotpFactor, User

SECONDS: Final = 30
DRIFT: Final = (0, -1, 1)
"""Steps beside the current one that count, for clocks that are wrong and people who type slowly
(RFC 6238, 5.2)."""
MAX_TYPED: Final = 32
MARGIN: Final = 4
"""Light modules around a QR code (ISO/IEC 18004, 9.1)."""
MAX_APPS: Final = 5
SETUP_LIFETIME: Final = timedelta(minutes=30)
"""So long a secret that was shown can be confirmed."""
APP: Final = N_("Authenticator app")
"""What one is called, if nobody says."""
WRONG_CODE: Final = N_(
    "That code is not right. Type the one that the app shows now; if it stays wrong, set the clock "
    "of your phone to the automatic time."
)
STALE_SETUP: Final = N_("This page was open for too long. Please scan the new picture.")
USED_SETUP: Final = N_("This app was added already.")
TOO_MANY: Final = N_("You have enough authenticator apps. Remove one before you add another one.")


class WrongCodeError(FactorError):
    """Another code may be right."""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A QR code as the page draws it, dark on light: a square of *side* modules with its margin."""

    side: int
    path: str
    """The dark modules, as the ``d`` of an SVG path."""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What an app has to be told; nothing of it is stored before a code proves that it was."""

    sealed: str
    """The secret on its way through the form."""
    secret: str
    """For typing, in groups of four."""
    uri: str
    """As the picture says it: ``otpauth://…``."""
    qr: Picture


def begin(user: User, services: Services, *, now: datetime) -> Setup:
    """Make a new secret."""
    secret = pyotp.random_base32()
    text = f"{int(now.timestamp())}:{secret}"
    sealed = services.sealer.seal(text, _setup_purpose(user.subject))
    return _setup(user, secret, sealed, services)


def resume(user: User, sealed: str, services: Services, *, now: datetime) -> Setup:
    """The same secret once more, because the form came back; :class:`FactorError` if it is none of
    *user*'s, or too old.
    """
    return _setup(user, _unsealed(user, sealed, services.sealer, now=now), sealed, services)


async def confirm(
    services: Services,
    user: User,
    *,
    sealed: str,
    code: str,
    name: str,
    visitor: Visitor,
    settle: Settle,
) -> Added[TotpFactor]:
    """Keep the secret, because an app has made a code with it; each setup once. The first recovery
    codes come with it.
    """
    secret = _unsealed(user, sealed, services.sealer, now=visitor.now)
    step = _step_of(secret, _digits(code), visitor.now)
    if step is None:
        raise WrongCodeError(_(WRONG_CODE))
    factor = TotpFactor(
        id=str(uuid.uuid4()),
        subject=user.subject,
        sealed_secret=services.sealer.seal(secret, _purpose(user.subject)),
        last_step=step,
        name=checked_name(name, default_name(APP, visitor)),
        created_at=visitor.now,
    )
    proof = sha256(f"totp:{user.subject}:{secret}".encode()).hexdigest()
    proved = (ONE_TIME_CODE,)
    fresh = await recovery.prepare_first(services, user, visitor=visitor)
    async with services.store.writing() as rows:
        await settle(rows, await still(rows, user), proved)
        if not await rows.spent_proofs.spend(proof, visitor.now):
            raise FactorError(_(USED_SETUP))
        if len(await rows.totp_factors.of_subject(user.subject)) >= MAX_APPS:
            raise FactorError(_(TOO_MANY))
        await rows.totp_factors.add(factor)
        detail = {"kind": "totp", "name": factor.name}
        await write_down(rows, "factor.added", user, visitor, detail)
        await tell(rows, services, user, "factor_added", visitor)
        codes = await recovery.keep_first(rows, services, user, fresh, visitor=visitor)
    return Added(factor=factor, proved=proved, codes=codes)


async def check(rows: Rows, sealer: Sealer, subject: str, code: str, *, now: datetime) -> bool:
    """Whether *code* is one of *subject*'s apps' now; a code is taken once, also by two at once."""
    digits = _digits(code)
    for factor in await rows.totp_factors.of_subject(subject):
        try:
            secret = sealer.open(factor.sealed_secret, _purpose(subject))
        except UnsealableError as exc:
            logs.alarm("factor.unsealable", exc=exc, subject=subject)
            continue
        step = _step_of(secret, digits, now)
        if step is not None and await rows.totp_factors.use(factor.id, step=step, at=now):
            return True
    return False


async def seal_anew(rows: Rows, sealer: Sealer, *, limit: int) -> int:
    """Seal a portion of the secrets with the first key: how many.

    What no key opens is told, and stays: nobody signs in by it.
    """
    done = unsealable = 0
    for factor in await rows.totp_factors.sealed_otherwise(sealer.key_id, limit):
        purpose = _purpose(factor.subject)
        try:
            secret = sealer.open(factor.sealed_secret, purpose)
        except UnsealableError:
            unsealable += 1
            continue
        new = sealer.seal(secret, purpose)
        done += await rows.totp_factors.reseal(factor.id, old=factor.sealed_secret, new=new)
    if unsealable:
        logs.alarm("factor.unsealable", count=unsealable)
    return done


def _setup(user: User, secret: str, sealed: str, services: Services) -> Setup:
    site = services.settings.site_name.replace(":", " ")
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=site)
    return Setup(
        sealed=sealed,
        secret=" ".join(re.findall(".{1,4}", secret)),
        uri=uri,
        qr=_picture(uri),
    )


def _picture(text: str) -> Picture:
    """One rectangle for each run of dark modules, within the margin that readers need."""
    made = segno.make(text, error="m", micro=False)
    rows = ["".join("1" if dark else "0" for dark in row) for row in made.matrix]
    runs = [
        f"M{run.start() + MARGIN} {y + MARGIN}h{len(run[0])}v1h-{len(run[0])}z"
        for y, row in enumerate(rows)
        for run in re.finditer("1+", row)
    ]
    return Picture(side=len(rows) + 2 * MARGIN, path="".join(runs))


def _unsealed(user: User, sealed: str, sealer: Sealer, *, now: datetime) -> str:
    try:
        begun, secret = sealer.open(sealed, _setup_purpose(user.subject)).split(":")
        begun_at = datetime.fromtimestamp(int(begun), UTC)
    except (UnsealableError, ValueError) as exc:
        raise FactorError(_(STALE_SETUP)) from exc
    if now - begun_at > SETUP_LIFETIME:
        raise FactorError(_(STALE_SETUP))
    return secret


def _step_of(secret: str, digits: str, now: datetime) -> int | None:
    """Which step's code it is; every candidate is compared, however the first ones end."""
    current = int(now.timestamp()) // SECONDS
    otp = pyotp.TOTP(secret, interval=SECONDS)
    steps = [current + drift for drift in DRIFT]
    fits = [hmac.compare_digest(otp.generate_otp(step), digits) for step in steps]
    return next((step for step, fit in zip(steps, fits, strict=True) if fit), None)


def _digits(typed: str) -> str:
    """Forgive blanks, dashes and wide digits; anything else becomes a text that fits no code."""
    if len(typed) > MAX_TYPED:
        return ""
    plain = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", typed))
    return plain if plain.isascii() else ""


def _purpose(subject: str) -> str:
    return f"one-time codes of {subject}"


def _setup_purpose(subject: str) -> str:
    return f"one-time codes to be of {subject}"
