"""How long a decision holds, as the consent form says it."""

import re
from datetime import timedelta
from typing import Final

from portal.decisions import UnrequestedError
from portal.grants import ONCE, Policy, choices, durations, shorter
from portal.settings import Settings

NO: Final = frozenset({"", "once", "0", "off", "false", "no"})
YES: Final = frozenset({"1", "on", "true", "yes"})
"""What scripts post that tick a box: not to be asked again, for as long as can be chosen."""
ALWAYS: Final = "always"
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


def value_of(span: timedelta | None) -> str:
    """The value of a choice in the form."""
    if span is None:
        return ALWAYS
    return str(int(span.total_seconds())) if span else "once"


def chosen(value: str, settings: Settings, policy: Policy) -> timedelta | None:
    """The duration that *value* means; whoever gives it has to cut it by the limits of today.

    Between the form and its answer the operator may have shortened what the app can be given: what
    was offered then is no forgery.
    """
    offered = choices(settings, policy)
    if value in NO:
        return ONCE
    if value in map(value_of, offered):
        return next(span for span in offered if value_of(span) == value)
    if value in YES:
        return offered[-1]
    span = _read(value)
    if span in durations(settings) or _was_offered(span, settings, policy):
        return span
    raise UnrequestedError


def _read(value: str) -> timedelta | None:
    if value == ALWAYS:
        return None
    if not _SECONDS.fullmatch(value):
        raise UnrequestedError
    return timedelta(seconds=int(value))


def _was_offered(span: timedelta | None, settings: Settings, policy: Policy) -> bool:
    """Whether a longer limit than that of today can have made it of a longer choice."""
    if span is None or policy.longest is None or span <= policy.longest:
        return False
    return shorter(span, durations(settings)[-1]) == span
