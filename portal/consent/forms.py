"""What the consent form posts."""

from typing import Literal

import msgspec


class ConsentForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer to one consent request; the buttons are told apart by ``action``, never by their
    labels.
    """

    consent_challenge: str
    action: Literal["accept", "reject"]
    form_token: str = ""
    grant_scope: tuple[str, ...] = ()
    grant_audience: tuple[str, ...] = ()
    remember: str = ""
    """How long it holds: :mod:`portal.consent.duration`."""


class SummaryForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same form half-way: which boxes are ticked now."""

    consent_challenge: str
    form_token: str = ""
    grant_scope: tuple[str, ...] = ()
    grant_audience: tuple[str, ...] = ()
    remember: str = ""
