"""Text from elsewhere, made fit for one line of a log or a page; and times as people read them."""

from datetime import UTC, datetime


def one_line(text: str, limit: int = 200) -> str:
    """Escape what could start a new line or repaint a terminal, and cut what is too long."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text[: limit + 1]
    )
    return shown if len(shown) <= limit and len(text) <= limit else shown[: limit - 1] + "…"


def moment(seconds: float) -> str:
    """A time in seconds since 1970, in UTC; empty if it is none."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%-d %b %Y, %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return ""
