"""What an administrator can do to somebody, and what each act means in words and numbers."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from portal import accounts
from portal.accounts import administration
from portal.admin.wording import counted
from portal.factors.levels import is_enforced
from portal.factors.standing import Standing
from portal.services import Services, Visitor
from portal.sessions import Place
from portal.store.tables import User

LAST_ADMIN: Final = (
    "This is the last administrator who can sign in. "
    "Make somebody else an administrator first: else nobody could administer the portal any more."
)
REALLY_THEM: Final = (
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
            return "They are not signed in anywhere that is known."
        parts = []
        if here:
            parts.append(counted(here, "session in this portal", "sessions in this portal"))
        if at_ory:
            parts.append(counted(at_ory, "sign-in for apps", "sign-ins for apps"))
        return f"They are signed out everywhere: {' and '.join(parts)}."

    @property
    def apps_lost(self) -> str:
        """What ends of their apps."""
        if not self.apps:
            return "No app has access to their account."
        lose = "loses its" if self.apps == 1 else "lose their"
        return (
            f"{counted(self.apps, 'connected app', 'connected apps')} {lose} access: "
            "the tokens stop working as soon as Ory has deleted them."
        )

    @property
    def apps_kept(self) -> str:
        """That their apps go on."""
        if not self.apps:
            return "No app has access to their account."
        keep = "keeps its" if self.apps == 1 else "keep their"
        return f"{counted(self.apps, 'connected app', 'connected apps')} {keep} access."


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
    fits: Callable[[Known], bool] = lambda _: True
    """Whether there is anything to do."""
    means: Callable[[Known], tuple[str, ...]]
    caution: Callable[[Known], str | None] = lambda _: None
    takes_admin: bool = False
    """It would be refused to the last administrator."""
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


def _own(known: Known) -> str | None:
    return (
        "This is your own account: you are signed out here as well, at once."
        if known.is_self
        else None
    )


def _made_admin(known: Known) -> tuple[str, ...]:
    said = [
        "They can see and change everything on these pages: "
        "people, registered apps, everybody's connected apps, and the audit trail."
    ]
    settings = known.services.settings
    needed = settings.second_factor_for in ("admins", "everyone")
    if needed and not known.standing.has_second_factor:
        said.append(
            "Administrators need a second factor here and they have none: "
            "they are asked to set one up when they next sign in."
        )
    return tuple(said)


def _demoted(known: Known) -> tuple[str, ...]:
    who = "You" if known.is_self else "They"
    return (
        f"{who} cannot open the administration pages any more, from the next click on.",
        "The account, its sign-ins and its connected apps stay as they are.",
    )


def _expired(known: Known) -> tuple[str, ...]:
    first = (
        "The password that they have opens nothing but the form for a new one: "
        "they are asked for it when they next sign in."
    )
    if known.user.password_hash is None:
        first = "They have no password. Whatever is set for them opens the form for a new one."
    return first, known.signed_out, known.apps_kept


def _without_factors(known: Known) -> tuple[str, ...]:
    standing = known.standing
    parts = [
        counted(len(standing.passkeys), "passkey", "passkeys"),
        counted(len(standing.totp), "authenticator app", "authenticator apps"),
        counted(standing.codes_left, "unused recovery code", "unused recovery codes"),
    ]
    enforced = is_enforced(known.user, known.services.settings)
    after = (
        "They sign in with their password once, and have to set up a second factor there."
        if enforced
        else "They sign in with their password alone until they set up a second factor again."
    )
    return f"This removes {parts[0]}, {parts[1]} and {parts[2]}.", after, known.signed_out


ACTS: Final[dict[str, Act]] = {
    "unlock": Act(
        event="user.unlocked",
        words="Lift the waiting time",
        title="Lift the waiting time?",
        button="Lift it",
        danger=False,
        means=lambda _: (
            "Wrong passwords and wrong codes of this account are forgiven: "
            "the next try can be made at once.",
            "If somebody else is guessing, they can go on, too.",
        ),
        do=_in_store(administration.unlock),
        done="The waiting time was lifted.",
    ),
    "sign-out": Act(
        event="sessions.ended",
        words="Sign out everywhere",
        title="Sign this person out everywhere?",
        button="Sign out everywhere",
        means=lambda known: (
            known.signed_out,
            known.apps_kept,
            "They can sign in again at once, with what they have.",
        ),
        caution=_own,
        do=_in_store(administration.sign_out),
        done="Signed out everywhere.",
    ),
    "expire-password": Act(
        event="user.password_expired",
        words="Demand a new password",
        title="Demand a new password?",
        button="Demand a new password",
        means=_expired,
        caution=_own,
        do=_in_store(administration.expire_password),
        done="A new password is demanded at the next sign-in.",
    ),
    "reset-factors": Act(
        event="factors.reset",
        words="Reset the second factors",
        title="Reset the second factors?",
        button="Remove them all",
        fits=lambda known: known.standing.has_second_factor or bool(known.standing.codes_left),
        means=_without_factors,
        caution=lambda known: _own(known) or REALLY_THEM,
        do=_with_services(administration.reset_factors),
        done="The second factors were removed.",
    ),
    "make-admin": Act(
        event="user.admin_granted",
        words="Make an administrator",
        title="Make this person an administrator?",
        button="Make an administrator",
        danger=False,
        fits=lambda known: not known.user.admin,
        means=_made_admin,
        do=_in_store(administration.make_admin),
        done="This person is an administrator now.",
    ),
    "withdraw-admin": Act(
        event="user.admin_withdrawn",
        words="Withdraw the administrator's role",
        title="Withdraw the administrator's role?",
        button="Withdraw it",
        fits=lambda known: known.user.admin,
        means=_demoted,
        caution=lambda known: "This is your own role." if known.is_self else None,
        takes_admin=True,
        ends_account=True,
        do=_in_store(administration.withdraw_admin),
        done="This person is no administrator any more.",
    ),
    "disable": Act(
        event="user.disabled",
        words="Disable",
        title="Disable this account?",
        button="Disable",
        fits=lambda known: known.user.disabled_at is None,
        means=lambda known: (
            "Nobody can sign in with it until you enable it again.",
            known.signed_out,
            known.apps_lost,
        ),
        caution=lambda known: (
            "This is your own account: somebody else has to let you in again."
            if known.is_self
            else None
        ),
        takes_admin=True,
        ends_account=True,
        do=_in_store(accounts.disable_user),
        done="The account was disabled.",
    ),
    "enable": Act(
        event="user.enabled",
        words="Enable",
        title="Enable this account?",
        button="Enable",
        danger=False,
        fits=lambda known: known.user.disabled_at is not None,
        means=lambda _: (
            "They can sign in again with the password and the second factors that they had.",
            "Apps have to ask them again: what they had allowed does not come back.",
            "Waiting times after wrong passwords are lifted.",
        ),
        do=_in_store(accounts.enable_user),
        done="The account was enabled.",
    ),
    "delete": Act(
        event="user.deleted",
        words="Delete the account",
        title="Delete this account?",
        button="Delete for good",
        means=lambda known: (
            "This cannot be undone. To keep somebody out for a while, disable the account instead.",
            known.apps_lost,
            known.signed_out,
            "The password, second factors and all that is known about the person are deleted. "
            "The audit trail keeps what happened, under the subject alone.",
            "Apps keep what they stored themselves.",
        ),
        caution=lambda known: "This is your own account." if known.is_self else None,
        takes_admin=True,
        ends_account=True,
        do=_with_services(administration.delete_user),
        done="The account was deleted.",
    ),
}
"""By the name that an address has for it, in the order of the page."""
