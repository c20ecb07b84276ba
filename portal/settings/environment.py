"""Where the variables come from: the process and the ``.env`` beside it."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from portal.settings.fields import OPTIONS
from portal.settings.option import SettingsError


def read_environment(directory: Path | None = None) -> dict[str, str]:
    """Lay the process' environment over the ``.env`` in *directory* (the working directory).

    One alias in the environment hides all names of the same setting in the file. Values in the file
    are taken as they are written; ``$`` means nothing.
    """
    path = (directory or Path()) / ".env"
    try:
        given = dotenv_values(path, interpolate=False) if path.is_file() else {}
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError((f".env: cannot be read: {exc}",)) from exc
    merged = {name: value for name, value in given.items() if value is not None}
    for option in OPTIONS.values():
        spellings = [*option.names, *(f"{name}_FILE" for name in option.names if option.secret)]
        if any(os.environ.get(name, "").strip() for name in spellings):
            for name in spellings:
                merged.pop(name, None)
    return merged | dict(os.environ)


def unknown_variables(env: Mapping[str, str]) -> tuple[str, ...]:
    """List ``PORTAL_…`` variables that set nothing, which are probably misspelt.

    Not an error: Kubernetes invents ``PORTAL_SERVICE_HOST`` and its like for a service that is
    called *portal*.
    """
    known = {name for option in OPTIONS.values() for name in option.names}
    known |= {
        f"{name}_FILE" for option in OPTIONS.values() if option.secret for name in option.names
    }
    invented = ("PORTAL_SERVICE_", "PORTAL_PORT")
    return tuple(
        sorted(
            name
            for name in env
            if name.startswith("PORTAL_") and name not in known and not name.startswith(invented)
        )
    )


def export(values: Mapping[str, str]) -> None:
    """Put *values* into this process' environment, for the processes that it starts."""
    os.environ.update(values)
