"""A letter's values, for tests."""

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
