"""A letter's values, and a language that can be told from English, for tests."""

import gettext
from datetime import UTC, datetime

NOW = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
VALUES = {
    "when": "14 Mar 2026, 09:26 UTC",
    "browser": "Firefox on Linux",
    "address": "203.0.113.7",
    "good_for": "30 minutes",
    "link": "https://login.example.org/recover/reset?token=" + "A" * 43,
    "login": "https://login.example.org/login",
    "recover": "https://login.example.org/recover",
    "security": "https://login.example.org/account/security",
    "new": "anna@example.org",
}


class Marked(gettext.NullTranslations):
    """A catalog that has every text: as it is, with the language before it."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self._mark = "" if tag == "en" else f"[{tag}] "

    def gettext(self, message: str) -> str:
        return self._mark + message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self._mark + super().ngettext(msgid1, msgid2, n)
