"""Why a change to an account was refused."""

from portal.attributes import ValueProblemError
from portal.i18n import DEFAULT, ngettext, speaking
from portal.i18n import gettext as _
from portal.passwords import MAX_PASSWORD_BYTES, PasswordTooLongError


class AccountError(Exception):
    """A change that was refused, as one sentence in English with its *values* by name.

    As text it is what a command makes its own sentence of: English, with a small letter first and
    without a full stop.
    """

    def __init__(self, english: str = "", **values: object) -> None:
        super().__init__(english)
        self._english, self._values = english, values

    @property
    def sentence(self) -> str:
        """The same for the person who asked for it, in their language."""
        return _(self._english).format(**self._values)

    def __str__(self) -> str:
        with speaking(DEFAULT):
            text = self.sentence.removesuffix(".")
        return text[:1].lower() + text[1:]


class InvalidEmailError(AccountError):
    """No address that mail could have."""


class InvalidSubjectError(AccountError):
    """A subject that clients could not be told."""


class WeakPasswordError(AccountError):
    """A password that is tried out early."""


class ShortPasswordError(WeakPasswordError):
    """A password of less than *least* characters."""

    def __init__(self, least: int) -> None:
        super().__init__()
        self._least = least

    @property
    def sentence(self) -> str:
        """The same for the person who chose it, in their language."""
        return ngettext(
            "The password needs at least {count} character.",
            "The password needs at least {count} characters.",
            self._least,
        ).format(count=self._least)


class UserExistsError(AccountError):
    """The address or the subject belongs to somebody."""


class UnknownUserError(AccountError):
    """Nobody has this subject."""


class NoMailError(AccountError):
    """There is no mail server to send it by."""


class LastAdminError(AccountError):
    """Nobody could administer the portal any more."""


def as_sentence(exc: AccountError | ValueProblemError | PasswordTooLongError) -> str:
    """An error's message, as a person reads it beside a field, in their language."""
    if isinstance(exc, PasswordTooLongError):
        told = _("This password is too long. It may have at most {most} bytes.")
        return told.format(most=MAX_PASSWORD_BYTES)
    return exc.sentence
