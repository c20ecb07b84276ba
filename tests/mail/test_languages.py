"""A mail is in the language of whoever reads it, whoever had it sent."""

from datetime import UTC, datetime

import httpx
import msgspec
import pytest
import uuid_utils.compat

from portal import i18n, postbox
from portal.accounts import WeakPasswordError, administration, check_password, recovery
from portal.accounts.errors import as_sentence
from portal.accounts.password_policy import strength
from portal.mail import Letter, compose
from portal.mail.letters import KINDS, duration, said
from portal.origin import Origin
from portal.passwords import PasswordTooLongError
from portal.store.tables import OutgoingMail
from tests.driver import Browser
from tests.fixtures.mail import MailServer, Outbox, written
from tests.fixtures.portal import NewPortal, Portal
from tests.mail.letters import NOW, VALUES, Marked


@pytest.fixture(autouse=True)
def _marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_catalog", Marked)
    i18n.begin()


@pytest.fixture
def portal(mailing: Portal) -> Portal:
    return mailing


async def ask(portal: Portal, browser: Browser, path: str, email: str) -> None:
    await browser.open(f"{portal.url}{path}")
    browser.fill("email", email)
    page = await browser.click("send")
    assert page.status == 200


@pytest.mark.parametrize(
    ("setting", "expected"), [("de-AT", "de"), ("tlh", "fr"), (None, "fr"), (5, "fr")]
)
async def test_a_mail_is_in_the_readers_own_language_and_else_in_that_of_the_page(
    portal: Portal,
    browser: Browser,
    http: httpx.AsyncClient,
    outbox: Outbox,
    setting: object,
    expected: str,
) -> None:
    carol = await portal.add_user("carol@example.org", profile={"locale": setting})
    http.headers["Accept-Language"] = "fr"
    await ask(portal, browser, "/recover", carol.email)
    await ask(portal, browser, "/register", carol.email)
    await ask(portal, browser, "/register", "new@example.org")
    letters = await outbox()
    assert [letter.language for letter in letters] == [expected, expected, "fr"]
    assert letters[0].values["good_for"] == f"[{expected}] 30 minutes"


async def test_a_notice_is_in_the_language_of_who_is_told_not_of_who_did_it(portal: Portal) -> None:
    carol = await portal.add_user("carol@example.org", profile={"locale": "de"})
    admin = await portal.add_user("admin@example.org", admin=True)
    i18n.begin(browser="ja")
    await administration.change_address(
        portal.services,
        carol.subject,
        email="caroline@example.org",
        actor=admin.subject,
        now=datetime.now(UTC),
        origin=Origin(user_agent="curl/8"),
    )
    letters = await written(portal)
    assert [letter.language for letter in letters] == ["de", "de"]
    assert letters[0].values["address"] == "[de] unknown"
    assert i18n.language().tag == "ja"


async def test_a_first_password_is_mailed_in_the_readers_language(portal: Portal) -> None:
    carol = await portal.add_user("carol@example.org", profile={"locale": "ar"}, password_hash=None)
    admin = await portal.add_user("admin@example.org", admin=True)
    await recovery.send_first(
        portal.services, carol.subject, actor=admin.subject, now=datetime.now(UTC)
    )
    (letter,) = await written(portal)
    assert (letter.language, letter.values["good_for"]) == ("ar", "[ar] 7 days")


async def test_it_is_sent_in_that_language_though_nobody_is_asking_then(
    new_portal: NewPortal, mail_server: MailServer
) -> None:
    portal = await new_portal(PORTAL_SMTP_URL=mail_server.url)
    letter = Letter("ann@example.org", "reset", VALUES, language="de")
    async with portal.store.writing() as rows:
        await postbox.post(rows, portal.services, letter, now=datetime.now(UTC))
    await postbox.deliver(portal.services, now=datetime.now(UTC))
    (mail,) = mail_server.received
    assert mail.message["Content-Language"] == "de"
    assert mail.message["Subject"] == "[de] A new password for login.example.org"
    assert "[de] Somebody, hopefully you" in mail.text


async def test_a_mail_that_was_kept_before_there_were_languages_is_sent_in_english(
    new_portal: NewPortal, mail_server: MailServer
) -> None:
    portal = await new_portal(PORTAL_SMTP_URL=mail_server.url)
    kept = {"to": "ann@example.org", "kind": "reset", "values": VALUES, "until": None}
    now = datetime.now(UTC)
    async with portal.store.writing() as rows:
        await rows.outgoing_mails.add(
            OutgoingMail(
                id=str(uuid_utils.compat.uuid7()),
                sealed=portal.services.sealer.seal(
                    msgspec.json.encode(kept).decode(), postbox.PURPOSE
                ),
                created_at=now,
                due_at=now,
            )
        )
    await postbox.deliver(portal.services, now=now)
    (mail,) = mail_server.received
    assert mail.message["Subject"] == "A new password for login.example.org"
    assert "14 Mar 2026, 09:26 UTC" in mail.text


@pytest.mark.parametrize("kind", KINDS)
def test_every_sentence_of_a_mail_can_be_translated(kind: str) -> None:
    subject, text = said(Letter("ann@example.org", kind, VALUES, language="ar"), "Bank")
    data = {VALUES[name] for name in ("link", "login", "recover", "security")}
    paragraphs = [p for p in text.strip().split("\n\n") if p.removeprefix("[ar] ") not in data]
    assert subject.startswith("[ar] ")
    assert paragraphs
    assert all(paragraph.startswith("[ar] ") for paragraph in paragraphs)


@pytest.mark.parametrize("to", ["ann@example.org", "ann@münchen.example"])
def test_any_writing_fits_into_a_mail(to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "كلمة مرور جديدة لـ {site} — 新しいパスワード"
    monkeypatch.setattr(Marked, "gettext", lambda _, message: words)
    mail = compose(
        Letter(to, "reset", VALUES, language="ar"),
        mail_id="1",
        sender="a@example.org",
        site="Bank",
        host="example.org",
        now=NOW,
    )
    assert str(mail["Subject"]) == words.format(site="Bank")
    assert words.format(site="Bank") in mail.get_content()


def test_times_are_written_as_the_reader_writes_them() -> None:
    with i18n.speaking("de"):
        assert postbox.circumstances(Origin(), NOW)["when"] == "14. März 2026, 09:26:00 UTC"
        assert duration(3600) == "[de] 1 hour"


def test_a_refusal_is_told_in_the_readers_language_and_in_english_to_a_terminal() -> None:
    i18n.begin(browser="de")
    with pytest.raises(WeakPasswordError) as refused:
        check_password("short", email="ann@example.org", min_length=15)
    assert as_sentence(refused.value) == "[de] The password needs at least 15 characters."
    assert str(refused.value) == "the password needs at least 15 characters"
    assert as_sentence(PasswordTooLongError()).startswith("[de] This password is too long.")


def test_how_good_a_password_is_is_told_in_the_language_of_who_asks() -> None:
    found = [strength(text, min_length=8) for text in ("", "12345678", "vex7 quip tame heron")]
    i18n.begin(browser="de")
    assert [one.words.startswith("[de] ") for one in found] == [True] * 3


async def test_a_page_behind_a_mailed_link_is_in_its_readers_language(
    portal: Portal, http: httpx.AsyncClient
) -> None:
    for path in ("/recover/reset?token=x", "/register/finish?token=x", "/verify?token=x"):
        page = await http.get(path, headers={"Accept-Language": "de"})
        assert "[de] This link does not work any more" in page.text, path
        assert "[de] " in page.text.split("</h1>")[1], path
