"""What the two servers share: the socket that they listen at, and how they read the head of a request."""

import socket
from collections.abc import Mapping

from handful.errors import OutputError

LOCAL = ("127.0.0.1", "localhost", "::1")  # addresses that only this machine reaches
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")  # the same in a request's head


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A bound socket, and its address up to the path. Port 0 takes a free one.

    Raises:
        OutputError: the port is taken, or the host is none of this machine's.
    """
    # The protocol is named, or asyncio does not take its connections for TCP and leaves Nagle's algorithm on: the body
    # of an answer then waits 40 ms for the client to acknowledge the head.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, port))
    except (OSError, OverflowError) as error:
        held.close()
        raise OutputError(
            f"cannot listen here ({error})", where=f"{host}:{port}", remedy="choose another --port, or --host."
        ) from error
    shown = f"[{host}]" if ":" in host else host
    return held, f"http://{shown}:{held.getsockname()[1]}/"


def called(headers: Mapping[bytes, bytes]) -> str:
    """The name in a request's Host header, without the port. Another site's name, pointed here, shows itself."""
    host = headers.get(b"host", b"").decode("latin-1").lower()
    return host if host.endswith("]") else host.rsplit(":", 1)[0]


def declared_within(headers: Mapping[bytes, bytes], most: int) -> bool:
    """Whether the body is, by its Content-Length, of at most `most` bytes. No length counts as 0."""
    length = headers.get(b"content-length", b"0")
    return length.isdigit() and int(length) <= most
