"""How names are folded, so that their beginnings find them."""

import unicodedata
from typing import Final

MAX_NAME: Final = 255


def name_key(name: str | None) -> str | None:
    """Fold a name so that its beginning finds it, whatever case and width it is typed in."""
    folded = unicodedata.normalize("NFKC", name or "").casefold()
    return unicodedata.normalize("NFC", " ".join(folded.split()))[:MAX_NAME] or None
