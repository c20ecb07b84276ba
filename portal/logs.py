"""The log: one line for each step of a flow, and nothing in it that opens a door.

Only the fields of :data:`FIELDS` are written. Their values are cleaned before they reach any
handler: whatever could start a new line or repaint a terminal is escaped, whatever looks like a
secret is blanked. Other libraries' messages pass the same way.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from portal.settings import Settings

MAX_VALUE: Final = 256
MAX_TRACE: Final = 2_048
MAX_TRACE_LINES: Final = 12
HIDDEN: Final = "***"

FIELDS: Final = frozenset(
    (
        "app",
        "by",
        "client",
        "count",
        "error",
        "origin",
        "port",
        "reason",
        "reference",
        "scopes",
        "status",
        "subject",
        "unknown",
        "url",
        "user",
        "workers",
    )
)
"""What may be logged. Add a name here only if no value of it can ever be a secret."""

PHRASES: Final[Mapping[str, str]] = {
    "login.shown": "asked to sign in",
    "login.succeeded": "signed in",
    "login.failed": "wrong password",
    "login.factor_failed": "second step failed",
    "login.throttled": "told to wait",
    "login.skipped": "still signed in",
    "login.rejected": "not signed in",
    "device.shown": "asked for a code",
    "device.verified": "code accepted",
    "device.refused": "wrong code",
    "device.throttled": "told to wait",
    "consent.asked": "asked to allow",
    "consent.allowed": "allowed",
    "consent.denied": "denied",
    "consent.skipped": "allowed earlier",
    "consent.refused": "not asked",
    "sent.back": "sent back",
    "logout.shown": "asked to sign out",
    "logout.completed": "signed out",
    "logout.cancelled": "stayed signed in",
    "grant.revoked": "access removed",
    "grant.restored": "removal undone",
    "grant.narrowed": "access narrowed",
    "portal.starting": "starting",
    "portal.listening": "listening",
    "portal.signed_in": "signed in here",
    "session.ended": "signed out in one place",
    "sessions.ended": "signed out elsewhere",
    "user.password_changed": "password changed",
    "user.profile_changed": "own data changed",
    "user.deleted": "account deleted",
    "reset.asked": "forgot a password",
    "password.reset": "new password by mail",
    "registration.asked": "asked to register",
    "user.registered": "registered",
    "address.change_asked": "asked for another address",
    "address.confirmed": "address confirmed",
    "mail.sent": "mail sent",
    "jobs.leading": "does the background work",
    "jobs.lost": "leaves the background work to others",
    "jobs.shared": "shares the background work",
}
"""How the console says it; any other event is its own name."""

_QUIET: Final = (
    *("httpx", "httpcore", "uvicorn", "uvicorn.error", "uvicorn.access", "sqlalchemy", "alembic"),
    *("aiosqlite", "asyncio", "litestar", "multipart", "psycopg", "psycopg.pool", "dotenv"),
)
_GUARDED_NAME: Final = (
    r"(?:[\w-]*(?:challenge|verifier|token|password|passwd|secret|cookie|assertion)[\w-]*"
    r"|code|state|nonce|sid|pat|api[_-]?key|user_code)"
)
_GUARDED_FIELD: Final = re.compile(_GUARDED_NAME, re.IGNORECASE)
_SECRETS: Final = (
    (re.compile(r"\?[^\s\"'<>?]*=[^\s\"'<>]*"), f"?{HIDDEN}"),
    (re.compile(r"://[^\s/@]+@"), f"://{HIDDEN}@"),
    (
        re.compile(rf"(?i)\b({_GUARDED_NAME}[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;)}}\]]+"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"\bory_[a-z]{2,4}_[\w.~+/=-]+"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*"), HIDDEN),
    (re.compile(r"\$argon2[^\s\"']*"), HIDDEN),
    (re.compile(r"(?=[\w-]*\d)[A-Za-z0-9_-]{40,}={0,2}"), HIDDEN),
)
_PLAIN: Final = re.compile(r"(?!.*(?:eyJ|(?i:bearer|basic) ))[A-Za-z0-9@. …-]{0,39}")
"""What :func:`scrub` and :func:`one_line` leave as it is, told by one look instead of nine."""
_BOOKKEEPING: Final = ("_record", "_from_structlog")
_KEPT: Final = FIELDS | {"event", "level", "logger"}
_PROBLEM, _ALARM = ("!", "\x1b[33m"), ("!!", "\x1b[31m")
_LEVELS: Final = {"warning": _PROBLEM, "error": _ALARM, "critical": _ALARM}
_REFUSALS: Final = frozenset({"failed", "throttled", "rejected", "denied", "refused"})


def step(event: str, **fields: object) -> None:
    """Log one step of a flow: what happened, to whom, for which app."""
    _LOGGER.info(event, **fields)


def problem(event: str, *, exc: BaseException | None = None, **fields: object) -> None:
    """Log what went wrong and will mend itself or be tried again."""
    _LOGGER.warning(event, _exc=exc, **fields)


def alarm(event: str, *, exc: BaseException | None = None, **fields: object) -> None:
    """Log what an operator should look at."""
    _LOGGER.error(event, _exc=exc, **fields)


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send this process' log, and that of every library in it, to *stream* (standard error)."""
    handler = _Handler(stream)
    colours = bool(getattr(handler.stream, "isatty", bool)())
    as_json = settings.log_format == "json"
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, _foreign, _guarded],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _as_json if as_json else _Console(colours=colours),
            ],
            keep_exc_info=False,
            pass_foreign_args=False,
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = settings.log_level.upper()
    root.setLevel(level)
    for name in _QUIET:
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
        logger.handlers.clear()
        logger.propagate = True


def scrub(text: str) -> str:
    """Blank whatever in *text* looks like a secret: queries, tokens, credentials."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def one_line(text: str, limit: int = MAX_VALUE) -> str:
    """Escape everything that a terminal or a log reader could take for more than a character."""
    shown = "".join(char if char.isprintable() else _escaped(char) for char in text[: limit + 1])
    return shown if len(shown) <= limit and len(text) <= limit else shown[: limit - 1] + "…"


def describe(exc: BaseException) -> str:
    """Say what was raised and where, causes included; no values of variables, no secrets."""
    parts: list[str] = []
    seen: BaseException | None = exc
    while seen is not None and len(parts) < 5:
        frames = traceback.extract_tb(seen.__traceback__)[-MAX_TRACE_LINES:]
        where = " < ".join(f"{_short(frame.filename)}:{frame.lineno}" for frame in reversed(frames))
        message = one_line(scrub(str(seen)))
        parts.append(f"{type(seen).__name__}: {message}" + (f" ({where})" if where else ""))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return one_line("; because of ".join(parts), MAX_TRACE)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _short(filename: str) -> str:
    return "/".join(Path(filename).parts[-3:])


def _guarded(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop every field that is not on the list, or of which nothing is known; clean the others.

    structlog's own bookkeeping passes as it is.
    """
    kept: EventDict = {
        name: HIDDEN if _GUARDED_FIELD.fullmatch(name) else _clean(name, value)
        for name, value in event.items()
        if name in _KEPT and value is not None
    }
    raised = event.get("_exc")
    if isinstance(raised, BaseException):
        kept["exception"] = describe(raised)
    kept.update((name, event[name]) for name in _BOOKKEEPING if name in event)
    return kept


def _clean(name: str, value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        value = " ".join(map(str, value))
    text = str(value)
    if name in ("by", "user") and "@" in text:
        text = text.rpartition("@")[0] + "@…"
    return text if _PLAIN.fullmatch(text) else one_line(scrub(text[: 8 * MAX_VALUE]))


def _foreign(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Take a library's record: its logger's name, and its exception as ours are described."""
    record: logging.LogRecord = event["_record"]
    event["event"] = str(event.get("event", "")).strip()
    event["logger"] = record.name
    event["_exc"] = record.exc_info[1] if record.exc_info else None
    return event


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    head = {"time": now, "level": event.pop("level", "info"), "event": event.pop("event", "")}
    return json.dumps({**head, **event}, ensure_ascii=False, default=str)


class _Console:
    """A line that people can read while they try the portal out."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> str:
        name, level = str(event.pop("event", "")), str(event.pop("level", "info"))
        mark, colour = _LEVELS.get(level, ("", ""))
        if not mark:
            event.pop("reference", None)  # only a problem is looked up by it
            refused = name.rpartition(".")[2] in _REFUSALS
            colour = "\x1b[33m" if refused else "\x1b[32m" if name in PHRASES else ""
        words = PHRASES.get(name, name if " " in name else re.sub(r"[._]", " ", name))
        clock = self._paint(f"{datetime.now().astimezone():%H:%M:%S}", "\x1b[2m")
        line = f"{clock}  {self._paint(f'{mark} {words}'.strip().ljust(18), colour)}{_rest(event)}"
        return line.rstrip()

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}\x1b[0m" if self._colours and colour else text


def _rest(event: EventDict) -> str:
    who = event.pop("user", None)
    app = event.pop("app", None)
    told = "  " + " → ".join(str(part) for part in (who, app) if part) if who or app else ""
    return told + "".join(f"  {name}={_value(value)}" for name, value in sorted(event.items()))


def _value(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[\s\"=]", text) or not text else text


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to where standard error is now, and never shows a record that it failed to write."""

    def __init__(self, stream: TextIO | None) -> None:
        logging.Handler.__init__(self)
        self._given = stream

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # looked up late, as logging.lastResort does
        return self._given or sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Stay silent: the default prints the record with all that was in it."""


_LOGGER: Final = structlog.wrap_logger(
    logging.getLogger("portal"),
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _guarded,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    context_class=dict,
)
