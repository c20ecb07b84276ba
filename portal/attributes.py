"""What the operator keeps about people beyond the standard claims: names, types, receivers."""

from pathlib import Path
from typing import Any, Literal

import msgspec

Type = Literal["text", "number", "boolean", "date", "choice", "list"]


class AttributesError(Exception):
    """The operator's file of attributes cannot be used; the message says why."""


class Attribute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attribute; in tokens it is a claim of the same name."""

    title: str
    type: Type = "text"


class AttributeCatalog:
    """Every attribute that the operator defined, by name."""

    def __init__(self, attributes: dict[str, Attribute] | None = None) -> None:
        self.attributes = attributes or {}

    def checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """*values* as they are stored."""
        return values


def load_attributes(path: Path | None) -> AttributeCatalog:
    """Read the operator's TOML file: a table for each attribute."""
    if path is not None:
        raise AttributesError(f"{path} cannot be used")
    return AttributeCatalog()
