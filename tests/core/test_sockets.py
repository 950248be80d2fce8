import socket

import pytest

from handful.core.sockets import listen
from handful.errors import OutputError


def test_a_free_port_is_selected_and_named_in_the_address() -> None:
    bound, url = listen("127.0.0.1", 0)
    with bound:
        bound.listen()
        port = bound.getsockname()[1]
        assert url == f"http://127.0.0.1:{port}/"
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass


def test_a_taken_port_and_a_foreign_address_are_refused() -> None:
    bound, _ = listen("127.0.0.1", 0)
    with bound:
        bound.listen()
        for host, port in (("127.0.0.1", bound.getsockname()[1]), ("192.0.2.1", 0), ("127.0.0.1", 70_000)):
            with pytest.raises(OutputError, match=f"{host}:{port}(.|\n)*another port"):
                listen(host, port)
