"""The operator's two files together: at the start of the portal, in the doctor, in the docs."""

from pathlib import Path

import pytest

from portal.claims import load_catalogs, released_by
from portal.operator_files import OperatorFileError
from portal.settings import Settings

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def settings(attributes, scopes):
    return Settings.from_env(
        {"PORTAL_ATTRIBUTES": str(attributes), "PORTAL_SCOPE_CATALOG": str(scopes)}
    )


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    attributes, scopes = tmp_path / "attributes.toml", tmp_path / "scopes.toml"

    def write(one, other):
        attributes.write_text(one)
        scopes.write_text(other)
        return settings(attributes, scopes)

    return write


def test_the_examples_of_the_documentation_can_be_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    catalogs = load_catalogs(settings(EXAMPLES / "attributes.toml", EXAMPLES / "scopes.toml"))
    assert catalogs.scopes.claims_of("work") == ("department", "cost_centre", "groups")
    assert catalogs.scopes.describe("work", "de").title == "Sehen, wo du arbeitest"
    assert catalogs.scopes.describe("payroll.read").emphasised
    assert catalogs.attributes.title("cost_centre", "de") == "Kostenstelle"
    assert not catalogs.attributes.attributes["external"].visible
    assert {"department", "birthdate"} <= released_by(catalogs.scopes)


def test_the_documentation_shows_the_examples_as_they_are():
    page = (EXAMPLES.parent / "claims.md").read_text()
    for name in ("attributes.toml", "scopes.toml"):
        assert (EXAMPLES / name).read_text() in page


def test_problems_of_both_files_are_told_together(files):
    broken = files('[a]\ntype = "x"\n', '[b]\ntitle = "B"\nclaims = ["a"]\n')
    with pytest.raises(OperatorFileError) as caught:
        load_catalogs(broken)
    words = [problem.split(": ", 1)[0] for problem in caught.value.problems]
    assert words == ["PORTAL_ATTRIBUTES", "PORTAL_ATTRIBUTES", "PORTAL_SCOPE_CATALOG"]
    assert not any("neither a standard claim" in problem for problem in caught.value.problems)


def test_an_attribute_that_no_scope_releases_is_fine(files):
    assert load_catalogs(files('[a]\ntitle = "A"\n', "")).attributes.attributes
