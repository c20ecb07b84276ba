"""Samples of the pages of ``strength``, in every state that changes their shape."""

from typing import Final

from portal.page import Page
from portal.strength.pages import StrengthPage

SAMPLES: Final[dict[str, Page]] = {
    "strength": StrengthPage(score=4, words="Very hard to guess."),
}
