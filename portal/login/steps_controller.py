"""``/login/factor``, ``/login/enrol``, ``/login/new-password``: the steps after the first one."""

from typing import Any

from litestar import Response, get, post

from portal.login import enrolling, factor, new_password
from portal.login.controller import answer, read
from portal.login.forms import EnrolForm, FactorForm, NewPasswordForm, StepForm
from portal.login.pages import EnrolPage, FactorPage, NewPasswordPage
from portal.web.inputs import AnyRequest, query
from portal.web.session import local_path
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/login/factor")
async def ask_factor(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask for the second factor."""
    return await answer(
        request,
        await factor.ask(*_errand(request), visitor=visit(request).visitor, services=services),
    )


@post("/login/factor", status_code=200)
async def decide_factor(request: AnyRequest, services: Injected) -> Response[Any]:
    """Look at it."""
    form = await read(request, FactorForm)
    call = factor.decide if _fits(request, form, FactorPage.purpose) else factor.ask_again
    return await answer(
        request, await call(form, visitor=visit(request).visitor, services=services)
    )


@get("/login/enrol")
async def ask_enrol(request: AnyRequest, services: Injected) -> Response[Any]:
    """Offer to set up a second factor."""
    return await answer(
        request,
        await enrolling.ask(*_errand(request), visitor=visit(request).visitor, services=services),
    )


@post("/login/enrol", status_code=200)
async def decide_enrol(request: AnyRequest, services: Injected) -> Response[Any]:
    """Set it up."""
    form = await read(request, EnrolForm)
    call = enrolling.decide if _fits(request, form, EnrolPage.purpose) else enrolling.ask_again
    return await answer(
        request, await call(form, visitor=visit(request).visitor, services=services)
    )


@get("/login/new-password")
async def ask_new_password(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask for another password."""
    return await answer(
        request,
        await new_password.ask(
            *_errand(request), visitor=visit(request).visitor, services=services
        ),
    )


@post("/login/new-password", status_code=200)
async def decide_new_password(request: AnyRequest, services: Injected) -> Response[Any]:
    """Set it."""
    form = await read(request, NewPasswordForm)
    fits = _fits(request, form, NewPasswordPage.purpose)
    call = new_password.decide if fits else new_password.ask_again
    return await answer(
        request, await call(form, visitor=visit(request).visitor, services=services)
    )


def _errand(request: AnyRequest) -> tuple[str, str]:
    """The challenge, and where the portal's own sign-in leads."""
    asked = query(request)
    return asked.get("login_challenge", ""), local_path(asked.get("next"))


def _fits(request: AnyRequest, form: StepForm, purpose: str) -> bool:
    return visit(request).token_fits(form.form_token, purpose, form.login_challenge)
