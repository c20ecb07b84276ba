"""The operator's catalog of scopes: what it may say, and that all that is wrong is told at once."""

import pytest

from portal import i18n
from portal.operator_files import words
from portal.scopes import STANDARD, Entry, ScopeCatalog, ScopeCatalogError, load_catalog

KEPT = '["photos.read"]\ntitle = "See your photos"\ndescription = "All of them."\n'


@pytest.fixture
def catalog(tmp_path):
    """Load the catalog that a text makes."""

    def load(text, attributes=()):
        path = tmp_path / "scopes.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_catalog(path, attributes)

    return load


def problems(catalog, text, attributes=()):
    with pytest.raises(ScopeCatalogError) as caught:
        catalog(text, attributes)
    assert all("scopes.toml: " in problem for problem in caught.value.problems)
    return [problem.partition("scopes.toml: ")[2] for problem in caught.value.problems]


def test_the_form_of_earlier_versions_stays_valid(catalog):
    found = catalog(KEPT + "emphasised = true\n").describe("photos.read")
    assert (found.title, found.description, found.emphasised) == (
        "See your photos",
        "All of them.",
        True,
    )


def test_without_a_file_there_are_the_standard_scopes():
    assert load_catalog(None).names == frozenset(STANDARD)


def test_an_unknown_scope_is_described_as_what_it_is():
    found = ScopeCatalog().describe("x.y")
    assert (found.title, found.emphasised) == ("x.y", True)
    assert ScopeCatalog().claims_of("x.y") == ()


def test_words_in_several_languages(catalog):
    found = catalog(
        """
        [work]
        title = { en = "See where you work", de = "Sehen, wo du arbeitest", pt-BR = "Ver" }
        [work.description]
        en = "Your department."
        de-AT = "Deine Abteilung."
        """
    )
    assert found.describe("work").title == "See where you work"
    assert found.describe("work", "de").title == "Sehen, wo du arbeitest"
    assert found.describe("work", "DE-ch").title == "Sehen, wo du arbeitest"
    assert found.describe("work", "pt").title == "Ver"
    assert found.describe("work", "fr").title == "See where you work"
    assert found.describe("work", "de").description == "Deine Abteilung."
    assert found.describe("email", "de").title == STANDARD["email"].title.best()


@pytest.mark.parametrize("language", ["", "-", "x" * 5_000, "de\x00", "\ud800", "--de--"])
def test_a_hostile_language_finds_english(catalog, language):
    assert catalog(KEPT).describe("photos.read", language).title == "See your photos"


def test_a_scope_releases_standard_claims_and_attributes(catalog):
    found = catalog(KEPT + 'claims = ["nickname", "department"]\n', {"department"})
    assert found.claims_of("photos.read") == ("nickname", "department")
    assert "photos.read" in found.releasing


def test_a_standard_scope_keeps_what_its_table_leaves_out(catalog):
    found = catalog('[profile]\nclaims = ["department", "name"]\n', {"department"})
    assert found.describe("profile").title == STANDARD["profile"].title.best()
    assert found.claims_of("profile") == (*STANDARD["profile"].claims, "department")
    assert catalog('[offline]\ntitle = "Stay"\n').describe("offline").emphasised


def test_every_problem_is_told_together_with_its_scope_and_key(catalog):
    found = problems(
        catalog,
        """
        ["photos.read"]
        titel = "See"
        description = 7
        emphasised = "yes"
        claims = ["nickname", "shoe_size", "sub"]
        [work]
        title = ""
        description = { de = "Deine Abteilung." }
        ["with blank"]
        title = "x"
        description = "y"
        claims = "name"
        """,
    )
    assert found == [
        "photos.read: titel: is unknown; a table may hold title, description, group, caution, "
        "emphasised, claims",
        "photos.read: title: is missing",
        'photos.read: description: must be a text, or texts by language as { en = "…", de = "…" }',
        "photos.read: emphasised: must be true or false",
        "photos.read: claims: shoe_size is neither a standard claim nor an attribute of "
        "PORTAL_ATTRIBUTES",
        "photos.read: claims: sub is what tokens say of themselves; no scope releases it",
        "work: title: is empty",
        "work: description: needs a text in English (en)",
        "with blank: a scope is 1 to 255 ASCII characters without blanks, quotes and \\",
        'with blank: claims: must be a list of texts, as ["one", "two"]',
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\xff\xfe", "is not a text in UTF-8"),
        ("[", "is not TOML"),
        ("a = [" * 5_000, "is not TOML"),
        ("title = 'x'", "title: must be a table, as [title]"),
        ("#" * 1_000_001, "is larger than 1,000,000 bytes"),
        ("[a]\ntitle = { english = 'x' }\ndescription = 'x'", "must be a language tag"),
        ("[a]\ntitle = { en = 'x', EN = 'y' }\ndescription = 'x'", "names a language twice"),
        ("[a]\ntitle = {}\ndescription = 'x'", "must be a text, or texts by language"),
        ("[a]\ntitle = { en = 7 }\ndescription = 'x'", "title.en: must be a text"),
        ("[a]\ntitle = 'x\u202ey'\ndescription = 'x'", "characters that cannot be seen"),
        (f"[a]\ntitle = '{'x' * 101}'\ndescription = 'x'", "has more than 100 characters"),
        ("[a]\ntitle = 'x'\ndescription = 'x'\nclaims = ['name', 'name']", "names name twice"),
        ("[a]\ntitle = 'x'\ndescription = 'x'\nclaims = [7]", "must be a list of texts"),
        ('[""]\ntitle = "x"\ndescription = "y"', "a scope is 1 to 255"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(catalog, text, words):
    found = problems(catalog, text)
    assert any(words in problem for problem in found), found


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(ScopeCatalogError, match="cannot be read"):
        load_catalog(tmp_path / "none.toml")


@pytest.fixture
def speak():
    """Speak a language, as a request does."""
    yield lambda tag: i18n.begin(browser=tag)
    i18n.begin()


def test_a_permission_stands_in_the_group_that_its_operator_names_else_by_what_it_does(catalog):
    found = catalog(
        KEPT
        + """group = "Your photos"
        [work]
        title = "Work"
        description = "Where."
        claims = ["nickname"]
        [act]
        title = "Act"
        description = "For you."
        [offline]
        group = "In your name"
        """
    )
    names = ("openid", "work", "photos.read", "act", "offline", "offline_access", "x.y")
    described = [found.describe(name) for name in names]
    assert [scope.group for scope in described] == [
        "About you",
        "About you",
        "Your photos",
        "In your name",
        "In your name",
        "While you are away",
        "Not explained",
    ]
    ranks = [scope.rank for scope in described]
    assert ranks == sorted(ranks)


def test_what_is_sensitive_says_why(catalog):
    found = catalog(
        KEPT
        + """caution = "They may be private."
        [pay]
        title = "Pay"
        description = "With your card."
        emphasised = true
        [plain]
        title = "Plain"
        description = "It."
        """
    )
    assert found.describe("photos.read").emphasised
    assert found.describe("photos.read").caution == "They may be private."
    assert found.describe("pay").caution == "Allow it only if you trust the app."
    assert found.describe("plain").caution == ""
    assert found.describe("x.y").caution == "Allow it only if you know what it is for."
    assert found.describe("offline").caution


def test_the_words_are_in_the_language_of_the_page(catalog, speak):
    found = catalog(
        """
        ["photos.read"]
        title = { en = "Photos", fr = "Les photos" }
        description = "All."
        group = { en = "Pictures", fr = "Images" }
        """
    )
    speak("fr-CA")
    scope = found.describe("photos.read")
    assert (scope.title, scope.description, scope.group) == ("Les photos", "All.", "Images")


def test_every_word_of_ours_can_be_translated():
    """What is shown of a standard scope is asked of the catalogs, and an operator's text is not."""
    asked = []

    def note(text):
        asked.append(text)
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portal.scopes._", note)
        for name in (*STANDARD, "x.y"):
            ScopeCatalog().describe(name)
        ours = {text for entry in STANDARD.values() for text in (
            entry.title.best(), entry.description.best(), entry.group.best(),
        )}  # fmt: skip
        assert ours <= set(asked)
        asked.clear()
        own = {"email": Entry(title=words("Mail"), description=words("Yours."))}
        ScopeCatalog(own).describe("email")
        assert asked == ["In your name"]
