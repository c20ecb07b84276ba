"""``portal perform``: its flags, its mistakes in one line, and what it prints."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from portal.cli import performing
from portal.cli.addresses import project_url
from portal.cli.refusal import Refusal
from portal.dev.relying_party import preflight, provider
from portal.dev.relying_party.certificate import Certificate, self_signed
from portal.dev.serving import Site, listen, port_of, serving
from tests.doubles.openid import CLIENT_ID, SECRET, SUBJECT, OpenIDDouble
from tests.hydra.server import free_port

KEYS = {"access_token", "token_type", "refresh_token", "expiry", "id_token"}


@pytest.fixture(autouse=True)
def no_client_of_mine(monkeypatch):
    """No variable of whoever runs the tests, no window, no waiting."""
    for name in ("OAUTH2_CLIENT_ID", "OAUTH2_CLIENT_SECRET", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(performing, "LINGER", 0.1)


@contextlib.contextmanager
def running_provider(certificate: Certificate | None = None) -> Iterator[OpenIDDouble]:
    """An OpenID provider on a loopback port."""
    bound = listen(0)
    options: dict[str, Any] = {"lifespan": "off"}
    if certificate:
        options |= {"ssl_certfile": certificate.certificate, "ssl_keyfile": certificate.key}
    scheme = "https" if certificate else "http"
    double = OpenIDDouble(f"{scheme}://127.0.0.1:{port_of(bound)}")
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(Site(double, bound, options)):
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield double
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def running_op() -> Iterator[OpenIDDouble]:
    with running_provider() as double:
        yield double


@pytest.fixture
def op(running_op: OpenIDDouble, monkeypatch: pytest.MonkeyPatch) -> OpenIDDouble:
    """The one that HYDRA_PUBLIC_URL names, as if it had just been started."""
    running_op.reset()
    monkeypatch.setenv("HYDRA_PUBLIC_URL", running_op.issuer)
    return running_op


@pytest.fixture
def visitor() -> Iterator[Callable[[str], list[httpx.Response]]]:
    """Somebody who clicks as soon as the page at an address answers; what they saw."""
    threads: list[threading.Thread] = []

    def start(url: str, *paths: str) -> list[httpx.Response]:
        seen: list[httpx.Response] = []

        def visit() -> None:
            with httpx.Client(trust_env=False, follow_redirects=True, verify=False) as http:  # noqa: S501
                for _ in range(500):
                    with contextlib.suppress(httpx.HTTPError):
                        seen.append(http.get(url))
                        break
                    time.sleep(0.02)
                for path in paths or ("perform-flow",):
                    seen.append(http.get(url + path))

        threads.append(threading.Thread(target=visit))
        threads[-1].start()
        return seen

    yield start
    for thread in threads:
        thread.join()


def perform(portal, port, *flags, stdin="", **env):
    return portal(
        *("perform", "authorization-code", "--once", "--client-id", CLIENT_ID),
        *("--port", str(port), *flags),
        stdin=stdin,
        **({"OAUTH2_CLIENT_SECRET": SECRET} | env),
    )


def refused(found) -> str:
    assert found.exit_code == 1, found.output
    assert found.stdout == ""
    line: str
    (line,) = (line for line in found.stderr.splitlines() if line.startswith("portal: "))
    assert found.stderr.endswith(f"{line}\n")
    assert "Traceback" not in found.output
    return line


def test_once_prints_the_tokens_with_hydra_s_keys_and_ends(portal, op, visitor):
    port = free_port()
    seen = visitor(f"http://127.0.0.1:{port}/")
    found = perform(portal, port, "--format", "json")
    assert found.exit_code == 0, found.stderr
    tokens = json.loads(found.stdout)
    assert set(tokens) == KEYS
    assert seen[-1].status_code == 200
    assert tokens["access_token"] in seen[-1].text
    assert SUBJECT in found.stderr
    for name in ("access_token", "refresh_token", "id_token"):
        assert tokens[name] not in found.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_the_table_shows_each_token_whole(portal, op, visitor):
    port = free_port()
    visitor(f"http://127.0.0.1:{port}/")
    found = perform(portal, port)
    rows = dict(line.split(maxsplit=2)[0:3:2] for line in found.stdout.splitlines()[:3])
    assert set(rows) == {"ACCESS", "REFRESH", "ID"}
    assert rows["ID"].count(".") == 2
    assert len(rows["ID"]) > 400


def test_a_bad_callback_ends_nothing(portal, op, visitor):
    port = free_port()
    seen = visitor(
        f"http://127.0.0.1:{port}/",
        *("callback", "callback?code=x&state=y", "callback?error=access_denied", "perform-flow"),
    )
    found = perform(portal, port, "--format", "json")
    assert found.exit_code == 0
    assert [page.status_code for page in seen] == [200, 400, 400, 400, 200]


def test_a_refusal_is_exit_code_1(portal, op, visitor):
    op.change_callback = lambda answer: {"state": answer["state"], "error": "access_denied"}
    port = free_port()
    visitor(f"http://127.0.0.1:{port}/")
    line = refused(perform(portal, port, "--format", "json"))
    assert line.startswith("portal: access_denied")


def test_a_failed_check_is_exit_code_1_and_prints_no_token(portal, op, visitor):
    op.change_claims = lambda claims: claims | {"aud": "mail"}
    port = free_port()
    visitor(f"http://127.0.0.1:{port}/")
    assert "aud" in refused(perform(portal, port))


@pytest.mark.parametrize("where", ["basic", "body"])
def test_a_wrong_secret_is_one_line_before_anybody_clicks(portal, op, where):
    op.secret_in = where
    line = refused(perform(portal, free_port(), "--client-secret-stdin", stdin="not-it\n"))
    assert "The client secret is wrong (or belongs to another client" in line
    assert "token_endpoint_auth_method" not in line
    assert "not-it" not in line


@pytest.mark.parametrize("where", ["basic", "body"])
def test_a_right_secret_is_proved_with_a_code_that_nobody_was_given(portal, op, visitor, where):
    op.secret_in = where
    port = free_port()
    visitor(f"http://127.0.0.1:{port}/")
    assert perform(portal, port).exit_code == 0
    first = next(form for _, path, form in op.requests if path == "/token")
    assert first["code"] == preflight.NO_CODE


def test_a_public_client_needs_no_secret_at_the_start(portal, op, visitor):
    op.client_secret = None
    port = free_port()
    visitor(f"http://127.0.0.1:{port}/")
    assert perform(portal, port, OAUTH2_CLIENT_SECRET="").exit_code == 0


def test_a_token_endpoint_that_has_no_time_at_the_start_is_no_obstacle(portal, op, visitor):
    op.answers["/token"] = (429, b"")
    port = free_port()
    seen = visitor(f"http://127.0.0.1:{port}/")
    perform(portal, port)
    assert seen[0].status_code == 200


@pytest.mark.parametrize("base", ["", "{issuer}"])
def test_an_ory_that_does_not_know_the_login_page_is_mentioned(
    portal, op, visitor, monkeypatch, base
):
    op.redirect_to = f"{base.format(issuer=op.issuer)}/oauth2/fallbacks/login?login_challenge=abc"
    original = performing.preflight

    async def then_ory_is_told(*given):
        found = await original(*given)
        op.redirect_to = None
        return found

    monkeypatch.setattr(performing, "preflight", then_ory_is_told)
    port = free_port()
    visitor(f"http://127.0.0.1:{port}/")
    found = perform(portal, port)
    assert found.exit_code == 0, "it goes on"
    (line,) = (line for line in found.stderr.splitlines() if line.startswith("portal: "))
    assert "does not know the login page" in line
    assert "portal ory-config" in line
    assert "abc" not in line


def test_https_has_a_certificate_of_its_own(portal, op, visitor):
    port = free_port()
    seen = visitor(f"https://127.0.0.1:{port}/")
    found = perform(portal, port, "--https", "--format", "json")
    assert found.exit_code == 0, found.stderr
    assert seen[-1].url.scheme == "https"


def test_the_flags_are_asked_of_ory(portal, op, visitor):
    port = free_port()
    visitor(f"http://127.0.0.1:{port}/")
    perform(
        portal,
        port,
        *("--scope", "openid,email", "--scope", "offline", "--audience", "https://api.test"),
        *("--prompt", "login,consent", "--max-age", "60", "--acr-values", "aal2"),
        *("--login-hint", "ann", "--ui-locales", "de", "--claims", '{"userinfo": {}}'),
    )
    asked = [form for _, path, form in op.requests if path == "/auth"][-1]
    assert asked["scope"] == "openid email offline"
    assert asked["prompt"] == "login consent"
    assert asked["redirect_uri"] == f"http://127.0.0.1:{port}/callback"
    given = {name: asked[name] for name in ("audience", "max_age", "acr_values", "login_hint")}
    assert given == {
        "audience": "https://api.test",
        "max_age": "60",
        "acr_values": "aal2",
        "login_hint": "ann",
    }


def test_a_browser_is_opened_where_there_is_a_screen(portal, op, visitor, monkeypatch):
    opened: list[str] = []

    def fail(url: str) -> None:
        opened.append(url)
        raise RuntimeError("no browser here")

    monkeypatch.setattr("webbrowser.open", fail)
    for flags, env, times in (((), {"DISPLAY": ":0"}, 1), (("--no-open",), {"DISPLAY": ":0"}, 0)):
        opened.clear()
        port = free_port()
        visitor(f"http://127.0.0.1:{port}/")
        assert perform(portal, port, *flags, **env).exit_code == 0
        assert opened == [f"http://127.0.0.1:{port}/"] * times


def test_a_busy_port_is_one_line(portal, op):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} is in use" in refused(perform(portal, port))


def test_ory_away_is_one_line(portal):
    line = refused(perform(portal, free_port(), "-e", "http://127.0.0.1:1"))
    assert "http://127.0.0.1:1" in line


def test_the_wrong_side_of_ory_is_one_line(portal, op):
    op.answers["/.well-known/openid-configuration"] = (404, {"error": "Not Found"})
    assert "public" in refused(perform(portal, free_port()))


def test_an_issuer_of_another_name_is_one_line(portal, op):
    line = refused(perform(portal, free_port(), "-e", op.issuer.replace("127.0.0.1", "localhost")))
    assert f"-e {op.issuer}" in line


@pytest.mark.parametrize(
    ("error", "description", "words"),
    [
        ("invalid_client", "The requested OAuth 2.0 Client does not exist.", "clients create"),
        (
            "invalid_request",
            "The 'redirect_uri' parameter does not match",
            "--redirect-uri http://",
        ),
        ("invalid_scope", "not allowed to request scope", "scopes"),
    ],
)
def test_a_client_that_cannot_work_is_noticed_at_the_start(portal, op, error, description, words):
    query = f"error={error}&error_description={description}"
    op.redirect_to = f"http://portal.test/error?{query}"
    line = refused(perform(portal, free_port()))
    assert error in line
    assert words in line


def test_a_redirect_that_nobody_can_follow_is_one_line(portal, op):
    op.redirect_to = "http://["
    assert f"{op.issuer}/auth" in refused(perform(portal, free_port()))


@pytest.mark.slow
def test_ctrl_c_ends_it_and_leaves_nothing(op, tmp_path):
    port = free_port()
    for number, flags, code in (
        (signal.SIGINT, (), 0),
        (signal.SIGTERM, ("--once",), 130),
    ):
        command = [sys.executable, "-m", "portal", "perform", "authorization-code", "--no-open"]
        process = subprocess.Popen(
            [*command, "--port", str(port), "--client-id", CLIENT_ID, *flags],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HYDRA_PUBLIC_URL": op.issuer,
                "OAUTH2_CLIENT_SECRET": SECRET,
            },
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        while "Ctrl-C" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        printed, told = process.communicate(timeout=10)
        assert (process.returncode, printed) == (code, "")
        assert "Traceback" not in told


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), "OAUTH2_CLIENT_ID"),
        (("--client-id", "x", "--state", "fixed"), "--state is left out"),
        (("--client-id", "x", "--skip"), "--skip is left out"),
        (("--client-id", "x", "--once", "--no-shutdown"), "exclude"),
        (("--client-id", "x", "--claims", "{"), "claims"),
        (("--client-id", "x", "--prompt", "please"), "prompt"),
        (("--client-id", "x", "--max-age", "-2"), "max-age"),
        (("--client-id", "x", "--port", "0"), "port"),
        (("--client-id", "x", "--redirect", "nowhere"), "redirect_uri"),
        (("--client-id", "x", "--project", "a b"), "slug"),
        (("--client-id", "x", "-e", "nowhere"), "endpoint"),
        (("--client-id", "x", "-e", "http://a.test", "--project", "a"), "exclude"),
        (("--client-id", "x", "--client-secret", "a", "--client-secret-stdin"), "exclude"),
        (("--client-id", "x", "--response-mode", "fragment"), "response-mode"),
    ],
)
def test_a_bad_flag_is_usage_and_a_hint(portal, monkeypatch, flags, words):
    monkeypatch.setenv("HYDRA_PUBLIC_URL", "http://127.0.0.1:1")
    found = portal("perform", "authorization-code", *flags)
    assert found.exit_code == 2
    assert words in " ".join(found.stderr.replace("│", " ").split())


def test_where_ory_is_has_to_be_said(portal):
    assert "HYDRA_PUBLIC_URL" in refused(perform(portal, free_port()))


def test_a_project_is_named_by_slug_or_address(portal):
    assert project_url("Happy-Ant-1x2") == "https://happy-ant-1x2.projects.oryapis.com"
    assert project_url("https://auth.test/") == "https://auth.test"
    with pytest.raises(Refusal, match="slug"):
        project_url("6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11")
    flags = ("--project", "6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11")
    assert "slug" in refused(perform(portal, free_port(), *flags))


def test_a_bad_setting_is_one_line(portal):
    assert "HYDRA_PUBLIC_URL" in refused(perform(portal, free_port(), HYDRA_PUBLIC_URL="nowhere"))


def test_the_help_names_the_exit_codes(portal):
    for name in ("authorization-code", "device-code"):
        text = portal("perform", name, "--help").stdout
        assert "Exit codes" in text
        assert "--state" not in text


def device(portal, *flags):
    return portal(
        *("perform", "device-code", "--client-id", CLIENT_ID, "--client-secret", SECRET, *flags)
    )


PENDING = (400, {"error": "authorization_pending"})


def test_a_device_waits_until_the_code_was_entered(portal, op):
    op.device_steps = [PENDING, PENDING]
    found = device(portal, "--format", "json")
    assert found.exit_code == 0, found.stderr
    assert set(json.loads(found.stdout)) == KEYS
    assert "ABCD-EFGH" in found.stderr
    assert f"{op.issuer}/device/verify?user_code=ABCD-EFGH" in found.stderr
    assert "canary-device-code" not in found.output
    assert op.paths().count("/token") == 3


def test_a_device_s_checks_are_listed_with_who_signed_in_and_at_which_ory(portal, op):
    found = device(portal)
    assert found.exit_code == 0
    lines = found.stderr.splitlines()
    assert f"Subject         {SUBJECT}" in lines
    assert f"Issuer          {op.issuer}" in lines
    for check in ("signature", "iss", "aud", "exp", "at_hash", "scope"):
        assert any(line.startswith(f"Passed          {check}: ") for line in lines), check
    assert any(line.startswith("Note            nonce: ") for line in lines)
    assert [line.split()[0] for line in found.stdout.splitlines()] == [
        *("ACCESS", "REFRESH", "ID", "EXPIRY")
    ]
    assert "Passed" not in device(portal, "--format", "json").stderr


def test_a_device_s_check_that_failed_is_listed_with_the_others(portal, op):
    op.change_claims = lambda claims: claims | {"aud": "mail"}
    found = device(portal)
    assert "Failed          aud: " in found.stderr
    assert "Passed          iss: " in found.stderr
    assert "Subject" not in found.stderr, "nothing in it is believed"


def test_a_device_slows_down_when_told(portal, op, monkeypatch):
    monkeypatch.setattr("portal.dev.relying_party.device.SLOWER", 0.3)
    op.device_steps = [(400, {"error": "slow_down"}), PENDING]
    started = time.monotonic()
    assert device(portal).exit_code == 0
    assert time.monotonic() - started > 0.6


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "invalid_grant"])
def test_a_device_that_is_refused_ends_with_1(portal, op, error):
    op.device_steps = [PENDING, (400, {"error": error})]
    found = device(portal)
    assert found.exit_code == 1
    assert found.stdout == ""
    assert f"portal: {error}" in found.stderr


def test_a_device_gives_up_when_the_code_expires(portal, op):
    op.answers["/device"] = (
        200,
        {
            "device_code": "d",
            "user_code": "u",
            "verification_uri": "http://x.test",
            "expires_in": 0.05,
            "interval": 0.02,
        },
    )
    op.device_steps = [PENDING] * 9
    found = device(portal)
    assert found.exit_code == 1
    assert "expired_token" in found.stderr


@pytest.mark.parametrize("interval", [0, -1])
def test_a_device_pauses_also_where_ory_names_no_pause(portal, op, monkeypatch, interval):
    monkeypatch.setattr("portal.dev.relying_party.device.USUAL_WAIT", 0.3)
    op.answers["/device"] = (200, op._device() | {"interval": interval})
    op.device_steps = [PENDING, PENDING]
    started = time.monotonic()
    assert device(portal).exit_code == 0
    assert time.monotonic() - started > 0.9


def test_a_device_checks_the_id_token(portal, op):
    op.change_claims = lambda claims: claims | {"iss": "https://evil.test"}
    found = device(portal)
    assert found.exit_code == 1
    assert found.stdout == ""
    assert "iss" in found.stderr


def test_an_ory_without_device_flow_is_one_line(portal, op):
    op.change_discovery = {"device_authorization_endpoint": None}
    assert "no device flow" in refused(device(portal))


def test_a_device_refused_at_the_start_is_one_line(portal, op):
    op.answers["/device"] = (401, {"error": "invalid_client", "error_description": "unknown"})
    assert "invalid_client" in refused(device(portal))


def test_a_certificate_has_to_be_trusted(portal, tmp_path):
    made = self_signed(tmp_path)
    assert made.key.stat().st_mode & 0o077 == 0
    with running_provider(made) as op:
        line = refused(device(portal, "-e", op.issuer))
        assert "--ca-file" in line
        trusting = ("--ca-file", str(made.certificate)), ("--skip-tls-verify",)
        for flags in trusting:
            assert device(portal, "-e", op.issuer, *flags).exit_code == 0
        found = device(portal, "-e", op.issuer, "--ca-file", str(made.key))
        assert "cannot be read" in refused(found)


def test_the_key_reaches_the_admin_api_alone(portal, op, visitor):
    port = free_port()
    visitor(f"http://127.0.0.1:{port}/")
    found = perform(portal, port, HYDRA_ADMIN_URL=op.issuer, ORY_PAT="ory_pat_canary")
    assert found.exit_code == 0
    carried = {
        path
        for (_, path, _), headers in zip(op.requests, op.headers, strict=True)
        if "ory_pat_canary" in str(headers)
    }
    assert carried == {"/admin/oauth2/introspect"}


def test_answers_with_secrets_do_not_show_them():
    answer = provider.TokenAnswer(access_token="canary", token_type="bearer")
    assert "canary" not in repr(answer)
