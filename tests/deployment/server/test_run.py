import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("uvicorn")

import uvicorn

from handful.core.sockets import listen
from handful.deployment.server import run

WHOLE = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


async def slow(scope: Any, receive: Any, send: Any) -> None:
    """Answers after twice the time that a request's head may take."""
    if scope["type"] == "http":
        await asyncio.sleep(2 * run.HEADER_TIMEOUT)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a live server that waits for a head no longer than 0.3 seconds."""
    monkeypatch.setattr(run, "HEADER_TIMEOUT", 0.3)
    held, address = listen("127.0.0.1", 0)
    quiet: dict[str, Any] = {"ws": "none", "lifespan": "off", "log_level": "error", "timeout_keep_alive": 1}
    server = uvicorn.Server(uvicorn.Config(slow, http=run.HeaderTimeoutProtocol, **quiet))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield int(address.rsplit(":", 1)[1].strip("/"))
    server.should_exit = True
    thread.join(10)
    held.close()


def talk(port: int, *pieces: bytes, pause: float = 0.0) -> tuple[bytes, float]:
    """What comes back on one connection until it is closed, and the seconds until then."""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        try:
            for piece in pieces:
                link.sendall(piece)
                time.sleep(pause)
            answer = b""
            while got := link.recv(1000):
                answer += got
        except ConnectionError:
            answer = b""
    return answer, time.monotonic() - start


@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\nhost: 127"])
def test_a_head_that_does_not_come_is_not_waited_for(port: int, head: bytes) -> None:
    answer, seconds = talk(port, *((head,) if head else ()))
    assert not answer.startswith(b"HTTP/1.1 200")
    assert seconds < 5


def test_a_head_that_drips_in_is_cut_off(port: int) -> None:
    drops = [bytes([b]) for b in WHOLE + WHOLE]
    answer, seconds = talk(port, *drops, pause=0.02)
    assert b"200" not in answer
    assert seconds < 0.02 * len(drops)


def test_work_that_takes_long_is_answered_and_then_the_connection_ends(port: int) -> None:
    answer, _ = talk(port, WHOLE)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"ok")


def test_answers_are_sent_without_waiting_for_acknowledgements() -> None:
    held, _ = listen("127.0.0.1", 0)
    with held:
        held.listen()
        with socket.create_connection(held.getsockname()), held.accept()[0] as accepted:
            assert accepted.proto == socket.IPPROTO_TCP  # by which asyncio decides to set TCP_NODELAY


def test_a_second_request_on_the_connection_has_its_own_time(port: int) -> None:
    answer, _ = talk(port, WHOLE, WHOLE, pause=0.7)
    assert answer.count(b"HTTP/1.1 200") == 2
