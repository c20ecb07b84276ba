"""The device step: a code connects a device's request with this browser (hydra-contract 5).

Which app it is for, Ory tells only afterwards: the login and the consent step say it, and there the
person decides. Here they are told to go on only with a device of their own.
"""

import math
from typing import Final
from urllib.parse import parse_qs, urlsplit

from portal import logs
from portal.decisions import (
    CHALLENGE,
    DeviceLinkExpiredError,
    DeviceLinkUnknownError,
    challenge_hash,
)
from portal.device.forms import MAX_CODE, CodeForm, normalised, shown
from portal.device.pages import CodePage, EndPage, StartPage
from portal.device.throttle import CodeTry, admit, take_back
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.ory.errors import (
    ChallengeExpiredError,
    ChallengeUnknownError,
    ChallengeUsedError,
    OryError,
    OryRefusalError,
)
from portal.ory.models import RedirectTo
from portal.services import Services, Visitor
from portal.throttle import please_wait

EMPTY: Final = N_("Type the code that your device shows.")
NOT_VALID: Final = N_(
    "This code is not valid. Compare it with the one on your device. Codes last a few minutes and "
    "work once: your device can show you a new one."
)


async def begin(challenge: str, user_code: str, *, services: Services) -> CodePage:
    """Ask for the code. One that came with the link is filled in, and sent by nobody but the
    person.
    """
    _check(challenge, services)
    code = shown(user_code)
    logs.step("device.shown")
    return CodePage(
        challenge=challenge,
        code=code,
        came_with_link=bool(code),
        capitals=services.settings.device_code_uppercase,
    )


def connected() -> EndPage:
    """How it ends where the device goes on."""
    return EndPage(
        title=_("You can go back to your device"),
        message=_("Your device goes on by itself in a moment. You can close this page."),
        advice=_("If nothing happens there, let your device show you a new code."),
    )


def denied() -> EndPage:
    """How it ends after a Deny."""
    return EndPage(
        title=_("The request was denied"),
        message=_("The device gets nothing. You can close this page."),
        advice=_(
            "If you did not start this yourself, somebody may have tried to use your account. "
            "Do not enter a code that others send you."
        ),
    )


def start(services: Services) -> StartPage:
    """Say how to begin: only Ory can make a request."""
    return StartPage(start_url=services.ory.device_address)


async def verify(form: CodeForm, *, visitor: Visitor, services: Services) -> CodePage | RedirectTo:
    """Tell Ory the code. A wrong one is a page with what was typed."""
    _check(form.device_challenge, services)
    code = normalised(form.user_code, uppercase=services.settings.device_code_uppercase)
    if not code:
        return _again(form, _(EMPTY), services)
    if len(code) > MAX_CODE:
        return _again(form, _(NOT_VALID), services)
    tried = CodeTry(
        challenge_hash=challenge_hash(form.device_challenge),
        browser_hash=visitor.browser_hash,
        origin=visitor.origin,
    )
    async with services.store.writing() as rows:
        wait = await admit(rows, tried, now=visitor.now.timestamp())
    if wait:
        logs.step("device.throttled", origin=visitor.origin.address)
        seconds = math.ceil(wait)
        return _again(form, please_wait(seconds), services, status=429, retry_after=seconds)
    redirect = await _tell(form.device_challenge, code, tried, services)
    if redirect is None:
        logs.step("device.refused", origin=visitor.origin.address)
        return _again(form, _(NOT_VALID), services)
    await _record(redirect, tried, visitor=visitor, services=services)
    return redirect


async def ask_again(form: CodeForm, *, visitor: Visitor, services: Services) -> CodePage:
    """The same form with a fresh token, because the old one does not fit; Ory is not asked."""
    _check(form.device_challenge, services)
    return _again(form, visitor.why_stale, services, status=403)


async def _tell(challenge: str, code: str, tried: CodeTry, services: Services) -> RedirectTo | None:
    """Where Ory sends the browser; ``None``: the code is wrong, too old or used."""
    try:
        return await services.ory.accept_device(challenge, code)
    except OryRefusalError:
        return None
    except (ChallengeExpiredError, ChallengeUsedError) as exc:
        raise DeviceLinkExpiredError(services.ory.device_address) from exc
    except ChallengeUnknownError as exc:
        raise DeviceLinkUnknownError(services.ory.device_address) from exc
    except OryError:
        async with services.store.writing() as rows:
            await take_back(rows, tried)
        raise


async def _record(
    redirect: RedirectTo, tried: CodeTry, *, visitor: Visitor, services: Services
) -> None:
    client_id = _client_of(redirect)
    async with services.store.writing() as rows:
        await take_back(rows, tried)
        await rows.audit.add(
            "device.verified",
            at=visitor.now,
            actor=None,
            client_id=client_id,
            origin=visitor.origin,
        )
    logs.step("device.verified")  # its app has no name before the login step


def _client_of(redirect: RedirectTo) -> str | None:
    """The client that Ory names in its redirect; the person is told by the login step."""
    named = parse_qs(urlsplit(redirect.redirect_to).query).get("client_id", [""])[0]
    return named if 0 < len(named) <= 255 else None


def _check(challenge: str, services: Services) -> None:
    """Ory is not asked about what it cannot have issued."""
    if not CHALLENGE.fullmatch(challenge):
        raise DeviceLinkUnknownError(services.ory.device_address)


def _again(
    form: CodeForm,
    error: str,
    services: Services,
    *,
    status: int = 422,
    retry_after: int | None = None,
) -> CodePage:
    return CodePage(
        challenge=form.device_challenge,
        code=form.user_code[:MAX_CODE],
        capitals=services.settings.device_code_uppercase,
        error=error,
        status=status,
        retry_after=retry_after,
    )
