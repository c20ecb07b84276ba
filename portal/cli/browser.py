"""Opening the person's own browser."""

import contextlib
import os
import sys
import webbrowser
from typing import Final

GRAPHICAL: Final = ("DISPLAY", "WAYLAND_DISPLAY")


def open_browser(url: str) -> None:
    """Open a browser window if there is a screen; a browser of the terminal would take it over."""
    if sys.platform.startswith("linux") and not any(map(os.environ.get, GRAPHICAL)):
        return
    with contextlib.suppress(Exception):
        webbrowser.open(url)
