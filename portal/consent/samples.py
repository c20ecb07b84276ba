"""Samples of the pages of ``consent``, in every state that changes their shape."""

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
from portal.sample_data import BARE, CHALLENGE, EMAIL, JUNE, LONG, PHOTOS

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


PERMISSIONS: Final = (
    permission(
        "openid",
        "Know that it is you",
        "The app learns an ID that stands for you. So it knows you when you come back.",
        group="About you",
        ticked=True,
    ),
    permission(
        "email",
        "See your e-mail address",
        "Your e-mail address, and whether it is confirmed.",
        group="About you",
        data=EMAIL,
        ticked=True,
    ),
    permission(
        "offline_access",
        "Keep access while you are away",
        "The app can go on with what you allow here when you do not use it.",
        group="While you are away",
        emphasised=True,
        caution="It ends when you remove the app's access.",
        is_new=True,
        needed=True,
    ),
    permission(
        "photos.read",
        "photos.read",
        "The app made this permission up. Nobody has told us what it does.",
        group="Not explained",
        emphasised=True,
        caution="Allow it only if you know what it is for.",
        is_new=True,
    ),
)
PROFILE: Final = permission(
    "profile",
    "See your name and profile",
    "Your name, and what else your profile says about you.",
    group="About you",
    data=(
        Datum(label="Name", value="Ann Example"),
        Datum(label="Nickname", value="Annie"),
        Datum(label="Date of birth", value="31 December 1990"),
        Datum(label="Picture", value="https://photos.example.org/" + "ann/" * 40),
        Datum(label="Language", value="de-AT"),
        Datum(label="Risk class"),
    ),
)


def durations(*offered: str, chosen: str = "once") -> tuple[DurationView, ...]:
    """Once, then values and texts in turn; the last is the longest."""
    pairs = [("once", "This time only"), *zip(offered[::2], offered[1::2], strict=True)]
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
SUMMARY: Final = (
    SummaryLine(title="Know that it is you"),
    SummaryLine(title="See your e-mail address", shared="ann@example.org"),
)
CONSENT: Final = ConsentPage(
    challenge=CHALLENGE,
    app=PHOTOS,
    account="ann@example.org",
    switch_url="https://ory.example.org/oauth2/auth?client_id=photos&prompt=login",
    permissions=PERMISSIONS,
    durations=durations("2592000", "For 30 days", "always", "Until I remove it"),
    audience=AUDIENCE,
    summary=SUMMARY,
)
SAMPLES: Final[dict[str, Page]] = {
    "consent": CONSENT,
    "consent-fresh": msgspec.structs.replace(
        CONSENT, app=LONG, audience=(), summary=(), permissions=PERMISSIONS[2:]
    ),
    "consent-new-app": msgspec.structs.replace(
        CONSENT, app=NEW, permissions=(PROFILE, *PERMISSIONS)
    ),
    "consent-more": msgspec.structs.replace(
        CONSENT,
        history="You allowed this app something on 3 March 2026. What is new this time is marked.",
        audience=(AUDIENCE[0], msgspec.structs.replace(AUDIENCE[1], is_new=True)),
    ),
    "consent-refused": msgspec.structs.replace(
        CONSENT,
        status=422,
        summary=(),
        durations=durations("86400", "For 1 day", "2592000", "For 30 days", chosen="2592000"),
        error="Choose at least one permission, or deny.",
    ),
    "consent-other-browser": msgspec.structs.replace(
        CONSENT, account=None, app=BARE, durations=(), audience=()
    ),
    "consent-nothing-asked": ConsentPage(
        challenge=CHALLENGE, app=PHOTOS, account="ann@example.org"
    ),
    "consent-nothing-asked-refused": ConsentPage(
        challenge=CHALLENGE,
        app=PHOTOS,
        error="This form was open for too long. Please decide again.",
    ),
    "consent-empty-allowed": msgspec.structs.replace(CONSENT, may_allow_nothing=True),
    "consent-device": msgspec.structs.replace(CONSENT, is_device=True, audience=(), durations=()),
    "consent-expired": msgspec.structs.replace(
        CONSENT,
        history="You allowed this on 3 March 2026, for 30 days. That time is over, so you are "
        "asked again.",
        permissions=tuple(
            msgspec.structs.replace(p, ticked=False, was_allowed=not p.is_new) for p in PERMISSIONS
        ),
        summary=(),
    ),
    "consent-removed": msgspec.structs.replace(
        CONSENT,
        history="You removed this app's access on 3 March 2026.",
        permissions=PERMISSIONS[3:],
        durations=durations("604800", "For 7 days"),
        audience=(),
        summary=(),
    ),
    "summary": SummaryPage(lines=SUMMARY),
    "summary-empty": SummaryPage(),
}
