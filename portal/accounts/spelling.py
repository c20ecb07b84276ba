"""How addresses, names and subjects are spelled: in one way, wherever they come from."""

import hashlib
import unicodedata
from typing import Final

from email_validator import EmailNotValidError, validate_email

from portal.accounts.errors import InvalidEmailError, InvalidSubjectError
from portal.acting import WITHOUT_ACCOUNT
from portal.i18n import N_
from portal.store.folding import MAX_NAME, name_key

__all__ = [
    "MAX_EMAIL",
    "MAX_NAME",
    "MAX_TYPED",
    "canonical_email",
    "canonical_identifier",
    "checked_name",
    "checked_subject",
    "name_key",
]

MAX_EMAIL: Final = 254
MAX_TYPED: Final = 1_024
_INVALID: Final = N_("This is not a valid e-mail address.")
_LONG: Final = N_("An e-mail address has at most {most} characters.")


def canonical_email(text: str) -> str:
    """Spell an address in the one way in which it is stored, looked up and counted.

    Case, width, composition and blanks around it make no difference (NFKC, case folding, NFC).
    Addresses of intranets and tests (``ann@localhost``, ``ann@corp.local``) are as good as any.
    """
    folded = _folded(text)
    for candidate in (folded, f"{folded}.test"):  # the second one stands in for special-use domains
        try:
            found = validate_email(
                candidate,
                strict=True,
                check_deliverability=False,
                globally_deliverable=False,
                test_environment=True,
            )
        except EmailNotValidError:
            continue
        domain = found.domain if candidate is folded else found.domain.removesuffix(".test")
        return _folded(f"{found.local_part}@{domain}")
    raise InvalidEmailError(_INVALID)


def canonical_identifier(text: str) -> str:
    """Spell what somebody typed to sign in; what is no address becomes a name that nobody has.

    The same text always becomes the same name, so that tries are counted alike for everything.
    """
    try:
        return canonical_email(text)
    except InvalidEmailError:
        digest = hashlib.sha256(text.strip().encode("utf-8", "surrogatepass")).hexdigest()
        return f"nobody:{digest[:32]}"


def _folded(text: str) -> str:
    """Fold until folding changes nothing; some characters need two rounds."""
    if len(text) > MAX_TYPED:
        raise InvalidEmailError(_LONG, most=MAX_EMAIL)
    for _ in range(4):
        folded = unicodedata.normalize("NFKC", text.strip()).strip().casefold()
        folded = unicodedata.normalize("NFC", folded)
        if any(unicodedata.category(char)[0] in "CZ" for char in folded):
            raise InvalidEmailError(
                N_("An e-mail address holds no blanks or invisible characters.")
            )
        if len(folded) > MAX_EMAIL:
            raise InvalidEmailError(_LONG, most=MAX_EMAIL)
        if folded == text:
            return folded
        text = folded
    raise InvalidEmailError(_INVALID)


def checked_subject(subject: str) -> str:
    """Keep *subject* if clients can be told it (OpenID Connect Core, 2)."""
    if not subject.isprintable() or subject != subject.strip() or not 1 <= len(subject) <= 255:
        raise InvalidSubjectError("a subject has 1 to 255 visible characters")
    if subject in WITHOUT_ACCOUNT:  # whoever had it could do what the command line may
        raise InvalidSubjectError(
            "{subject} is no subject: the audit trail calls others so", subject=subject
        )
    return subject


def checked_name(name: str | None) -> str | None:
    """Keep a name as it was given, but for what cannot be shown; nothing becomes ``None``."""
    shown = "".join(char for char in name or "" if char.isprintable()).strip()
    return shown[:MAX_NAME] or None
