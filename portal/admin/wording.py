"""Words that several admin pages share."""

from typing import Final
from urllib.parse import urlencode

from portal.page import GoTo

TROUBLES: Final = {
    "OryUnavailableError": "Ory does not answer, or asked to wait",
    "OryKeyError": "Ory refuses the API key",
    "OryNonsenseError": "What answers is not Ory",
    "OryRefusalError": "Ory refuses the request",
}
"""Why Ory could not be told or asked, by the name of the error."""


def trouble_in_words(error: str) -> str:
    """The name of an error in words; what is in words already stays."""
    return TROUBLES.get(error, error.rstrip("."))


def counted(number: int, one: str, many: str) -> str:
    """*number* of something."""
    return f"{number:,} {one if number == 1 else many}"


def look_again(count: int) -> str | None:
    """That *count* fields of a form are wrong."""
    if not count:
        return None
    return "One field needs another look." if count == 1 else f"{count} fields need another look."


def changed_meanwhile(what: str) -> str:
    """That a form was made from what is no longer so."""
    return (
        f"Somebody else has changed {what} meanwhile. "
        "Save again to put what you see here in its place."
    )


def one_path(subject: str, **more: str) -> GoTo:
    """The page of one person."""
    return GoTo("/admin/users/one?" + urlencode({"subject": subject, **more}))
