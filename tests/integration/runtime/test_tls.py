"""TLS and mutual TLS by settings: who may connect, and that nothing else gets in."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from maestro.registry.v1 import registry_service_pb2
from maestro_client import Maestro, Tls
from maestro_client.errors import Unavailable
from maestro_services.registry.compose import compose

LIST = registry_service_pb2.ListInstancesRequest(parent="services/-")


class Authority:
    """A certificate authority that writes PEM files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
        certificate = self._sign(self._name, self._key, authority=True)
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate for this host, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, private = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(self._sign(subject, key).public_bytes(serialization.Encoding.PEM))
        form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
        return certificate, private

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(host, critical=False)
            .sign(self._key, hashes.SHA256())
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "trusted")


def settings(authority: Authority, **more: object) -> dict[str, object]:
    certificate, key = authority.issue("server")
    files = {"tls_certificate_file": certificate, "tls_private_key_file": key, "tls_ca_file": authority.ca}
    return {name: str(path) for name, path in files.items()} | more


async def listed(address: str, token: str, tls: Tls | None) -> int:
    """How many instances a client sees."""
    credentials = tls.credentials() if tls else None
    async with Maestro(address, token=token, credentials=credentials) as maestro:
        return len((await maestro.registry.list_instances(LIST, timeout=10)).instances)


async def test_a_client_that_trusts_the_authority_is_answered(host, authority: Authority) -> None:
    async with host(compose, **settings(authority)) as running:
        assert await listed(running.address, running.token, Tls(ca=authority.ca)) >= 0


async def test_plain_text_is_not_answered(host, authority: Authority) -> None:
    async with host(compose, **settings(authority)) as running:
        with pytest.raises(Unavailable):
            await listed(running.address, running.token, None)


async def test_a_client_that_trusts_another_authority_sends_nothing(host, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    async with host(compose, **settings(authority)) as running:
        with pytest.raises(Unavailable):
            await listed(running.address, running.token, Tls(ca=other.ca))


async def test_mutual_tls_wants_a_certificate_of_the_authority(host, authority: Authority, tmp_path: Path) -> None:
    mine, key = authority.issue("client")
    other, other_key = Authority(tmp_path / "other").issue("client")
    async with host(compose, **settings(authority, require_client_certificate=True)) as running:
        assert await listed(running.address, running.token, Tls(ca=authority.ca, certificate=mine, key=key)) >= 0
        for refused in (Tls(ca=authority.ca), Tls(ca=authority.ca, certificate=other, key=other_key)):
            with pytest.raises(Unavailable):
                await listed(running.address, running.token, refused)


async def test_services_reach_each_other_over_mutual_tls(host, authority: Authority) -> None:
    """The registry registers with itself as any service does: by a call with the server's own certificate."""
    mine, key = authority.issue("client")
    tls = Tls(ca=authority.ca, certificate=mine, key=key)
    async with (
        host(compose, **settings(authority, require_client_certificate=True)) as running,
        Maestro(running.address, token=running.token, credentials=tls.credentials()) as maestro,
    ):
        request = registry_service_pb2.WatchInstancesRequest(parent="services/-")
        async for change in maestro.registry.watch_instances(request):
            if change.HasField("instance") or change.snapshot.instances:
                break
