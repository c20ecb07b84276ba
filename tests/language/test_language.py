"""Which language a page speaks: the app's, the person's, the one chosen here, the browser's."""

import httpx
import pytest

from portal import i18n
from tests.doubles.ory import OryDouble
from tests.driver import Browser, words
from tests.fixtures.portal import Portal
from tests.real.portal import Person


@pytest.fixture(autouse=True)
def _nobody_asked_yet() -> None:
    i18n.begin()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("de", "de"),
        ("pt-BR,pt;q=0.9", "pt"),
        ("zh-CN,zh;q=0.9,ja;q=0.5", "ja"),
        ("fr;q=0.2, de;q=0.8", "de"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("xx, *;q=0.5", "en"),
        ("de;q=high, es", "es"),
        ("de;q=nan, es;q=0.5", "es"),
        (",".join(["xx"] * 1000 + ["de"]), "en"),
        ("\x00;;;q=", "en"),
    ],
)
def test_a_browser_says_what_it_would_like(header: str, expected: str) -> None:
    i18n.begin(browser=header)
    assert i18n.language().tag == expected


def test_the_app_comes_before_the_person_and_the_person_before_the_browser() -> None:
    i18n.begin(chosen="fr.en", browser="ja")
    assert i18n.language().tag == "fr"
    i18n.heed_person("es-MX")
    assert i18n.language().tag == "es"
    i18n.heed_app(("xx", "de-AT"))
    assert i18n.language().tag == "de"


@pytest.mark.parametrize("locale", [None, 5, "", "tlh", ["de"]])
def test_a_setting_that_names_no_language_of_ours_is_none(locale: object) -> None:
    i18n.begin(browser="fr")
    i18n.heed_person(locale)
    assert i18n.language().tag == "fr"


def test_a_choice_against_what_an_app_asks_for_counts_while_it_asks_for_the_same() -> None:
    i18n.begin(chosen="en.de", browser="ja")
    i18n.heed_app(("de",))
    assert i18n.language().tag == "en"
    i18n.begin(chosen="en.de", browser="ja")
    i18n.heed_app(("fr",))
    assert i18n.language().tag == "fr"


@pytest.mark.parametrize("cookie", ["", "xx", "de.de.de", "<script>", "." * 5000])
def test_a_cookie_that_is_none_of_ours_chooses_nothing_else(cookie: str) -> None:
    i18n.begin(chosen=cookie)
    assert i18n.language().tag in ("en", "de")


def test_a_mail_is_written_in_its_readers_language() -> None:
    i18n.begin(browser="fr")
    with i18n.speaking("ar"):
        assert i18n.language().direction == "rtl"
    assert i18n.language().tag == "fr"


async def test_a_page_says_its_language_and_direction(http: httpx.AsyncClient) -> None:
    page = await http.get("/login", headers={"Accept-Language": "ar-EG"})
    assert '<html lang="ar" dir="rtl">' in page.text
    assert page.headers["content-language"] == "ar"
    assert "Accept-Language" in page.headers["vary"]


async def test_an_app_that_asks_for_a_language_gets_it_at_every_step(
    portal: Portal, ory: OryDouble, http: httpx.AsyncClient, ann: Person
) -> None:
    wish = {"ui_locales": ["tlh", "de-AT"]}
    login = ory.plant_login(oidc_context=wish)
    consent = ory.plant_consent(subject=ann.subject, context={"epoch": 0}, oidc_context=wish)
    logout = ory.plant_logout(request_url="/oauth2/sessions/logout?ui_locales=tlh+de-AT")
    for path in (
        f"/login?login_challenge={login}",
        f"/consent?consent_challenge={consent}",
        f"/logout?logout_challenge={logout}",
    ):
        page = await http.get(path, headers={"Accept-Language": "fr"})
        assert page.headers["content-language"] == "de", path


async def test_a_persons_own_setting_counts_on_their_pages(
    portal: Portal, browser: Browser
) -> None:
    carol = await portal.add_user("carol@example.org", profile={"locale": "es-MX"})
    await browser.open(f"{portal.url}/login")
    browser.fill("email", carol.email)
    browser.fill("password", carol.password)
    page = await browser.click("accept")
    assert page.response.headers["content-language"] == "es"


async def test_a_language_can_be_chosen_on_every_page(portal: Portal, browser: Browser) -> None:
    page = await browser.open(f"{portal.url}/login?next=/account/apps")
    assert page.response.headers["content-language"] == "en"
    browser.select("language", "fr")
    (button,) = [one for one in page.root.iter("button") if words(one) == "Change"]
    page = await browser.submit(button)
    assert page.response.headers["content-language"] == "fr"
    assert page.url.path == "/login"
    page = await browser.open(f"{portal.url}/")
    assert page.response.headers["content-language"] == "fr"


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "", "/a\r\nb", "/%2f"]
)
async def test_the_way_back_is_never_to_another_host(http: httpx.AsyncClient, back: str) -> None:
    answer = await http.post("/language", data={"language": "de", "back": back})
    assert (answer.status_code, answer.headers.get("location")) in ((303, "/"), (400, None))


async def test_a_language_that_the_pages_do_not_speak_changes_nothing(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.post("/language", data={"language": "tlh", "back": "/"})
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers
