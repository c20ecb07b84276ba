"""What the code form posts, and what a typed code amounts to."""

import unicodedata
from typing import Final

import msgspec

MAX_CODE: Final = 64
"""Ory's are eight characters long; an operator may have longer ones."""
_NOT_PART: Final = frozenset(("Pd", "Cc", "Cf", "Zs", "Zl", "Zp"))


class CodeForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code of a device, for one device request."""

    device_challenge: str
    form_token: str = ""
    user_code: str = ""

    def __repr__(self) -> str:
        """Without the code, whatever prints it."""
        return "CodeForm()"


def normalised(typed: str, *, uppercase: bool) -> str:
    """Forgive blanks and dashes: people copy codes from a television (RFC 8628, 6.1).

    Not the case: Ory's codes have small and capital letters, and it compares them exactly
    (hydra-contract 5), unless the operator says that there are capitals only.
    """
    letters = unicodedata.normalize("NFKC", typed)
    code = "".join(c for c in letters if unicodedata.category(c) not in _NOT_PART)
    return code.upper() if uppercase else code


def shown(user_code: str) -> str:
    """A code from an address, as far as it can be one; Ory masks it where it repeats an address."""
    code = "".join(c for c in user_code if unicodedata.category(c) not in _NOT_PART or c in "- ")
    return code[:MAX_CODE].strip() if code.strip("* ") else ""
