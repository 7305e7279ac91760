import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.gateways.msmpusher import MsmpusherGateway, build
from bridge.sandbox.msmpusher import MsmpusherSandbox

PRIVATE_KEY, PUBLIC_KEY = "private/k3y+of=ours", "public&k3y of ours"
TIMEOUT_S = 10

Build = Callable[..., MsmpusherGateway]


@pytest.fixture
async def fake() -> AsyncIterator[MsmpusherSandbox]:
    fake = MsmpusherSandbox(private_key=PRIVATE_KEY, public_key=PUBLIC_KEY)
    fake.knobs.slow_s = 1.0
    fake.knobs.drip_s = 0.1
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def gateway_for() -> AsyncIterator[Build]:
    """Builds gateways and closes them."""
    made: list[MsmpusherGateway] = []

    def make(url: str, **more: Any) -> MsmpusherGateway:
        defaults = {
            "private_key": PRIVATE_KEY,
            "public_key": PUBLIC_KEY,
            "sender": "bridge",
            "timeout_s": TIMEOUT_S,
            "now": lambda: datetime.now(UTC),
        }
        made.append(build(url=url, **{**defaults, **more}))
        return made[-1]

    yield make
    for gateway in made:
        await gateway.aclose()


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A throw-away certificate authority."""

    folder: Path

    @property
    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    def server(
        self, *, name: str = "IP:127.0.0.1", start: str = "20250101000000Z", end: str = "20990101000000Z"
    ) -> ssl.SSLContext:
        """A server's context with a new certificate for `name`."""
        (self.folder / "leaf.ext").write_text(
            f"basicConstraints=CA:FALSE\nsubjectAltName={name}\nauthorityKeyIdentifier=keyid\nextendedKeyUsage=serverAuth\n"
        )
        self._openssl(
            f"ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in leaf.csr -out leaf.pem -notext "
            f"-startdate {start} -enddate {end} -extfile leaf.ext"
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "leaf.pem", self.folder / "leaf.key")
        return context

    def create(self) -> None:
        self.folder.mkdir()
        (self.folder / "index.txt").touch()
        (self.folder / "serial").write_text("01\n")
        (self.folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=it\n[it]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\n"
            "policy=any\nunique_subject=no\n[any]\ncommonName=supplied\n[req]\ndistinguished_name=dn\n[dn]\n[authority]\n"
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
        )
        key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config ca.cnf"
        self._openssl(f"req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=throw-away -extensions authority")
        self._openssl(f"req -new {key} -keyout leaf.key -out leaf.csr -subj /CN=gateway")

    def _openssl(self, arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command here to make certificates with")
    authority = Authority(folder=tmp_path_factory.mktemp("tls") / "ca")
    authority.create()
    return authority
