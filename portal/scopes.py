"""The scope catalog: what each permission is called, what it means, and which claims it
releases.
"""

import tomllib
from pathlib import Path
from typing import Final

import msgspec


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """One permission in words for somebody who never heard of OAuth."""

    title: str
    description: str
    emphasised: bool = False
    """Worth a second look: it reaches further than reading a name."""


class ScopeCatalogError(Exception):
    """The operator's catalog file cannot be used; the message says why."""


OFFLINE: Final = Scope(
    title="Keep access while you are away",
    description="The app can keep using the permissions you allow when you are not using it.",
    emphasised=True,
)
UNKNOWN: Final = (
    "A permission that the app has defined itself. Allow it only if you know what it is for."
)
STANDARD: Final[dict[str, Scope]] = {
    "openid": Scope(
        title="Know that it is you",
        description="The app learns an identifier for you, to recognise you next time.",
    ),
    "profile": Scope(title="See your name", description="The name in your account."),
    "email": Scope(
        title="See your e-mail address",
        description="Your e-mail address, and whether it has been confirmed.",
    ),
    "address": Scope(title="See your postal address", description="The address in your account."),
    "phone": Scope(title="See your phone number", description="The phone number in your account."),
    "offline": OFFLINE,
    "offline_access": OFFLINE,
}
"""OpenID Connect Core, 5.4 and 11; ``offline`` is Ory's second name for ``offline_access``."""


class ScopeCatalog:
    """Titles and descriptions by scope name; an unknown scope is described as what it is:
    unknown.
    """

    def __init__(self, scopes: dict[str, Scope] | None = None) -> None:
        self._scopes = STANDARD | (scopes or {})

    @property
    def names(self) -> frozenset[str]:
        """Every scope that there are words for."""
        return frozenset(self._scopes)

    def describe(self, name: str) -> Scope:
        """The words for *name*; never fails, because clients may be registered for any scope."""
        return self._scopes.get(name) or Scope(
            title=name,
            description=UNKNOWN,
            emphasised=True,
        )


def load_catalog(path: Path | None) -> ScopeCatalog:
    """Read the operator's TOML file: a table per scope with ``title``, ``description`` and
    ``emphasised``.
    """
    if path is None:
        return ScopeCatalog()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return ScopeCatalog(msgspec.convert(tables, dict[str, Scope]))
    except (OSError, ValueError, msgspec.ValidationError) as exc:
        raise ScopeCatalogError(f"{path} cannot be used: {exc}") from exc
