"""The consent page made from a request, a grant and what is ticked."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from portal.apps import AppView
from portal.attributes import AttributeCatalog
from portal.claims import Datum, in_one_line, shown_data
from portal.consent.duration import value_of
from portal.consent.pages import (
    AudienceView,
    ConsentPage,
    DurationView,
    PermissionView,
    SummaryLine,
    element_ids,
)
from portal.grants import (
    ONCE,
    Ask,
    Policy,
    choices,
    chosen_duration,
    in_words,
    lasted,
    remembered_since,
    remembers,
    remembers_something,
    shorter,
    span_in_words,
)
from portal.i18n import gettext as _
from portal.scopes import ScopeCatalog
from portal.settings import Settings
from portal.store.tables import GrantRecord, User
from portal.writing import long_day, quoted


class Ticks(msgspec.Struct, frozen=True, kw_only=True):
    """Which boxes are ticked: requested names only, in the order they were requested."""

    scopes: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    lasting: timedelta | None = ONCE
    """How long the decision is to hold, before any limit; ``None``: until it is revoked."""


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
    attributes: AttributeCatalog,
    settings: Settings,
    now: datetime,
) -> ConsentPage:
    """The question. *ticks* is what was posted before; without it only what is still remembered is
    ticked, and never more than this time is chosen.

    *person* is ``None`` for a browser that may not see whose request this is, nor what they
    answered before; it cannot make a decision last either.
    """
    held = _held(grant, policy, now) if person else frozenset()
    before = _allowed_before(grant) if person else frozenset()
    chosen = ticks or Ticks(
        scopes=tuple(name for name in ask.scopes if name in held), audience=ask.audience
    )
    scope_ids, audience_ids = element_ids(ask.scopes, ask.audience)
    permissions = [
        _permission(
            scope,
            element_id,
            chosen,
            held=held,
            before=before,
            policy=policy,
            person=person,
            catalog=catalog,
            attributes=attributes,
        )
        for scope, element_id in zip(ask.scopes, scope_ids, strict=True)
    ]
    permissions.sort(key=lambda permission: catalog.describe(permission.scope).rank)
    had = frozenset(grant.audience) if person and grant and before else None
    return ConsentPage(
        challenge=challenge,
        app=app,
        account=person.email if person else None,
        switch_url=switch_url,
        permissions=tuple(permissions),
        audience=tuple(
            AudienceView(
                value=name,
                element_id=element_id,
                ticked=name in chosen.audience,
                is_new=had is not None and name not in had,
            )
            for name, element_id in zip(ask.audience, audience_ids, strict=True)
        ),
        history=_history(grant, policy, permissions, now) if person else None,
        durations=_durations(chosen.lasting, settings, policy) if person else (),
        may_allow_nothing=settings.allow_empty_grant,
        summary=summary(chosen, person, catalog, attributes),
    )


def summary(
    ticks: Ticks, person: User | None, catalog: ScopeCatalog, attributes: AttributeCatalog
) -> tuple[SummaryLine, ...]:
    """What *ticks* amount to, with the actual data where *person* may see it.

    Where it may be used is said only of something that may be used.
    """
    permissions = tuple(
        SummaryLine(
            title=catalog.describe(scope).title,
            shared=in_one_line(_data(person, scope, catalog, attributes)),
        )
        for scope in sorted(ticks.scopes, key=lambda scope: catalog.describe(scope).rank)
    )
    places = tuple(
        SummaryLine(title=_("Where it may use this"), shared=name) for name in ticks.audience
    )
    return permissions + places if permissions else ()


def needs(ask: Ask, missing: tuple[str, ...], catalog: ScopeCatalog) -> str:
    """Why *ask* is not allowed yet: the operator says that the app needs what is *missing*."""
    titles = quoted(catalog.describe(scope).title for scope in missing)
    text = _("{app} needs {permissions}: tick that too, or deny.")
    return text.format(app=ask.client_name, permissions=titles)


def _permission(
    scope: str,
    element_id: str,
    chosen: Ticks,
    *,
    held: frozenset[str],
    before: frozenset[str],
    policy: Policy,
    person: User | None,
    catalog: ScopeCatalog,
    attributes: AttributeCatalog,
) -> PermissionView:
    words = catalog.describe(scope)
    return PermissionView(
        scope=scope,
        element_id=element_id,
        title=words.title,
        description=words.description,
        group=words.group,
        data=_data(person, scope, catalog, attributes),
        ticked=scope in chosen.scopes,
        emphasised=words.emphasised,
        caution=words.caution,
        is_new=bool(before) and scope not in before,
        was_allowed=scope in before - held,
        needed=scope in policy.required_scopes,
    )


def _data(
    person: User | None, scope: str, catalog: ScopeCatalog, attributes: AttributeCatalog
) -> tuple[Datum, ...]:
    if person is None:
        return ()
    return shown_data(person, scope, catalog=catalog, attributes=attributes)


def _held(grant: GrantRecord | None, policy: Policy, now: datetime) -> frozenset[str]:
    if grant is None or not remembers(grant, policy, now=now):
        return frozenset()
    return frozenset(grant.remembered_scopes)


def _allowed_before(grant: GrantRecord | None) -> frozenset[str]:
    """What the app was allowed and still has, if it was not to be asked about again once."""
    if grant is None or grant.revoked_at is not None or not remembers_something(grant):
        return frozenset()
    return frozenset(grant.scopes)


def _durations(
    lasting: timedelta | None, settings: Settings, policy: Policy
) -> tuple[DurationView, ...]:
    spans = choices(settings, policy)
    chosen = shorter(lasting, spans[-1])
    return tuple(
        DurationView(
            value=value_of(span),
            element_id="remember" if span == spans[-1] else f"remember-{number}",
            text=_as_choice(span),
            chosen=span == chosen,
        )
        for number, span in enumerate(spans, start=1)
    )


def _as_choice(span: timedelta | None) -> str:
    if span is None:
        return _("Until I remove it")
    words = in_words(span)
    return words[0].upper() + words[1:]


def _history(
    grant: GrantRecord | None, policy: Policy, asked: Iterable[PermissionView], now: datetime
) -> str | None:
    """Why the person is asked although they have answered before; the old answer by name."""
    if grant is None:
        return None
    if grant.revoked_at is not None:
        by_person = grant.revoke_reason == "user"
        removed, was_removed = (
            _("You removed this app's access on {day}."),
            _("This app's access was removed on {day}."),
        )
        return (removed if by_person else was_removed).format(day=long_day(grant.revoked_at))
    if not remembers_something(grant):
        return None
    if not remembers(grant, policy, now=now):
        return _over(grant, policy, now)
    if not any(permission.is_new for permission in asked):
        return None
    text = _("You allowed this app something on {day}. What is new this time is marked.")
    return text.format(day=long_day(remembered_since(grant)))


def _over(grant: GrantRecord, policy: Policy, now: datetime) -> str:
    """Why what was allowed does not hold any more."""
    since, span = remembered_since(grant), chosen_duration(grant)
    was: dict[str, str] = {"day": long_day(since), "lasting": lasted(grant)}
    if policy.longest is None or (span is not None and now >= since + span):
        text = _("You allowed this on {day}, {lasting}. That time is over, so you are asked again.")
        return text.format(**was)
    text = _(
        "You allowed this on {day}, {lasting}. Your organisation has limited this to {limit} "
        "since, so you are asked again."
    )
    return text.format(**was, limit=span_in_words(policy.longest))
