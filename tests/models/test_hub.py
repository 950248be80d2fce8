import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from handful.models import hub


class Library:
    """Has the models of this machine, and what the hub has besides."""

    def __init__(self, here: set[str], there: set[str]) -> None:
        self.here, self.there = here, there
        self.asked: list[bool] = []

    def load(self, model: str, *, local_files_only: bool = False, kind: str = "plain") -> str:
        self.asked.append(local_files_only)
        if model not in (self.here if local_files_only else self.here | self.there):
            raise OSError(f"no {model}")
        return f"{kind} {model}"


@pytest.fixture(params=["refuses", "is silent", "talks nonsense"])
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hub is a local port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param != "refuses":
            listener.listen(8)
        if request.param == "talks nonsense":
            threading.Thread(target=lambda: listener.accept()[0].sendall(b"nonsense\r\n\r\n"), daemon=True).start()
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(hub, "PATIENCE", 0.5)
        yield


def test_a_model_that_is_here_is_not_asked_for_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "reach", lambda: pytest.fail("the hub was asked"))
    library = Library({"a"}, set())
    assert hub.local_first(library.load, "a", kind="small") == "small a"
    assert library.asked == [True]


def test_the_hub_is_asked_where_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "reach", lambda: None)
    library = Library(set(), {"a"})
    assert hub.local_first(library.load, "a", kind="small") == "small a"
    assert library.asked == [True, False]


def test_while_this_machine_is_searched_no_library_asks_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "reach", lambda: None)
    seen = []

    def load(_model: str, *, local_files_only: bool = False) -> None:
        seen.append((local_files_only, huggingface_hub.constants.HF_HUB_OFFLINE))
        if local_files_only:
            raise OSError

    hub.local_first(load, "a")
    assert seen == [(True, True), (False, False)]


def test_a_broken_folder_is_an_error_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "reach", lambda: pytest.fail("the hub was asked"))
    with pytest.raises(OSError, match="no "):
        hub.local_first(Library(set(), set()).load, str(tmp_path))


@pytest.mark.usefixtures("no_network")
def test_without_a_network_the_library_is_not_asked_twice() -> None:
    library = Library(set(), {"a"})
    with pytest.raises(OSError, match=r"timed out|refused|does not answer like an HTTP server"):
        hub.local_first(library.load, "a")
    assert library.asked == [True]
