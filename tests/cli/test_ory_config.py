import json
import os
import shlex
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from portal.cli.ory_config import DEVICE_PAGES, PAGES, device_urls, page_urls
from portal.cli.yaml_edit import YamlEditError, parse, set_texts

BASE = "https://login.example.org"
EXPORTED = """\
# exported on a Monday
clients:
  http:
    disallow_private_ip_ranges: true   # three blanks
strategies: {access_token: opaque, scope: 'exact'}
ttl:
    login_consent_request: 30m0s
urls:
  consent: /ui/consent
  error: "/oauth2/fallbacks/error"  # a fallback
  # ours follow
  login: '/ui/login'
  post_logout_redirect: /oauth2/fallbacks/logout
  registration: /ui/registration
  self:
    issuer: https://slug.projects.oryapis.com
    public: &here https://slug.projects.oryapis.com

webfinger:
  jwks: *here
"""
CONFIGURED = """\
# exported on a Monday
clients:
  http:
    disallow_private_ip_ranges: true   # three blanks
strategies: {access_token: opaque, scope: 'exact'}
ttl:
    login_consent_request: 30m0s
urls:
  consent: https://login.example.org/consent
  error: "https://login.example.org/error"  # a fallback
  # ours follow
  login: 'https://login.example.org/login'
  post_logout_redirect: https://login.example.org/
  registration: /ui/registration
  self:
    issuer: https://slug.projects.oryapis.com
    public: &here https://slug.projects.oryapis.com
  logout: https://login.example.org/logout
  device:
    verification: https://login.example.org/device/verify
    success: https://login.example.org/device/success

webfinger:
  jwks: *here
"""
WANTED = {**page_urls(BASE), "device": device_urls(BASE)}


@pytest.fixture
def config(tmp_path):
    """A file with this text or these bytes."""

    def make(content=EXPORTED):
        path = tmp_path / "config.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def refused(found):
    assert found.exit_code == 1
    assert found.stdout == ""
    assert found.stderr.startswith("portal: ")
    assert found.stderr.count("\n") == 1
    return found.stderr


def loaded(text):
    return YAML(typ="safe", pure=True).load(text)


def edited(text, base=BASE):
    return set_texts(text, {"urls": {**page_urls(base), "device": device_urls(base)}}).text


def test_the_portal_s_addresses_are_set_and_nothing_else_is_touched(portal, config):
    found = portal("ory-config", str(config()), "--base-url", BASE)
    assert found.exit_code == 0
    assert found.stdout == CONFIGURED
    assert found.stderr.splitlines()[0] == f"urls.login: {BASE}/login (was /ui/login)"
    assert f"urls.logout: {BASE}/logout (added)" in found.stderr
    assert len(found.stderr.splitlines()) == len(PAGES) + len(DEVICE_PAGES)


def test_the_address_is_that_of_the_settings(portal, config):
    at_8000 = portal("ory-config", str(config()), PORT="8000").stdout
    assert loaded(at_8000)["urls"]["login"] == "http://localhost:8000/login"
    elsewhere = portal("ory-config", str(config()), BASE_URL=f"{BASE}/sso/").stdout
    assert loaded(elsewhere)["urls"]["consent"] == f"{BASE}/sso/consent"
    assert not Path("portal-secret-key").exists()


def test_standard_input_is_read_as_a_file_is(portal):
    found = portal("ory-config", "-", "--base-url", BASE, stdin=EXPORTED)
    assert found.stdout == CONFIGURED


def test_a_second_run_says_that_nothing_changes(portal, config):
    path = config(CONFIGURED)
    before = path.stat()
    found = portal("ory-config", str(path), "--in-place", "--base-url", BASE)
    assert (found.exit_code, found.stdout) == (0, "")
    assert found.stderr == "Nothing changes: Ory's configuration names this portal already.\n"
    assert path.stat() == before
    assert portal("ory-config", str(path), "--base-url", BASE).stdout == CONFIGURED


def test_in_place_the_file_keeps_its_mode_and_no_draft_is_left(portal, config):
    path = config()
    path.chmod(0o640)
    found = portal("ory-config", str(path), "--in-place", "--base-url", BASE)
    assert (found.exit_code, found.stdout) == (0, "")
    assert path.read_text() == CONFIGURED
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_in_place_a_link_stays_a_link(portal, config, tmp_path):
    link = tmp_path / "link.yaml"
    link.symlink_to(config())
    portal("ory-config", str(link), "--in-place", "--base-url", BASE)
    assert link.is_symlink()
    assert link.read_text() == CONFIGURED


def test_a_full_disk_leaves_the_file_as_it_was(portal, config, monkeypatch):
    path = config()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    words = refused(portal("ory-config", str(path), "--in-place", "--base-url", BASE))
    assert "No space left on device. Nothing was changed." in words
    assert path.read_text() == EXPORTED
    assert list(path.parent.iterdir()) == [path]


def test_json_stays_json(portal, config):
    urls = {"login": "x", "self": {"issuer": "https://a.test"}}
    document = {"urls": urls, "ttl": {"a": 1}}
    for indent in (None, 2, "\t"):
        text = json.dumps(document, indent=indent)
        made = json.loads(portal("ory-config", str(config(text)), "--base-url", BASE).stdout)
        assert made == {**document, "urls": {**urls, **WANTED}}
        assert list(made) == ["urls", "ttl"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("urls: {}\n", {}),
        ("urls: {self: {issuer: x}} # c\n", {"self": {"issuer": "x"}}),
        ("urls: {login, a: b}\n", {"a": "b"}),
        ("urls:\n  login:\n  a: b", {"a": "b"}),
        ("urls:\n  login: ~ # c\n  device: null\n  a: b\n", {"a": "b"}),
        ("urls:\n  login: >-\n    folded\n    text\n  a: b\n", {"a": "b"}),
        ("urls:\n  login: | # c\n    text\n\n  a: b\n", {"a": "b"}),
        ("urls:\n  login: &mine x # c\n  a: b\n", {"a": "b"}),
        ("x: &x y\nurls:\n  login: *x\n  a: *x\n", {"a": "y"}),
        ("x: &x {login: y, a: b}\nurls:\n  <<: *x\n  c: d\n", {"a": "b", "c": "d"}),
        ("urls:\n  login: !!str x\n  a: b\n", {"a": "b"}),
        ("---\nurls:\n   a: b\n...\n", {"a": "b"}),
        ("urls:\n  device: {success: x, more: y}\n", {"device": {"more": "y"}}),
        ("urls:\n  device:\n      success: x\n      more: y\n", {"device": {"more": "y"}}),
        ("\ufeffurls:\n  a: b\n", {"a": "b"}),
        ("urls:\n  a: |+\n    kept\n\n\nttl: 1\n", {"a": "kept\n\n\n"}),
        ('"urls":\n  "a": "b"\n', {"a": "b"}),
        ("urls:\r  a: b\r", {"a": "b"}),
    ],
)
@pytest.mark.parametrize("base", [BASE, "http://[::1]:3000"])
def test_every_way_of_writing_is_edited_where_it_stands(portal, config, text, expected, base):
    found = portal("ory-config", str(config(text)), "--base-url", base, "--device")
    assert found.exit_code == 0, found.stderr
    urls = loaded(found.stdout)["urls"]
    device = {**expected.get("device", {}), **device_urls(base)}
    assert urls == {**expected, **page_urls(base), "device": device}
    assert found.stdout.count("#") == text.count("#")
    assert ("\n" in found.stdout) == ("\n" in text)
    again = portal("ory-config", "-", "--base-url", base, "--device", stdin=found.stdout)
    assert again.stdout == found.stdout
    assert "Nothing changes" in again.stderr


def test_the_device_flow_is_left_out_where_hydra_may_be_too_old_for_it(portal, config):
    own = "dsn: memory\nurls:\n  login: x\n"
    found = portal("ory-config", str(config(own)), "--base-url", BASE)
    assert "device" not in loaded(found.stdout)["urls"]
    assert "--device" in found.stderr
    told = portal("ory-config", str(config(own)), "--base-url", BASE, "--device").stdout
    assert loaded(told)["urls"]["device"] == device_urls(BASE)
    ports = "serve: {public: {port: 4444}}\nurls: {login: x}\n"
    assert "device" not in portal("ory-config", str(config(ports)), "--base-url", BASE).stdout
    knows = own + "  device: {success: x}\n"
    made = portal("ory-config", str(config(knows)), "--base-url", BASE).stdout
    assert loaded(made)["urls"]["device"] == device_urls(BASE)
    network = portal("ory-config", str(config()), "--base-url", BASE, "--no-device")
    assert "device" not in network.stdout
    assert "device" not in network.stderr


HOSTILE = {
    b"": "is empty",
    b"# only a comment\n": "is empty",
    b"- a\n": "no mapping",
    b"just a text": "no mapping",
    b"a: b\n": "no `urls`",
    b"services: {oauth2: {config: {urls: {}}}}\n": "ory get oauth2-config",
    b"urls:\n": "empty `urls`",
    b"urls: null\n": "empty `urls`",
    b"urls: text\n": "urls",
    b"urls: [login]\n": "urls",
    b"x: &x {a: b}\nurls: *x\n": "urls",
    b"urls: {login: {a: b}}\n": "urls.login",
    b"urls: {device: text}\n": "urls.device",
    b"urls: {a: b}\nurls: {a: b}\n": "'urls' twice",
    b"urls:\n  login: a\n  login: b\n": "'login' twice in one mapping (line 3)",
    b"urls:\n\tlogin: x\n": "line 2",
    b"urls: {login: x\n": "neither YAML nor JSON",
    b"urls: {login: '\xff'}\n": "not UTF-8",
    "urls: {}\n".encode("utf-16"): "not UTF-8",
    b"urls: {a: '\x00'}\n": "neither YAML nor JSON",
    b"urls: {a: *nowhere}\n": "&nowhere",
    b"urls: &u {a: *u}\n": "&u",
    b"urls: {a: b}\n---\nurls: {a: b}\n": "more than one document",
    b"urls: {login: &a x, other: *a}\n": "urls.login",
    b"urls:\n  a: |\n    a text without a line end": "by hand",
    b"urls:\n  ? login\n  : # nothing\n": "by hand",
    b"urls: " + b"[" * 5000: "64 levels",
    b"urls: {a: '" + b"x" * 300_000 + b"'}\n": "256 KiB",
    b"".join(
        [b"a0: &a0 [x, x]\n"]
        + [b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 64)]
        + [b"urls: {}\n"]
    ): "unfolds",
}


@pytest.mark.parametrize("content", HOSTILE, ids=lambda content: HOSTILE[content])
def test_a_file_that_is_none_is_one_line_and_stays_as_it_is(portal, config, content):
    path = config(content)
    words = refused(portal("ory-config", str(path), "--in-place", "--base-url", BASE))
    assert HOSTILE[content] in words
    assert "Nothing was changed." in words
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_what_is_no_file_is_one_line(portal, tmp_path):
    assert "missing.yaml" in refused(portal("ory-config", "missing.yaml"))
    assert "is a directory" in refused(portal("ory-config", str(tmp_path)))
    (tmp_path / "a-file").touch()
    assert "Not a directory" in refused(portal("ory-config", "a-file/config.yaml"))
    assert "too long" in refused(portal("ory-config", "a" * 300))


def test_wrong_usage_is_exit_code_2(portal, config):
    for words in (
        ("--in-place",),
        ("-", "--in-place"),
        (str(config()), "--project", "x"),
        ("--base-url", "login.example.org"),
        ("--base-url", "https://login.example.org/?a=b"),
    ):
        found = portal("ory-config", *words)
        assert (found.exit_code, found.stdout) == (2, "")
        assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("url", ["http://login.example.org", "http://192.0.2.7:3000"])
def test_http_off_this_machine_is_refused_unless_told(portal, config, url):
    for more in ((), (str(config()),)):
        assert "--allow-http" in refused(portal("ory-config", *more, BASE_URL=url))
        assert "--allow-http" in refused(portal("ory-config", *more, "--base-url", url))
        found = portal("ory-config", *more, "--allow-http", BASE_URL=url)
        assert f"{url}/login" in found.stdout


@pytest.mark.parametrize(
    "host", ["localhost", "portal.localhost", "127.0.0.1", "127.8.8.8", "[::1]"]
)
def test_http_on_this_machine_is_fine(portal, host):
    assert portal("ory-config", "--base-url", f"http://{host}:3000").exit_code == 0


def test_a_wrong_setting_is_named(portal):
    assert "BASE_URL" in refused(portal("ory-config", BASE_URL="nonsense"))
    assert "PORT" in refused(portal("ory-config", PORT="many"))


def test_without_a_file_the_patch_command_is_printed_as_the_shell_reads_it(portal):
    project = "it's; rm -rf $HOME"
    printed = portal("ory-config", "--base-url", BASE, "--project", project).stdout
    command = printed.partition("\n\n")[0].partition("\n")[2]
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:5] == ["ory", "patch", "oauth2-config", "--project", project]
    flags, values = words[5::2], words[6::2]
    assert set(flags) == {"--replace", "--add"}
    assert f'/urls/login="{BASE}/login"' in values
    found = dict(value.split("=", 1) for value in values)
    assert {path: json.loads(text) for path, text in found.items()} == {
        f"/urls/{name}": url for name, url in WANTED.items()
    }
    unnamed = portal("ory-config", "--base-url", BASE).stdout
    assert '--project "$PROJECT_ID"' in unnamed
    assert "ory list projects" in unnamed


def test_without_a_file_the_lines_for_a_self_hosted_hydra_are_printed(portal):
    _, yaml, env = portal("ory-config", "--base-url", BASE).stdout.split("\n\n")
    assert loaded(yaml) == {"urls": page_urls(BASE)}
    assert f"URLS_LOGIN={BASE}/login" in env
    assert f"URLS_POST_LOGOUT_REDIRECT={BASE}/" in env
    assert f"URLS_DEVICE_VERIFICATION={BASE}/device/verify" in env
    assert "device" not in portal("ory-config", "--base-url", BASE, "--no-device").stdout.replace(
        "# device:", ""
    ).replace("/device/", "").replace("device flow", "")


# --- properties ------------------------------------------------------------------------------

NAMES = st.text("abcdefgxyz_", min_size=1, max_size=8).filter(lambda name: name not in {"y"})
PLAIN = st.text("abc0123 é/.-_", max_size=12).map(lambda text: f"v{text}".strip())
TEXTS = st.one_of(
    PLAIN,
    PLAIN.map(lambda text: f"'{text} # no comment'"),
    PLAIN.map(lambda text: f'"{text}: \\u00e9 \\"q\\""'),
    st.sampled_from(["1", "true", "~", "", "!!str 12"]),
)
VALUES = TEXTS | st.sampled_from(["{a: [1, 2], b: {c: d}}", "[x,  y]"])
COMMENTS = st.sampled_from(["", "  # why", " #"])
BETWEEN = st.lists(st.sampled_from(["", "# a line", "  # moved in", "   "]), max_size=2)
OURS = ["login", "consent", "logout", "error", "post_logout_redirect"]


@st.composite
def lines_of(draw, indent, names):
    lines = []
    for name in names:
        lines += draw(BETWEEN)
        value = draw(TEXTS if name in OURS else VALUES)
        lines.append(f"{indent}{name}: {value}{draw(COMMENTS)}")
    return lines


@st.composite
def documents(draw):
    """A configuration as people write them, and what is in it that is ours."""
    indent = draw(st.sampled_from(["  ", "    ", " "]))
    top = draw(st.lists(NAMES, unique=True, max_size=4))
    others = draw(st.lists(NAMES, unique=True, max_size=4))
    ours = draw(st.lists(st.sampled_from(OURS), unique=True, max_size=5))
    inside = draw(st.permutations([*others, *ours]))
    lines = draw(lines_of("", [name for name in top if name != "urls"]))
    at = draw(st.integers(0, len(lines)))
    urls = draw(lines_of(indent, inside))
    nested = [f"{indent}self:", f"{indent * 2}issuer: x # c"]
    lines[at:at] = ["urls:", *(urls if draw(st.booleans()) or not inside else []), *nested]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines) + draw(st.sampled_from(["", end]))


def others_of(text):
    """The lines that hold none of the portal's addresses."""
    ours = tuple(f"{name}:" for name in (*PAGES, *DEVICE_PAGES, "device"))
    return [line for line in text.split("\n") if not line.strip().startswith(ours)]


@settings(deadline=None, max_examples=60)
@given(documents())
def test_all_other_lines_stay_and_in_their_order(text):
    made = edited(text)
    before, after = loaded(text), loaded(made)
    assert after["urls"] == {**before["urls"], **WANTED}
    assert {**after, "urls": 0} == {**before, "urls": 0}
    assert list(after) == list(before)
    lines, kept = others_of(made), others_of(text)
    if lines[-1] == "" != kept[-1] or kept[-1] == "" != lines[-1]:
        lines, kept = [x for x in lines if x], [x for x in kept if x]
    assert [line.rstrip("\r") for line in lines] == [line.rstrip("\r") for line in kept]
    assert made.count("\r\n") == (made.count("\n") if "\r\n" in text else 0)
    for name in OURS:  # a comment beside a value of ours
        for line in text.split("\n"):
            if line.strip().startswith(f"{name}:") and line.rstrip("\r").endswith("# why"):
                assert any(
                    other.strip().startswith(f"{name}:") and other.rstrip("\r").endswith("# why")
                    for other in made.split("\n")
                )
    assert edited(made) == made


@settings(deadline=None, max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=80), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    st.dictionaries(st.sampled_from([*OURS, "self", "x"]), st.none() | st.text(), max_size=5),
    st.sampled_from([None, 1, 2, "\t"]),
)
def test_json_of_any_content_stays_what_it_is(other, urls, indent):
    document = {"other": other, "urls": urls, "last": other}
    text = json.dumps(document, indent=indent)
    made = json.loads(edited(text))
    assert made == {**document, "urls": {**urls, **WANTED}}
    assert list(made["urls"])[: len(urls)] == list(urls)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60) | st.text("urls:login{}[]&*a!|>-?#'\"\n\t ,%", max_size=60))
def test_no_text_is_too_strange(text):
    for strange in (text, f"urls:\n  login: x\n{text}", f"urls: {{{text}}}", EXPORTED + text):
        try:
            made = edited(strange)
        except YamlEditError as exc:
            printable = str(exc).isprintable()
        else:
            printable = parse(made).find("urls") is not None
        assert printable
