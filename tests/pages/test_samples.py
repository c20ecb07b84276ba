"""The samples of pages stand beside the pages, and one place gathers them."""

import importlib
from pathlib import Path

import portal
from portal.page import Page
from portal.samples import SAMPLES

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
