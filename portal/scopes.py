"""The scope catalog: what each permission is called, what it means, to which group it belongs, and
which claims it releases.
"""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from portal.claim_names import BY_SCOPE, REGISTERED
from portal.claim_names import STANDARD as STANDARD_CLAIMS
from portal.i18n import N_, language
from portal.i18n import gettext as _
from portal.operator_files import OperatorFileError, Table, Words, read_entries, words

MAX_SCOPE: Final = 255
MAX_TITLE: Final = 100
MAX_DESCRIPTION: Final = 500
MAX_CAUTION: Final = 200
KEYS: Final = ("title", "description", "group", "caution", "emphasised", "claims")
ABOUT_YOU: Final = N_("About you")
IN_YOUR_NAME: Final = N_("In your name")
WHILE_AWAY: Final = N_("While you are away")
UNEXPLAINED: Final = N_("Not explained")
GROUPS: Final = (ABOUT_YOU, IN_YOUR_NAME, WHILE_AWAY, UNEXPLAINED)
"""The order in which people are asked; an operator's own groups stand before the second."""
THINK_TWICE: Final = N_("Allow it only if you trust the app.")
"""Why an emphasised permission is, where its operator gives no other reason."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """One permission in words for somebody who never heard of OAuth."""

    title: str
    description: str
    emphasised: bool = False
    """Worth a second look: it reaches further than reading a name."""
    caution: str = ""
    """Why it is emphasised."""
    group: str = ""
    """The heading under which it is asked for."""
    rank: int = 0
    """The place of its group among the others."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One permission as the catalog has it: in every language, with the claims that it releases."""

    title: Words
    description: Words
    emphasised: bool = False
    caution: Words | None = None
    group: Words | None = None
    """``None``: about the person, if it tells apps something about them, else in their name."""
    claims: tuple[str, ...] = ()


class ScopeCatalogError(OperatorFileError):
    """The operator's catalog file cannot be used; the message says why."""


def _entry(
    name: str, title: str, description: str, *, group: str = ABOUT_YOU, caution: str = ""
) -> Entry:
    return Entry(
        title=words(title),
        description=words(description),
        emphasised=bool(caution),
        caution=words(caution) if caution else None,
        group=words(group),
        claims=BY_SCOPE.get(name, ()),
    )


_AWAY: Final = (
    N_("Keep access while you are away"),
    N_("The app can go on with what you allow here when you do not use it."),
)
_AWAY_CAUTION: Final = N_("It ends when you remove the app's access.")
UNKNOWN: Final = N_("The app made this permission up. Nobody has told us what it does.")
UNKNOWN_CAUTION: Final = N_("Allow it only if you know what it is for.")
STANDARD: Final[Mapping[str, Entry]] = {
    "openid": _entry(
        "openid",
        N_("Know that it is you"),
        N_("The app learns an ID that stands for you. So it knows you when you come back."),
    ),
    "profile": _entry(
        "profile",
        N_("See your name and profile"),
        N_("Your name, and what else your profile says about you."),
    ),
    "email": _entry(
        "email",
        N_("See your e-mail address"),
        N_("Your e-mail address, and whether it is confirmed."),
    ),
    "address": _entry("address", N_("See your postal address"), N_("The address in your profile.")),
    "phone": _entry("phone", N_("See your phone number"), N_("The phone number in your profile.")),
    "offline": _entry("offline", *_AWAY, group=WHILE_AWAY, caution=_AWAY_CAUTION),
    "offline_access": _entry("offline_access", *_AWAY, group=WHILE_AWAY, caution=_AWAY_CAUTION),
}
"""OpenID Connect Core, 5.4 and 11; ``offline`` is Ory's second name for ``offline_access``."""
_OURS: Final = frozenset(
    text
    for entry in STANDARD.values()
    for said in (entry.title, entry.description, entry.caution)
    if said is not None
    for text in said.by_language.values()
) | {*GROUPS, THINK_TWICE}
"""What the portal's catalogs have in other languages."""


class ScopeCatalog:
    """Titles, descriptions and claims by scope name; an unknown scope is described as what it is:
    unknown.
    """

    def __init__(self, entries: Mapping[str, Entry] | None = None) -> None:
        self._entries = {**STANDARD, **(entries or {})}
        used = (self._group(entry).best() for entry in self._entries.values())
        own = (name for name in dict.fromkeys(used) if name not in GROUPS)
        self._groups = (GROUPS[0], *own, *GROUPS[1:])

    @property
    def names(self) -> frozenset[str]:
        """Every scope that there are words for."""
        return frozenset(self._entries)

    @property
    def releasing(self) -> frozenset[str]:
        """Every scope that releases a claim."""
        return frozenset(name for name, entry in self._entries.items() if entry.claims)

    def describe(self, name: str, tag: str | None = None) -> Scope:
        """The words for *name*, in the language *tag*, else in the one to speak right now; never
        fails, because clients may be registered for any scope.
        """
        entry = self._entries.get(name)
        if entry is None:
            return Scope(
                title=name,
                description=_(UNKNOWN),
                emphasised=True,
                caution=_(UNKNOWN_CAUTION),
                group=_(UNEXPLAINED),
                rank=len(self._groups) - 1,
            )
        wanted = tag or language().tag
        group = self._group(entry)
        caution = (entry.caution or words(THINK_TWICE)) if entry.emphasised else None
        return Scope(
            title=_said(entry.title, wanted),
            description=_said(entry.description, wanted),
            emphasised=entry.emphasised,
            caution=_said(caution, wanted) if caution else "",
            group=_said(group, wanted),
            rank=self._groups.index(group.best()),
        )

    def claims_of(self, name: str) -> tuple[str, ...]:
        """Which claims *name* releases."""
        entry = self._entries.get(name)
        return entry.claims if entry else ()

    @staticmethod
    def _group(entry: Entry) -> Words:
        return entry.group or words(ABOUT_YOU if entry.claims else IN_YOUR_NAME)


def _said(text: Words, tag: str) -> str:
    """An operator's own words, in the languages that they wrote; the portal's in all it speaks."""
    best = text.best(tag)
    return _(best) if best in _OURS and len(text.by_language) == 1 else best


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
    group, caution = (
        table.words(key, longest=longest) if table.has(key) else default
        for key, longest, default in (
            ("group", MAX_TITLE, standard.group if standard else None),
            ("caution", MAX_CAUTION, standard.caution if standard else None),
        )
    )
    emphasised = table.flag(
        "emphasised", default=standard.emphasised if standard else table.has("caution")
    )
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
        caution=caution,
        group=group,
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
