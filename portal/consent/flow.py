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
from portal.consent.answer import (
    accept_silently,
    add_audit,
    as_given,
    refuse,
    tell_accept,
)
from portal.consent.case import Case, open_case, ticks_of, why_not
from portal.consent.forms import ConsentForm, SummaryForm
from portal.consent.pages import ConsentPage, SummaryPage
from portal.consent.policy import Facts, Verdict, judge, revoked_at_ory
from portal.consent.view import Ticks, ask_page, summary
from portal.decisions import AlreadyDecidedError, settle, tell, with_sign_in
from portal.grants import Given, decided, narrows, revoke
from portal.ory.errors import OryError
from portal.ory.models import (
    ACCESS_DENIED,
    CONSENT_REQUIRED,
    RedirectTo,
)
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import Revocation

CHOOSE: Final = "Choose at least one permission, or deny."


async def begin(
    challenge: str, *, visitor: Visitor, services: Services
) -> ConsentPage | RedirectTo:
    """Answer without asking where the decision table says so, else ask."""
    case = await open_case(challenge, visitor, services)
    refused = why_not(case)
    if refused is not None:
        return await refuse(case, refused, visitor=visitor, services=services)
    if case.flow.state == "decided":
        raise AlreadyDecidedError(case.flow.request_url)
    match judge(_facts(case, visitor, services)):
        case Verdict.ACCEPT:
            return await accept_silently(case, visitor=visitor, services=services)
        case Verdict.REFUSE:
            return await refuse(case, CONSENT_REQUIRED, visitor=visitor, services=services)
        case Verdict.LOOK if await _still_at_ory(case, visitor, services):
            return await accept_silently(case, visitor=visitor, services=services)
    logs.step("consent.asked", app=case.ask.client_name, scopes=case.ask.scopes)
    return _page(case, None, visitor=visitor, services=services)


async def decide(
    form: ConsentForm, *, visitor: Visitor, services: Services
) -> ConsentPage | RedirectTo:
    """Allow or deny. Nothing is granted that was not both requested and ticked."""
    case = await open_case(form.consent_challenge, visitor, services)
    ticks = ticks_of(form, case)
    refused = why_not(case)
    if refused is not None:
        return await refuse(case, refused, visitor=visitor, services=services)
    if form.action == "reject":
        return await _deny(case, visitor=visitor, services=services)
    if case.ask.scopes and not ticks.scopes and not services.settings.allow_empty_grant:
        return _page(case, ticks, visitor=visitor, services=services, error=CHOOSE, status=422)
    return await _allow(case, ticks, visitor=visitor, services=services)


async def ask_again(
    form: ConsentForm | SummaryForm, *, visitor: Visitor, services: Services
) -> ConsentPage:
    """The same form with a fresh token, because the old one does not fit; nothing is decided."""
    case = await open_case(form.consent_challenge, visitor, services)
    ticks = ticks_of(form, case)
    return _page(
        case, ticks, visitor=visitor, services=services, error=visitor.why_stale, status=403
    )


async def summarise(
    form: SummaryForm, *, whole_page: bool, visitor: Visitor, services: Services
) -> SummaryPage | ConsentPage:
    """What the ticked boxes amount to; changes nothing. Without a script it is the whole page
    again.
    """
    case = await open_case(form.consent_challenge, visitor, services)
    ticks = ticks_of(form, case)
    if whole_page:
        return _page(case, ticks, visitor=visitor, services=services)
    person = case.user if case.same_browser else None
    return SummaryPage(lines=summary(ticks.scopes, person, services.catalog))


def _facts(case: Case, visitor: Visitor, services: Services) -> Facts:
    return Facts.of(
        case.request,
        case.parameters,
        case.grant,
        case.ask,
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
        app=AppView.of(case.request.client, redirect_uri=case.parameters.redirect_uri),
        challenge=case.request.challenge,
        grant=case.grant,
        person=case.user if case.same_browser else None,
        switch_url=with_sign_in(case.request.request_url),
        ticks=ticks,
        catalog=services.catalog,
        settings=services.settings,
        now=visitor.now,
    )
    return msgspec.structs.replace(
        page, error=error, status=status, is_device=case.parameters.is_device
    )


async def _still_at_ory(case: Case, visitor: Visitor, services: Services) -> bool:
    """Whether Ory lists the grant. If it should and does not, somebody revoked it there: never
    undone silently.
    """
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
        await _mark_revoked_at_ory(case, visitor, services)
    return False


async def _mark_revoked_at_ory(case: Case, visitor: Visitor, services: Services) -> None:
    async with services.store.writing() as rows:
        await rows.grants.revoke(
            case.ask.subject, case.ask.client_id, reason="revoked at Ory", at=visitor.now
        )
        await rows.grants.mark_synced(
            case.ask.subject, case.ask.client_id, revoked_until=visitor.now, at=visitor.now
        )
        await add_audit(rows, "grant.revoked", case, visitor, reason="revoked at Ory")
    logs.step("grant.revoked", app=case.ask.client_name, reason="revoked at Ory")


async def _allow(case: Case, ticks: Ticks, *, visitor: Visitor, services: Services) -> RedirectTo:
    answer = {
        "scopes": list(ticks.scopes),
        "audience": list(ticks.audience),
        "remember": ticks.remember,
    }
    async with services.store.writing() as rows:
        settled = await settle(rows, case.flow, decision="accept", answer=answer, visitor=visitor)
        given = as_given(case, ticks, settled.decision_id, visitor=visitor, services=services)
        pending = case.pending
        if settled.is_new:
            pending += await _record(rows, case, given, visitor)
    settled.check()
    logs.step("consent.allowed", app=case.ask.client_name, scopes=given.scopes)
    sending = msgspec.structs.replace(case, pending=pending)
    return await tell_accept(sending, given, remember=given.remember, services=services)


async def _record(rows: Rows, case: Case, given: Given, visitor: Visitor) -> tuple[Revocation, ...]:
    """Write the grant, and the deletion that a narrowing needs before the accept."""
    before = await rows.grants.find(case.ask.subject, case.ask.client_id, lock=True)
    deletions: tuple[Revocation, ...] = ()
    if narrows(before, case.ask, given):
        deletions = (
            await revoke(
                rows,
                subject=case.ask.subject,
                client_id=case.ask.client_id,
                reason="narrowed",
                now=visitor.now,
            ),
        )
    await rows.grants.save(decided(before, case.ask, given))
    await add_audit(rows, "consent.allowed", case, visitor, given=given)
    return deletions


async def _deny(case: Case, *, visitor: Visitor, services: Services) -> RedirectTo:
    async with services.store.writing() as rows:
        settled = await settle(rows, case.flow, decision="reject", answer={}, visitor=visitor)
        if settled.is_new:
            await add_audit(rows, "consent.denied", case, visitor)
    settled.check()
    logs.step("consent.denied", app=case.ask.client_name)
    return await tell(
        case.flow,
        lambda: services.ory.reject_consent(case.request, ACCESS_DENIED),
        services.store,
    )
