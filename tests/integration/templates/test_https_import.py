"""Importing over https from a real Git server with a certificate of a private authority."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from dulwich import porcelain
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.templates.children.parent import Children
from maestro_services.templates.domain.limits import FetchLimits, TemplateLimits
from maestro_services.templates.domain.template import GitSource
from maestro_services.templates.importing import Fetcher


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        pass


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encodings = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "server.pem"
    file.write_bytes(key.private_bytes(*encodings) + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repo]:
    root = tmp_path / "repository"
    root.mkdir()
    with porcelain.init(str(root)) as repo:
        for number in range(3):
            (root / "maestro-template.yaml").write_text(f"display_name: x\nversion: {number}.0.0\n")
            porcelain.add(repo, [str(root / "maestro-template.yaml")])
            porcelain.commit(repo, message=b"x", author=b"a <a>", committer=b"a <a>", sign=False)
        yield repo


@pytest.fixture
def server(tmp_path: Path, repository: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server with the repository at `/repo` and a redirection to it at `/moved`."""
    pem = certificate(tmp_path)
    git = make_wsgi_chain(DictBackend({"/repo": repository}))

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"].startswith("/moved"):
            start_response("302 Found", [("Location", environ["PATH_INFO"].replace("/moved", "/repo"))])
            return [b""]
        return git(environ, start_response)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with make_server("127.0.0.1", 0, application, WSGIServer, Quiet) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        yield f"https://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher(Children(1), FetchLimits(), TemplateLimits())


async def test_a_revision_is_fetched_without_history(fetcher: Fetcher, server: str, repository: Repo) -> None:
    source, files = await fetcher.fetch(GitSource(f"{server}/repo"))
    assert source.commit == repository.head().decode()
    assert {file.path: file.content for file in files} == {
        "maestro-template.yaml": b"display_name: x\nversion: 2.0.0\n"
    }


async def test_a_redirection_is_not_followed(fetcher: Fetcher, server: str) -> None:
    with pytest.raises(ServiceError) as refused:
        await fetcher.fetch(GitSource(f"{server}/moved"))
    assert refused.value.reason is Reason.SOURCE_UNREADABLE
    assert "302" in refused.value.metadata["detail"]


async def test_a_missing_repository_cannot_be_read(fetcher: Fetcher, server: str) -> None:
    with pytest.raises(ServiceError) as refused:
        await fetcher.fetch(GitSource(f"{server}/nothing"))
    assert refused.value.reason is Reason.SOURCE_UNREADABLE


async def test_a_certificate_that_nobody_trusts_is_refused(
    fetcher: Fetcher, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ServiceError) as refused:
        await fetcher.fetch(GitSource(f"{server}/repo"))
    assert refused.value.reason is Reason.SOURCE_UNREADABLE
    assert "CERTIFICATE_VERIFY_FAILED" in refused.value.metadata["detail"]
