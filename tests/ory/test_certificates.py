"""Whom the client trusts over https: the usual authorities, or the one that is named, alone."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from portal.ory.connect import tls_context
from portal.ory.errors import OryUnavailableError
from portal.settings import SettingsError
from tests.doubles.loopback import Loopback, says
from tests.ory.conftest import OpenProduct

OPENSSL = shutil.which("openssl")
READY = says(200, {"client_id": "photos"})


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of a server on the loopback interface, signed by itself; the key is in the same file."""
    if OPENSSL is None:
        pytest.skip("makes a certificate with the openssl program")
    key, file = tmp_path / "key.pem", tmp_path / "certificate.pem"
    how = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 -subj /CN=ory"
    names = ("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", file)
    subprocess.run([OPENSSL, *how.split(), *names], check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    return file


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_the_named_authority_is_trusted(
    product: OpenProduct, certificate: Path, server_tls: ssl.SSLContext
) -> None:
    server = Loopback(READY)
    authority = str(certificate)
    async with (
        server.running(server_tls),
        product(server.url, PORTAL_ORY_CA_FILE=authority) as ory,
    ):
        assert (await ory.get_client("photos")).client_id == "photos"


async def test_a_stranger_is_not_and_hears_no_key(
    product: OpenProduct, server_tls: ssl.SSLContext
) -> None:
    server = Loopback(READY)
    async with server.running(server_tls), product(server.url, ORY_PAT="ory_pat_x") as ory:
        with pytest.raises(OryUnavailableError, match="CertificateError"):
            await ory.get_client("photos")
    assert server.requests == []


def test_a_file_without_certificates_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for file in (empty, tmp_path / "missing.pem"):
        with pytest.raises(SettingsError, match="PORTAL_ORY_CA_FILE"):
            tls_context("https://ory.test", file)


def test_plain_http_loads_no_certificates(tmp_path: Path) -> None:
    assert tls_context("http://ory.test", tmp_path / "missing.pem") is None
