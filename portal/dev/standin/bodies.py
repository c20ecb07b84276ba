"""JSON bodies of decisions: which members they may have, and of which types."""

import json
from typing import Annotated, Any, Final, TypeVar

import msgspec

from portal.dev.standin.client import wrong_type
from portal.dev.standin.http import Request

Seconds = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class BodyError(ValueError):
    """It is not such a document; the words are Go's."""


class AcceptLogin(msgspec.Struct, kw_only=True):
    """``PUT …/login/accept``."""

    subject: str = ""
    remember: bool = False
    remember_for: Seconds = 0
    extend_session_lifespan: bool = False
    acr: str = ""
    amr: list[str] = []
    context: Any = None
    force_subject_identifier: str = ""
    identity_provider_session_id: str = ""


class Session(msgspec.Struct, kw_only=True):
    """Claims for the tokens."""

    access_token: dict[str, Any] = {}
    id_token: dict[str, Any] = {}


class AcceptConsent(msgspec.Struct, kw_only=True):
    """``PUT …/consent/accept``; what is granted is compared with nothing."""

    grant_scope: list[str] = []
    grant_access_token_audience: list[str] = []
    remember: bool = False
    remember_for: Seconds = 0
    session: Session = msgspec.field(default_factory=Session)
    context: Any = None
    handled_at: str = ""


class Reject(msgspec.Struct, kw_only=True):
    """``PUT …/reject`` of both kinds."""

    error: str = ""
    error_description: str = ""
    error_hint: str = ""
    error_debug: str = ""
    status_code: int = 0

    def document(self, default: str) -> dict[str, Any]:
        """With Hydra's defaults."""
        return {
            "error": self.error or default,
            "error_description": self.error_description,
            "error_hint": self.error_hint,
            "status_code": self.status_code or 400,
        }


class AcceptDevice(msgspec.Struct, kw_only=True):
    """``PUT …/device/accept``."""

    user_code: str = ""


B = TypeVar("B", AcceptLogin, AcceptConsent, Reject, AcceptDevice)
_NESTED: Final = {"session": Session}


def load(request: Request) -> Any:
    """JSON, or ``BodyError`` with the words that Go has for what it is instead."""
    text = request.body.decode(errors="replace").strip()
    if not text:
        raise BodyError("EOF")
    try:
        value, _ = _DECODER.raw_decode(text)  # what comes after it is nobody's business
        msgspec.json.encode(value)  # raises for what could not be said again: lone surrogates
    except json.JSONDecodeError as exc:
        words = "unexpected EOF" if exc.pos >= len(text) else "invalid character in JSON"
        raise BodyError(words) from None
    except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        raise BodyError("invalid character in JSON") from None
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def read(request: Request, kind: type[B], *, strict: bool) -> B:
    """The body; *strict*: no member that *kind* does not know. Null stands for what is missing."""
    members = load(request)
    if members is None:
        members = {}
    if not isinstance(members, dict):
        raise BodyError(wrong_type(members, f"flow.{kind.__name__}"))
    said = _without_null(members)
    if strict:
        _refuse_unknown(said, kind)
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as exc:
        raise BodyError(f"json: {exc}") from None


def _without_null(members: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in members.items() if value is not None}
    for name in _NESTED:
        if isinstance(said.get(name), dict):
            said[name] = {n: v for n, v in said[name].items() if v is not None}
    return said


def _refuse_unknown(said: dict[str, Any], kind: type[Any]) -> None:
    for name in said:
        if name not in kind.__struct_fields__:
            raise BodyError(f"json: unknown field '{name}'")
    for name, nested in _NESTED.items():
        if name in said and isinstance(said[name], dict) and kind is AcceptConsent:
            _refuse_unknown(said[name], nested)
