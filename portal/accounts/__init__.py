"""Accounts: how an address is spelled, what a password must be, what ends with a shut-out.

Each change is one transaction together with its audit event and whatever must end with it.
"""

from portal.accounts.changes import (
    create_user,
    disable_user,
    enable_user,
    require_another_admin,
    set_password,
)
from portal.accounts.errors import (
    AccountError,
    InvalidEmailError,
    InvalidSubjectError,
    LastAdminError,
    UnknownUserError,
    UserExistsError,
    WeakPasswordError,
)
from portal.accounts.password_policy import check_password
from portal.accounts.spelling import (
    MAX_EMAIL,
    MAX_NAME,
    canonical_email,
    canonical_identifier,
    name_key,
)

__all__ = [
    "MAX_EMAIL",
    "MAX_NAME",
    "AccountError",
    "InvalidEmailError",
    "InvalidSubjectError",
    "LastAdminError",
    "UnknownUserError",
    "UserExistsError",
    "WeakPasswordError",
    "canonical_email",
    "canonical_identifier",
    "check_password",
    "create_user",
    "disable_user",
    "enable_user",
    "name_key",
    "require_another_admin",
    "set_password",
]
