"""The consent step: what an app asks for, what its user allows, and what Ory is told
(hydra-contract 3).

What is granted is requested ∩ ticked, scopes and audiences alike, because Ory checks neither. The
decision is committed before the accept goes out: an accept without its row would be a token that
nobody can find or revoke.
"""

from datetime import timedelta
from typing import Final

import msgspec

from portal import logs
from portal.apps import AppView
from portal.consent.answer import Answer, allow, deny, give_silently, refuse, tell_ory
from portal.consent.case import Case, read_case, ticks_of, why_not
from portal.consent.forms import ConsentForm, SummaryForm
from portal.consent.pages import ConsentPage, SummaryPage
from portal.consent.policy import Facts, Verdict, judge, revoked_at_ory
from portal.consent.view import Ticks, ask_page, needs, summary
from portal.decisions import AlreadyDecidedError, fetch, with_sign_in
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.ory.errors import OryError
from portal.ory.models import CONSENT_REQUIRED, ConsentRequest, RedirectTo
from portal.page import GoTo
from portal.reconciliation.comparing import end_unlisted
from portal.services import Services, Visitor
from portal.store import Rows

CHOOSE: Final = N_("Choose at least one permission, or deny.")
Outcome = ConsentPage | RedirectTo | GoTo


async def begin(challenge: str, *, visitor: Visitor, services: Services) -> Outcome:
    """Answer without asking where the decision table says so, else ask."""
    request = await fetch(services.ory.get_consent_request, challenge, services.store)
    case, step = await _first_step(request, visitor, services)
    if step is Verdict.LOOK and await _still_at_ory(case, visitor, services):
        case, step = await _first_step(request, visitor, services, listed=True)
    if isinstance(step, Answer):
        return await tell_ory(case, step, services)
    logs.step("consent.asked", app=case.ask.client_name, scopes=case.ask.scopes)
    return _page(case, None, visitor=visitor, services=services)


async def decide(form: ConsentForm, *, visitor: Visitor, services: Services) -> Outcome:
    """Allow or deny. Nothing is granted that was not both requested and ticked."""
    store = services.store
    request = await fetch(services.ory.get_consent_request, form.consent_challenge, store)
    async with store.writing() as rows:
        case = await read_case(rows, request, visitor=visitor)
        ticks = ticks_of(form, case, services.settings)
        answer = await _answer_of(rows, case, form, ticks, visitor=visitor, services=services)
    if isinstance(answer, str):
        return _page(case, ticks, visitor=visitor, services=services, error=answer, status=422)
    return await tell_ory(case, answer, services)


async def ask_again(
    form: ConsentForm | SummaryForm, *, visitor: Visitor, services: Services
) -> ConsentPage:
    """The same form with a fresh token, because the old one does not fit; nothing is decided."""
    case = await _reread(form, visitor, services)
    ticks = ticks_of(form, case, services.settings)
    return _page(
        case, ticks, visitor=visitor, services=services, error=visitor.why_stale, status=403
    )


async def summarise(
    form: SummaryForm, *, whole_page: bool, visitor: Visitor, services: Services
) -> SummaryPage | ConsentPage:
    """What the ticked boxes amount to; without a script it is the whole page again."""
    case = await _reread(form, visitor, services)
    ticks = ticks_of(form, case, services.settings)
    if whole_page:
        return _page(case, ticks, visitor=visitor, services=services)
    person = case.user if case.same_browser else None
    return SummaryPage(lines=summary(ticks, person, services.catalog, services.attributes))


async def _first_step(
    request: ConsentRequest, visitor: Visitor, services: Services, *, listed: bool = False
) -> tuple[Case, Answer | Verdict]:
    """What the table says, carried out as far as it can be: reading and writing are one unit.

    *listed*: Ory has said that it still lists the grant.
    """
    async with services.store.writing() as rows:
        case = await read_case(rows, request, visitor=visitor, keep=False)
        reject = why_not(case)
        if reject is None and case.flow.state == "decided":
            raise AlreadyDecidedError(case.flow.request_url)
        verdict = Verdict.REFUSE if reject else judge(_facts(case, visitor, services))
        if verdict is Verdict.ACCEPT or (verdict is Verdict.LOOK and listed):
            return case, await give_silently(rows, case, visitor=visitor)
        if verdict is Verdict.REFUSE:
            return case, await refuse(rows, case, reject or CONSENT_REQUIRED, visitor=visitor)
        if not case.is_kept:
            case = msgspec.structs.replace(case, flow=await rows.flows.open(case.flow))
            if case.flow.state == "decided":  # meanwhile
                raise AlreadyDecidedError(case.flow.request_url)
    return case, verdict


async def _answer_of(
    rows: Rows,
    case: Case,
    form: ConsentForm,
    ticks: Ticks,
    *,
    visitor: Visitor,
    services: Services,
) -> Answer | str:
    """The answer that the form gives, or why it gives none, for who filled it in."""
    reject = why_not(case)
    if reject is not None:
        return await refuse(rows, case, reject, visitor=visitor)
    if form.action == "reject":
        return await deny(rows, case, visitor=visitor)
    if case.ask.scopes and not ticks.scopes and not services.settings.allow_empty_grant:
        return _(CHOOSE)
    missing = case.policy.missing(case.ask, ticks.scopes)
    if missing:
        return needs(case.ask, missing, services.catalog)
    return await allow(rows, case, ticks, visitor=visitor, settings=services.settings)


async def _reread(form: ConsentForm | SummaryForm, visitor: Visitor, services: Services) -> Case:
    store = services.store
    request = await fetch(services.ory.get_consent_request, form.consent_challenge, store)
    async with store.writing() as rows:
        return await read_case(rows, request, visitor=visitor)


def _facts(case: Case, visitor: Visitor, services: Services) -> Facts:
    return Facts.of(
        case.request,
        case.parameters,
        case.grant,
        case.ask,
        case.policy,
        honour_skip_consent=services.settings.honour_skip_consent,
        now=visitor.now,
    )


def _page(
    case: Case,
    ticks: Ticks | None,
    *,
    visitor: Visitor,
    services: Services,
    error: str | None = None,
    status: int = 200,
) -> ConsentPage:
    page = ask_page(
        case.ask,
        app=AppView.of(
            case.request.client,
            redirect_uri=case.parameters.redirect_uri,
            verified=case.policy.verified,
            now=visitor.now,
        ),
        challenge=case.request.challenge,
        grant=case.grant,
        policy=case.policy,
        person=case.user if case.same_browser else None,
        switch_url=with_sign_in(case.request.request_url),
        ticks=ticks,
        catalog=services.catalog,
        attributes=services.attributes,
        settings=services.settings,
        now=visitor.now,
    )
    is_device = case.parameters.is_device
    return msgspec.structs.replace(
        page,
        error=error,
        status=status,
        is_device=is_device,
        durations=() if is_device else page.durations,
        history=None if is_device else page.history,
    )


async def _still_at_ory(case: Case, visitor: Visitor, services: Services) -> bool:
    """Whether Ory lists the grant; if it should and does not, somebody revoked it there."""
    try:
        listed = await services.ory.list_consent_sessions(case.ask.subject)
    except OryError:
        return False
    if any(session.client_id == case.ask.client_id for session in listed):
        return True
    if case.grant is not None and revoked_at_ory(
        case.grant,
        first_seen=case.flow.created_at,
        now=visitor.now,
        challenge_lifetime=timedelta(seconds=services.settings.challenge_ttl),
    ):
        async with services.store.writing() as rows:
            await end_unlisted(rows, case.grant, now=visitor.now)
    return False
