"""Real brokers with the committed configurations, for the tests of the connections."""

import json
import subprocess
from pathlib import Path
from string import Template
from typing import Self

import iotcore

from tests.lab.peers import ROOT, Mosquitto
from tests.lab.processes import find_program, free_port

PASSWORDS = {"hub": "secret-hub", "box1": "secret-box1", "box2": "secret-box2"}
FOLDER = ROOT / "mqtt" / "broker"


def guarded_mosquitto(folder: Path, accounts: dict[str, str] = PASSWORDS, port: int | None = None) -> Mosquitto:
    """Mosquitto with the committed mosquitto.conf and acl, moved to `folder` and a free port, with these accounts."""
    config = (FOLDER / "mosquitto.conf").read_text(encoding="utf-8")
    config = config.replace("/etc/mosquitto/tianrui", "{folder}").replace("/var/lib/mosquitto", "{folder}")
    config = config.replace("listener 1883 127.0.0.1", "listener {port} 127.0.0.1")
    (folder / "acl").write_text((FOLDER / "acl").read_text(encoding="utf-8"), encoding="utf-8")
    passwords = folder / "passwords"
    passwords.write_text("".join(f"{name}:{word}\n" for name, word in accounts.items()), encoding="utf-8")
    subprocess.run([find_program("mosquitto_passwd", "mosquitto"), "-U", passwords], check=True)
    return Mosquitto(folder, config, port)


class Embedded:
    """The embedded broker with the committed template; the same verbs as the lab's Mosquitto."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        users = "\n".join(f"{name} = {json.dumps(word)}" for name, word in PASSWORDS.items())
        template = Template((FOLDER / "rumqttd.toml").read_text(encoding="utf-8"))
        config = folder / "rumqttd.toml"
        config.write_text(template.substitute(port=self.port, users=users), encoding="utf-8")
        self._broker = iotcore.Broker(config_path=str(config))

    def start(self) -> Self:
        """Start the broker and wait until it listens."""
        self._broker.start()
        return self

    def kill(self) -> None:
        """End the broker at once by SIGKILL."""
        process = self._broker._process
        assert process is not None
        process.kill()
        process.wait(10)
        self._broker.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self._broker.stop()
