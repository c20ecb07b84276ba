"""The administrator's pages speak the reader's language; what is kept and logged stays English."""

import gettext
from datetime import UTC, datetime, timedelta

import pytest

from portal import i18n, writing
from portal.admin import audit_listing, audit_pages, bulk_pages, drift_pages, grant_pages, wording
from portal.admin.audit_search import as_typed, problems, read_wanted
from portal.admin.grant_listing import total
from portal.admin.search_pages import what_is_wrong
from portal.grants import in_words, span_in_words
from portal.origin import browser_in_words
from portal.store import Tally
from portal.store.tables import AuditEvent
from portal.web.inputs import HostileInputError

AT = datetime(2026, 3, 14, 15, 9, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15) Firefox/133.0"


class Loud(gettext.NullTranslations):
    """A catalog in which everything is translated, so that what is not can be seen."""

    def gettext(self, message: str) -> str:
        return f"«{message}»"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"«{msgid1 if n == 1 else msgid2}»"


@pytest.fixture
def loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n.Language, "catalog", property(lambda _: Loud()))


def an_event(action: str, *, actor: str, **detail: str) -> AuditEvent:
    return AuditEvent(
        id="1",
        occurred_at=AT,
        action=action,
        actor=actor,
        address="",
        user_agent="",
        detail=detail,
    )


@pytest.mark.usefixtures("loud")
def test_words_made_before_anybody_reads_are_looked_up_where_they_are_shown() -> None:
    event = an_event("grant.revoked", actor="cli")
    row = audit_listing.row_view(event, {})
    job = bulk_pages.JobView(id="1", state="waiting", started_by="x", started=AT)
    found = drift_pages.FoundView(client_id="x", app_name="x", kind="grant.revived")
    run = drift_pages.RunView(started_by="x", started=AT, state="done", found=(("unread", 2),))
    grant = grant_pages.GrantRowView(
        subject="x", client_id="x", app_name="x", since=AT, last_used=AT, state="pending"
    )
    assert row.words == "«Access removed»"
    assert row.actor_text == "«The command line»"
    assert job.state_text == "«Waiting for Ory»"
    assert (found.what, found.done) == (
        "«Removed here, but alive at Ory»",
        "«Removed at Ory again.»",
    )
    assert (run.state_text, run.counts) == ("«Done»", (("«Could not be read»", 2),))
    assert grant.state_text == "«Removal under way»"
    assert grant_pages.term_in_words("used", "before-365d") == "«Not for a year»"
    assert wording.trouble_in_words("OryKeyError").startswith("«Ory refuses the API key")
    assert wording.reason_in_words("second sweep").startswith("«It was given")
    assert in_words(timedelta(days=30)) == "«for 30 days»"
    assert span_in_words(timedelta(hours=1)) == "«1 hour»"
    assert "Firefox" in browser_in_words(FIREFOX)
    assert "«a Mac»" in browser_in_words(FIREFOX)


@pytest.mark.usefixtures("loud")
def test_what_was_typed_and_what_is_kept_is_never_looked_up() -> None:
    event = an_event("later.version", actor="Saved.", reason="Done")
    row = audit_listing.row_view(event, {"Saved.": "saved@example.org"})
    assert row.actor_text == "saved@example.org"
    assert row.notes == ("«{label}: {value}»".format(label="«Reason»", value="Done"),)
    assert grant_pages.term_in_words("client", "Stopped") == "Stopped"
    assert wording.reason_in_words("Stopped") == "Stopped"
    assert audit_pages.actor_in_words("Done") == "Done"


@pytest.mark.usefixtures("loud")
def test_the_log_says_in_english_what_the_page_says_in_the_readers_language() -> None:
    """The page of a refusal looks its words up; the log takes them as they are."""
    with pytest.raises(HostileInputError) as refused:
        read_wanted({"since": "2026-02-30"})
    assert "«" not in str(refused.value)
    shown = what_is_wrong(problems(as_typed({"since": "2026-02-30"})), {"since": "From day"})
    assert shown["problems"] == (("since", "«From day»", f"«{refused.value}»"),)
    assert shown["status"] == 400


@pytest.mark.parametrize(
    ("tally", "words"),
    [
        (Tally(grants=0, people=0, apps=0), "Nothing"),
        (Tally(grants=1, people=1, apps=1), "1 entry"),
        (Tally(grants=2, people=1, apps=2), "2 entries: 1 person, 2 apps"),
        (Tally(grants=12_345, people=9_000, apps=1), "12,345 entries: 9,000 people, 1 app"),
        (Tally(grants=1_234_567, people=0, apps=0, exact=False), "About 1.2 million entries"),
        (Tally(grants=12_345, people=0, apps=0, exact=False), "About 12,000 entries"),
    ],
)
def test_what_was_found_is_counted_in_a_sentence(tally: Tally, words: str) -> None:
    assert total(tally) == words


@pytest.mark.parametrize(
    ("tag", "million", "thousands"),
    [("de", "1,2 Millionen", "12.345"), ("ja", "120万", "12,345"), ("en", "1.2 million", "12,345")],
)
def test_numbers_are_written_as_the_language_does(tag: str, million: str, thousands: str) -> None:
    with i18n.speaking(tag):
        assert writing.roughly(1_234_567) == million
        assert writing.number(12_345) == thousands


@pytest.mark.parametrize(
    ("told", "news"), [(None, False), ("removing-2", False), ("removing-1", True)]
)
def test_progress_is_said_aloud_by_tenths_and_not_every_two_seconds(
    told: str | None, news: bool
) -> None:
    job = bulk_pages.JobView(
        id="1", state="removing", started_by="x", started=AT, matched=100, revoked=60, confirmed=25
    )
    assert bulk_pages.JobPage(account="x", job=job, told=told).has_news is news


def test_a_comparison_is_said_aloud_when_it_ends() -> None:
    run = drift_pages.RunView(started_by="x", started=AT, state="done", checked=9)
    assert drift_pages.DriftPage(account="x", runs=(run,), told="comparing-4").has_news
    assert not drift_pages.DriftPage(account="x", runs=(run,), told="done-4").has_news
    assert not drift_pages.DriftPage(account="x", told="done-4").has_news
