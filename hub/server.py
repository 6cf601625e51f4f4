"""Runs the hub under uvicorn: binds first, says when it is ready, stops within seconds also while streams are open."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from hub.app import create_app
from hub.errors import StartError
from hub.settings import HubSettings
from hub.state import Hub

GRACE_S = 2

OnReady = Callable[[str, str | None], None]
"""Told once when the hub serves: its URL, and the one-time password of the first start."""


async def serve(settings: HubSettings, on_ready: OnReady) -> int:
    """Serve until SIGTERM, SIGINT or a failed part; 0 after a clean stop, 1 after a failure.

    Raises:
        StartError: the port is taken, the certificate is none, or a part cannot start, which some learn while they run.
    """
    check_tls(settings)
    listening = bind(settings.host, settings.port)
    app = create_app(settings)
    with listening:
        # uvicorn raises the signal again after it served, when the parts behind the application still have to stop.
        server = _Server(app, settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)
        async with app.router.lifespan_context(app):
            hub: Hub = app.state.hub
            watching = asyncio.create_task(_announce_and_watch(server, hub, _url(settings, listening), on_ready))
            await server.serve([listening])
            hub.stopping.set()
            await watching
    if isinstance(hub.failure, StartError):
        raise hub.failure
    return 0 if hub.failure is None else 1


def bind(host: str, port: int) -> socket.socket:
    """A bound socket.

    Raises:
        StartError: the port is taken, or the address is not one of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        msg = f"host {host!r} is no address; set TIANRUI_HUB_HOST to 127.0.0.1 or to an address of this machine"
        raise StartError(msg) from None
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen()
    except OSError as error:
        listening.close()
        msg = f"port {port} on {host} cannot be used: {error.strerror}; give --port a free one"
        raise StartError(msg) from None
    return listening


def check_tls(settings: HubSettings) -> None:
    """Return when the certificate and its key can be served, or none is set.

    Raises:
        StartError: they are no PEM, do not belong together, or the key asks for a passphrase.
    """
    if settings.tls_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, lambda: "")
    except OSError as error:
        msg = (
            f"tls_cert {settings.tls_cert} and tls_key {settings.tls_key} are not a PEM certificate and its "
            f"unencrypted private key: {error}; set TIANRUI_HUB_TLS_CERT and TIANRUI_HUB_TLS_KEY to such files"
        )
        raise StartError(msg) from None


class _Server(uvicorn.Server):
    def __init__(self, app: FastAPI, settings: HubSettings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_graceful_shutdown=GRACE_S,
                ssl_certfile=settings.tls_cert,
                ssl_keyfile=settings.tls_key,
            )
        )
        self.serving = asyncio.Event()
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        hub: Hub = self._app.state.hub
        hub.stopping.set()
        await super().shutdown(sockets)


async def _announce_and_watch(server: _Server, hub: Hub, url: str, on_ready: OnReady) -> None:
    serving = asyncio.create_task(server.serving.wait())
    stopping = asyncio.create_task(hub.stopping.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        password, hub.first_password = hub.first_password, None
        on_ready(url, None if password is None else password.get_secret_value())
    await stopping
    serving.cancel()
    server.should_exit = True


def _url(settings: HubSettings, listening: socket.socket) -> str:
    if settings.public_url is not None:
        return settings.public_url
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.tls_cert else 'http'}://{name}:{listening.getsockname()[1]}"
