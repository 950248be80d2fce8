"""Run the server: one process or several on one port, until Ctrl-C or SIGTERM, finishing what was taken on."""

import asyncio
import json
import os
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from handful.core.sockets import LOCAL, listen
from handful.deployment.server.app import ENVIRONMENT, from_environment
from handful.deployment.server.limits import Limits

HEAD = 10.0  # seconds for the head of a request


class HeaderTimeoutProtocol(H11Protocol):
    """Closes connections whose request's head does not come: uvicorn alone waits for ever."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Begin to wait again, where what came is no whole head."""
        super().data_received(data)
        self._wait()

    def _wait(self) -> None:
        waited: Any = getattr(self, "waited", None)
        if self._busy() and waited is not None:
            waited.cancel()
            self.waited = None
        elif not self._busy() and waited is None:
            self.waited = asyncio.get_running_loop().call_later(HEAD, self._end)

    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end(self) -> None:
        self.waited = None
        if not self._busy() and not self.transport.is_closing():
            self.transport.close()


def serve(
    model: Path, *, host: str, port: int, token: str | None, workers: int, limits: Limits, tell: Any = print
) -> None:
    """Serve an exported model.

    Args:
        model: the .onnx file.
        host: "127.0.0.1" is reached from this machine alone.
        port: 0 takes a free one.
        token: that requests must carry.
        workers: processes; each has the model, and the limits, to itself.
        limits: what is refused.
        tell: called with the address.

    Raises:
        OutputError: the port is taken, or the host is none of this machine's.
    """
    held, address = listen(host, port)
    held.set_inheritable(True)
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
    tell(address)
    try:
        if workers == 1:
            uvicorn.Server(config).run(sockets=[held])
        else:
            from uvicorn.supervisors import Multiprocess

            older = "target" in signature(Multiprocess).parameters
            own: dict[str, Any] = {"target": uvicorn.Server(config).run} if older else {}
            Multiprocess(config, sockets=[held], **own).run()
    except KeyboardInterrupt:
        pass
    finally:
        held.close()


def application() -> Any:
    """What each process serves."""
    return from_environment()
