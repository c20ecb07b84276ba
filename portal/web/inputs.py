"""The strict edge for what a browser sends: one value per name, clean text, the expected form and
nothing else.

Litestar's own form parser keeps whole bodies, and with them passwords, in a cache; this one keeps
nothing.
"""

import re
from functools import cache
from typing import Any, Final, TypeVar, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from litestar import Request

from portal.i18n import N_

MAX_FIELDS: Final = 1024
"""More would not fit into a body anyway; a request may ask for hundreds of scopes."""
_UNWANTED: Final = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")
FORM_TYPE: Final = "application/x-www-form-urlencoded"
Form = TypeVar("Form", bound=msgspec.Struct)
AnyRequest = Request[Any, Any, Any]


class HostileInputError(Exception):
    """What came in is nothing that a form or a link of ours sends; the message is for the page,
    without the input.
    """


class UnsupportedFormError(Exception):
    """A body that is not urlencoded, or packed."""


def parse_pairs(raw: bytes) -> list[tuple[str, str]]:
    """Decode urlencoded *raw* strictly: UTF-8, no NUL, no surrogates, no non-characters, a bounded
    number of fields.
    """
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as exc:
        raise HostileInputError(N_("The request is not readable text.")) from exc
    for pair in pairs:
        require_clean(*pair)
    return pairs


def require_clean(*texts: str) -> None:
    """Refuse NUL, surrogates and non-characters, which not every database keeps."""
    if any(_UNWANTED.search(text) for text in texts):
        raise HostileInputError(N_("The request contains characters that no form sends."))


def query(request: AnyRequest) -> dict[str, str]:
    """The query's parameters, each at most once."""
    values: dict[str, str] = {}
    for name, value in parse_pairs(request.scope["query_string"]):
        if name in values:
            raise HostileInputError(N_("The address names a parameter twice."))
        values[name] = value
    return values


async def read_form(request: AnyRequest, form_type: type[Form]) -> Form:
    """The posted form as *form_type*; whatever does not fit it exactly is refused.

    A field of list type takes every value of its name, any other exactly one: a checkbox group with
    one tick arrives like a text field.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != FORM_TYPE or "content-encoding" in request.headers:
        raise UnsupportedFormError
    lists = _list_fields(form_type)
    values: dict[str, Any] = {name: [] for name in lists}
    for name, value in parse_pairs(await request.body()):
        if name in lists:
            values[name].append(value)
        elif name in values:
            raise HostileInputError(N_("The form names a field twice."))
        else:
            values[name] = value
    try:
        return msgspec.convert(values, form_type, strict=False)
    except msgspec.ValidationError as exc:
        raise HostileInputError(N_("The form is not one of this portal's.")) from exc


@cache
def _list_fields(form_type: type[msgspec.Struct]) -> frozenset[str]:
    hints = get_type_hints(form_type)
    return frozenset(name for name, hint in hints.items() if get_origin(hint) in (tuple, list))
