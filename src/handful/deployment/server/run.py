"""Run the prediction server: one or several processes on one port, with a graceful shutdown on Ctrl-C or SIGTERM."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from handful.core.sockets import LOCAL, listen
from handful.deployment.server.app import ENVIRONMENT, from_environment
from handful.deployment.server.limits import Limits

HEADER_TIMEOUT = 10.0  # seconds


class HeaderTimeoutProtocol(H11Protocol):
    """Closes connections whose request headers do not arrive in time; uvicorn alone waits forever."""

    def connection_made(self, transport: Any) -> None:
        """Start the timeout of the first request."""
        super().connection_made(transport)
        self._update_timeout()

    def data_received(self, data: bytes) -> None:
        """Restart the timeout if no request is being handled."""
        super().data_received(data)
        self._update_timeout()

    def _update_timeout(self) -> None:
        timeout: asyncio.TimerHandle | None = getattr(self, "header_timeout", None)
        if self._busy() and timeout is not None:
            timeout.cancel()
            self.header_timeout = None
        elif not self._busy() and timeout is None:
            self.header_timeout = asyncio.get_running_loop().call_later(HEADER_TIMEOUT, self._on_timeout)

    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _on_timeout(self) -> None:
        self.header_timeout = None
        if not self._busy() and not self.transport.is_closing():
            self.transport.close()


def serve(
    model: Path,
    *,
    host: str,
    port: int,
    token: str | None,
    workers: int,
    limits: Limits,
    on_start: Callable[[str], None],
) -> None:
    """Serve an exported model until Ctrl-C or SIGTERM.

    Args:
        model: the .onnx file.
        host: name or address to listen at; "127.0.0.1" is reachable from this machine only.
        port: 0 selects a free one.
        token: that requests must carry; None: none.
        workers: number of processes; each has a model and limits of its own.
        limits: of requests.
        on_start: called with the server's URL.

    Raises:
        OutputError: the port is taken, or the host does not belong to this machine.
    """
    bound, address = listen(host, port)
    bound.set_inheritable(True)
    settings = {
        "model": str(model.resolve()),
        "threads": max(1, (os.cpu_count() or 1) // workers),
        "limits": asdict(limits),
        "token": token,
        "loopback": host in LOCAL,
    }
    os.environ[ENVIRONMENT] = json.dumps(settings)
    config = uvicorn.Config(
        "handful.deployment.server.run:application",
        factory=True,
        http=HeaderTimeoutProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        workers=workers,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=int(limits.seconds) + 5,
    )
    on_start(address)
    try:
        if workers == 1:
            uvicorn.Server(config).run(sockets=[bound])
        else:
            from uvicorn.supervisors import Multiprocess

            older = "target" in signature(Multiprocess).parameters  # of uvicorn
            arguments: dict[str, Any] = {"target": uvicorn.Server(config).run} if older else {}
            Multiprocess(config, sockets=[bound], **arguments).run()
    except KeyboardInterrupt:
        pass
    finally:
        bound.close()


def application() -> ASGIApp:
    """The application that each worker process serves."""
    return from_environment()
