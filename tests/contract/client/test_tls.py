import datetime as dt
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from maestro.execution.v1 import execution_service_pb2
from maestro.execution.v1.execution_service_pb2_grpc import add_ExecutionServiceServicer_to_server
from maestro_client import Tls, connect, errors

from .fakes import FakeExecution

GET = execution_service_pb2.GetRunRequest(name="projects/p/runs/r")
Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def certificate(name: str, issuer: Pair | None = None) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    alternatives = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    return built, key


def pem(pair: Pair) -> tuple[bytes, bytes]:
    key = pair[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key, pair[0].public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def files(tmp_path: Path) -> Tls:
    """A certificate authority, and a client's certificate and key of it; the server's lie beside them."""
    authority = certificate("authority")
    paths = Tls(tmp_path / "ca.pem", tmp_path / "client.pem", tmp_path / "client.key")
    for name in ("client", "server"):
        key, chain = pem(certificate(f"{name}.example", authority))
        (tmp_path / f"{name}.key").write_bytes(key)
        (tmp_path / f"{name}.pem").write_bytes(chain)
    (tmp_path / "ca.pem").write_bytes(pem(authority)[1])
    return paths


@pytest.fixture
async def address(files: Tls, tmp_path: Path) -> AsyncIterator[str]:
    """A server that wants its callers' certificates."""
    pair = [((tmp_path / "server.key").read_bytes(), (tmp_path / "server.pem").read_bytes())]
    credentials = grpc.ssl_server_credentials(pair, (tmp_path / "ca.pem").read_bytes(), require_client_auth=True)
    server = grpc.aio.server()
    add_ExecutionServiceServicer_to_server(FakeExecution(), server)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


async def test_both_sides_prove_who_they_are(address: str, files: Tls) -> None:
    async with connect(address, "secret", tls=files) as maestro:
        assert (await maestro.execution.get_run(GET)).run.name == GET.name


async def test_the_environment_says_where_the_files_are(
    address: str, files: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, path in (("CA", files.ca), ("CERTIFICATE", files.certificate), ("KEY", files.key)):
        monkeypatch.setenv(f"MAESTRO_TLS_{part}", str(path))
    monkeypatch.setenv("MAESTRO_TLS_SERVER_NAME", "server.example")
    async with connect(address) as maestro:
        await maestro.execution.get_run(GET)


@pytest.mark.parametrize("fault", ["no certificate", "another name", "another authority"])
async def test_who_cannot_prove_it_is_not_served(address: str, files: Tls, fault: str, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(pem(certificate("other"))[1])
    tls = {
        "no certificate": Tls(files.ca),
        "another name": Tls(files.ca, files.certificate, files.key, "wrong.example"),
        "another authority": Tls(tmp_path / "other.pem", files.certificate, files.key),
    }[fault]
    async with connect(address, tls=tls) as maestro:
        with pytest.raises(errors.Unavailable):
            await maestro.execution.get_run(GET, timeout=5)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        connect("127.0.0.1:1", tls=Tls(tmp_path / "gone"))
