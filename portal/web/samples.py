"""Samples of the pages that say what went wrong."""

from portal.page import Page
from portal.sample_data import words
from portal.web.pages import ProblemPage


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    return {
        "problem": ProblemPage(
            status=410,
            title=words("This link has expired"),
            message=words(
                "For your safety a sign-in request is only good for a short while. "
                "Start again at the app."
            ),
            start_again="https://ory.example.org/oauth2/auth?client_id=photos",
            reference="0197c0de-5ab1-7000-8000-000000000001",
        ),
        "problem-retry": ProblemPage(
            status=503,
            title=words("Please try again in a moment"),
            message=words(
                "A service that we need does not answer right now. Wait a moment, "
                "then try again. What you chose may have to be chosen once more."
            ),
            retry=True,
            code="temporarily_unavailable",
            reference="0197c0de-5ab1-7000-8000-000000000001",
        ),
        "problem-account": ProblemPage(
            status=403,
            title=words("This is not for you"),
            message=words(
                "Your account may not see this page. Sign out to sign in with another one."
            ),
            account="ann@example.org",
        ),
        "problem-bare": ProblemPage(
            status=404, title=words("There is no such page"), message=words("Nothing on this page")
        ),
    }
