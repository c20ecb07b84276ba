"""People, apps and words that samples of several pages show.

Samples borrow the words of what makes these pages: they are looked up, and never taken into the
catalogs from here, so a text that is in none is a mistake of the sample.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from portal.apps import AppView, Link
from portal.claims import Datum
from portal.factors.totp import Picture, Setup
from portal.i18n import gettext, ngettext
from portal.writing import number

CHALLENGE: Final = "Zm9vYmFyYmF6" * 12
MARCH: Final = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
JUNE: Final = datetime(2026, 6, 1, 18, 5, tzinfo=UTC)


def words(message: str, **values: object) -> str:
    """A text of the catalogs, in the language that is spoken now."""
    found = gettext(message)
    return found.format(**values) if values else found


def counted(one: str, many: str, count: int) -> str:
    """The form of a text of the catalogs for *count*."""
    return ngettext(one, many, count).format(count=number(count))


def told(options: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The choices of a search as its listing shows them: values, and texts of the catalogs."""
    return tuple((value, words(text)) for value, text in options)


def capital(text: str) -> str:
    """*text* as it begins a line."""
    return text[0].upper() + text[1:]


def links() -> tuple[Link, ...]:
    """Everything that an app can link to."""
    return (
        Link(
            title=words("Website"),
            href="https://photos.example.org/",
            host="photos.example.org",
            is_home=True,
        ),
        Link(
            title=words("Privacy policy"),
            href="https://photos.example.org/privacy",
            host="photos.example.org",
        ),
        Link(
            title=words("Terms of service"),
            href="https://legal.example.net/tos",
            host="legal.example.net",
        ),
    )


def photos() -> AppView:
    """An app that is known and verified."""
    return AppView(
        client_id="photos",
        name="Photo Printer",
        initials="PP",
        hosts=("photos.example.org",),
        links=links(),
        verified=True,
        known_since=datetime(2024, 5, 2, tzinfo=UTC),
    )


def long_named() -> AppView:
    """An app whose every text is as long as may be."""
    return AppView(
        client_id=LONG_ID,
        name=LONG_NAME,
        initials="DP",
        hosts=LONG_HOSTS,
        links=links(),
    )


def email_datum() -> tuple[Datum, ...]:
    """What an app gets to know by ``email``."""
    return (Datum(label=words("E-mail"), value=ANN, note=words("confirmed")),)


def stale() -> str:
    """A form came too late."""
    return words("This page was open for too long. Nothing was changed: please try again.")


def wait() -> str:
    """Somebody was throttled."""
    return counted(
        "Too many attempts. Please try again in {count} minute.",
        "Too many attempts. Please try again in {count} minutes.",
        9,
    )


def short() -> str:
    """A password was too short."""
    return counted(
        "The password needs at least {count} character.",
        "The password needs at least {count} characters.",
        15,
    )


BARE: Final = AppView(client_id="b7f1", name="b7f1", initials="B")
LONG_ID: Final = "0f" * 64
LONG_NAME: Final = (
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft AG"
)
LONG_HOSTS: Final = (
    "a-very-long-subdomain-name.of-an-even-longer-host.example-company.example.org:8443",
    "127.0.0.1:5555",
)
SETUP: Final = Setup(
    sealed="0123abcd.c2VhbGVk",
    secret="JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP",
    uri="otpauth://totp/Example:ann%40example.org?secret=JBSWY3DPEHPK3PXP&issuer=Example",
    qr=Picture(side=29, path="M4 4h7v1h-7zM12 4h2v1h-2z"),
)
AGAIN: Final = "https://ory.example.org/oauth2/auth?client_id=photos&prompt=login"
TOKEN: Final = "dG9rZW4tb2YtYS1saW5rLWZvci10ZXN0cy1hbG9uZS0x"
NOT_IT: Final = "This is not the address that the mail was sent to."
NOBODY: Final = "This is not a valid e-mail address."
ANN: Final = "ann@example.org"
