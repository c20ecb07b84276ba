"""What mails say, and that nothing can be smuggled into one."""

import email
from email.policy import default

import pytest

from portal.mail import Letter, compose
from portal.mail.letters import KINDS, Unsendable, circumstances, duration, said
from portal.origin import Origin
from tests.mail.letters import NOW, VALUES


def made(letter: Letter, **more: str):
    options = {"sender": "no-reply@example.org", "site": "Example Bank", "host": "example.org"}
    message = compose(letter, mail_id="1", now=NOW, **options | more)
    return email.message_from_bytes(message.as_bytes(), policy=default)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_whose_site_when_and_from_where(kind: str) -> None:
    mail = made(Letter("ann@example.org", kind, VALUES))
    text = mail.get_content()
    assert "Example Bank" in mail["Subject"]
    assert "Example Bank" in " ".join(text.split())
    if kind not in ("invite", "set_password"):
        for name in ("when", "browser", "address"):
            assert VALUES[name] in " ".join(text.split())
    assert mail.get_content_type() == "text/plain"
    assert "None" not in text


@pytest.mark.parametrize(
    "kind", ["reset", "verify", "register", "invite", "set_password", "leave", "move"]
)
def test_a_link_stands_alone_on_its_line_and_says_how_long_it_works(kind: str) -> None:
    text = made(Letter("ann@example.org", kind, VALUES)).get_content()
    assert VALUES["link"] in text.splitlines()
    assert "30 minutes" in text


@pytest.mark.parametrize("kind", ["register_known", "move_taken"])
def test_a_mail_to_somebody_who_has_an_account_holds_no_key(kind: str) -> None:
    assert "token" not in made(Letter("ann@example.org", kind, VALUES)).get_content()


@pytest.mark.parametrize(
    "to",
    ["ann@example.org\r\nBcc: eve@example.org", "ann@example.org\n", "a b@example.org", "ann",
     "ann@example.org,eve@example.org", "<ann@example.org>, eve@example.org"],
)  # fmt: skip
def test_no_header_can_be_injected_by_an_address(to: str) -> None:
    try:
        mail = made(Letter(to, "reset", VALUES))
    except Unsendable:
        return
    assert "Bcc" not in mail
    assert len(mail["To"].addresses) == 1


def test_no_header_can_be_injected_by_a_setting() -> None:
    with pytest.raises(Unsendable):
        made(Letter("ann@example.org", "reset", VALUES), site="x\r\nBcc: eve@example.org")
    mail = made(Letter("ann@example.org", "reset", VALUES), sender="x\r\nBcc: <eve@example.org>")
    assert "Bcc" not in mail


def test_what_a_browser_says_about_itself_is_not_repeated() -> None:
    told = circumstances(Origin(address="203.0.113.7", user_agent="Visit evil.example now!"), NOW)
    assert told["browser"] == "An unknown browser"
    assert circumstances(Origin(), NOW)["address"] == "unknown"


def test_a_domain_is_spelled_as_mail_servers_know_it() -> None:
    assert "xn--mnchen-3ya.example" in str(made(Letter("ann@münchen.example", "reset", VALUES)))


def test_a_letter_of_no_known_kind_or_without_its_values_is_not_sent() -> None:
    for letter in (Letter("a@b.org", "nonsense", VALUES), Letter("a@b.org", "reset", {})):
        with pytest.raises(Unsendable):
            said(letter, "Example")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1800, "30 minutes"), (3600, "1 hour"), (86400, "1 day"), (7 * 86400, "7 days"),
     (90, "90 seconds"), (150, "2 minutes"), (45, "45 seconds"), (5400, "90 minutes")],
)  # fmt: skip
def test_durations_are_words(seconds: int, words: str) -> None:
    assert duration(seconds) == words
