"""The embedded MQTT broker for demos and single-box sites: rumqttd in a child process, watched and restarted."""

import asyncio
import logging
import random
from importlib.resources import files
from pathlib import Path
from string import Template

from iotcore import Broker

from hub.broker_users import BrokerUsers, write_secret
from hub.errors import StartError

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


class EmbeddedBroker:
    """One broker on loopback; it keeps nothing across a restart, so boxes and hub subscribe and announce again."""

    def __init__(self, folder: Path, port: int, users: BrokerUsers) -> None:
        self._config = folder / "rumqttd.toml"
        self._port = port
        self._users = users
        self._rendered_at = 0
        self._broker: Broker | None = None

    async def start(self) -> None:
        """Start it and return when it takes connections.

        Raises:
            StartError: the port is taken, or the broker does not come up.
        """
        self._render()
        broker = Broker(config_path=str(self._config))
        starting = asyncio.ensure_future(asyncio.to_thread(broker.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread cannot be stopped, and the child that it is about to start would belong to nobody.
            await asyncio.wait([starting])
            await asyncio.to_thread(broker.stop)
            raise
        except OSError:
            msg = (
                f"port {self._port} of the embedded broker is taken; set TIANRUI_HUB_EMBEDDED_BROKER_PORT to a free one"
            )
            raise StartError(msg) from None
        except RuntimeError as error:
            msg = f"the embedded broker does not come up on port {self._port}: {error}"
            raise StartError(msg) from None
        self._broker = broker

    async def watch(self) -> None:
        """Restart it when it died or when a box got a new token; runs until it is cancelled."""
        pause = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self.is_running and self._users.changed_at() == self._rendered_at:
                continue
            logger.warning("the embedded broker restarts", extra={"died": not self.is_running})
            await self.stop()
            try:
                await self.start()
            except StartError as error:
                logger.error("the embedded broker is down: %s", error)  # noqa: TRY400
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                pause = FIRST_PAUSE_S

    @property
    def is_running(self) -> bool:
        """Whether the child process lives."""
        return self._broker is not None and self._broker.is_running

    async def stop(self) -> None:
        """Stop it and release its port."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await asyncio.to_thread(broker.stop)

    def _render(self) -> None:
        self._rendered_at = self._users.changed_at()
        users = "\n".join(f'"{name}" = "{word.get_secret_value()}"' for name, word in self._users.read().items())
        template = Template(files("mqtt.broker").joinpath("rumqttd.toml").read_text("utf-8"))
        write_secret(self._config, template.substitute(port=self._port, users=users))
