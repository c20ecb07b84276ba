"""``/password-strength``: asked by the field of a new password, wherever it stands."""

from typing import Any, Final

from litestar import Response, post

from portal.factors.levels import ENFORCED_LENGTH
from portal.strength import flow
from portal.strength.forms import StrengthForm
from portal.strength.pages import StrengthPage
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import find_person
from portal.web.visit import visit
from portal.web.wiring import Injected

PURPOSES: Final = ("new-password", "recovery", "registration", "account.password", "admin.users")
"""Of the forms that ask for a new password; one of them was shown to whoever asks."""


@post("/password-strength", status_code=200)
async def judge(request: AnyRequest, services: Injected) -> Response[Any]:
    """Say how easily the password is guessed, to a browser that was shown a form for it."""
    form = await read_form(request, StrengthForm)
    current = visit(request)
    shown = (
        current.token_fits(form.form_token, purpose, form.login_challenge) for purpose in PURPOSES
    )
    if not any(shown):
        return respond(request, StrengthPage(score=0, words=current.visitor.why_stale, status=403))
    person = await find_person(request)
    page = await flow.judge(
        form,
        email=person.user.email if person else form.email,
        min_length=_min_length(query(request).get("min_length", "")),
        visitor=current.visitor,
        services=services,
    )
    return respond(request, page)


def _min_length(text: str) -> int:
    """What the page said; only the page that takes the password decides."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else ENFORCED_LENGTH
