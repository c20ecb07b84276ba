"""Passwords: argon2id, off the event loop, never more at once than the machine can bear; and the
hashes that other systems made, until their owners sign in.

Every verification costs exactly one run, whether the account exists or not; where hashes of several
kinds are stored, :meth:`Passwords.usual_time` tells how long an answer has to take to tell nothing.
"""

from portal.passwords.hashes import UnusableHashError, check_foreign, kind_of
from portal.passwords.pool import OverloadedError, Passwords, Place, Verdict
from portal.passwords.preparing import MAX_PASSWORD_BYTES, PasswordTooLongError, prepare

__all__ = [
    "MAX_PASSWORD_BYTES",
    "OverloadedError",
    "PasswordTooLongError",
    "Passwords",
    "Place",
    "UnusableHashError",
    "Verdict",
    "check_foreign",
    "kind_of",
    "prepare",
]
