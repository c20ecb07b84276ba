"""The operator's first day: what is connected, what is missing, and the next thing to do.

``portal doctor`` looks at all of it and takes its time. Here is what the portal knows by itself,
and what one short question to Ory tells.
"""

import asyncio
from typing import Final

from portal.i18n import gettext as _
from portal.ory.errors import OryError, OryKeyError, OryUnavailableError
from portal.services import Services
from portal.settings import Settings
from portal.store.tables import User
from portal.store.user_index import UserSearch
from portal.welcome.pages import Fact

PATIENCE: Final = 1.0
"""Seconds that Ory may take for it: the page is for somebody who waits."""
DOCTOR: Final = "portal doctor"


async def checklist(admin: User | None, services: Services) -> tuple[Fact, ...]:
    """What *admin* should know; ``None`` is whoever comes by in development."""
    ory = await _ory(services)
    async with services.store.reading() as rows:
        people, __ = await rows.user_index.count(UserSearch())
        protected = await rows.user_index.protected((admin.subject,)) if admin else frozenset()
    facts = [*ory, _people(people, admin), _mail(services.settings), _https(services.settings)]
    if admin:
        facts.append(_second_factor(is_set_up=admin.subject in protected))
    facts.append(_name(services.settings))
    return tuple(facts)


async def _ory(services: Services) -> tuple[Fact, ...]:
    """Whether Ory answers, and whether it knows an app."""
    try:
        async with asyncio.timeout(PATIENCE):
            clients = await services.ory.list_clients(at_most=1)
    except OryKeyError:
        return (
            Fact(
                state="trouble",
                words=_("Ory refuses the API key"),
                advice=_("Set ORY_API_KEY to a key of this project, then look again with:"),
                command=DOCTOR,
            ),
        )
    except (OryUnavailableError, TimeoutError):
        return (
            Fact(
                state="trouble",
                words=_("Ory does not answer"),
                advice=_("Is HYDRA_ADMIN_URL right, and does Ory run? This tells more:"),
                command=DOCTOR,
            ),
        )
    except OryError:
        return (
            Fact(
                state="trouble",
                words=_("What answers is not Ory"),
                advice=_("HYDRA_ADMIN_URL has to be the address of the admin API. Look with:"),
                command=DOCTOR,
            ),
        )
    return (Fact(state="done", words=_("Ory answers")), _apps(has_apps=bool(clients)))


def _apps(*, has_apps: bool) -> Fact:
    if has_apps:
        return Fact(state="done", words=_("Apps are registered"))
    return Fact(
        state="missing",
        words=_("No app is registered yet"),
        advice=_("An app has to be registered before people can sign in to it."),
        command='portal clients create --name "My app" --redirect-uri https://…',
    )


def _people(count: int, admin: User | None) -> Fact:
    if count > (1 if admin else 0):
        return Fact(state="done", words=_("People have accounts"))
    if admin:
        return Fact(
            state="missing",
            words=_("Nobody but you has an account"),
            advice=_("Invite somebody under People, bring in many from a file, or type:"),
            command="portal users create ann@example.org",
        )
    return Fact(
        state="missing",
        words=_("Nobody has an account yet"),
        advice=_("Begin with an administrator:"),
        command="portal users create you@example.org --admin",
    )


def _mail(settings: Settings) -> Fact:
    if settings.smtp_url is not None:
        return Fact(state="done", words=_("Mails are sent"))
    if settings.development:
        advice = _("Mails are written into the log. Set PORTAL_SMTP_URL to send them.")
    else:
        advice = _("Without it nobody can set a forgotten password anew. Set PORTAL_SMTP_URL.")
    return Fact(state="missing", words=_("No mail server is set"), advice=advice)


def _https(settings: Settings) -> Fact:
    if settings.secure:
        return Fact(state="done", words=_("People come by https"))
    if settings.development:
        return Fact(
            state="missing",
            words=_("This portal is for development"),
            advice=_("For other people, set BASE_URL to its address with https, and SECRET_KEY."),
        )
    return Fact(
        state="trouble",
        words=_("People do not come by https"),
        advice=_("Passwords can be read on the way. Set BASE_URL to an address with https."),
    )


def _second_factor(*, is_set_up: bool) -> Fact:
    if is_set_up:
        return Fact(state="done", words=_("You have a second factor"))
    return Fact(
        state="missing",
        words=_("You have no second factor"),
        advice=_("Whoever finds out your password can administer this place."),
        link="/account/security",
        button=_("Set one up"),
    )


def _name(settings: Settings) -> Fact:
    if settings.site_name != settings.host_name:
        return Fact(state="done", words=_("This place has a name"))
    return Fact(
        state="missing",
        words=_("This place has no name yet"),
        advice=_("Set PORTAL_SITE_NAME to what people call it; it stands in mails, too."),
    )
