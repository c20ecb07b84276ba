import multiprocessing
import stat
from pathlib import Path

import pytest

from portal.settings import (
    OPTIONS,
    Secret,
    Settings,
    SettingsError,
    read_environment,
    unknown_variables,
)
from portal.settings.keyfile import KEY_FILE, generated_key
from portal.settings.reference import markdown

KEY = "k" * 32
CANARY = "canary-4f1d9c"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for option in OPTIONS.values():
        for name in option.names:
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(f"{name}_FILE", raising=False)


def settings(**env: str) -> Settings:
    return Settings.from_env({"SECRET_KEY": KEY, **env})


def problems(**env: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"SECRET_KEY": KEY, **env})
    return caught.value.problems


def test_nothing_set_is_a_working_development_portal():
    made = Settings.from_env({})
    assert (made.base_url, made.host, made.port) == ("http://localhost:3000", "127.0.0.1", 3000)
    assert made.development
    assert not made.secure
    assert made.log_format == "console"
    assert made.database_url == "sqlite:///portal.db"
    assert made.remember_login_for == 30 * 24 * 3600
    assert len(made.secret_keys[0].reveal()) >= 32


def test_all_problems_are_reported_together():
    found = problems(
        PORT="eighty",
        HYDRA_ADMIN_URL="hydra:4445",
        PORTAL_SESSION_IDLE="soon",
        PORTAL_ALLOW_EMPTY_GRANT="perhaps",
        PORTAL_TRUSTED_PROXIES="10.0.0.0/33",
        DATABASE_URL="mysql://db/x",
        PORTAL_ARGON2_MEMORY_COST="1024",
    )
    named = {line.split(":")[0] for line in found}
    assert named == {
        "PORT",
        "HYDRA_ADMIN_URL",
        "PORTAL_SESSION_IDLE",
        "PORTAL_ALLOW_EMPTY_GRANT",
        "PORTAL_TRUSTED_PROXIES",
        "DATABASE_URL",
        "PORTAL_ARGON2_MEMORY_COST, PORTAL_ARGON2_TIME_COST",
    }


def test_what_a_command_requires_is_reported_with_the_rest():
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"PORT": "x"}, require=("hydra_admin_url",))
    assert [line.split(":")[0] for line in caught.value.problems] == ["PORT", "HYDRA_ADMIN_URL"]


def test_a_required_setting_that_is_wrong_is_reported_once():
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ORY_SDK_URL": "nonsense"}, require=("hydra_admin_url",))
    assert len(caught.value.problems) == 1


def test_secrets_are_never_shown():
    made = settings(
        SECRET_KEY=f"{CANARY}-{KEY}",
        ORY_API_KEY=CANARY,
        PORTAL_METRICS_TOKEN=f"{CANARY}-{CANARY}",
        DATABASE_URL=f"postgresql://portal:{CANARY}@db/portal?password={CANARY}",
    )
    assert CANARY not in repr(made)
    assert CANARY not in str(made)
    assert CANARY not in f"{made.ory_api_key} {made.secret_keys} {made.ory_api_key!r}"
    assert made.ory_api_key is not None
    assert made.ory_api_key.reveal() == CANARY


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", CANARY),
        ("SECRET_KEY", f"{KEY},{CANARY}"),
        ("ORY_API_KEY", f"Bearer {CANARY}"),
        ("ORY_PAT", f"{CANARY} {CANARY}"),
        ("PORTAL_METRICS_TOKEN", CANARY),
        ("DATABASE_URL", f"mysql://portal:{CANARY}@db/portal"),
        ("DSN", CANARY),
        ("HYDRA_ADMIN_URL", f"http://user:{CANARY}@hydra:4445"),
        ("HYDRA_PUBLIC_URL", f"http://user:{CANARY}@[hydra"),
        ("PORTAL_SMTP_URL", f"smtp://user:{CANARY}@mail/path"),
        ("PORTAL_SMTP_URL", f"smtp://user:{CANARY}@[mail"),
        ("PORTAL_PASSWORD_PEPPER", f"2026:{CANARY}"[:24]),
        ("PORTAL_PASSWORD_PEPPER", CANARY),
    ],
)
def test_a_refused_secret_is_not_repeated(name, value):
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({name: value})
    assert name in str(caught.value)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)


def test_secrets_compare_by_their_text():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("http://hydra:4445", "http://hydra:4445"),
        ("http://hydra:4445/", "http://hydra:4445"),
        ("http://hydra:4445/admin", "http://hydra:4445"),
        ("http://hydra:4445/admin/", "http://hydra:4445"),
        ("https://proxy.example/hydra/admin/", "https://proxy.example/hydra"),
        ("https://Slug.projects.oryapis.com:443", "https://slug.projects.oryapis.com"),
        ("http://[::1]:4445/", "http://[::1]:4445"),
    ],
)
def test_the_admin_url_comes_with_or_without_admin(written, read):
    assert settings(HYDRA_ADMIN_URL=written).hydra_admin_url == read


def test_names_that_other_portals_use_are_understood():
    made = settings(ORY_SDK_URL="https://p.example", ORY_PAT="ory_pat_x", DSN="postgres://db/x")
    assert made.hydra_admin_url == "https://p.example"
    assert made.ory_api_key == Secret("ory_pat_x")
    assert made.database_url == "postgres://db/x"


def test_of_several_names_the_first_one_set_counts():
    made = settings(
        ORY_API_KEY="first", ORY_PAT="second", HYDRA_ADMIN_URL="", ORY_SDK_URL="http://b"
    )
    assert made.ory_api_key == Secret("first")
    assert made.hydra_admin_url == "http://b"


def test_secrets_are_read_from_files(tmp_path):
    (tmp_path / "key").write_text(f"{KEY}1\n{KEY}2\n")
    (tmp_path / "pat").write_text("ory_pat_x\n")
    made = Settings.from_env(
        {"SECRET_KEY_FILE": str(tmp_path / "key"), "ORY_PAT_FILE": str(tmp_path / "pat")}
    )
    assert made.secret_keys == (Secret(f"{KEY}1"), Secret(f"{KEY}2"))
    assert made.ory_api_key == Secret("ory_pat_x")
    assert made.ory_api_key_file == tmp_path / "pat"


def test_a_value_beats_the_file_of_a_later_name(tmp_path):
    made = settings(ORY_API_KEY="first", ORY_PAT_FILE=str(tmp_path / "nowhere"))
    assert made.ory_api_key == Secret("first")
    assert made.ory_api_key_file is None


def test_a_value_and_a_file_together_are_a_mistake(tmp_path):
    assert "not both" in problems(SECRET_KEY_FILE=str(tmp_path / "key"))[0]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"x" * 70_000])
def test_a_secret_file_that_cannot_be_used_is_named(tmp_path, content):
    path = tmp_path / "pat"
    if content is not None:
        path.write_bytes(content)
    (line,) = problems(ORY_API_KEY_FILE=str(path))
    assert line.startswith("ORY_API_KEY_FILE: ")
    assert str(path) in line


def test_the_environment_wins_over_the_env_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("PORT=4000\nHOST=0.0.0.0\n")
    monkeypatch.setenv("PORT", "5000")
    made = Settings.from_env(read_environment())
    assert (made.port, made.host) == (5000, "0.0.0.0")  # noqa: S104 - nothing listens here


def test_an_alias_in_the_environment_wins_over_the_first_name_in_the_env_file(
    tmp_path, monkeypatch
):
    (tmp_path / ".env").write_text(f"HYDRA_ADMIN_URL=http://old\nSECRET_KEY={KEY}\n")
    (tmp_path / "key").write_text("n" * 40)
    monkeypatch.setenv("ORY_SDK_URL", "http://new")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    made = Settings.from_env(read_environment())
    assert made.hydra_admin_url == "http://new"
    assert made.secret_keys == (Secret("n" * 40),)


def test_a_dollar_in_the_env_file_means_nothing(tmp_path):
    (tmp_path / ".env").write_text("ORY_API_KEY=a${HOME}b\n")
    assert Settings.from_env(read_environment()).ory_api_key == Secret("a${HOME}b")


def test_an_env_file_that_is_no_text_is_reported(tmp_path):
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"\.env"):
        read_environment()


def test_production_needs_a_secret_key(tmp_path):
    with pytest.raises(SettingsError, match="SECRET_KEY: is required"):
        Settings.from_env({"BASE_URL": "https://login.example.org"})
    assert not (tmp_path / KEY_FILE).exists()


def test_production_logs_json_unless_told_otherwise():
    assert settings(BASE_URL="https://x.example").log_format == "json"
    assert (
        settings(BASE_URL="https://x.example", PORTAL_LOG_FORMAT="Console").log_format == "console"
    )


@pytest.mark.parametrize(
    ("url", "development"),
    [
        ("http://localhost:3000", True),
        ("https://127.0.0.1", True),
        ("http://[::1]:3000", True),
        ("http://localhost.example.org", False),
        ("http://10.0.0.1:3000", False),
        ("http://127.0.0.1.example.org", False),
    ],
)
def test_development_is_this_very_machine(url, development):
    assert settings(BASE_URL=url).development is development


@pytest.mark.parametrize(
    ("url", "origin", "prefix", "secure"),
    [
        ("https://login.example.org", "https://login.example.org", "", True),
        ("https://Login.Example.org:443/", "https://login.example.org", "", True),
        ("http://x.example:80/auth/", "http://x.example", "/auth", False),
        ("https://x.example:8443/a/b", "https://x.example:8443", "/a/b", True),
        ("https://bücher.example/", "https://xn--bcher-kva.example", "", True),
    ],
)
def test_the_base_url_gives_origin_and_prefix(url, origin, prefix, secure):
    made = settings(BASE_URL=url)
    assert (made.origin, made.base_path, made.secure) == (origin, prefix, secure)
    assert made.base_url == origin + prefix


@pytest.mark.parametrize(
    "url",
    [
        "login.example.org",
        "ftp://x.example",
        "https://",
        "https://x.example:99999",
        "https://x.example/?a=b",
        "https://x.example/#top",
        "https://x.example//a",
        "https://x.example/a/../b",
        "https://x.example/a b",
        'https://x.example/"><script>',
        "https://user:pw@x.example",
        "https://[::1",
    ],
)
def test_a_base_url_that_would_break_links_is_refused(url):
    assert any(line.startswith("BASE_URL: ") for line in problems(BASE_URL=url))


@pytest.mark.parametrize(
    ("passes", "kib", "accepted"),
    [
        (2, 19_456, True),
        (1, 47_104, True),
        (3, 12_288, True),
        (5, 7_168, True),
        (1, 19_456, False),
        (2, 19_455, False),
        (4, 7_168, False),
        (100, 4_096, False),
    ],
)
def test_argon2_below_the_minimum_is_refused(passes, kib, accepted):
    env = {"PORTAL_ARGON2_TIME_COST": str(passes), "PORTAL_ARGON2_MEMORY_COST": str(kib)}
    if accepted:
        assert settings(**env).argon2_memory_cost == kib
    else:
        assert "protects too little" in problems(**env)[0]


@pytest.mark.parametrize(
    ("written", "read"),
    [("30m", 1800), ("12h", 43_200), ("30d", 2_592_000), ("90", 90), ("90s", 90), ("1h30m", 5400)],
)
def test_durations_are_written_as_people_say_them(written, read):
    assert settings(PORTAL_CHALLENGE_TTL=written).challenge_ttl == read


@pytest.mark.parametrize("written", ["0", "m", "-5", "1.5h", "30 m", "9999d", "٣m", "5w"])
def test_durations_that_make_no_sense_are_refused(written):
    assert problems(PORTAL_CHALLENGE_TTL=written)[0].startswith("PORTAL_CHALLENGE_TTL: ")


def test_remembering_until_revoked_is_written_as_zero():
    assert settings(PORTAL_REMEMBER_CONSENT_FOR="0").remember_consent_for == 0


@pytest.mark.parametrize("word", ["1", "true", "YES", "On"])
def test_yes_has_many_words(word):
    assert settings(PORTAL_READY_REQUIRES_ORY=word).ready_requires_ory


@pytest.mark.parametrize("word", ["0", "false", "No", "OFF"])
def test_no_has_many_words(word):
    assert not settings(PORTAL_HONOUR_SKIP_CONSENT=word).honour_skip_consent


def test_proxies_are_networks_but_never_everybody():
    made = settings(PORTAL_TRUSTED_PROXIES="10.0.0.0/8, ::1")
    assert [str(network) for network in made.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert "everybody" in problems(PORTAL_TRUSTED_PROXIES="0.0.0.0/0")[0]


def test_paths_must_exist(tmp_path):
    found = problems(
        PORTAL_TEMPLATE_DIR=str(tmp_path / "no"),
        PORTAL_SCOPE_CATALOG=str(tmp_path / "no.toml"),
        PORTAL_ORY_CA_FILE=str(tmp_path),
    )
    assert len(found) == 3
    assert settings(PORTAL_TEMPLATE_DIR=str(tmp_path)).template_dir == tmp_path


def test_the_generated_key_is_kept_and_private(tmp_path):
    first = Settings.from_env({"PORTAL_DATA_DIR": str(tmp_path)})
    again = Settings.from_env({"PORTAL_DATA_DIR": str(tmp_path)})
    assert first.secret_keys == again.secret_keys
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_key_file_without_a_key_is_reported(tmp_path):
    (tmp_path / KEY_FILE).write_text("")
    with pytest.raises(SettingsError, match="holds no key"):
        Settings.from_env({})


def test_a_data_directory_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(SettingsError, match="PORTAL_DATA_DIR"):
        Settings.from_env({"PORTAL_DATA_DIR": str(tmp_path / "no")})


def _generate(directory, barrier, results):
    barrier.wait()
    results.put(generated_key(Path(directory)))


def test_processes_that_generate_the_key_at_once_end_with_the_same(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(3), context.Queue()
    started = [
        context.Process(target=_generate, args=(str(tmp_path), barrier, results)) for _ in range(3)
    ]
    for process in started:
        process.start()
    keys = {results.get(timeout=60) for _ in started}
    for process in started:
        process.join()
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_lost_race_takes_the_winner_s_key(tmp_path, monkeypatch):
    (tmp_path / KEY_FILE).write_text("w" * 64)
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert generated_key(tmp_path) == "w" * 64


def test_misspelt_variables_are_noticed_but_not_those_that_kubernetes_invents():
    env = {
        "PORTAL_ARGON_TIME_COST": "3",
        "PORTAL_SERVICE_HOST": "10.0.0.1",
        "PORTAL_PORT_3000_TCP": "tcp://10.0.0.1:3000",
        "PORTAL_METRICS_TOKEN_FILE": "/x",
        "PORTAL_LOG_LEVEL": "info",
        "PATH": "/bin",
    }
    assert unknown_variables(env) == ("PORTAL_ARGON_TIME_COST",)


def test_every_setting_is_documented_and_the_page_is_up_to_date():
    page = Path(__file__).parents[1] / "docs" / "configuration.md"
    assert page.read_text() == markdown(), "python -m portal.settings > docs/configuration.md"
    undocumented = set(Settings.__struct_fields__) - set(OPTIONS) - {"ory_api_key_file"}
    assert not undocumented


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example.org",
        "smtp://mail.example.org:587/",
        "smtps://portal:p%40ss@mail.example.org:465",
        "smtp://[::1]:2525",
    ],
)
def test_a_mail_server_is_an_address_of_mail(url):
    made = settings(PORTAL_SMTP_URL=url)
    assert made.smtp_url.reveal() == url
    assert made.has_mail
    assert "mail.example.org" not in repr(made)


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.org",
        "mail.example.org:25",
        "smtp://",
        "smtp://mail:port",
        "smtp://user@mail.example.org",
        "smtp://mail.example.org/inbox",
        "smtp://mail.example.org?starttls=no",
    ],
)
def test_anything_else_is_no_mail_server(url):
    with pytest.raises(SettingsError, match="PORTAL_SMTP_URL"):
        settings(PORTAL_SMTP_URL=url)


def test_without_a_mail_server_mails_are_printed_in_development_alone():
    assert settings().has_mail
    assert not settings(BASE_URL="https://login.example.org", SECRET_KEY=KEY).has_mail


@pytest.mark.parametrize(
    "sender", ["no-reply@example.org", "Example Bank <no-reply@example.org>", "portal@localhost"]
)
def test_a_sender_is_one_address(sender):
    assert settings(PORTAL_MAIL_FROM=sender).mail_from == sender


@pytest.mark.parametrize(
    "sender",
    [
        "Example",
        "a@example.org, b@example.org",
        "a@example.org\nBcc: b@example.org",
        "Bank <a b@example.org>",
        "@example.org",
    ],
)
def test_anything_else_is_no_sender(sender):
    with pytest.raises(SettingsError, match="PORTAL_MAIL_FROM"):
        settings(PORTAL_MAIL_FROM=sender)


def test_the_name_and_the_sender_follow_the_base_url():
    made = settings(BASE_URL="https://login.example.org/portal", SECRET_KEY=KEY)
    assert (made.site_name, made.mail_from) == ("login.example.org", "no-reply@login.example.org")
    assert settings(PORTAL_SITE_NAME="Example Bank").site_name == "Example Bank"


def test_peppers_have_names_and_the_first_one_is_for_new_hashes():
    made = settings(PORTAL_PASSWORD_PEPPER=f"2026:{KEY},2025:{KEY}x")
    assert [pepper.name for pepper in made.password_peppers] == ["2026", "2025"]
    assert made.password_peppers[0].key.reveal() == KEY
    assert KEY not in repr(made)


@pytest.mark.parametrize("text", [f":{KEY}", f"2026:{KEY},2026:{KEY}", f"a b:{KEY}", "2026:short"])
def test_peppers_that_could_be_confused_are_refused(text):
    with pytest.raises(SettingsError, match="PORTAL_PASSWORD_PEPPER"):
        settings(PORTAL_PASSWORD_PEPPER=text)


def test_the_former_name_of_a_setting_is_understood():
    assert settings(PORTAL_ADMIN_RECENT="5m").recent_sign_in == 300
