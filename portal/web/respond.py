"""The one place that turns an outcome into HTTP: a page, the partial that htmx swaps, or a
redirect.
"""

from typing import Any, Final

from litestar import Response

from portal import i18n
from portal.ory.models import RedirectTo
from portal.page import GoTo, Page, is_local
from portal.web.inputs import AnyRequest
from portal.web.pages import ProblemPage
from portal.web.visit import Visit, visit

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
CSP_WITH_FORMS: Final = CSP + "; form-action 'self'"
Outcome = Page | RedirectTo | GoTo


def respond(request: AnyRequest, outcome: Outcome) -> Response[Any]:
    """Answer *request* with *outcome*. Cookies that the visit collected go with it."""
    current = visit(request)
    if isinstance(outcome, Page):
        response = _page(request, outcome, current)
    else:
        target = (
            outcome.redirect_to
            if isinstance(outcome, RedirectTo)
            else current.web.settings.base_path + outcome.path
        )
        response = _redirect(request, target)
    response.headers["Vary"] = "HX-Request, Accept-Language"
    response.cookies.extend(current.set_cookies)
    return response


def is_htmx(request: AnyRequest) -> bool:
    """Whether htmx asks, and swaps the answer into a page."""
    return request.headers.get("hx-request") == "true"


def respond_to_search(request: AnyRequest, page: Page, path: str) -> Response[Any]:
    """Answer a search that goes on while somebody types: the address bar then shows *path*, which
    leaves empty fields out; a repetition is no new entry of the history.
    """
    response = respond(request, page)
    if is_htmx(request):
        url = visit(request).web.settings.base_path + path
        here = request.headers.get("hx-current-url", "").partition("#")[0].rstrip("?")
        again = "/" + "/".join(here.split("/")[3:]) == url  # as text: not every one is an address
        response.headers["HX-Push-Url"] = "false" if again else url
    return response


def _retargeting(request: AnyRequest, page: Page) -> dict[str, str]:
    """A problem replaces what the page says, a form itself: whatever was asked to be swapped.

    Unless the element that asked says that nothing else may be: then nothing is.
    """
    if page.target is None:
        return {}
    if request.headers.get("swap-only") == "target":
        return {"HX-Reswap": "none"}
    how = "innerHTML" if isinstance(page, ProblemPage) else "outerHTML"
    return {"HX-Retarget": page.target, "HX-Reswap": how}


def _redirect(request: AnyRequest, target: str) -> Response[Any]:
    """A fetch by htmx would follow a redirect to Ory into CORS, so there the address goes into a
    header.
    """
    if is_htmx(request):
        return Response(b"", status_code=200, headers={"HX-Redirect": target})
    status = 302 if request.method in ("GET", "HEAD") else 303
    return Response(b"", status_code=status, headers={"Location": target})


def _here(request: AnyRequest, page: Page) -> str | None:
    """The page's own address without the portal's prefix, where it can be called again; that of
    a refusal is not repeated, because nobody knows what stands in it.
    """
    if request.method not in ("GET", "HEAD") or page.status != 200:
        return None
    asked = request.scope["query_string"].decode("latin-1")
    here = f"{request.scope['path']}?{asked}" if asked else request.scope["path"]
    return here if is_local(here) else None


def _page(request: AnyRequest, page: Page, current: Visit) -> Response[Any]:
    headers = {
        "Content-Security-Policy": CSP if page.ends_at_ory else CSP_WITH_FORMS,
        "Content-Language": i18n.language().tag,
    }
    template = page.template
    if is_htmx(request) and page.partial:
        template = page.partial
        headers |= _retargeting(request, page)
    if page.retry_after is not None:
        headers["Retry-After"] = str(page.retry_after)
    html = current.web.templates.get_template(template).render(
        page=page, form_token=current.form_token, here=_here(request, page)
    )
    return Response(
        html.encode(),
        status_code=page.status,
        media_type="text/html",
        headers=headers,
    )
