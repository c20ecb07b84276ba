"""Taking all second factors away, from somebody who lost them."""

from portal.factors import guesses
from portal.store import Rows


async def remove_all(rows: Rows, subject: str) -> int:
    """Forget *subject*'s passkeys, authenticator apps and recovery codes: how many factors ended.

    Whoever calls it writes down who wanted that, and ends what those factors had opened.
    """
    removed = await rows.passkeys.delete_all(subject)
    removed += await rows.totp_factors.delete_all(subject)
    await rows.recovery_codes.delete_all(subject)
    await guesses.forgive(rows, subject)
    await guesses.forget_browsers(rows, subject)
    return removed
