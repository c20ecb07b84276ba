"""Where the files beside the code are: bundled in a wheel, at the top of a source checkout."""

from pathlib import Path
from typing import Final, Literal

_PACKAGE: Final = Path(__file__).resolve().parent
LOCALE_DIR: Final = _PACKAGE / "locale"
"""The catalogs of what pages say, a directory for each language."""


def resource_dir(name: Literal["templates", "migrations"]) -> Path:
    """Find the directory *name*; an editable install reads the checkout, so edits show at once."""
    bundled = _PACKAGE / "_bundled" / name
    return bundled if bundled.is_dir() else _PACKAGE.parent / name
