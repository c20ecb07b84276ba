"""Files of SQLite: made for the portal's own eyes, because password hashes lie in them."""

import os
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote, urlsplit

PRIVATE: Final = 0o600


def make_private(_dialect: object, _record: object, args: Any, options: Any) -> None:
    """Create the file that is about to be connected to, if it is not there yet; an event of
    SQLAlchemy.

    SQLite gives its ``-wal`` and ``-shm`` the same mode. A file that exists is not even opened:
    closing it would end the locks that this process has on it. What cannot be created, SQLite
    itself complains about.
    """
    path = unquote(urlsplit(args[0]).path) if options.get("uri") else args[0]
    with suppress(OSError):
        os.close(os.open(os.path.realpath(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
