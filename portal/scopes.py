"""The scope catalog: what each permission is called, what it means, and which claims it
releases.
"""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from portal.claim_names import BY_SCOPE, REGISTERED
from portal.claim_names import STANDARD as STANDARD_CLAIMS
from portal.operator_files import OperatorFileError, Table, Words, read_entries, words

MAX_SCOPE: Final = 255
MAX_TITLE: Final = 100
MAX_DESCRIPTION: Final = 500
KEYS: Final = ("title", "description", "emphasised", "claims")


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """One permission in words for somebody who never heard of OAuth."""

    title: str
    description: str
    emphasised: bool = False
    """Worth a second look: it reaches further than reading a name."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One permission as the catalog has it: in every language, with the claims that it releases."""

    title: Words
    description: Words
    emphasised: bool = False
    claims: tuple[str, ...] = ()


class ScopeCatalogError(OperatorFileError):
    """The operator's catalog file cannot be used; the message says why."""


def _entry(name: str, title: str, description: str, *, emphasised: bool = False) -> Entry:
    return Entry(
        title=words(title),
        description=words(description),
        emphasised=emphasised,
        claims=BY_SCOPE.get(name, ()),
    )


_AWAY: Final = (
    "Keep access while you are away",
    "The app can keep using the permissions you allow when you are not using it.",
)
UNKNOWN: Final = (
    "A permission that the app has defined itself. Allow it only if you know what it is for."
)
STANDARD: Final[Mapping[str, Entry]] = {
    "openid": _entry(
        "openid",
        "Know that it is you",
        "The app learns an identifier for you, to recognise you next time.",
    ),
    "profile": _entry(
        "profile",
        "See your name and profile",
        "Your name, and what else your profile says about you.",
    ),
    "email": _entry(
        "email",
        "See your e-mail address",
        "Your e-mail address, and whether it has been confirmed.",
    ),
    "address": _entry("address", "See your postal address", "The address in your account."),
    "phone": _entry("phone", "See your phone number", "The phone number in your account."),
    "offline": _entry("offline", *_AWAY, emphasised=True),
    "offline_access": _entry("offline_access", *_AWAY, emphasised=True),
}
"""OpenID Connect Core, 5.4 and 11; ``offline`` is Ory's second name for ``offline_access``."""


class ScopeCatalog:
    """Titles, descriptions and claims by scope name; an unknown scope is described as what it is:
    unknown.
    """

    def __init__(self, entries: Mapping[str, Entry] | None = None) -> None:
        self._entries = {**STANDARD, **(entries or {})}

    @property
    def names(self) -> frozenset[str]:
        """Every scope that there are words for."""
        return frozenset(self._entries)

    @property
    def releasing(self) -> frozenset[str]:
        """Every scope that releases a claim."""
        return frozenset(name for name, entry in self._entries.items() if entry.claims)

    def describe(self, name: str, language: str | None = None) -> Scope:
        """The words for *name*; never fails, because clients may be registered for any scope."""
        entry = self._entries.get(name)
        if entry is None:
            return Scope(title=name, description=UNKNOWN, emphasised=True)
        return Scope(
            title=entry.title.best(language),
            description=entry.description.best(language),
            emphasised=entry.emphasised,
        )

    def claims_of(self, name: str) -> tuple[str, ...]:
        """Which claims *name* releases."""
        entry = self._entries.get(name)
        return entry.claims if entry else ()


def load_catalog(path: Path | None, attributes: Collection[str] | None = ()) -> ScopeCatalog:
    """Read the operator's TOML file: a table per scope. It may release standard claims and
    *attributes* (``None``: nobody knows which there are); all that is wrong with it is told
    together.
    """
    if path is None:
        return ScopeCatalog()
    read = partial(_read, attributes=attributes)
    return ScopeCatalog(read_entries(path, read, error=ScopeCatalogError))


def _read(name: str, table: Table, *, attributes: Collection[str] | None) -> Entry | None:
    """What the table says; of a standard scope it may leave out what is not to change."""
    standard = STANDARD.get(name)
    table.only(KEYS)
    if not _is_scope(name):
        table.problem(f"a scope is 1 to {MAX_SCOPE} ASCII characters without blanks, quotes and \\")
    title = table.words("title", longest=MAX_TITLE, default=standard.title if standard else None)
    description = table.words(
        "description", longest=MAX_DESCRIPTION, default=standard.description if standard else None
    )
    emphasised = table.flag("emphasised", default=standard.emphasised if standard else False)
    claims = table.texts("claims") or ()
    for claim in claims:
        _check_claim(claim, table, attributes)
    if title is None or description is None:
        return None
    always = BY_SCOPE.get(name, ())
    return Entry(
        title=title,
        description=description,
        emphasised=emphasised,
        claims=always + tuple(claim for claim in claims if claim not in always),
    )


def _check_claim(claim: str, table: Table, attributes: Collection[str] | None) -> None:
    if claim in REGISTERED:
        table.problem(f"{claim} is what tokens say of themselves; no scope releases it", "claims")
    elif attributes is not None and claim not in {*STANDARD_CLAIMS, *attributes}:
        table.problem(
            f"{claim} is neither a standard claim nor an attribute of PORTAL_ATTRIBUTES", "claims"
        )


def _is_scope(name: str) -> bool:
    """As in RFC 6749, 3.3."""
    return 1 <= len(name) <= MAX_SCOPE and all(
        "!" <= character <= "~" and character not in '"\\' for character in name
    )
