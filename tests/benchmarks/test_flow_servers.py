import json
from pathlib import Path

import pytest

from benchmarks.flows import servers


def test_what_is_missing_is_told_at_once_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HYDRA_BIN", str(tmp_path / "hydra"))
    monkeypatch.delenv("BENCH_DATABASE_URL", raising=False)
    monkeypatch.setattr(servers, "find_postgres", lambda: None)

    with pytest.raises(servers.MissingError) as missing:
        servers.prepare()

    lines = str(missing.value).splitlines()
    assert [line.partition(":")[0] for line in lines[1:4]] == [
        "- Ory Hydra",
        "- PostgreSQL",
        "- Node.js 18 or newer with npm",
    ]
    assert "make hydra" in lines[1]
    assert "apt-get install postgresql" in lines[2]


def test_every_package_of_the_reference_app_is_pinned_by_its_hash_and_none_by_a_host() -> None:
    lock = json.loads((servers.REFERENCE / "package-lock.json").read_text())

    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages["node_modules/hydra-login-consent-logout"]["version"] == "25.4.0"
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())


def test_the_portal_runs_with_production_settings() -> None:
    ory = servers.Ory(
        "http://127.0.0.1:4444", "http://127.0.0.1:4445", *[servers.Client("", "")] * 2
    )

    environment = servers.portal_environment("postgresql://…", ory, Path("/data"), 3000)

    assert environment["BASE_URL"].startswith("https://")
    tuned = {name for name in environment if name.startswith("PORTAL_")}
    assert tuned == {"PORTAL_DATA_DIR", "PORTAL_TRUSTED_PROXIES"}
