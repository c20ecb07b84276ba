"""Samples of the pages that say what went wrong."""

from typing import Final

from portal.page import Page
from portal.web.pages import ProblemPage

SAMPLES: Final[dict[str, Page]] = {
    "problem": ProblemPage(
        status=410,
        title="This link has expired",
        message="For your safety a request is only good for a short while. Start again at the app.",
        start_again="https://ory.example.org/oauth2/auth?client_id=photos",
        reference="0197c0de-5ab1-7000-8000-000000000001",
    ),
    "problem-retry": ProblemPage(
        status=503,
        title="Please try again in a moment",
        message="A service that we need does not answer right now. Nothing was lost.",
        retry=True,
        code="temporarily_unavailable",
        reference="0197c0de-5ab1-7000-8000-000000000001",
    ),
    "problem-account": ProblemPage(
        status=403,
        title="This is not for you",
        message="Your account may not see this page.",
        account="ann@example.org",
    ),
    "problem-bare": ProblemPage(status=404, title="There is no such page", message="Sorry."),
}
