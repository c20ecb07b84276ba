"""What the consent step shows."""

import re
from collections.abc import Iterable
from itertools import groupby
from typing import ClassVar, Final

import msgspec

from portal.apps import AppView
from portal.claims import Datum
from portal.page import Page, with_challenge

RESERVED_IDS: Final = frozenset(
    {
        "accept", "consent-choices", "consent-error", "consent-form", "consent-summary",
        "consent-title", "content", "flash", "language", "reject", "remember", "remember-1",
        "remember-2", "remember-hint", "summary-title",
    }
)  # fmt: skip
"""Every other id on the consent page; a test compares."""
_OWN_PREFIXES: Final = ("scope-", "audience-", "hint-", "remember-")
_SAFE_ID: Final = re.compile(r"[a-z][a-z0-9_.:-]*", re.ASCII | re.IGNORECASE)
_CAMEL_CASE: Final = re.compile(r"[a-z]+[A-Z][A-Za-z]*", re.ASCII)
_FORM_PROPERTIES: Final = frozenset(
    {
        "action", "after", "align", "animate", "append", "attributes", "autocapitalize",
        "autocomplete", "autocorrect", "autofocus", "before", "blur", "charset", "children",
        "click", "closest", "contains", "dataset", "dir", "draggable", "elements", "encoding",
        "enctype", "focus", "hidden", "id", "inert", "inputmode", "item", "lang", "length",
        "localname", "matches", "method", "name", "nonce", "normalize", "novalidate", "parent",
        "part", "prefix", "prepend", "recover", "rel", "remove", "replace", "requestsubmit",
        "reset", "role", "scroll", "shadow", "slot", "spellcheck", "style", "submit", "target",
        "text", "title", "toggle", "translate",
    }
)  # fmt: skip
"""Names with which a control would hide a property of its form from scripts: ``form.submit`` would
be the control (HTML, 4.10.3)."""


class PermissionView(msgspec.Struct, frozen=True, kw_only=True):
    """One requested scope as a box to tick."""

    scope: str
    element_id: str
    """From :func:`element_ids`."""
    title: str
    description: str
    group: str = ""
    """The heading that it stands under, with all others of the same."""
    data: tuple[Datum, ...] = ()
    """What would be released, as it is: ``E-mail: ann@example.org``."""
    ticked: bool = False
    emphasised: bool = False
    caution: str = ""
    """Why it is."""
    is_new: bool = False
    """Not among what was allowed before, where something was."""
    was_allowed: bool = False
    """Among that, and to be decided anew."""
    needed: bool = False
    """The app cannot be allowed without it."""


class AudienceView(msgspec.Struct, frozen=True, kw_only=True):
    """One service that the app's access token would be good for."""

    value: str
    element_id: str
    ticked: bool = False
    is_new: bool = False


class DurationView(msgspec.Struct, frozen=True, kw_only=True):
    """One choice of how long the answer holds."""

    value: str
    element_id: str
    """The longest is ``remember``: what scripts click that do not want to be asked again."""
    text: str
    chosen: bool = False


class SummaryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the app gets if the boxes stay as they are."""

    title: str
    shared: str | None = None


class PermissionGroup(msgspec.Struct, frozen=True):
    """What is asked for under one heading."""

    title: str
    permissions: tuple[PermissionView, ...]


class ConsentPage(Page, frozen=True, kw_only=True):
    """The question which of the requested permissions an app gets."""

    template: ClassVar[str] = "consent/consent.html"
    partial: ClassVar[str | None] = "consent/_form.html"
    target: ClassVar[str | None] = "#consent-form"
    ends_at_ory: ClassVar[bool] = True
    purpose: ClassVar[str] = "consent"

    challenge: str
    app: AppView
    account: str | None = None
    """Who is signed in, by e-mail; ``None`` in a browser that did not answer the login."""
    switch_url: str | None = None
    """Where the app's request starts again with another account."""
    permissions: tuple[PermissionView, ...] = ()
    """Those of a group follow one another."""
    audience: tuple[AudienceView, ...] = ()
    history: str | None = None
    """What became of an earlier answer, where that explains why the question comes again."""
    durations: tuple[DurationView, ...] = ()
    """None where the answer can only hold this time."""
    may_allow_nothing: bool = False
    """The operator lets people allow an app without any of the permissions it asked for."""
    summary: tuple[SummaryLine, ...] = ()
    error: str | None = None
    is_device: bool = False

    @property
    def groups(self) -> tuple[PermissionGroup, ...]:
        """The permissions under their headings."""
        return tuple(
            PermissionGroup(title, tuple(permissions))
            for title, permissions in groupby(self.permissions, key=lambda p: p.group)
        )

    @property
    def action(self) -> str:
        """Where the form goes; with the challenge, so that the address bar keeps it."""
        return with_challenge("/consent", "consent_challenge", self.challenge)


class SummaryPage(Page, frozen=True, kw_only=True):
    """What the boxes that are ticked right now amount to; the piece of the consent page alone."""

    template: ClassVar[str] = "consent/_summary.html"
    partial: ClassVar[str | None] = "consent/_summary.html"

    lines: tuple[SummaryLine, ...] = ()

    @property
    def summary(self) -> tuple[SummaryLine, ...]:
        """The lines under the name that :class:`ConsentPage` has for them."""
        return self.lines


def element_ids(
    scopes: Iterable[str], audience: Iterable[str] = ()
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the boxes: a scope's own name where that is a safe id, else with ``scope-`` before it.

    Scripts that drive the page find a box by its scope; a hostile scope must not pass for
    ``#accept``.
    """
    boxes = tuple(scope if _is_safe_id(scope) else f"scope-{scope}" for scope in scopes)
    return boxes, tuple(f"audience-{number}" for number, _ in enumerate(audience, start=1))


def _is_safe_id(name: str) -> bool:
    """Refuse camel case too: so are the properties spelt that are not listed."""
    if name in RESERVED_IDS or name in _FORM_PROPERTIES or name.startswith(_OWN_PREFIXES):
        return False
    return bool(_SAFE_ID.fullmatch(name)) and not _CAMEL_CASE.fullmatch(name)
