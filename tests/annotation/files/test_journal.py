import json
from pathlib import Path

import pytest

from handful.annotation.files.journal import Journal, read_events
from handful.errors import DataError, OutputError


def test_events_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append({"event": "class", "name": "Kätzchen"})
        journal.append({"event": "class", "name": "dog"})
    events, length = read_events(path)
    assert [e["name"] for e in events] == ["Kätzchen", "dog"]
    assert length == path.stat().st_size


@pytest.mark.parametrize("torn", [b'{"event": "cla', b"\x00\x00\x00", b'\x00\x00"name": 1}\n', b"[1]\n"])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append({"event": "class", "name": "cat"})
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    with Journal(path) as journal:
        assert [e["name"] for e in journal.events] == ["cat"]
        journal.append({"event": "class", "name": "dog"})
    assert path.read_bytes() == whole + json.dumps({"event": "class", "name": "dog"}).encode() + b"\n"


def test_a_damaged_line_before_the_end_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"event": "class", "name": "cat"}\n{"eve\n{"event": "class", "name": "dog"}\n')
    with pytest.raises(DataError, match="line 2"):
        Journal(path)


def test_two_writers_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with Journal(tmp_path / "journal.jsonl"), pytest.raises(OutputError, match="already annotating"):
        Journal(tmp_path / "journal.jsonl")
    Journal(tmp_path / "journal.jsonl").close()
