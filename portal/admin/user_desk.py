"""What an administrator does about people in one request, and the page that follows."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from portal import accounts, logs
from portal.accounts import administration, invitations
from portal.accounts.errors import (
    InvalidEmailError,
    LastAdminError,
    NoMailError,
    UnknownUserError,
    UserExistsError,
    WeakPasswordError,
    as_sentence,
)
from portal.acting import require_admin
from portal.admin.client_pages import FieldProblem
from portal.admin.forms import CreateUserForm
from portal.admin.user_acts import ACTS, LAST_ADMIN, NO_MAIL, Act, Known
from portal.admin.user_details import know, show_user
from portal.admin.user_pages import (
    ActPage,
    AddressPage,
    GonePage,
    InvitationsPage,
    InvitationView,
    NewUserPage,
    PersonPage,
)
from portal.admin.wording import look_again, one_path
from portal.factors.levels import ENFORCED_LENGTH
from portal.grants import in_words
from portal.i18n import gettext as _
from portal.page import GoTo, NotThereError
from portal.passwords import PasswordTooLongError
from portal.services import Services, Visitor
from portal.sessions import end_login_session, tell
from portal.store.tables import User

INVITATIONS: Final = 100
HOME: Final = "/"
"""Where somebody goes on who has shut themselves out."""


class Desk:
    """What one administrator does about people in one request; *this* is the hash of their
    session.
    """

    def __init__(self, services: Services, *, admin: User, this: str, visitor: Visitor) -> None:
        self._services, self._admin, self._this, self._visitor = services, admin, this, visitor

    def new(
        self,
        form: CreateUserForm | None = None,
        *,
        problems: Mapping[str, str] | None = None,
        error: str | None = None,
        status: int = 200,
    ) -> NewUserPage:
        """The form for somebody new; a password is never in it again."""
        settings, found = self._services.settings, problems or {}
        typed = form or CreateUserForm(how="password", must_change=True)
        return NewUserPage(
            status=status,
            account=self._admin.email,
            email=typed.email,
            name=typed.name,
            admin=typed.admin,
            must_change=typed.must_change,
            can_invite=settings.has_mail,
            min_length=self._min_length(admin=typed.admin),
            invitation_lasts=in_words(timedelta(seconds=settings.invitation_link_for)),
            error=error or (None if "password" in found else look_again(len(found))),
            problems=tuple(FieldProblem(field=name, text=text) for name, text in found.items()),
        )

    async def create(self, form: CreateUserForm) -> NewUserPage | GoTo:
        """Add somebody, or invite them."""
        if form.how == "invitation" and not self._services.settings.has_mail:
            raise NotThereError
        try:
            if form.how == "invitation":
                await invitations.invite(
                    self._services,
                    email=form.email,
                    name=form.name,
                    admin=form.admin,
                    **self._by,
                )
                logs.step("user.invited", by=self._admin.email)
                return GoTo("/admin/users/invitations?notice=invited")
            user = await accounts.create_user(
                self._services.store,
                self._services.passwords,
                email=form.email,
                password=form.password,
                name=form.name,
                admin=form.admin,
                must_change=form.must_change,
                min_length=self._min_length(admin=form.admin),
                **self._by,
            )
        except (WeakPasswordError, PasswordTooLongError) as exc:
            problem = {"password": as_sentence(exc)}
        except (InvalidEmailError, UserExistsError, invitations.InvitedOftenError) as exc:
            problem = {"email": as_sentence(exc)}
        else:
            logs.step("user.created", user=user.email, by=self._admin.email)
            return one_path(user.subject, notice="created")
        return self.new(form, problems=problem, status=422)

    async def invitations(
        self, *, error: str | None = None, notice: str | None = None
    ) -> InvitationsPage:
        """Those that wait, the newest first."""
        async with self._services.store.reading() as rows:
            found = await invitations.waiting(rows, self._visitor.now, INVITATIONS + 1)
            emails = await rows.users.emails_of(link.actor for link in found if link.actor)
        return InvitationsPage(
            status=403 if error else 200,
            account=self._admin.email,
            can_invite=self._services.settings.has_mail,
            rows=tuple(
                InvitationView(
                    email=link.email,
                    name=_told(link.detail.get("name")),
                    admin=link.detail.get("admin") is True,
                    invited_by=emails.get(link.actor or "")
                    or (_("The command line") if link.actor == "cli" else _("Somebody")),
                    sent=link.created_at,
                    until=link.expires_at,
                )
                for link in found[:INVITATIONS]
            ),
            more=len(found) > INVITATIONS,
            error=error,
            notice=notice,
        )

    async def withdraw(self, email: str) -> GoTo:
        """Take an invitation back; its link does not work from then on."""
        async with self._services.store.writing() as rows:
            if not await invitations.withdraw(rows, email, actor=self._admin.subject):
                raise NotThereError
            await rows.audit.add(
                "user.invitation_withdrawn",
                at=self._visitor.now,
                actor=self._admin.subject,
                detail={"email": email},
                origin=self._visitor.origin,
            )
        return GoTo("/admin/users/invitations?notice=withdrawn")

    async def show(
        self, subject: str, *, notice: str | None = None, error: str | None = None
    ) -> PersonPage | GonePage:
        """One person."""
        return await show_user(
            self._services,
            subject,
            admin=self._admin,
            this=self._this,
            visitor=self._visitor,
            notice=notice,
            error=error,
        )

    async def question(self, subject: str, act: str, *, error: str | None = None) -> ActPage:
        """What an act would mean."""
        known = await self._know(subject)
        return self._question(act, known, error=error, status=403 if error else 200)

    async def act(self, subject: str, name: str) -> ActPage | GoTo:
        """Do it."""
        known, act = await self._know(subject), _act(name)
        if not act.fits(known):
            return one_path(subject, notice="same")
        try:
            await act.do(self._services, subject, self._admin.subject, self._visitor)
        except LastAdminError:
            known = msgspec.structs.replace(known, last_admin=True)
            return self._question(name, known, status=409)
        except NoMailError:
            return self._question(name, known, status=409)
        except invitations.InvitedOftenError as exc:
            return self._question(name, known, error=as_sentence(exc), status=429)
        except UnknownUserError as exc:
            raise NotThereError from exc
        logs.step(act.event, user=known.user.email, by=self._admin.email)
        if known.is_self and act.ends_account:
            return GoTo(HOME)
        return (
            GoTo("/admin/users?notice=deleted")
            if name == "delete"
            else one_path(subject, notice=name)
        )

    async def address(
        self,
        subject: str,
        *,
        email: str | None = None,
        problem: str | None = None,
        error: str | None = None,
    ) -> AddressPage:
        """The form for another address."""
        known = await self._know(subject)
        mails = self._services.settings.has_mail
        return AddressPage(
            status=403 if error else 422 if problem else 200,
            subject=subject,
            before=known.user.email,
            email=known.user.email if email is None else email,
            consequences=(
                _("They sign in with the new address from then on. It is not confirmed at first."),
                *((_("Both addresses are told by mail."),) if mails else ()),
                known.signed_out,
                known.apps_kept,
            ),
            error=error,
            problem=problem,
        )

    async def change_address(self, subject: str, email: str) -> AddressPage | GoTo:
        """Give somebody another address."""
        known = await self._know(subject)
        try:
            changed = await administration.change_address(
                self._services, subject, email=email, **self._by
            )
        except UnknownUserError as exc:
            raise NotThereError from exc
        except (InvalidEmailError, UserExistsError) as exc:
            return await self.address(subject, email=email, problem=as_sentence(exc))
        if known.is_self and changed:
            return GoTo(HOME)
        return one_path(subject, notice="address" if changed else "same")

    async def end_session(self, subject: str, kind: str, handle: str) -> GoTo:
        """End one sign-in of somebody, here or at Ory."""
        known = await self._know(subject)
        ended = None
        async with self._services.store.writing() as rows:
            await require_admin(rows, self._admin.subject)
            if kind == "portal":
                found = await rows.portal_sessions.delete_one(handle, subject)
            else:
                ended = await end_login_session(rows, handle, subject, now=self._visitor.now)
                found = ended is not None
            if not found:
                raise NotThereError
            await rows.audit.add(
                "session.ended",
                at=self._visitor.now,
                actor=self._admin.subject,
                subject=subject,
                detail={"kind": kind},
                origin=self._visitor.origin,
            )
        if ended is not None:
            await tell(ended, self._services)
        logs.step("session.ended", user=known.user.email, by=self._admin.email)
        return one_path(subject, notice="session")

    @property
    def _by(self) -> dict[str, Any]:
        return {
            "actor": self._admin.subject,
            "now": self._visitor.now,
            "origin": self._visitor.origin,
        }

    def _min_length(self, *, admin: bool) -> int:
        """As it is for whoever cannot sign in without a second factor."""
        settings = self._services.settings
        enforced = ("admins", "everyone") if admin else ("everyone",)
        needed = settings.second_factor_for in enforced
        return ENFORCED_LENGTH if needed else settings.password_min_length

    async def _know(self, subject: str) -> Known:
        async with self._services.store.reading() as rows:
            return await know(
                rows,
                self._services,
                subject,
                admin=self._admin,
                this=self._this,
                visitor=self._visitor,
            )

    def _question(
        self, name: str, known: Known, *, error: str | None = None, status: int = 200
    ) -> ActPage:
        act = _act(name)
        refusal = _why_not(act, known)
        return ActPage(
            status=409 if refusal else status,
            subject=known.user.subject,
            email=known.user.email,
            name=known.user.name,
            act=name,
            title=_(act.title),
            button=_(act.button),
            danger=act.danger,
            consequences=act.means(known),
            caution=act.caution(known),
            refusal=refusal,
            error=error,
        )


def _act(name: str) -> Act:
    if name not in ACTS:
        raise NotThereError
    return ACTS[name]


def _why_not(act: Act, known: Known) -> str | None:
    if act.takes_admin and known.last_admin:
        return _(LAST_ADMIN)
    return _(NO_MAIL) if act.takes_mail and not known.services.settings.has_mail else None


def _told(value: object) -> str | None:
    return value if isinstance(value, str) else None
