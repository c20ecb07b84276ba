"""Second factors: passkeys (WebAuthn), one-time codes (TOTP, RFC 6238), recovery codes.

``levels`` says what a sign-in proves and what is required; ``standing`` what somebody has;
``passkeys``, ``totp`` and ``recovery`` how each is set up and checked; ``guesses`` how often.
"""
