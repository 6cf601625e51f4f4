"""Both connections over TLS with client certificates, as the commented listener of mosquitto.conf has it."""

import asyncio
import queue
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqtt.aio_connection import AioSession, run
from mqtt.connection import Backoff, ConnectionOptions, PublishOutcome, TlsOptions
from mqtt.errors import BrokerError, ConnectionSetupError
from mqtt.paho_connection import PahoConnection
from tests.lab.brokers import FOLDER
from tests.lab.fixtures import peer_or_skip
from tests.lab.peers import Mosquitto
from tests.lab.processes import find_program

WAIT_S = 20.0
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*words: str | Path) -> None:
    subprocess.run([find_program("openssl", "openssl"), *words], check=True, capture_output=True)


def authority(folder: Path, name: str) -> Path:
    path = folder / f"{name}.pem"
    openssl("req", "-x509", *KEY, "-subj", f"/CN={name}", "-days", "2", "-keyout", folder / f"{name}.key", "-out", path)
    return path


def certificate(folder: Path, name: str, alt: str) -> None:
    request, extra = folder / f"{name}.csr", folder / f"{name}.ext"
    extra.write_text(f"subjectAltName={alt}\n", encoding="utf-8")
    openssl("req", *KEY, "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", request)
    signer: list[str | Path] = ["-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "2"]
    openssl("x509", "-req", "-in", request, *signer, "-extfile", extra, "-out", folder / f"{name}.pem")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    text = (FOLDER / "mosquitto.conf").read_text(encoding="utf-8")
    before, after = text.split("listener 1883 127.0.0.1\n")
    tls, after = after.split("# crlfile")
    listener = "\n".join(line.removeprefix("# ") for line in tls.splitlines() if "user name that the acl" not in line)
    listener = listener.replace("listener 8883", "listener {port} 127.0.0.1")
    config = before + listener + "\n#" + after
    config = config.replace("/etc/mosquitto/tianrui", "{folder}").replace("/var/lib/mosquitto", "{folder}")
    with peer_or_skip():
        (tmp_path / "acl").write_text((FOLDER / "acl").read_text(encoding="utf-8"), encoding="utf-8")
        (tmp_path / "passwords").touch()
        authority(tmp_path, "ca")
        for name, alt in (("broker", "IP:127.0.0.1"), ("box1", "DNS:box1"), ("hub", "DNS:hub")):
            certificate(tmp_path, name, alt)
        made = Mosquitto(tmp_path, config)
    with made:
        yield made


def options(broker: Mosquitto, name: str, ca: Path | None = None) -> ConnectionOptions:
    folder = broker.folder
    tls = TlsOptions(ca or folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key")
    return ConnectionOptions("127.0.0.1", broker.port, name, tls=tls)


def publish_once(to: ConnectionOptions, topic: str, payload: bytes) -> PublishOutcome | BrokerError:
    """What the first connection came to: the answer to a publish, or why there was none."""
    came: queue.Queue[BrokerError | None] = queue.Queue()
    connection = PahoConnection(
        options=to,
        subscriptions=(),
        will=None,
        on_message=print,
        on_up=lambda: came.put(None),
        on_down=came.put,
        backoff=Backoff(longest_s=0.5),
    )
    connection.start()
    try:
        return came.get(timeout=WAIT_S) or connection.publish(topic, payload).result(WAIT_S)
    finally:
        connection.stop()


def test_a_box_is_known_by_its_certificate_and_may_write_only_its_own(broker: Mosquitto) -> None:
    own = publish_once(options(broker, "box1"), "tr/v1/box1/event", b"x" * 60_000)
    other = publish_once(options(broker, "box1"), "tr/v1/box2/event", b"x")
    assert isinstance(own, PublishOutcome)
    assert own.ok
    assert isinstance(other, PublishOutcome)
    assert other.reason_code == 0x87


# paho drops its socket when the handshake fails, and leaves closing it to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")
def test_a_broker_of_another_authority_is_refused(broker: Mosquitto, tmp_path: Path) -> None:
    refusal = publish_once(options(broker, "box1", authority(tmp_path, "stranger")), "tr/v1/box1/event", b"x")
    assert isinstance(refusal, BrokerError)
    assert "certificate verify failed" in str(refusal)


def test_a_client_without_a_certificate_is_not_let_in(broker: Mosquitto) -> None:
    to = ConnectionOptions("127.0.0.1", broker.port, "box1", tls=TlsOptions(broker.folder / "ca.pem"))
    assert isinstance(publish_once(to, "tr/v1/box1/event", b"x"), BrokerError)


def test_a_key_that_is_of_another_certificate_is_named(broker: Mosquitto) -> None:
    folder = broker.folder
    with pytest.raises(ConnectionSetupError, match=r"cert_file .*box1\.pem and key_file .*hub\.key are not"):
        TlsOptions(folder / "ca.pem", folder / "box1.pem", folder / "hub.key")


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(broker: Mosquitto) -> None:
    folder = broker.folder
    locked = folder / "locked.key"
    openssl("pkcs8", "-topk8", "-in", folder / "box1.key", "-passout", "pass:canary", "-out", locked)
    with pytest.raises(ConnectionSetupError, match=r"locked\.key are not a PEM certificate and its unencrypted"):
        TlsOptions(folder / "ca.pem", folder / "box1.pem", locked)


async def test_the_hub_hears_the_box_over_tls(broker: Mosquitto) -> None:
    heard: list[bytes] = []

    async def session(link: AioSession) -> None:
        await link.subscribe(["tr/v1/+/event"])
        sent = await asyncio.to_thread(publish_once, options(broker, "box1"), "tr/v1/box1/event", b"x" * 60_000)
        assert isinstance(sent, PublishOutcome)
        assert sent.ok
        heard.append((await anext(link.messages)).payload)

    await asyncio.wait_for(run(options(broker, "hub"), session), WAIT_S)
    assert heard == [b"x" * 60_000]
