"""What a sign-in proves, in the words that apps are told (``amr``: RFC 8176; ``acr``: OpenID
Connect Core, 2), and what has to be proved.
"""

from collections.abc import Collection, Iterable
from typing import Final

from portal.settings import Settings
from portal.store.tables import ClientPolicy, User

AAL1: Final = "aal1"
AAL2: Final = "aal2"
"""NIST SP 800-63B-4, 2: one factor; two different ones."""
PASSWORD: Final = "pwd"  # noqa: S105 - the name of a method, as RFC 8176 spells it
ONE_TIME_CODE: Final = "otp"
"""Also a recovery code: it is good once."""
HARDWARE_KEY: Final = "hwk"
"""A passkey that never leaves its device."""
SOFTWARE_KEY: Final = "swk"
"""A passkey that may be on several devices."""
PRESENCE: Final = "user"
MULTIPLE: Final = "mfa"
ENFORCED_LENGTH: Final = 8
"""The shortest password beside a second factor (NIST SP 800-63B-4, 3.1.1.2)."""
_KNOWLEDGE: Final = frozenset({PASSWORD})
_POSSESSION: Final = frozenset({ONE_TIME_CODE, HARDWARE_KEY, SOFTWARE_KEY})


def combined(*proofs: Iterable[str]) -> tuple[str, ...]:
    """What several proofs are together; ``mfa`` is added where they are of different kinds."""
    found = dict.fromkeys(method for proof in proofs for method in proof)
    if _KNOWLEDGE & found.keys() and _POSSESSION & found.keys():
        found[MULTIPLE] = None
    found |= {MULTIPLE: found.pop(MULTIPLE)} if MULTIPLE in found else {}
    return tuple(found)


def acr_of(amr: Collection[str]) -> str:
    """The level that *amr* reaches."""
    return AAL2 if MULTIPLE in amr else AAL1


def satisfies(acr: str, required: str) -> bool:
    """Whether a sign-in of level *acr* is enough; one that nobody noted is :data:`AAL1`."""
    return required != AAL2 or acr == AAL2


def required_acr(
    user: User,
    *,
    settings: Settings,
    policy: ClientPolicy | None = None,
    asked: Collection[str] = (),
) -> str:
    """The level that *user* has to reach, by their role, the client's policy, or because the app
    asks for it (``acr_values``; a list that offers :data:`AAL1` too does not insist).
    """
    by_app = policy is not None and policy.required_acr == AAL2
    return AAL2 if by_app or insists(asked) or is_enforced(user, settings) else AAL1


def insists(asked: Collection[str]) -> bool:
    """Whether an app that asks for these ``acr_values`` does not content itself with one factor."""
    return AAL2 in asked and AAL1 not in asked


def is_enforced(user: User, settings: Settings) -> bool:
    """Whether *user* can never sign in without a second factor."""
    who = settings.second_factor_for
    return who == "everyone" or (who == "admins" and user.admin)


def min_password_length(user: User | None, settings: Settings) -> int:
    """The fewest characters of *user*'s new password; ``None``: of somebody who is no
    administrator.
    """
    everyone = settings.second_factor_for == "everyone"
    enforced = is_enforced(user, settings) if user is not None else everyone
    return ENFORCED_LENGTH if enforced else settings.password_min_length
