"""What an administrator can do to somebody, and what each act means in words and numbers."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import msgspec

from portal import accounts
from portal.accounts import administration, recovery
from portal.factors.levels import is_enforced
from portal.factors.standing import Standing
from portal.grants import in_words
from portal.i18n import N_, ngettext
from portal.i18n import gettext as _
from portal.services import Services, Visitor
from portal.sessions import Place
from portal.store.tables import User
from portal.writing import listed, number

LAST_ADMIN: Final = N_(
    "This is the last administrator who can sign in. "
    "Make somebody else an administrator first: else nobody could administer the portal any more."
)
NO_MAIL: Final = N_(
    "The portal cannot send mails, so nothing was sent. An operator can name a mail server with "
    "PORTAL_SMTP_URL, or set a password with: portal users set-password"
)
REALLY_THEM: Final = N_(
    "Make sure that it is really this person who asks: whoever can have this done "
    "with a telephone call needs no password."
)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the consequences of an act depend on."""

    user: User
    places: tuple[Place, ...]
    standing: Standing
    apps: int
    """Apps that have access now."""
    is_self: bool
    last_admin: bool
    """Nobody else administers."""
    services: Services

    @property
    def signed_out(self) -> str:
        """What ends of their sign-ins."""
        here = sum(place.kind == "portal" for place in self.places)
        at_ory = len(self.places) - here
        if not self.places:
            return _("They are not signed in anywhere that is known.")
        ended = []
        if here:
            sessions = ngettext(
                "{count} session in this portal", "{count} sessions in this portal", here
            )
            ended.append(sessions.format(count=number(here)))
        if at_ory:
            sign_ins = ngettext("{count} sign-in for apps", "{count} sign-ins for apps", at_ory)
            ended.append(sign_ins.format(count=number(at_ory)))
        return _("They are signed out everywhere: {ended}.").format(ended=listed(ended, "unit"))

    @property
    def apps_lost(self) -> str:
        """What ends of their apps."""
        if not self.apps:
            return _("No app has access to their account.")
        return ngettext(
            "{count} connected app loses its access: "
            "the tokens stop working as soon as Ory has deleted them.",
            "{count} connected apps lose their access: "
            "the tokens stop working as soon as Ory has deleted them.",
            self.apps,
        ).format(count=number(self.apps))

    @property
    def apps_kept(self) -> str:
        """That their apps go on."""
        if not self.apps:
            return _("No app has access to their account.")
        return ngettext(
            "{count} connected app keeps its access.",
            "{count} connected apps keep their access.",
            self.apps,
        ).format(count=number(self.apps))


Do = Callable[[Services, str, str, Visitor], Awaitable[object]]
"""Takes the services, the subject, the actor and the visitor."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be done."""

    event: str
    """Its action in the audit trail."""
    words: str
    """On the button that leads to the question."""
    title: str
    button: str
    danger: bool = True
    fits: Callable[[Known], bool] = lambda _known: True
    """Whether there is anything to do."""
    means: Callable[[Known], tuple[str, ...]]
    caution: Callable[[Known], str | None] = lambda _known: None
    takes_admin: bool = False
    """It would be refused to the last administrator."""
    takes_mail: bool = False
    """It is refused where there is no mail server."""
    ends_account: bool = False
    """Whoever does it to themselves cannot go on here."""
    do: Do
    done: str
    """What is said afterwards."""


def _in_store(rule: Callable[..., Awaitable[object]]) -> Do:
    return _with_services(lambda services, *who, **by: rule(services.store, *who, **by))


def _with_services(rule: Callable[..., Awaitable[object]]) -> Do:
    async def do(services: Services, subject: str, actor: str, visitor: Visitor) -> None:
        await rule(services, subject, actor=actor, now=visitor.now, origin=visitor.origin)

    return do


def _say(*texts: str) -> Callable[[Known], tuple[str, ...]]:
    return lambda _known: tuple(_(text) for text in texts)


def _to_oneself(text: str) -> Callable[[Known], str | None]:
    return lambda known: _(text) if known.is_self else None


_OWN: Final = N_("This is your own account: you are signed out here as well, at once.")
_own: Final = _to_oneself(_OWN)


def _made_admin(known: Known) -> tuple[str, ...]:
    said = [
        _(
            "They can see and change everything on these pages: "
            "people, registered apps, everybody's connected apps, and the audit trail."
        )
    ]
    settings = known.services.settings
    needed = settings.second_factor_for in ("admins", "everyone")
    if needed and not known.standing.has_second_factor:
        said.append(
            _(
                "Administrators need a second factor here and they have none: "
                "they are asked to set one up when they next sign in."
            )
        )
    return tuple(said)


def _demoted(known: Known) -> tuple[str, ...]:
    return (
        _("You cannot open the administration pages any more, from the next click on.")
        if known.is_self
        else _("They cannot open the administration pages any more, from the next click on."),
        _("The account, its sign-ins and its connected apps stay as they are."),
    )


def _expired(known: Known) -> tuple[str, ...]:
    return (
        _(
            "The password that they have opens nothing but the form for a new one: "
            "they are asked for it when they next sign in."
        ),
        known.signed_out,
        known.apps_kept,
    )


def _sent(known: Known) -> tuple[str, ...]:
    lasts = in_words(timedelta(seconds=known.services.settings.invitation_link_for))
    return (
        _("A mail goes to {email}.").format(email=known.user.email),
        _("The link in the mail works once, {for_days}.").format(for_days=lasts),
        _(
            "They choose a password on the page behind it, and can sign in from then on. "
            "Until then nothing changes."
        ),
        _("Links of the same kind that were mailed before end."),
    )


def _without_factors(known: Known) -> tuple[str, ...]:
    standing = known.standing
    keys, apps, codes = len(standing.passkeys), len(standing.totp), standing.codes_left
    removed = [
        ngettext("{count} passkey", "{count} passkeys", keys).format(count=number(keys)),
        ngettext("{count} authenticator app", "{count} authenticator apps", apps).format(
            count=number(apps)
        ),
        ngettext("{count} unused recovery code", "{count} unused recovery codes", codes).format(
            count=number(codes)
        ),
    ]
    enforced = is_enforced(known.user, known.services.settings)
    return (
        _("This removes: {removed}.").format(removed=listed(removed, "unit")),
        _("They sign in with their password once, and have to set up a second factor there.")
        if enforced
        else _("They sign in with their password alone until they set up a second factor again."),
        known.signed_out,
    )


ACTS: Final[dict[str, Act]] = {
    "unlock": Act(
        event="user.unlocked",
        words=N_("Lift the waiting time"),
        title=N_("Lift the waiting time?"),
        button=N_("Lift it"),
        danger=False,
        means=_say(
            N_(
                "Wrong passwords and wrong codes of this account are forgiven: "
                "the next try can be made at once."
            ),
            N_("If somebody else is guessing, they can go on, too."),
        ),
        do=_in_store(administration.unlock),
        done=N_("The waiting time was lifted."),
    ),
    "sign-out": Act(
        event="sessions.ended",
        words=N_("Sign out everywhere"),
        title=N_("Sign this person out everywhere?"),
        button=N_("Sign out everywhere"),
        means=lambda known: (
            known.signed_out,
            known.apps_kept,
            _("They can sign in again at once, with what they have."),
        ),
        caution=_own,
        do=_in_store(administration.sign_out),
        done=N_("Signed out everywhere."),
    ),
    "send-password-link": Act(
        event="user.reset_asked",
        words=N_("Send a link to set a password"),
        title=N_("Send a link to set a password?"),
        button=N_("Send the link"),
        danger=False,
        fits=lambda known: known.user.password_hash is None and known.user.disabled_at is None,
        means=_sent,
        caution=lambda _known: _(
            "Make sure that this address is really theirs: "
            "whoever reads its mail gets into the account."
        ),
        takes_mail=True,
        do=_with_services(recovery.send_first),
        done=N_("A mail with a link to set a password is on its way."),
    ),
    "expire-password": Act(
        event="user.password_expired",
        words=N_("Demand a new password"),
        title=N_("Demand a new password?"),
        button=N_("Demand a new password"),
        fits=lambda known: known.user.password_hash is not None,
        means=_expired,
        caution=_own,
        do=_in_store(administration.expire_password),
        done=N_("A new password is demanded at the next sign-in."),
    ),
    "reset-factors": Act(
        event="factors.reset",
        words=N_("Reset the second factors"),
        title=N_("Reset the second factors?"),
        button=N_("Remove them all"),
        fits=lambda known: known.standing.has_second_factor or bool(known.standing.codes_left),
        means=_without_factors,
        caution=lambda known: _own(known) or _(REALLY_THEM),
        do=_with_services(administration.reset_factors),
        done=N_("The second factors were removed."),
    ),
    "make-admin": Act(
        event="user.admin_granted",
        words=N_("Make an administrator"),
        title=N_("Make this person an administrator?"),
        button=N_("Make an administrator"),
        danger=False,
        fits=lambda known: not known.user.admin,
        means=_made_admin,
        do=_in_store(administration.make_admin),
        done=N_("This person is an administrator now."),
    ),
    "withdraw-admin": Act(
        event="user.admin_withdrawn",
        words=N_("Withdraw the administrator's role"),
        title=N_("Withdraw the administrator's role?"),
        button=N_("Withdraw it"),
        fits=lambda known: known.user.admin,
        means=_demoted,
        caution=_to_oneself(N_("This is your own role.")),
        takes_admin=True,
        ends_account=True,
        do=_in_store(administration.withdraw_admin),
        done=N_("This person is no administrator any more."),
    ),
    "disable": Act(
        event="user.disabled",
        words=N_("Disable"),
        title=N_("Disable this account?"),
        button=N_("Disable"),
        fits=lambda known: known.user.disabled_at is None,
        means=lambda known: (
            _("Nobody can sign in with it until you enable it again."),
            known.signed_out,
            known.apps_lost,
        ),
        caution=_to_oneself(N_("This is your own account: somebody else has to let you in again.")),
        takes_admin=True,
        ends_account=True,
        do=_in_store(accounts.disable_user),
        done=N_("The account was disabled."),
    ),
    "enable": Act(
        event="user.enabled",
        words=N_("Enable"),
        title=N_("Enable this account?"),
        button=N_("Enable"),
        danger=False,
        fits=lambda known: known.user.disabled_at is not None,
        means=_say(
            N_("They can sign in again with the password and the second factors that they had."),
            N_("Apps have to ask them again: what they had allowed does not come back."),
            N_("Waiting times after wrong passwords are lifted."),
        ),
        do=_in_store(accounts.enable_user),
        done=N_("The account was enabled."),
    ),
    "delete": Act(
        event="user.deleted",
        words=N_("Delete the account"),
        title=N_("Delete this account?"),
        button=N_("Delete for good"),
        means=lambda known: (
            _(
                "This cannot be undone. "
                "To keep somebody out for a while, disable the account instead."
            ),
            known.apps_lost,
            known.signed_out,
            _(
                "The password, second factors and all that is known about the person are deleted. "
                "The audit trail keeps what happened, under the subject alone."
            ),
            _("Apps keep what they stored themselves."),
        ),
        caution=_to_oneself(N_("This is your own account.")),
        takes_admin=True,
        ends_account=True,
        do=_with_services(administration.delete_user),
        done=N_("The account was deleted."),
    ),
}
"""By the name that an address has for it, in the order of the page."""
