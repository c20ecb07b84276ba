"""The development key: made once, the same for every process that starts in the same directory."""

import os
import secrets
from pathlib import Path
from typing import Final

from portal.settings.option import SettingsError
from portal.settings.reading import MIN_SECRET_CHARACTERS

KEY_FILE: Final = "portal-secret-key"


def generated_key(directory: Path) -> str:
    """Read the key file, or write it first (mode 0600).

    The key is written beside it and linked into place, so that nobody ever reads half a key, and
    two processes that start together both end with the first one's.
    """
    path = directory / KEY_FILE
    try:
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(48))
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(
            (f"PORTAL_DATA_DIR: cannot keep the development key in {path}: {exc}",)
        ) from exc
    if len(key) < MIN_SECRET_CHARACTERS:
        raise SettingsError((f"{path}: holds no key; delete the file and start again",))
    return key


def _write_once(path: Path, key: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        return  # another process was first; its key counts
    finally:
        draft.unlink()
