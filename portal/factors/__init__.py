"""Second factors: passkeys (WebAuthn), one-time codes (TOTP, RFC 6238), recovery codes.

``levels`` says what a sign-in proves and what is required; ``standing`` what somebody has;
``passkeys``, ``totp`` and ``recovery`` how each is set up and checked; ``changes`` renames and
removes; ``guesses`` says how often somebody may try, and ``reset`` takes everything away.
"""

from portal.factors.errors import FactorError

__all__ = ["FactorError"]
