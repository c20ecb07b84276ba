"""What somebody has to prove that it is them, besides a password."""

import msgspec

from portal.store import Rows
from portal.store.tables import Passkey, TotpFactor


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One person's second factors, the oldest of each kind first."""

    passkeys: tuple[Passkey, ...] = ()
    totp: tuple[TotpFactor, ...] = ()
    codes_left: int = 0
    """Recovery codes that can still be used. They stand in for a second factor and are none."""

    @property
    def has_second_factor(self) -> bool:
        """Whether a sign-in can reach the second level."""
        return bool(self.passkeys or self.totp)


async def standing_of(rows: Rows, subject: str) -> Standing:
    """What *subject* has; of somebody who does not exist: nothing."""
    return Standing(
        passkeys=await rows.passkeys.of_subject(subject),
        totp=await rows.totp_factors.of_subject(subject),
        codes_left=await rows.recovery_codes.count_left(subject),
    )
