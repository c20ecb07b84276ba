"""The main states look as they were approved, in English and in Arabic, which runs from the right.

`make visual` runs these tests, `make visual ARGS=--approve` takes the pictures anew.
"""

import pytest
from PIL import Image
from playwright.async_api import Browser

from tests.pages.pictures import (
    APPROVED,
    LANGUAGES,
    MOST_BYTES,
    PICTURES,
    SHARE,
    STEP,
    Picture,
    approve,
    compare,
    is_approving,
    leave,
    superfluous,
    take,
)
from tests.pages.site import SampleSite


@pytest.mark.browser
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
async def test_it_looks_as_it_was_approved(
    chromium: Browser, site: SampleSite, picture: Picture
) -> None:
    taken = await take(chromium, site, picture)
    if is_approving():
        approve(picture, taken)
    assert picture.path.exists(), leave(picture, taken, None)
    difference = compare(Image.open(picture.path).convert("RGB"), taken)
    assert not difference.is_too_much, leave(picture, taken, difference)


def test_the_approved_pictures_are_those_that_are_compared_and_not_too_large() -> None:
    if is_approving():
        for path in superfluous():
            path.unlink()
    assert superfluous() == []
    assert LANGUAGES == ("en", "ar")
    assert sum(path.stat().st_size for path in APPROVED.glob("*.png")) <= MOST_BYTES


def plain(width: int = 100, height: int = 100, colour: int = 200) -> Image.Image:
    return Image.new("RGB", (width, height), (colour, colour, colour))


def test_the_edge_of_a_letter_may_differ_and_a_word_may_not() -> None:
    assert compare(plain(), plain(colour=200 + STEP)).share == 0
    other = plain()
    other.paste((0, 0, 0), (10, 20, 20, 21))
    difference = compare(plain(), other)
    assert difference.share == 10 / 10_000 <= SHARE
    assert difference.box == (10, 20, 20, 21)
    other.paste((0, 0, 0), (10, 21, 12, 22))
    assert compare(plain(), other).is_too_much


def test_one_colour_alone_may_not_differ_either() -> None:
    red = Image.new("RGB", (100, 100), (200 + STEP + 1, 200, 200))
    assert compare(plain(), red).share == 1


def test_a_page_that_became_higher_differs_where_it_did() -> None:
    difference = compare(plain(), plain(height=110))
    assert difference.share == pytest.approx(1 / 11)
    assert difference.box == (0, 100, 100, 110)
