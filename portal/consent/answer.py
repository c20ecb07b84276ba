"""How an answer to a consent request is written down and told to Ory, asked or not."""

from datetime import timedelta

from portal import logs
from portal.claims import claims_for
from portal.consent.case import Case
from portal.consent.view import Ticks
from portal.decisions import new_decision_id, tell
from portal.grants import Given, given_silently
from portal.ory.models import AcceptConsent, ConsentSessionData, RedirectTo, Reject
from portal.revocations import carry_out
from portal.services import Services, Visitor
from portal.store import Rows


async def accept_silently(case: Case, *, visitor: Visitor, services: Services) -> RedirectTo:
    """Give what was requested; it is covered by the grant, or the operator answers for the
    client.
    """
    given = Given(
        decision_id=new_decision_id(),
        scopes=case.ask.scopes,
        audience=case.ask.audience,
        remember=False,
        expires_at=None,
        ory_remembers=not case.request.skip,
        at=visitor.now,
    )
    async with services.store.writing() as rows:
        await rows.flows.record_automatic(
            case.flow.challenge_hash,
            decision="accept",
            decision_id=given.decision_id,
            subject=case.ask.subject,
            answer={"scopes": list(given.scopes)},
            at=visitor.now,
        )
        before = await rows.grants.find(case.ask.subject, case.ask.client_id, lock=True)
        await rows.grants.save(given_silently(before, case.ask, given))
        await add_audit(rows, "grant.used", case, visitor, given=given)
    logs.step("consent.skipped", app=case.ask.client_name, scopes=given.scopes)
    return await tell_accept(case, given, remember=True, services=services)


async def refuse(case: Case, reject: Reject, *, visitor: Visitor, services: Services) -> RedirectTo:
    """Answer for the person, without asking: it was not their decision, and they can be asked
    another time.
    """
    async with services.store.writing() as rows:
        await rows.flows.record_automatic(
            case.flow.challenge_hash,
            decision="reject",
            decision_id=new_decision_id(),
            subject=case.ask.subject,
            answer={"error": reject.error},
            at=visitor.now,
        )
        await add_audit(rows, "consent.refused", case, visitor, reason=reject.error)
    logs.step("consent.refused", app=case.ask.client_name, reason=reject.error)
    return await services.ory.reject_consent(case.request, reject)


def as_given(
    case: Case, ticks: Ticks, decision_id: str, *, visitor: Visitor, services: Services
) -> Given:
    """What was decided. A browser that did not answer the login cannot make it last."""
    remember = ticks.remember and case.same_browser
    seconds = services.settings.remember_consent_for
    return Given(
        decision_id=decision_id,
        scopes=ticks.scopes,
        audience=ticks.audience,
        remember=remember,
        expires_at=visitor.now + timedelta(seconds=seconds) if remember and seconds else None,
        ory_remembers=remember and not case.request.skip,
        at=visitor.now,
    )


async def tell_accept(
    case: Case, given: Given, *, remember: bool, services: Services
) -> RedirectTo:
    """Tell Ory, after any deletion for the pair that it has not heard of: a late one would kill the
    new tokens.

    Ory is never told a duration: its listing forgets what has one, while the tokens live on
    (hydra-contract 3.6).
    """
    user = case.user
    claims = (
        claims_for(user, given.scopes, fake=services.settings.conformity_fake_claims)
        if user
        else {}
    )
    accept = AcceptConsent(
        grant_scope=given.scopes,
        grant_access_token_audience=given.audience,
        remember=remember,
        remember_for=0,
        session=ConsentSessionData(id_token=claims),
        context={"decision_id": given.decision_id},
    )

    async def call() -> RedirectTo:
        for revocation in case.pending:
            await carry_out(revocation, services)
        return await services.ory.accept_consent(case.request, accept)

    outcome = await tell(case.flow, call, services.store)
    logs.step("sent.back", app=case.ask.client_name)
    return outcome


async def add_audit(
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
    if given is not None:
        detail |= {
            "decision_id": given.decision_id,
            "scopes": list(given.scopes),
            "audience": list(given.audience),
            "remember": given.remember,
        }
    if reason is not None:
        detail["reason"] = reason
    await rows.audit.add(
        action,
        at=visitor.now,
        actor=case.ask.subject if given or action == "consent.denied" else "system",
        subject=case.ask.subject,
        client_id=case.ask.client_id,
        detail=detail,
        address=visitor.origin.address,
        user_agent=visitor.origin.user_agent,
    )
