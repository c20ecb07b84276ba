"""Samples of the pages of ``strength``, in every state that changes their shape."""

from portal.page import Page
from portal.sample_data import words
from portal.strength.pages import StrengthPage


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    return {
        "strength": StrengthPage(score=4, words=words("Very hard to guess.")),
    }
