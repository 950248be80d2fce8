"""Listening sockets of the servers, and the loopback names of this machine."""

import socket

from handful.errors import OutputError

LOCAL = ("127.0.0.1", "localhost", "::1")  # addresses that only this machine reaches
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")  # the same in a request's Host header


def refuse_address(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on, before what is served there is made ready.

    Raises:
        OutputError: as `listen`.
    """
    bound, _ = listen(host, port)
    bound.close()


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A bound socket, and its URL up to the path.

    Args:
        host: name or address of this machine.
        port: 0 selects a free one.

    Raises:
        OutputError: the port is taken, or the host does not belong to this machine.
    """
    # The protocol is given explicitly because asyncio otherwise does not recognize the connections as TCP and leaves
    # Nagle's algorithm on: the body of a response then waits 40 ms for the client to acknowledge the headers.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise OutputError(
            f"cannot listen on this address ({error})",
            where=f"{host}:{port}",
            remedy="choose another port, or host.",
        ) from error
    shown = f"[{host}]" if ":" in host else host
    return bound, f"http://{shown}:{bound.getsockname()[1]}/"
