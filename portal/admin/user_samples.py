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
from portal.page import Page
from portal.sample_data import JUNE, MARCH

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
CHOICES: Final = (
    Choice(name="state", label="State", options=tuple(STATES.items()), chosen="admin"),
    Choice(name="order", label="Order", options=tuple(ORDERS.items()), chosen="email"),
)
PERSON: Final = PersonPage(
    account="admin@example.org",
    row=ANN,
    changed=JUNE,
    password_text="Set",
    password_set=MARCH,
    factors=(
        FactorView(kind="Passkey", name="My phone", added=MARCH, used=JUNE),
        FactorView(kind="Authenticator app", name="App", added=MARCH),
    ),
    codes_left=1,
    factor_needed=True,
    places=(
        PlaceView(
            kind="portal",
            handle="aa",
            browser="Firefox on Linux",
            address="203.0.113.7",
            since=MARCH,
            used=JUNE,
            is_here=True,
        ),
        PlaceView(
            kind="login",
            handle="bb",
            browser="Chrome on Windows",
            address="",
            since=MARCH,
            used=JUNE,
        ),
        PlaceView(
            kind="login",
            handle="cc",
            browser="Chrome on Windows",
            address="203.0.113.8",
            since=MARCH,
            used=JUNE,
            ending=True,
            can_be_ended=False,
        ),
    ),
    apps=2,
    profile=(FactView(label="Full name", text="Ann Onym"),),
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
            notes=("This time only",),
            address="203.0.113.7",
        ),
    ),
    more_events=True,
    acts=tuple((name, act.words, act.danger) for name, act in ACTS.items()),
    notice="The address was changed.",
)
QUESTION: Final = ActPage(
    subject=ANN.subject,
    email=ANN.email,
    name=ANN.name,
    act="disable",
    title=ACTS["disable"].title,
    button=ACTS["disable"].button,
    consequences=(
        "Nobody can sign in with it until you enable it again.",
        "They are signed out everywhere: 2 sessions in this portal, 1 sign-in for apps.",
        "3 connected apps lose their access: the tokens stop working as soon as Ory has deleted "
        "them.",
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
FIELD: Final = DataFieldView(id="name", label="Full name", value="Ann Onym")
SAMPLES: Final[dict[str, Page]] = {
    "users": UsersPage(
        account="admin@example.org",
        choices=CHOICES,
        rows=ROWS,
        total_text="About 1.2 million people. By address.",
        next_url="/admin/users?after=2026",
        can_invite=True,
    ),
    "users-none": UsersPage(account="admin@example.org", choices=CHOICES, total_text="Nobody."),
    "users-not-found": UsersPage(
        account="admin@example.org",
        who="nobody",
        choices=CHOICES,
        searched=True,
        total_text="Nobody.",
        notice="The account was deleted.",
    ),
    "users-nothing-here": UsersPage(
        account="admin@example.org", total_text="1 person.", first_url="/admin/users?who=ann"
    ),
    "user-new": NewUserPage(
        account="admin@example.org", can_invite=True, min_length=15, invitation_lasts="for 7 days"
    ),
    "user-new-refused": NewUserPage(
        status=422,
        account="admin@example.org",
        email="nonsense",
        name="Cleo",
        admin=True,
        min_length=8,
        problems=(
            FieldProblem(field="email", text="This is not a valid e-mail address."),
            FieldProblem(field="password", text="The password needs at least 8 characters."),
        ),
    ),
    "user": PERSON,
    "user-bare": PersonPage(
        account="admin@example.org",
        row=ROWS[2],
        is_self=True,
        changed=JUNE,
        disabled_at=JUNE,
        password_text="None: this person cannot sign in with one",
        waiting_text="Has to wait after many wrong passwords, until you lift it",
        acts=(("enable", "Enable", False),),
        error="This page was open for too long.",
        status=403,
    ),
    "user-without-password": msgspec.structs.replace(
        PERSON,
        can_sign_in=False,
        password_text="None: this person cannot sign in with one",
        password_set=None,
        factors=(),
        codes_left=0,
        notice=ACTS["send-password-link"].done,
    ),
    "user-gone": GonePage(status=404, account="admin@example.org", subject=ANN.subject),
    "user-act": QUESTION,
    "user-act-link": msgspec.structs.replace(
        QUESTION,
        act="send-password-link",
        title=ACTS["send-password-link"].title,
        button=ACTS["send-password-link"].button,
        danger=False,
        caution="Make sure that this address is really theirs.",
        consequences=(
            "A mail goes to ann@example.org.",
            "The link in the mail works once, for 7 days.",
        ),
    ),
    "user-act-no-mail": msgspec.structs.replace(QUESTION, status=409, refusal=NO_MAIL),
    "user-act-throttled": msgspec.structs.replace(
        QUESTION, status=429, error="Many mails went to this address just now."
    ),
    "user-act-refused": msgspec.structs.replace(
        QUESTION, status=409, refusal=LAST_ADMIN, name=None
    ),
    "user-act-again": msgspec.structs.replace(
        QUESTION,
        status=403,
        danger=False,
        caution="This is your own account.",
        error="This page was open for too long.",
    ),
    "user-address": AddressPage(
        subject=ANN.subject,
        before=ANN.email,
        email=ANN.email,
        consequences=(
            "They sign in with the new address from then on. It is not confirmed at first.",
        ),
    ),
    "user-address-refused": AddressPage(
        status=422,
        subject=ANN.subject,
        before=ANN.email,
        email="nonsense",
        problem="This is not a valid e-mail address.",
    ),
    "user-data": DataPage(
        account="admin@example.org",
        subject=ANN.subject,
        email=ANN.email,
        profile=(
            FIELD,
            DataFieldView(id="address.street_address", label="Street", kind="lines", hint="Any."),
        ),
        attributes=(
            DataFieldView(
                id="attribute.department",
                label="Department",
                value="sales",
                kind="choice",
                options=(("", "Not set"), ("sales", "sales")),
            ),
        ),
    ),
    "user-data-refused": DataPage(
        status=422,
        account="admin@example.org",
        subject=ANN.subject,
        email=ANN.email,
        profile=(msgspec.structs.replace(FIELD, problem="Too long."),),
        error="One field needs another look.",
    ),
    "invitations": InvitationsPage(
        account="admin@example.org",
        rows=(INVITATION, msgspec.structs.replace(INVITATION, name=None, admin=False)),
        more=True,
        notice="The invitation is on its way.",
    ),
    "invitations-none": InvitationsPage(
        status=403,
        account="admin@example.org",
        can_invite=False,
        error="This page was open for too long.",
    ),
}
