"""What a new password must be (NIST SP 800-63B-4, 3.1.1.2): long enough, and none of those that are
tried first. Nothing is said about kinds of characters.
"""

import re
import threading
import unicodedata
from collections.abc import Collection, Iterable
from functools import cache
from itertools import pairwise
from typing import Final

import msgspec

from portal.accounts.errors import ShortPasswordError, WeakPasswordError
from portal.i18n import N_, ngettext
from portal.i18n import gettext as _

MAX_JUDGED: Final = 72
"""Characters that zxcvbn looks at; what is as long as this is not guessed."""
MAX_DISGUISED: Final = 16
"""So many of a password full of signs that stand for letters: it tries all their meanings."""
_CONTEXT_WORDS: Final = ("password", "passwort", "hydra", "portal", "login", "secret", "qwerty")
_LEET: Final = frozenset("4@8({[<369!|1i0$5+7%2")
_LETTERS: Final = str.maketrans("013457@$!", "oieastasi")
_EDGES: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_SCORES: Final = (
    N_("Very easy to guess."),
    N_("Easy to guess."),
    N_("Could be guessed."),
    N_("Hard to guess."),
    N_("Very hard to guess."),
)
_ONE_AT_A_TIME: Final = threading.Lock()
"""zxcvbn keeps the words of whoever it judges in a global."""


class Strength(msgspec.Struct, frozen=True):
    """How easily a password is guessed."""

    score: int
    """From 0, at once, to 4."""
    missing: int = 0
    """So many characters more are needed."""
    problem: WeakPasswordError | None = None
    """What else speaks against it."""

    @property
    def enough(self) -> bool:
        """Whether :func:`check_password` takes it."""
        return not self.missing and self.problem is None

    @property
    def words(self) -> str:
        """The same for whoever chooses it, in the language of who asks now: it may have been judged
        where nobody knew that. What is missing, if it is not enough.
        """
        if self.missing:
            return ngettext(
                "{count} more character needed.", "{count} more characters needed.", self.missing
            ).format(count=self.missing)
        return _(_SCORES[self.score]) if self.problem is None else self.problem.sentence


def check_password(
    password: str, *, email: str, min_length: int, words: Iterable[str] = ()
) -> None:
    """Refuse what is short, or mostly the address, *words* that are known here, or common.

    *words*: the name of the person, of the site.
    """
    typed = unicodedata.normalize("NFC", password)
    if len(typed) < min_length:
        raise ShortPasswordError(min_length)
    folded = typed.casefold()
    known = (*_pieces((email, *words)), *_CONTEXT_WORDS)
    if any(len(_without(known, text)) < min(8, min_length) for text in _readings(folded)):
        raise WeakPasswordError(
            N_("The password is too close to the e-mail address, the name or to common words.")
        )
    if _is_monotonous(folded):
        raise WeakPasswordError(N_("The password repeats itself or counts up. Choose another one."))
    if any(not _cores(text).isdisjoint(_common()) for text in _readings(folded)):
        raise WeakPasswordError(
            N_("The password is one of those that are tried first. Choose another one.")
        )


def strength(
    password: str, *, email: str = "", min_length: int, words: Iterable[str] = ()
) -> Strength:
    """Judge *password*, which may be half typed. Takes some milliseconds: not on the event loop."""
    typed = unicodedata.normalize("NFC", password)
    known = _pieces((email, *words))
    score = _score(typed, known) if typed else 0
    missing = min_length - len(typed)
    if missing > 0:
        return Strength(min(score, 1), missing=missing)
    try:
        check_password(password, email=email, min_length=min_length, words=words)
    except WeakPasswordError as exc:
        return Strength(0, problem=exc)
    return Strength(score)


def _score(typed: str, known: Collection[str]) -> int:
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its dictionaries take long to load

    disguised = len(set(typed) & _LEET) > len(_LEET) // 3
    with _ONE_AT_A_TIME:
        found = zxcvbn(
            typed[: MAX_DISGUISED if disguised else MAX_JUDGED],
            user_inputs=[*known, *_CONTEXT_WORDS],
        )
    return int(found["score"])


def _pieces(texts: Iterable[str]) -> list[str]:
    """The words in *texts*, the longest first."""
    folded = (unicodedata.normalize("NFC", text).casefold() for text in texts)
    words = {word for text in folded for word in re.split(r"[\W_]+", text) if len(word) >= 3}
    return sorted(words, key=lambda word: (-len(word), word))


def _readings(folded: str) -> tuple[str, str]:
    """A password as it is, and with letters for the signs that people write instead of them."""
    return folded, folded.translate(_LETTERS)


def _without(words: Iterable[str], text: str) -> str:
    for word in words:
        text = text.replace(word, "")
    return text


def _cores(folded: str) -> set[str]:
    """What is left of a password without what people put around it, or how often they repeat it."""
    cores = {folded, _EDGES.sub("", folded)}
    return cores | {core[: _period(core)] for core in cores}


def _period(text: str) -> int:
    """After how many characters *text* begins anew, be it only with a part of itself."""
    return next((n for n in range(1, len(text)) if text.startswith(text[n:])), len(text))


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - long, and rarely needed

    words = (word.casefold() for found in FREQUENCY_LISTS.values() for word in found)
    return frozenset(word for word in words if len(word) > 3)


def _is_monotonous(text: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    period = (text + text).find(text, 1)
    return len(set(text)) < 5 or (len(steps) == 1 and steps <= {-1, 0, 1}) or period <= 4
