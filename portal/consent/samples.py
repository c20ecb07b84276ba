"""Samples of the pages of ``consent``, in every state that changes their shape."""

from datetime import date
from typing import Any, Final

import msgspec

from portal.apps import AppView
from portal.claims import Datum
from portal.consent.pages import (
    AudienceView,
    ConsentPage,
    DurationView,
    PermissionView,
    SummaryLine,
    SummaryPage,
    element_ids,
)
from portal.page import Page
from portal.sample_data import (
    BARE,
    CHALLENGE,
    JUNE,
    MARCH,
    capital,
    counted,
    email_datum,
    long_named,
    photos,
    stale,
    words,
)
from portal.writing import long_day

NEW: Final = AppView(
    client_id="new",
    name="Free Prizes",
    initials="FP",
    hosts=("prizes.example.net",),
    known_since=JUNE,
    is_new=True,
)


def permission(scope: str, title: str, description: str, **more: Any) -> PermissionView:
    """One box; its id as the flow chooses it."""
    ((element_id,), _) = element_ids([scope])
    return PermissionView(
        scope=scope, element_id=element_id, title=title, description=description, **more
    )


def durations(*offered: str, chosen: str = "once") -> tuple[DurationView, ...]:
    """Once, then values and texts in turn; the last is the longest."""
    pairs = [("once", words("This time only")), *zip(offered[::2], offered[1::2], strict=True)]
    last = pairs[-1][0]
    return tuple(
        DurationView(
            value=value,
            element_id="remember" if value == last else f"remember-{number}",
            text=text,
            chosen=value == chosen,
        )
        for number, (value, text) in enumerate(pairs, start=1)
    )


AUDIENCE: Final = (
    AudienceView(value="https://api.example.org/photos", element_id="audience-1", ticked=True),
    AudienceView(value="https://print.example.net", element_id="audience-2"),
)


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    permissions = (
        permission(
            "openid",
            words("Know that it is you"),
            words("The app learns an ID that stands for you. So it knows you when you come back."),
            group=words("About you"),
            ticked=True,
        ),
        permission(
            "email",
            words("See your e-mail address"),
            words("Your e-mail address, and whether it is confirmed."),
            group=words("About you"),
            data=email_datum(),
            ticked=True,
        ),
        permission(
            "offline_access",
            words("Keep access while you are away"),
            words("The app can go on with what you allow here when you do not use it."),
            group=words("While you are away"),
            emphasised=True,
            caution=words("It ends when you remove the app's access."),
            is_new=True,
            needed=True,
        ),
        permission(
            "photos.read",
            "photos.read",
            words("The app made this permission up. Nobody has told us what it does."),
            group=words("Not explained"),
            emphasised=True,
            caution=words("Allow it only if you know what it is for."),
            is_new=True,
        ),
    )
    profile = permission(
        "profile",
        words("See your name and profile"),
        words("Your name, and what else your profile says about you."),
        group=words("About you"),
        data=(
            Datum(label=words("Name"), value="Ann Example"),
            Datum(label=words("Nickname"), value="Annie"),
            Datum(label=words("Date of birth"), value=long_day(date(1990, 12, 31))),
            Datum(label=words("Picture"), value="https://photos.example.org/" + "ann/" * 40),
            Datum(label=words("Language"), value="de-AT"),
            Datum(label="Risk class"),
        ),
    )
    summary = (
        SummaryLine(title=words("Know that it is you")),
        SummaryLine(title=words("See your e-mail address"), shared="ann@example.org"),
    )
    consent = ConsentPage(
        challenge=CHALLENGE,
        app=photos(),
        account="ann@example.org",
        switch_url="https://ory.example.org/oauth2/auth?client_id=photos&prompt=login",
        permissions=permissions,
        durations=durations(
            "2592000",
            capital(counted("for {count} day", "for {count} days", 30)),
            "always",
            words("Until I remove it"),
        ),
        audience=AUDIENCE,
        summary=summary,
    )
    return {
        "consent": consent,
        "consent-fresh": msgspec.structs.replace(
            consent, app=long_named(), audience=(), summary=(), permissions=permissions[2:]
        ),
        "consent-new-app": msgspec.structs.replace(
            consent, app=NEW, permissions=(profile, *permissions)
        ),
        "consent-more": msgspec.structs.replace(
            consent,
            history=words(
                "You allowed this app something on {day}. What is new this time is marked.",
                day=long_day(MARCH),
            ),
            audience=(AUDIENCE[0], msgspec.structs.replace(AUDIENCE[1], is_new=True)),
        ),
        "consent-refused": msgspec.structs.replace(
            consent,
            status=422,
            summary=(),
            durations=durations(
                "86400",
                capital(counted("for {count} day", "for {count} days", 1)),
                "2592000",
                capital(counted("for {count} day", "for {count} days", 30)),
                chosen="2592000",
            ),
            error=words("Choose at least one permission, or deny."),
        ),
        "consent-other-browser": msgspec.structs.replace(
            consent, account=None, app=BARE, durations=(), audience=()
        ),
        "consent-nothing-asked": ConsentPage(
            challenge=CHALLENGE, app=photos(), account="ann@example.org"
        ),
        "consent-nothing-asked-refused": ConsentPage(
            challenge=CHALLENGE,
            app=photos(),
            error=stale(),
        ),
        "consent-empty-allowed": msgspec.structs.replace(consent, may_allow_nothing=True),
        "consent-device": msgspec.structs.replace(
            consent, is_device=True, audience=(), durations=()
        ),
        "consent-expired": msgspec.structs.replace(
            consent,
            history=words(
                "You allowed this on {day}, {lasting}. That time is over, so you are asked again.",
                day=long_day(MARCH),
                lasting=counted("for {count} day", "for {count} days", 30),
            ),
            permissions=tuple(
                msgspec.structs.replace(p, ticked=False, was_allowed=not p.is_new)
                for p in permissions
            ),
            summary=(),
        ),
        "consent-removed": msgspec.structs.replace(
            consent,
            history=words("You removed this app's access on {day}.", day=long_day(MARCH)),
            permissions=permissions[3:],
            durations=durations(
                "604800", capital(counted("for {count} day", "for {count} days", 7))
            ),
            audience=(),
            summary=(),
        ),
        "summary": SummaryPage(lines=summary),
        "summary-empty": SummaryPage(),
    }
