"""An answer to a consent request: written down in the unit that found it, told to Ory after.

Whoever asked for it, a person or nobody, it takes this one way.
"""

from typing import Any, Final

import msgspec

from portal import logs
from portal.claims import claims_for
from portal.consent.case import Case
from portal.consent.duration import value_of
from portal.consent.view import Ticks
from portal.decisions import (
    AlreadyDecidedError,
    Settlement,
    after_reject,
    new_decision_id,
    settle,
    tell,
)
from portal.grants import (
    NARROWED,
    ONCE,
    Given,
    decided,
    given_silently,
    holds,
    narrows,
    revoke,
    shorter,
    usual_duration,
)
from portal.ory.models import (
    ACCESS_DENIED,
    AcceptConsent,
    ConsentSessionData,
    RedirectTo,
    Reject,
)
from portal.page import GoTo
from portal.revocations import carry_out
from portal.services import Services, Visitor
from portal.settings import Settings
from portal.store import Rows
from portal.store.tables import Revocation

LARGE_CLAIMS: Final = 4_096
"""Bytes. They travel to Ory in an address, and proxies refuse what is twice as long."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down, and has to be told: ``given``, or else ``reject``."""

    event: str
    """For the log: what happened."""
    given: Given | None = None
    remember_at_ory: bool = False
    """What Ory is told; of a silent accept too, so that its list proves that the grant lives."""
    reject: Reject | None = None
    deletions: tuple[Revocation, ...] = ()
    """To be carried out before the accept: a late one would kill the new tokens."""
    settlement: Settlement | None = None
    """How a person's decision fits in with earlier ones; ``None`` where nobody was asked."""


async def give_silently(rows: Rows, case: Case, *, visitor: Visitor) -> Answer:
    """Give what was requested: it is covered, or the operator answers for the client."""
    given = Given(
        decision_id=new_decision_id(),
        scopes=case.ask.scopes,
        audience=case.ask.audience,
        remember=False,
        expires_at=None,
        ory_remembers=not case.request.skip,
        listable=not case.request.skip,
        at=visitor.now,
    )
    await rows.flows.open_automatic(
        case.flow,
        decision="accept",
        decision_id=given.decision_id,
        subject=case.ask.subject,
        answer={"scopes": list(given.scopes)},
        at=visitor.now,
    )
    await rows.grants.save(given_silently(case.grant, case.ask, given), before=case.grant)
    await _audit(rows, "grant.used", case, visitor, given=given)
    return Answer(
        event="consent.skipped", given=given, remember_at_ory=True, deletions=case.pending
    )


async def refuse(rows: Rows, case: Case, reject: Reject, *, visitor: Visitor) -> Answer:
    """Answer for the person: it was not their decision, and they can be asked another time."""
    await rows.flows.open_automatic(
        case.flow,
        decision="reject",
        decision_id=new_decision_id(),
        subject=case.ask.subject,
        answer={"error": reject.error},
        at=visitor.now,
    )
    await _audit(rows, "consent.refused", case, visitor, reason=reject.error)
    return Answer(event="consent.refused", reject=reject)


async def deny(rows: Rows, case: Case, *, visitor: Visitor) -> Answer:
    """The person said no."""
    settlement = await settle(rows, case.flow, decision="reject", answer={}, visitor=visitor)
    if settlement.is_new:
        await _audit(rows, "consent.denied", case, visitor)
    return Answer(event="consent.denied", reject=ACCESS_DENIED, settlement=settlement)


async def allow(
    rows: Rows, case: Case, ticks: Ticks, *, visitor: Visitor, settings: Settings
) -> Answer:
    """The person said yes to *ticks*; unticking what the app had takes it away at Ory first.

    The same yes again, after what it gave was taken back, gives nothing.
    """
    answer = {
        "scopes": list(ticks.scopes),
        "audience": list(ticks.audience),
        "remember": value_of(ticks.lasting),
    }
    settlement = await settle(rows, case.flow, decision="accept", answer=answer, visitor=visitor)
    given = _given(case, ticks, settlement.decision_id, visitor=visitor, settings=settings)
    deletions = case.pending
    if not settlement.is_new and not holds(case.grant, given):
        gone = AlreadyDecidedError(case.flow.request_url)
        settlement = msgspec.structs.replace(settlement, refusal=settlement.refusal or gone)
    if settlement.is_new:
        if narrows(case.grant, case.ask, given):
            deletions += (await _take_back(rows, case, visitor),)
        await rows.grants.save(decided(case.grant, case.ask, given, case.policy))
        await _audit(rows, "consent.allowed", case, visitor, given=given)
    return Answer(
        event="consent.allowed",
        given=given,
        remember_at_ory=given.remember,
        deletions=deletions,
        settlement=settlement,
    )


async def tell_ory(case: Case, answer: Answer, services: Services) -> RedirectTo | GoTo:
    """Tell Ory what has been committed. A person's answer that may not count raises why."""
    if answer.settlement is not None:
        answer.settlement.check()
    scopes = answer.given.scopes if answer.given else ()
    logs.step(answer.event, app=case.ask.client_name, scopes=scopes)

    async def call() -> RedirectTo:
        for revocation in answer.deletions:
            await carry_out(revocation, services)
        if answer.given is None:
            return await services.ory.reject_consent(case.request, answer.reject or ACCESS_DENIED)
        return await services.ory.accept_consent(
            case.request, _accept(case, answer.given, answer, services)
        )

    redirect = await tell(case.flow, call, services.store)
    outcome = redirect if answer.given else after_reject(redirect, case.parameters)
    if outcome is redirect:
        logs.step("sent.back", app=case.ask.client_name)
    return outcome


def _accept(case: Case, given: Given, answer: Answer, services: Services) -> AcceptConsent:
    """Without a duration: Ory's listing forgets what has one, while the tokens live on
    (hydra-contract 3.6).
    """
    return AcceptConsent(
        grant_scope=given.scopes,
        grant_access_token_audience=given.audience,
        remember=answer.remember_at_ory,
        remember_for=0,
        session=ConsentSessionData(id_token=_claims(case, given, services)),
        context={"decision_id": given.decision_id},
    )


def _claims(case: Case, given: Given, services: Services) -> dict[str, Any]:
    """For the ID token and userinfo; nothing for the access token, which services read that nobody
    was asked about.
    """
    if case.user is None:
        return {}
    claims = claims_for(
        case.user,
        given.scopes,
        catalog=services.catalog,
        attributes=services.attributes,
        fake=services.settings.conformity_fake_claims,
    )
    size = len(msgspec.json.encode(claims))
    if size > LARGE_CLAIMS:
        logs.problem("claims.large", app=case.ask.client_name, count=size)
    return claims


def _given(
    case: Case, ticks: Ticks, decision_id: str, *, visitor: Visitor, settings: Settings
) -> Given:
    """What was decided. A browser that did not answer the login cannot make it last (ADR 0010), nor
    can a device, which is asked about each time. A limit that came after the form was shown cuts
    what was chosen.
    """
    may_last = case.same_browser and not case.parameters.is_device
    remember = may_last and ticks.lasting != ONCE
    lasting = shorter(ticks.lasting, case.policy.lasting(usual_duration(settings)))
    return Given(
        decision_id=decision_id,
        scopes=ticks.scopes,
        audience=ticks.audience,
        remember=remember,
        expires_at=visitor.now + lasting if remember and lasting else None,
        ory_remembers=remember and not case.request.skip,
        listable=not case.request.skip,
        at=visitor.now,
    )


def _remember_for(given: Given) -> int | str:
    """The choice, for the audit trail: seconds, or a word."""
    if not given.remember:
        return "once"
    if given.expires_at is None:
        return "always"
    return int((given.expires_at - given.at).total_seconds())


async def _take_back(rows: Rows, case: Case, visitor: Visitor) -> Revocation:
    return await revoke(
        rows,
        subject=case.ask.subject,
        client_id=case.ask.client_id,
        reason=NARROWED,
        now=visitor.now,
    )


async def _audit(
    rows: Rows,
    action: str,
    case: Case,
    visitor: Visitor,
    *,
    given: Given | None = None,
    reason: str | None = None,
) -> None:
    """One line of the audit trail, in the transaction of what it tells about."""
    detail: dict[str, object] = {"app": case.ask.client_name}
    if case.parameters.is_device:
        detail["device"] = True
    if given is not None:
        detail |= {
            "decision_id": given.decision_id,
            "scopes": list(given.scopes),
            "audience": list(given.audience),
        }
    if given is not None and action == "consent.allowed":
        detail["remember_for"] = _remember_for(given)
    if reason is not None:
        detail["reason"] = reason
    await rows.audit.add(
        action,
        at=visitor.now,
        actor=case.ask.subject if given or action == "consent.denied" else "system",
        subject=case.ask.subject,
        client_id=case.ask.client_id,
        detail=detail,
        origin=visitor.origin,
    )
