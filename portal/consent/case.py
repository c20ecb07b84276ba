"""One consent request with everything that is known about it here, read in one go."""

import msgspec

from portal import i18n
from portal.apps import clean_name, safe_url
from portal.consent.duration import chosen
from portal.consent.forms import ConsentForm, SummaryForm
from portal.consent.view import Ticks
from portal.decisions import (
    StaleSignInError,
    UnrequestedError,
    challenge_hash,
    login_session_hash,
    with_sign_in,
)
from portal.grants import Ask, Policy
from portal.ory.authorization import AuthorizationParameters
from portal.ory.models import (
    ACCESS_DENIED,
    LOGIN_REQUIRED,
    ConsentRequest,
    Reject,
)
from portal.services import Visitor
from portal.settings import Settings
from portal.store import Rows
from portal.store.tables import FlowRecord, GrantRecord, LoginSession, Revocation, User


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision table, the page and the answer are made from."""

    request: ConsentRequest
    parameters: AuthorizationParameters
    flow: FlowRecord
    is_kept: bool
    """Whether the row of the request is in the database."""
    ask: Ask
    user: User | None
    grant: GrantRecord | None
    policy: Policy
    pending: tuple[Revocation, ...]
    same_browser: bool
    """Whether the browser that asks is the one that answered the login; only it sees personal data.
    """
    signed_out: bool = False
    """Somebody ended the sign-in behind it since."""

    @property
    def silent(self) -> bool:
        """The app wants no page: ``prompt=none``."""
        return "none" in self.parameters.prompt


async def read_case(
    rows: Rows, request: ConsentRequest, *, visitor: Visitor, keep: bool = True
) -> Case:
    """Read everything about *request* in the unit of work that may answer it, and *keep* its row
    from its first sight on: it knows the way to start again.

    The pair is locked in it, so that nothing is decided on a grant that somebody revokes meanwhile.
    """
    client = request.client
    grant = await rows.grants.find(request.subject, client.client_id, lock=True)
    found = await rows.standings.find(
        request.subject,
        client.client_id,
        session_id_hash=login_session_hash(request.login_session_id),
        challenge_hash=challenge_hash(request.challenge),
    )
    flow = found.flow or _flow(request, visitor)
    if found.flow is None and keep:
        flow = await rows.flows.open(flow)
    user, session = found.user, found.session
    pending: tuple[Revocation, ...] = ()
    if found.has_pending:
        pending = await rows.revocations.pending_for(
            request.subject, client.client_id, logins=False
        )
    same_browser = _answered_login(visitor, session)
    if user is not None and same_browser:
        i18n.heed_person(user.profile.get("locale"))
    return Case(
        request=request,
        parameters=AuthorizationParameters.of(request.request_url),
        flow=flow,
        is_kept=keep or found.flow is not None,
        ask=Ask(
            subject=request.subject,
            client_id=client.client_id,
            client_name=clean_name(client.client_name) or clean_name(client.client_id),
            client_uri=safe_url(client.client_uri),
            scopes=request.requested_scope,
            audience=request.requested_access_token_audience,
        ),
        user=user,
        grant=grant,
        policy=Policy.of(found.policy),
        pending=pending,
        same_browser=same_browser,
        signed_out=session is not None and session.ended_at is not None,
    )


def _answered_login(visitor: Visitor, session: LoginSession | None) -> bool:
    """Whether *visitor* is the browser that signed in."""
    if session is None or visitor.browser_hash is None:
        return False
    return session.browser_hash == visitor.browser_hash


def _flow(request: ConsentRequest, visitor: Visitor) -> FlowRecord:
    return FlowRecord(
        challenge_hash=challenge_hash(request.challenge),
        kind="consent",
        request_url=request.request_url,
        client_id=request.client.client_id,
        client_name=clean_name(request.client.client_name),
        subject=request.subject,
        state="open",
        created_at=visitor.now,
    )


def why_not(case: Case) -> Reject | None:
    """Why the sign-in behind the request does not count (any more); None if it does.

    Ory asks for consent also after the account was disabled, its password reset, or the sign-in
    ended by its person.
    """
    if case.user is None or case.user.disabled_at is not None:
        return LOGIN_REQUIRED if case.silent else ACCESS_DENIED
    context = case.request.context
    epoch = context.get("epoch") if isinstance(context, dict) else None
    if epoch == case.user.epoch and not case.signed_out:
        return None
    if case.silent:
        return LOGIN_REQUIRED
    raise StaleSignInError(with_sign_in(case.request.request_url))


def ticks_of(form: ConsentForm | SummaryForm, case: Case, settings: Settings) -> Ticks:
    """What was ticked, in the order it was requested, and for how long.

    A value that nobody requested, or offered, is refused, not dropped.
    """
    unrequested = set(form.grant_scope) - set(case.ask.scopes)
    unrequested |= set(form.grant_audience) - set(case.ask.audience)
    ticked = form.grant_scope + form.grant_audience
    repeated = len(set(form.grant_scope)) + len(set(form.grant_audience)) < len(ticked)
    if unrequested or repeated:
        raise UnrequestedError
    return Ticks(
        scopes=tuple(name for name in case.ask.scopes if name in form.grant_scope),
        audience=tuple(name for name in case.ask.audience if name in form.grant_audience),
        lasting=chosen(form.remember, settings, case.policy),
    )
