"""What a person sees when something did not work."""

from typing import ClassVar

from portal.page import Page


class ProblemPage(Page, frozen=True, kw_only=True):
    """What went wrong in a person's words, and what to do next."""

    template: ClassVar[str] = "errors/problem.html"
    partial: ClassVar[str | None] = "errors/_problem.html"
    target: ClassVar[str | None] = "#content"

    title: str
    message: str
    start_again: str | None = None
    """Where the app's request begins anew; an absolute URL of Ory's."""
    reference: str = ""
    """The request's id, to be quoted to whoever runs the portal."""
    retry: bool = False
    """The same again may well succeed in a moment."""
    account: str | None = None
    """Who is signed in, by e-mail, where another account may be what helps."""
    code: str | None = None
    """The technical name of the problem, for a bug report."""
