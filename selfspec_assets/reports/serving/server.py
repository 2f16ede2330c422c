"""The server's process: its socket, its signals, its end."""

import ipaddress
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.progress import Report
from selfspec_assets.reports.serving.api import LOOPBACK, Api
from selfspec_assets.reports.serving.engine import Engine
from selfspec_assets.reports.serving.served import Served

_GRACE = 2  # seconds that answers under way have to be sent, once they are ended at their next token


class Server(uvicorn.Server):
    """uvicorn, which ends the texts that are being written when it is told to end."""

    def __init__(self, served: Served, host: str, ready: Callable[[], None]) -> None:
        self.engine = Engine(served.lm)
        self._ready = ready
        hosts = LOOPBACK if is_loopback(host) else ("*",)
        config = uvicorn.Config(
            Api(served, self.engine).app(hosts),
            log_level="error",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE,
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.engine.end()
        super().handle_exit(sig, frame)

    def serve_at(self, listener: socket.socket) -> None:
        """Serves until a signal comes, or ``should_exit`` is set."""
        try:
            with suppress(KeyboardInterrupt):  # uvicorn raises Ctrl-C again once it has ended; asyncio may pass it on
                self.run(sockets=[listener])
        finally:
            self.engine.end()
            self.engine.join(_GRACE)


def bind(host: str, port: int) -> socket.socket:
    """A socket that has its address and does not listen yet; port 0 takes a free one.

    Raises:
        SelfspecError: the port is taken, or there is no such address here.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        said = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        remedy = "choose another port with --port, or an address of this machine with --host"
        raise SelfspecError(f"{host}:{port}", f"cannot be listened at: {said}", remedy) from error
    return listener


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(served: Served, listener: socket.socket, host: str, report: Report) -> None:
    """Serve until Ctrl-C."""
    names = ", ".join(model.name for model in served.models)
    address = address_of(listener)
    Server(served, host, lambda: report(f"serving {names} at {address}; Ctrl-C ends it")).serve_at(listener)
    report("stopped")
