"""``/admin/grants``: everybody's grants, to find and to revoke."""

import base64
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, Router, get, post
from litestar.exceptions import NotFoundException

from portal.admin.forms import RevokeForm
from portal.admin.pages import STATES, GrantRowView, GrantsPage, RevokePage, State
from portal.grants import Policy, remembered_until, remembers
from portal.page import GoTo
from portal.revocations import remove_access
from portal.services import Services
from portal.store import GrantRow, GrantSearch
from portal.store.tables import GrantRecord
from portal.web.inputs import AnyRequest, HostileInputError, query, read_form, require_clean
from portal.web.respond import respond
from portal.web.session import is_admin, person_of
from portal.web.visit import visit
from portal.web.wiring import Injected

PAGE: Final = 50
MAX_TERM: Final = 320
SEARCH: Final = ("user", "client", "scope", "state")
NOTICES: Final = {
    "revoked": "Access was removed. The app's tokens do not work any more.",
    "pending": "Access was removed here. Ory will be told as soon as it can be reached.",
}


@get("/")
async def overview(request: AnyRequest) -> Response[Any]:
    """The first admin page is the list of grants."""
    return respond(request, GoTo("/admin/grants"))


@get("/grants")
async def search(request: AnyRequest, services: Injected) -> Response[Any]:
    """Search; the address holds the whole search, so that it can be shared."""
    asked = query(request)
    terms = {name: asked.get(name, "") for name in SEARCH}
    if any(len(term) > MAX_TERM for term in terms.values()):
        raise HostileInputError("The search is longer than anything there is to find.")
    after = _position(asked["after"]) if "after" in asked else None
    async with services.store.reading() as rows:
        found = await rows.grants.search(GrantSearch(**terms), after=after, limit=PAGE)
        policies = await rows.policies.of_clients(row.grant.client_id for row in found.rows)
    now = visit(request).visitor.now
    page = GrantsPage(
        account=person_of(request).user.email,
        rows=tuple(
            _view(row, Policy.of(policies.get(row.grant.client_id)), now) for row in found.rows
        ),
        next_url=_next_url(terms, found.next),
        total_text=_total(len(found.rows), more=found.next is not None),
        notice=NOTICES.get(asked.get("notice", "")),
        user=terms["user"],
        client=terms["client"],
        scope=terms["scope"],
        state=terms["state"],
    )
    return respond(request, page)


@get("/grants/revoke")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask before a grant is revoked."""
    asked = query(request)
    row = await _find(services, asked.get("subject", ""), asked.get("client_id", ""))
    return respond(request, _question(row))


@post("/grants/revoke", status_code=200)
async def decide(request: AnyRequest, services: Injected) -> Response[Any]:
    """Revoke: here at once, at Ory at once or as soon as it can be reached."""
    form = await read_form(request, RevokeForm)
    current = visit(request)
    admin = person_of(request).user
    row = await _find(services, form.subject, form.client_id)
    if not current.token_fits(form.form_token, RevokePage.purpose):
        return respond(request, _question(row, error=current.visitor.why_stale))
    done = await remove_access(
        services,
        grant=row.grant,
        user=row.email or form.subject,
        actor=admin.subject,
        reason="admin",
        visitor=current.visitor,
        by=admin.email,
    )
    return respond(request, GoTo(f"/admin/grants?notice={'revoked' if done else 'pending'}"))


router = Router(path="/admin", route_handlers=[overview, search, ask, decide], guards=[is_admin])


async def _find(services: Services, subject: str, client_id: str) -> GrantRow:
    async with services.store.reading() as rows:
        grant = await rows.grants.find(subject, client_id)
        user = await rows.users.find(subject)
    if grant is None:
        raise NotFoundException
    return GrantRow(grant, user.email if user else None)


def _question(row: GrantRow, *, error: str | None = None) -> RevokePage:
    return RevokePage(
        status=403 if error else 200,
        error=error,
        subject=row.grant.subject,
        email=row.email,
        client_id=row.grant.client_id,
        app_name=row.grant.client_name,
        permissions=tuple(row.grant.scopes),
    )


def _view(row: GrantRow, policy: Policy, now: datetime) -> GrantRowView:
    grant, state = row.grant, _state(row.grant, policy, now)
    return GrantRowView(
        subject=grant.subject,
        email=row.email,
        client_id=grant.client_id,
        app_name=grant.client_name,
        permissions=tuple(grant.scopes),
        since=grant.granted_at,
        last_used=grant.last_accept_at,
        expires=remembered_until(grant, policy),
        remembered=bool(grant.remembered_scopes) and remembers(grant, policy, now=now),
        verified=policy.verified,
        state=state,
        state_text=STATES[state],
    )


def _state(grant: GrantRecord, policy: Policy, now: datetime) -> State:
    if grant.revoked_at is not None:
        return "revoked" if grant.revoke_synced_at else "pending"
    if grant.remembered_scopes and not remembers(grant, policy, now=now):
        return "expired"
    return "active"


def _total(shown: int, *, more: bool) -> str:
    if more:
        return f"The newest {shown} entries of this search"
    return "1 entry" if shown == 1 else f"{shown} entries"


def _next_url(terms: dict[str, str], position: tuple[datetime, str, str] | None) -> str | None:
    """The search again, from a position on: opaque to people, because it means nothing to them."""
    if position is None:
        return None
    moment, subject, client_id = position
    packed = msgspec.json.encode((moment.timestamp(), subject, client_id))
    after = base64.urlsafe_b64encode(packed).decode()
    kept = {name: value for name, value in terms.items() if value}
    return "/admin/grants?" + urlencode({**kept, "after": after})


def _position(text: str) -> tuple[datetime, str, str]:
    try:
        packed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        moment, subject, client_id = msgspec.json.decode(packed, type=tuple[float, str, str])
        require_clean(subject, client_id)
        return datetime.fromtimestamp(moment, UTC), subject, client_id
    except (ValueError, OverflowError, OSError, msgspec.DecodeError) as exc:
        raise HostileInputError("The address does not lead to a page of this list.") from exc
