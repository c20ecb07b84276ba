"""How good is this password so far? Nothing is kept, and nothing is decided by it."""

from typing import Final

from portal.accounts.password_policy import strength
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.services import Services, Visitor
from portal.strength.forms import StrengthForm
from portal.strength.pages import StrengthPage

BURST: Final = 60
SECONDS_EACH: Final = 1.0
"""Of one network; each answer costs some milliseconds of a processor."""
NOTHING: Final = StrengthPage(score=0, words="")
TOO_OFTEN: Final = N_("We cannot say for a moment how easy this is to guess. You can go on.")


async def judge(
    form: StrengthForm, *, email: str, min_length: int, visitor: Visitor, services: Services
) -> StrengthPage:
    """Judge what was typed so far, beside the threads that passwords are hashed in: whoever types
    keeps nobody waiting who signs in. Where too many type at once, nothing is said.
    """
    async with services.store.writing() as rows:
        wait = await rows.attempts.take(
            f"str:{visitor.origin.network}",
            now=visitor.now.timestamp(),
            burst=BURST,
            seconds_each=SECONDS_EACH,
        )
    if wait:
        return StrengthPage(score=0, words=_(TOO_OFTEN), status=429, retry_after=1 + int(wait))
    site = (services.settings.site_name,)
    found = await services.passwords.aside.do(
        lambda: strength(form.password, email=email, min_length=min_length, words=site)
    )
    return StrengthPage(score=found.score, words=found.words) if found else NOTHING
