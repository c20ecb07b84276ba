"""What a new password must be (NIST SP 800-63B-4, 3.1.1.2)."""

import re
import unicodedata
from itertools import pairwise
from typing import Final

from portal.accounts.errors import WeakPasswordError

_CONTEXT_WORDS: Final = ("password", "passwort", "hydra", "portal", "login", "secret", "qwerty")


def check_password(password: str, *, email: str, min_length: int) -> None:
    """Refuse what is short, or mostly the address, common words or repetition (NIST 800-63B)."""
    typed = unicodedata.normalize("NFC", password)
    if len(typed) < min_length:
        raise WeakPasswordError(f"the password needs at least {min_length} characters")
    rest = typed.casefold()
    words = {word for word in re.split(r"[\W_]+", email) if len(word) >= 3}
    for word in (*sorted(words, key=len, reverse=True), *_CONTEXT_WORDS):
        rest = rest.replace(word, "")
    if len(rest) < min(8, min_length):
        raise WeakPasswordError(
            "the password is too close to the e-mail address or to common words"
        )
    if _is_monotonous(typed.casefold()):
        raise WeakPasswordError("the password repeats itself or counts up; choose another one")


def _is_monotonous(text: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    period = (text + text).find(text, 1)
    return len(set(text)) < 5 or (len(steps) == 1 and steps <= {-1, 0, 1}) or period <= 4
