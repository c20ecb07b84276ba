import ast
import io
import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import logs
from portal.settings import Settings

CANARY = "Canary-7f3a9c51d2e84b06"
HOSTILE = [
    "two\nlines",
    "two\r\nlines",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\u202eright to left",
    "\u2066isolate\u2069",
    "line\u2028separator\u2029",
    "\x85next",
    "nul\0",
    "back\b\b\bspace",
    pytest.param("\ud800 alone", id="lone-surrogate"),
    "\U000e0041 tag",
    "\u200b\ufeff",
    '", "level": "error", "x": "',
    "x" * 10_000,
    "\n" * 10_000,
]


@pytest.fixture(autouse=True)
def root_logger():
    """Give the log back as it was: levels and handlers are the process'."""
    names = ["", "portal", *logs._QUIET]
    before = {name: logging.getLogger(name).level for name in names}
    handlers = list(logging.getLogger().handlers)
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger().handlers[:] = handlers


def configured(log_format: str, **env: str) -> io.StringIO:
    stream = io.StringIO()
    env = {"SECRET_KEY": "k" * 32, "PORTAL_LOG_FORMAT": log_format, **env}
    logs.configure(Settings.from_env(env), stream=stream)
    return stream


@pytest.fixture
def as_json():
    return configured("json")


@pytest.fixture
def console():
    return configured("console")


def entries(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_step_is_one_line_that_people_can_read(console):
    logs.step("login.succeeded", user="ann@example.org", app="Photos", origin="10.0.0.1")
    (line,) = console.getvalue().splitlines()
    assert line[8:] == "  signed in           ann@… → Photos  origin=10.0.0.1"
    assert line[2] == line[5] == ":"


def test_what_is_not_known_is_left_out(as_json):
    logs.step("logout.completed", app=None, user="ann@example.org")
    (entry,) = entries(as_json)
    assert "app" not in entry
    assert entry["user"] == "ann@…"


def test_a_step_is_one_json_object_in_production(as_json):
    logs.step("consent.allowed", user="ann@example.org", app="Photos", scopes=["a", "b"])
    (entry,) = entries(as_json)
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "info",
        "event": "consent.allowed",
        "user": "ann@…",
        "app": "Photos",
        "scopes": "a b",
    }


@pytest.mark.parametrize("event", [*logs.PHRASES, "something.new"])
def test_every_event_is_one_line(console, event):
    logs.step(event)
    assert console.getvalue().count("\n") == 1
    assert len(console.getvalue()) > 12


def logged_fields():
    """Every field that any module of the portal logs."""
    for path in Path(logs.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name("logs"), attr="step" | "problem" | "alarm")
                ):
                    yield from ((path.name, keyword.arg) for keyword in node.keywords)


def test_no_field_that_the_portal_logs_is_lost():
    found = set(logged_fields())
    assert found
    assert {(path, name) for path, name in found if name not in {*logs.FIELDS, "exc"}} == set()


def test_problems_and_alarms_stand_out(console, as_json):
    logs.problem("ory.unavailable")
    logs.alarm("store.failed")
    assert [entry["level"] for entry in entries(as_json)] == ["warning", "error"]


def test_marks_on_the_console(console):
    logs.problem("ory.unavailable")
    logs.alarm("store.failed")
    first, second = console.getvalue().splitlines()
    assert "  ! ory unavailable" in first
    assert "  !! store failed" in second


def test_fields_that_are_not_on_the_list_are_dropped(as_json):
    logs.step("login.failed", password=CANARY, challenge=CANARY, body=CANARY, cookie=CANARY)
    assert CANARY not in as_json.getvalue()
    assert set(entries(as_json)[0]) == {"time", "level", "event"}


@pytest.mark.parametrize(
    "text",
    [
        f"GET http://hydra:4445/admin/x?login_challenge={CANARY}&y=1 failed",
        f"redirect to https://h/oauth2/auth?client_id=a&login_verifier={CANARY}",
        f"https://app/cb?code={CANARY}",
        f"login_challenge={CANARY}",
        f"consent_verifier: {CANARY}",
        f'{{"access_token": "{CANARY}"}}',
        f"{{'password': '{CANARY}'}}",
        f"Authorization: Bearer {CANARY}",
        f"Basic {CANARY}",
        f"cookie={CANARY}; other=1",
        f"postgresql://portal:{CANARY}@db/portal",
        f"ory_pat_{CANARY}",
        f"eyJhbGciOi{CANARY}.eyJzdWIi{CANARY}.{CANARY}",
        f"$argon2id$v=19$m=19456,t=2,p=1${CANARY}",
        f"key {CANARY}{CANARY}",
        f"client_secret={CANARY}",
        f"user_code={CANARY}",
        f"form_token={CANARY}",
    ],
)
@pytest.mark.parametrize("field", ["error", "app", "reason", "url"])
def test_what_looks_like_a_secret_is_blanked_in_every_field(as_json, field, text):
    logs.problem("ory.unavailable", **{field: text})
    logging.getLogger("uvicorn.error").error(text)
    logging.getLogger("elsewhere").warning("%s", text)
    logs.alarm("x.failed", exc=ValueError(text))
    assert len(entries(as_json)) == 4
    assert CANARY not in as_json.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "Photos by Anna",
        "ConnectError: All connection attempts failed",
        "What? Really?",
        "8c9e1b5e-52ad-4a8e-8b3e-0f6c3b1a2d4e",
        "portal/store/engine.py:104",
        "https://app.example.org/callback",
    ],
)
def test_ordinary_words_stay_readable(text):
    assert logs.scrub(text) == text


def test_a_field_that_is_a_secret_by_name_is_blanked_even_if_somebody_allowed_it(monkeypatch):
    event = {"event": "x", "login_challenge": CANARY, "Password": CANARY, "api_key": CANARY}
    monkeypatch.setattr(logs, "_KEPT", logs._KEPT | set(event))
    kept = logs._guarded(None, "info", event)
    assert set(kept) == set(event)
    assert CANARY not in str(kept)


def test_no_name_on_the_list_is_the_name_of_a_secret():
    event = dict.fromkeys(logs.FIELDS, "kept")
    assert set(logs._guarded(None, "info", event).values()) == {"kept"}


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_hostile_values_stay_one_line_and_short(log_format, value, monkeypatch):
    stream = configured(log_format)
    root = logging.getLogger()  # pytest's own handler would send a surrogate to another process
    ours = [handler for handler in root.handlers if type(handler).__module__ == "portal.logs"]
    monkeypatch.setattr(root, "handlers", ours)
    logs.step("login.failed", app=value, user=value, origin=value)
    logging.getLogger("elsewhere").error("%s", value)
    text = stream.getvalue()
    assert text.count("\n") == 2
    assert text.replace("\n", "").isprintable()
    assert all(len(line) < 5 * logs.MAX_VALUE for line in text.splitlines())


@given(st.text(st.characters(), max_size=600))
def test_any_text_becomes_one_printable_line(text):
    line = logs.one_line(text)
    assert line.isprintable()
    assert len(line) <= logs.MAX_VALUE


@given(st.from_regex(logs._PLAIN, fullmatch=True))
def test_what_is_taken_for_plain_is_what_cleaning_would_leave_alone(text):
    assert logs.one_line(logs.scrub(text)) == text


def test_a_value_cannot_invent_another_field(console):
    logs.step("login.failed", reason="x  origin=10.0.0.1")
    assert 'reason="x  origin=10.0.0.1"' in console.getvalue()


def fail(exc):
    raise exc


def test_an_exception_is_described_with_its_cause_and_without_locals(as_json):
    secret_local = CANARY
    try:
        try:
            fail(KeyError(f"GET https://h/x?login_challenge={secret_local}"))
        except KeyError as exc:
            raise RuntimeError("it did not work") from exc
    except RuntimeError as exc:
        logs.alarm("store.failed", exc=exc)
    (entry,) = entries(as_json)
    assert entry["exception"].startswith("RuntimeError: it did not work (")
    assert "because of KeyError: " in entry["exception"]
    assert "test_logs.py:" in entry["exception"]
    assert CANARY not in as_json.getvalue()


def test_a_library_s_exception_is_described_like_ours(as_json):
    try:
        fail(ValueError(f"https://h/x?code={CANARY}"))
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    (entry,) = entries(as_json)
    assert entry["event"] == "Exception in ASGI application"
    assert entry["exception"].startswith("ValueError: ")
    assert CANARY not in as_json.getvalue()


def test_endless_causes_end():
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert len(logs.describe(first)) <= logs.MAX_TRACE


@pytest.mark.parametrize("name", ["httpx", "httpcore", "uvicorn", "uvicorn.access", "sqlalchemy"])
def test_libraries_that_log_urls_are_quiet(name):
    stream = configured("json", PORTAL_LOG_LEVEL="debug")
    logging.getLogger(name).info("GET https://h/x?login_challenge=%s", CANARY)
    logging.getLogger(f"{name}.deeper").debug("GET %s", CANARY)
    assert stream.getvalue() == ""
    logging.getLogger(name).warning("something")
    assert entries(stream)[0]["logger"] == name


def test_the_level_is_the_operator_s_choice():
    stream = configured("json", PORTAL_LOG_LEVEL="warning")
    logs.step("login.shown")
    logs.problem("ory.unavailable")
    assert [entry["event"] for entry in entries(stream)] == ["ory.unavailable"]


def test_configuring_twice_does_not_log_twice():
    configured("json")
    stream = configured("json")
    logs.step("login.shown")
    assert len(entries(stream)) == 1


def test_a_stream_that_fails_neither_stops_the_request_nor_prints_the_record(capsys):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    env = {"SECRET_KEY": "k" * 32, "PORTAL_LOG_FORMAT": "json"}
    logs.configure(Settings.from_env(env), stream=Full())
    logs.step("login.shown", app="Photos")
    assert capsys.readouterr().err == ""


def test_colours_are_for_terminals_only(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    env = {"SECRET_KEY": "k" * 32, "PORTAL_LOG_FORMAT": "console"}
    logs.configure(Settings.from_env(env), stream=terminal)
    logs.step("login.succeeded", app="\x1b[31mPhotos")
    assert "\x1b[32m" in terminal.getvalue()
    assert "\x1b[31m" not in terminal.getvalue()
