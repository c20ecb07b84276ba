"""Samples of the pages about people at ``/admin/users``."""

from typing import Final

import msgspec

from portal.admin.audit_pages import EventRowView
from portal.admin.client_pages import FieldProblem
from portal.admin.searching import Choice
from portal.admin.user_acts import ACTS, LAST_ADMIN, NO_MAIL
from portal.admin.user_pages import (
    ActPage,
    AddressPage,
    DataFieldView,
    DataPage,
    FactorView,
    FactView,
    GonePage,
    InvitationsPage,
    InvitationView,
    NewUserPage,
    PersonPage,
    PlaceView,
    UserRowView,
    UsersPage,
)
from portal.admin.user_search import ORDERS, STATES
from portal.i18n import pgettext
from portal.page import Page
from portal.sample_data import JUNE, MARCH, counted, stale, told, words
from portal.writing import listed, roughly

ANN: Final = UserRowView(
    subject="7d9f0f3c-6a86-4d6e-9a77-3f9a1f0f7f10",
    email="ann@example.org",
    name="Ann Onym",
    created=MARCH,
)
ROWS: Final = (
    ANN,
    UserRowView(
        subject="admin-71f0", email="admin@example.org", admin=True, protected=True, created=JUNE
    ),
    UserRowView(
        subject="0f" * 100,
        email="a-very-long-name-of-somebody-who-likes-long-names@sub.domain.example.org",
        name="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
        admin=True,
        disabled=True,
        unverified=True,
        expired=True,
        locked=True,
        created=JUNE,
    ),
)
INVITATION: Final = InvitationView(
    email="cleo@example.org",
    name="Cleo",
    admin=True,
    invited_by="admin@example.org",
    sent=MARCH,
    until=JUNE,
)


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    choices = (
        Choice(name="state", label=words("State"), options=told(STATES.items()), chosen="admin"),
        Choice(name="order", label=words("Order"), options=told(ORDERS.items()), chosen="email"),
    )
    person = PersonPage(
        account="admin@example.org",
        row=ANN,
        changed=JUNE,
        password_text=pgettext("password", "Set"),
        password_set=MARCH,
        factors=(
            FactorView(kind=words("Passkey"), name="My phone", added=MARCH, used=JUNE),
            FactorView(kind=words("Authenticator app"), name="App", added=MARCH),
        ),
        codes_left=1,
        factor_needed=True,
        places=(
            PlaceView(
                kind="portal",
                handle="aa",
                browser=words("{browser} on {system}", browser="Firefox", system="Linux"),
                address="203.0.113.7",
                since=MARCH,
                used=JUNE,
                is_here=True,
            ),
            PlaceView(
                kind="login",
                handle="bb",
                browser=words("{browser} on {system}", browser="Chrome", system="Windows"),
                address="",
                since=MARCH,
                used=JUNE,
            ),
            PlaceView(
                kind="login",
                handle="cc",
                browser=words("{browser} on {system}", browser="Chrome", system="Windows"),
                address="203.0.113.8",
                since=MARCH,
                used=JUNE,
                ending=True,
                can_be_ended=False,
            ),
        ),
        apps=2,
        profile=(FactView(label=words("Full name"), text="Ann Onym"),),
        attributes=(FactView(label="Department", text="Sales"),),
        has_attributes=True,
        events=(
            EventRowView(
                id="0192f0a0-0000-7000-8000-000000000000",
                at=JUNE,
                action="consent.allowed",
                actor=ANN.subject,
                actor_text="ann@example.org",
                client_id="photos",
                app_name="Photo Printer",
                notes=(words("This time only"),),
                address="203.0.113.7",
            ),
        ),
        more_events=True,
        acts=tuple((name, words(act.words), act.danger) for name, act in ACTS.items()),
        notice=words("The address was changed."),
    )
    question = ActPage(
        subject=ANN.subject,
        email=ANN.email,
        name=ANN.name,
        act="disable",
        title=words(ACTS["disable"].title),
        button=words(ACTS["disable"].button),
        consequences=(
            words("Nobody can sign in with it until you enable it again."),
            words(
                "They are signed out everywhere: {ended}.",
                ended=listed(
                    (
                        counted(
                            "{count} session in this portal", "{count} sessions in this portal", 2
                        ),
                        counted("{count} sign-in for apps", "{count} sign-ins for apps", 1),
                    )
                ),
            ),
            counted(
                "{count} connected app loses its access: the tokens stop working as "
                "soon as Ory has deleted them.",
                "{count} connected apps lose their access: the tokens stop working "
                "as soon as Ory has deleted them.",
                3,
            ),
        ),
    )
    field = DataFieldView(id="name", label=words("Full name"), value="Ann Onym")
    return {
        "users": UsersPage(
            account="admin@example.org",
            choices=choices,
            rows=ROWS,
            total_text=words(
                "{found}. {order}.",
                found=words("About {number} people", number=roughly(1_234_567)),
                order=words("By address"),
            ),
            next_url="/admin/users?after=2026",
            can_invite=True,
        ),
        "users-none": UsersPage(
            account="admin@example.org", choices=choices, total_text=words("Nobody.")
        ),
        "users-not-found": UsersPage(
            account="admin@example.org",
            who="nobody",
            choices=choices,
            searched=True,
            total_text=words("Nobody."),
            notice=words("The account was deleted."),
        ),
        "users-nothing-here": UsersPage(
            account="admin@example.org",
            total_text=words(
                "{found}. {order}.",
                found=counted("{count} person", "{count} people", 1),
                order=words("By address"),
            ),
            first_url="/admin/users?who=ann",
        ),
        "user-new": NewUserPage(
            account="admin@example.org",
            can_invite=True,
            min_length=15,
            invitation_lasts=counted("for {count} day", "for {count} days", 7),
        ),
        "user-new-refused": NewUserPage(
            status=422,
            account="admin@example.org",
            email="nonsense",
            name="Cleo",
            admin=True,
            min_length=8,
            problems=(
                FieldProblem(field="email", text=words("This is not a valid e-mail address.")),
                FieldProblem(
                    field="password",
                    text=counted(
                        "The password needs at least {count} character.",
                        "The password needs at least {count} characters.",
                        8,
                    ),
                ),
            ),
        ),
        "user": person,
        "user-bare": PersonPage(
            account="admin@example.org",
            row=ROWS[2],
            is_self=True,
            changed=JUNE,
            disabled_at=JUNE,
            password_text=words("None: this person cannot sign in with one"),
            waiting_text=words("Has to wait after many wrong passwords, until you lift it"),
            acts=(("enable", words("Enable"), False),),
            error=stale(),
            status=403,
        ),
        "user-without-password": msgspec.structs.replace(
            person,
            can_sign_in=False,
            password_text=words("None: this person cannot sign in with one"),
            password_set=None,
            factors=(),
            codes_left=0,
            notice=words(ACTS["send-password-link"].done),
        ),
        "user-gone": GonePage(status=404, account="admin@example.org", subject=ANN.subject),
        "user-act": question,
        "user-act-link": msgspec.structs.replace(
            question,
            act="send-password-link",
            title=words(ACTS["send-password-link"].title),
            button=words(ACTS["send-password-link"].button),
            danger=False,
            caution=words(
                "Make sure that this address is really theirs: whoever reads its "
                "mail gets into the account."
            ),
            consequences=(
                words("A mail goes to {email}.", email=ANN.email),
                words(
                    "The link in the mail works once, {for_days}.",
                    for_days=counted("for {count} day", "for {count} days", 7),
                ),
            ),
        ),
        "user-act-no-mail": msgspec.structs.replace(question, status=409, refusal=words(NO_MAIL)),
        "user-act-throttled": msgspec.structs.replace(
            question,
            status=429,
            error=counted(
                "Many mails went to this address just now. Try again in {count} minute.",
                "Many mails went to this address just now. Try again in {count} minutes.",
                3,
            ),
        ),
        "user-act-refused": msgspec.structs.replace(
            question, status=409, refusal=words(LAST_ADMIN), name=None
        ),
        "user-act-again": msgspec.structs.replace(
            question,
            status=403,
            danger=False,
            caution=words("This is your own account."),
            error=stale(),
        ),
        "user-address": AddressPage(
            subject=ANN.subject,
            before=ANN.email,
            email=ANN.email,
            consequences=(
                words(
                    "They sign in with the new address from then on. It is not confirmed at first."
                ),
            ),
        ),
        "user-address-refused": AddressPage(
            status=422,
            subject=ANN.subject,
            before=ANN.email,
            email="nonsense",
            problem=words("This is not a valid e-mail address."),
        ),
        "user-data": DataPage(
            account="admin@example.org",
            subject=ANN.subject,
            email=ANN.email,
            profile=(
                field,
                DataFieldView(
                    id="address.street_address", label="Street", kind="lines", hint="Any."
                ),
            ),
            attributes=(
                DataFieldView(
                    id="attribute.department",
                    label="Department",
                    value="sales",
                    kind="choice",
                    options=(("", words("Not set")), ("sales", "sales")),
                ),
            ),
        ),
        "user-data-refused": DataPage(
            status=422,
            account="admin@example.org",
            subject=ANN.subject,
            email=ANN.email,
            profile=(msgspec.structs.replace(field, problem=words("This password is too long.")),),
            error=counted(
                "{count} field needs another look.", "{count} fields need another look.", 1
            ),
        ),
        "invitations": InvitationsPage(
            account="admin@example.org",
            rows=(INVITATION, msgspec.structs.replace(INVITATION, name=None, admin=False)),
            more=True,
            notice=words("The invitation is on its way."),
        ),
        "invitations-none": InvitationsPage(
            status=403,
            account="admin@example.org",
            can_invite=False,
            error=stale(),
        ),
    }
