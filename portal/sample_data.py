"""People and apps that samples of several pages show."""

from datetime import UTC, datetime
from typing import Final

from portal.apps import AppView, Link
from portal.claims import Datum
from portal.factors.totp import Picture, Setup

CHALLENGE: Final = "Zm9vYmFyYmF6" * 12
MARCH: Final = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
JUNE: Final = datetime(2026, 6, 1, 18, 5, tzinfo=UTC)
LINKS: Final = (
    Link(
        title="Website",
        href="https://photos.example.org/",
        host="photos.example.org",
        is_home=True,
    ),
    Link(
        title="Privacy policy", href="https://photos.example.org/privacy", host="photos.example.org"
    ),
    Link(title="Terms of service", href="https://legal.example.net/tos", host="legal.example.net"),
)
PHOTOS: Final = AppView(
    client_id="photos",
    name="Photo Printer",
    initials="PP",
    hosts=("photos.example.org",),
    links=LINKS,
    verified=True,
    known_since=datetime(2024, 5, 2, tzinfo=UTC),
)
BARE: Final = AppView(client_id="b7f1", name="b7f1", initials="B")
LONG: Final = AppView(
    client_id="0f" * 64,
    name="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft AG",
    initials="DP",
    hosts=(
        "a-very-long-subdomain-name.of-an-even-longer-host.example-company.example.org:8443",
        "127.0.0.1:5555",
    ),
    links=LINKS,
)
EMAIL: Final = (Datum(label="E-mail", value="ann@example.org", note="confirmed"),)
STALE: Final = "This form was open for too long. Please try again."
SETUP: Final = Setup(
    sealed="0123abcd.c2VhbGVk",
    secret="JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP",
    uri="otpauth://totp/Example:ann%40example.org?secret=JBSWY3DPEHPK3PXP&issuer=Example",
    qr=Picture(side=29, path="M4 4h7v1h-7zM12 4h2v1h-2z"),
)
AGAIN: Final = "https://ory.example.org/oauth2/auth?client_id=photos&prompt=login"
TOKEN: Final = "dG9rZW4tb2YtYS1saW5rLWZvci10ZXN0cy1hbG9uZS0x"
WAIT: Final = "Too many attempts. Please try again in 9 minutes."
NOT_IT: Final = "This is not the address that the mail was sent to."
SHORT: Final = "The password needs at least 15 characters."
NOBODY: Final = "This is not a valid e-mail address."
ANN: Final = "ann@example.org"
