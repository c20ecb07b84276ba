"""Words that several admin pages share."""

from typing import Final

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
