"""The samples of pages stand beside the pages, and one place gathers them."""

import importlib
from pathlib import Path

import pytest

import portal
from portal import sample_data
from portal.page import Page
from portal.samples import SAMPLES
from scripts.messages import extracted

PACKAGE = Path(portal.__file__).parent


def test_every_feature_s_samples_are_gathered_and_no_two_are_called_the_same() -> None:
    gathered: list[tuple[str, Page]] = []
    for module in sorted(PACKAGE.glob("*/*samples.py")):
        name = f"portal.{module.parent.name}.{module.stem}"
        gathered += importlib.import_module(name).samples().items()
    assert len(gathered) > 200
    assert len(dict(gathered)) == len(gathered)
    assert dict(gathered) == SAMPLES


def test_a_feature_shows_its_own_pages_alone() -> None:
    for module in sorted(PACKAGE.glob("*/*samples.py")):
        feature = module.parent.name
        samples = importlib.import_module(f"portal.{feature}.{module.stem}").samples()
        homes = {type(page).__module__.split(".")[1] for page in samples.values()}
        assert homes <= {feature, "page"}, module


def test_the_words_of_samples_are_those_that_the_pages_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A text that is in no catalog any more would be shown in English, and by samples alone."""
    said: set[str | tuple[str, str]] = set()

    def gettext(message: str) -> str:
        said.add(message)
        return message

    def ngettext(one: str, many: str, _count: int) -> str:
        said.add((one, many))
        return many

    monkeypatch.setattr(sample_data, "gettext", gettext)
    monkeypatch.setattr(sample_data, "ngettext", ngettext)
    for module in PACKAGE.glob("*/*samples.py"):
        importlib.import_module(f"portal.{module.parent.name}.{module.stem}").samples()
    assert len(said) > 100
    used = {
        message.id
        for message in extracted()
        if not all("sample" in file for file, _line in message.locations)
    }
    assert said - used == set()
