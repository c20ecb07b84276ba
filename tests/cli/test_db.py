from portal.store import schema


def test_a_new_database_is_created_and_checked(portal, tmp_path):
    assert portal("db", "current").stdout.strip() == "none"
    check = portal("db", "check")
    assert check.exit_code == 1
    assert "portal db upgrade" in check.stderr

    upgraded = portal("db", "upgrade")
    assert upgraded.exit_code == 0
    assert schema.head() in upgraded.stdout

    assert portal("db", "check").exit_code == 0
    assert portal("db", "current").stdout.startswith(schema.head())
    assert portal("db", "upgrade").exit_code == 0


def test_a_database_that_is_down_is_one_line(portal):
    url = "postgresql://portal:canary-password@127.0.0.1:1/portal"
    for command in (["upgrade", "--wait", "0"], ["current"], ["check"]):
        found = portal("db", *command, DATABASE_URL=url)
        assert found.exit_code == 1
        assert found.stderr.startswith("portal: ")
        assert found.stderr.count("\n") == 1
        assert "DATABASE_URL" in found.stderr
        assert "canary" not in found.output


def test_a_directory_that_is_not_there_is_one_line(portal, tmp_path):
    found = portal(
        "db", "upgrade", "--wait", "0", DATABASE_URL=f"sqlite:///{tmp_path}/no/portal.db"
    )
    assert found.exit_code == 1
    assert found.stderr.count("\n") == 1


def test_wrong_settings_are_listed_together(portal):
    found = portal("db", "check", PORT="x", BASE_URL="nonsense", ORY_API_KEY="Bearer canary")
    assert found.exit_code == 1
    assert found.stderr.startswith("portal: these settings cannot be used:\n")
    assert all(name in found.stderr for name in ("PORT: ", "BASE_URL: ", "ORY_API_KEY: "))
    assert "canary" not in found.output


def test_an_env_file_is_read(portal, tmp_path):
    (tmp_path / ".env").write_text(f"DATABASE_URL=sqlite:///{tmp_path}/other.db\n")
    portal("db", "upgrade")
    assert (tmp_path / "other.db").exists()


def test_waiting_for_a_database_is_told(portal):
    done = portal("db", "upgrade", "--wait", "1", DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    assert done.exit_code == 1
    first, last = done.stderr.splitlines()
    assert first.startswith("portal: waiting up to 1 s, because")
    assert "Check DATABASE_URL" in last
