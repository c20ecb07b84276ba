"""``/language``: takes what was chosen at the foot of a page, and leads back to that page."""

from typing import Any

from litestar import Response, post

from portal import i18n
from portal.language.forms import LanguageForm
from portal.page import GoTo, is_local
from portal.web.cookies import BROWSER_LIFETIME, LANGUAGE
from portal.web.inputs import AnyRequest, read_form
from portal.web.respond import respond
from portal.web.visit import visit


@post("/language", status_code=200)
async def choose(request: AnyRequest) -> Response[Any]:
    """Keep it in a cookie. It decides nothing and shows nothing, so that no token is asked for."""
    form = await read_form(request, LanguageForm)
    current = visit(request)
    chosen, instead_of = i18n.find_language(form.language), i18n.find_language(form.instead_of)
    if chosen:
        kept = i18n.make_choice(chosen, instead_of or chosen)
        cookie = current.web.cookies.write(LANGUAGE, kept, lifetime=BROWSER_LIFETIME)
        current.set_cookies.append(cookie)
    return respond(request, GoTo(form.back if is_local(form.back) else "/"))
