"""Why a change to an account was refused."""


class AccountError(Exception):
    """A change that was refused; the message is for the person who asked for it."""


class InvalidEmailError(AccountError):
    """No address that mail could have."""


class InvalidSubjectError(AccountError):
    """A subject that clients could not be told."""


class WeakPasswordError(AccountError):
    """A password that is tried out early."""


class UserExistsError(AccountError):
    """The address or the subject belongs to somebody."""


class UnknownUserError(AccountError):
    """Nobody has this subject."""


class LastAdminError(AccountError):
    """Nobody could administer the portal any more."""


def as_sentence(exc: Exception) -> str:
    """An error's message, as a person reads it beside a field."""
    text = str(exc).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
