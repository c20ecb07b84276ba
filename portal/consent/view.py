"""The consent page made from a request, a grant and what is ticked."""

from datetime import datetime, timedelta

import msgspec

from portal.apps import AppView
from portal.claims import shown_data
from portal.consent.pages import (
    AudienceView,
    ConsentPage,
    PermissionView,
    SummaryLine,
    element_ids,
)
from portal.grants import Ask, Policy, remembers, usual_duration
from portal.scopes import ScopeCatalog
from portal.settings import Settings
from portal.store.tables import GrantRecord, User


class Ticks(msgspec.Struct, frozen=True, kw_only=True):
    """Which boxes are ticked: requested names only, in the order they were requested."""

    scopes: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    remember: bool = False


def ask_page(
    ask: Ask,
    *,
    app: AppView,
    challenge: str,
    grant: GrantRecord | None,
    policy: Policy,
    person: User | None,
    switch_url: str,
    ticks: Ticks | None,
    catalog: ScopeCatalog,
    settings: Settings,
    now: datetime,
) -> ConsentPage:
    """The question. *ticks* is what was posted before; without it only what is still remembered is
    ticked.

    *person* is ``None`` for a browser that may not see whose request this is; it cannot make a
    decision last either.
    """
    held = _held(grant, policy, now)
    chosen = ticks or Ticks(
        scopes=tuple(name for name in ask.scopes if name in held), audience=ask.audience
    )
    scope_ids, audience_ids = element_ids(ask.scopes, ask.audience)
    return ConsentPage(
        challenge=challenge,
        app=app,
        account=person.email if person else None,
        switch_url=switch_url,
        permissions=tuple(
            _permission(
                scope,
                element_id,
                chosen,
                held=held,
                policy=policy,
                person=person,
                catalog=catalog,
            )
            for scope, element_id in zip(ask.scopes, scope_ids, strict=True)
        ),
        audience=tuple(
            AudienceView(value=name, element_id=element_id, ticked=name in chosen.audience)
            for name, element_id in zip(ask.audience, audience_ids, strict=True)
        ),
        may_remember=person is not None,
        remember=chosen.remember,
        remember_text=_in_words(policy.lasting(usual_duration(settings))),
        may_allow_nothing=settings.allow_empty_grant,
        summary=summary(chosen, person, catalog),
    )


def summary(ticks: Ticks, person: User | None, catalog: ScopeCatalog) -> tuple[SummaryLine, ...]:
    """What *ticks* amount to, with the actual data where *person* may see it.

    Where it may be used is said only of something that may be used.
    """
    permissions = tuple(
        SummaryLine(
            title=catalog.describe(scope).title,
            shared=shown_data(person, scope) if person else None,
        )
        for scope in ticks.scopes
    )
    places = tuple(SummaryLine(title="Use it at", shared=name) for name in ticks.audience)
    return permissions + places if permissions else ()


def needs(ask: Ask, missing: tuple[str, ...], catalog: ScopeCatalog) -> str:
    """Why *ask* is not allowed yet: the operator says that the app needs what is *missing*."""
    titles = " and ".join(f"“{catalog.describe(scope).title}”" for scope in missing)
    return f"{ask.client_name} needs {titles}: tick that too, or deny."


def _permission(
    scope: str,
    element_id: str,
    chosen: Ticks,
    *,
    held: frozenset[str],
    policy: Policy,
    person: User | None,
    catalog: ScopeCatalog,
) -> PermissionView:
    words = catalog.describe(scope)
    return PermissionView(
        scope=scope,
        element_id=element_id,
        title=words.title,
        description=words.description,
        shared=shown_data(person, scope) if person else None,
        ticked=scope in chosen.scopes,
        emphasised=words.emphasised,
        is_new=bool(held) and scope not in held,
        needed=scope in policy.required_scopes,
    )


def _held(grant: GrantRecord | None, policy: Policy, now: datetime) -> frozenset[str]:
    if grant is None or not remembers(grant, policy, now=now):
        return frozenset()
    return frozenset(grant.remembered_scopes)


def _in_words(span: timedelta | None) -> str:
    """How long "don't ask again" holds, in words."""
    if not span:
        return "until you remove it"
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if span >= size:
            count = round(span / size)
            return f"for {count} {unit}{'s' if count > 1 else ''}"
    minutes = max(1, round(span / timedelta(minutes=1)))
    return f"for {minutes} minute{'s' if minutes > 1 else ''}"
