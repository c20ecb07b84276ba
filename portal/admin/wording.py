"""Words that several admin pages share."""

from typing import Final
from urllib.parse import urlencode

from portal.grants import NARROWED
from portal.i18n import N_, ngettext
from portal.i18n import gettext as _
from portal.page import GoTo
from portal.store.tables import AT_ORY
from portal.writing import number

TROUBLES: Final = {
    "OryUnavailableError": N_("Ory does not answer, or asked to wait."),
    "OryKeyError": N_("Ory refuses the API key. Look at ORY_API_KEY."),
    "OryNonsenseError": N_("What answers is not Ory. Look at HYDRA_ADMIN_URL."),
    "OryRefusalError": N_("Ory refuses the request."),
}
"""Why Ory could not be told or asked, by the name of the error."""
REASONS: Final = {
    "admin": N_("An administrator removed it."),
    "user": N_("The person removed it."),
    AT_ORY: N_("It was removed at Ory."),
    NARROWED: N_("The person took permissions away."),
    "never completed": N_("The browser never came back to the app with it."),
    "alive at Ory": N_("It was still alive at Ory after its removal."),
    "second sweep": N_("It was given while an earlier removal was under way."),
    "client deleted": N_("The app was deleted."),
    "account deleted": N_("The account was deleted."),
    "disabled": N_("The account was disabled."),
    "password set": N_("A new password was set."),
    "password reset": N_("The password was reset."),
}
"""Why a grant ended, by what is kept of it."""
CHANGED: Final = {
    "this app": N_(
        "Somebody else has changed this app meanwhile. "
        "Save again to put what you see here in its place."
    ),
    "this person's data": N_(
        "Somebody else has changed this person's data meanwhile. "
        "Save again to put what you see here in its place."
    ),
}


def trouble_in_words(error: str) -> str:
    """The name of an error in words; what is in words already stays."""
    return _(TROUBLES.get(error, error))


def reason_in_words(reason: str) -> str:
    """Why a grant ended; what nobody has words for stays as it is kept."""
    return _(REASONS[reason]) if reason in REASONS else reason


def people_in_words(count: int) -> str:
    """So many people."""
    return ngettext("{count} person", "{count} people", count).format(count=number(count))


def apps_in_words(count: int) -> str:
    """So many apps."""
    return ngettext("{count} app", "{count} apps", count).format(count=number(count))


def look_again(count: int) -> str | None:
    """That *count* fields of a form are wrong."""
    if not count:
        return None
    return ngettext(
        "{count} field needs another look.", "{count} fields need another look.", count
    ).format(count=number(count))


def changed_meanwhile(what: str) -> str:
    """That a form was made from what is no longer so; *what* is one of :data:`CHANGED`."""
    return _(CHANGED[what])


def one_path(subject: str, **more: str) -> GoTo:
    """The page of one person."""
    return GoTo("/admin/users/one?" + urlencode({"subject": subject, **more}))
