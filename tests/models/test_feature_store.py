import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from handful.errors import HandfulWarning
from handful.models import feature_store
from handful.models.feature_store import FeatureStore, _warn_of_no_home, cache_folder, shrink

DIGESTS = [bytes([i]) * 16 for i in range(6)]


def vectors(n: int = 6) -> np.ndarray:
    return np.arange(n * 3, dtype=np.float32).reshape(n, 3)


def found(store: FeatureStore, digests: list[bytes]) -> list[list[float] | None]:
    return [None if v is None else v.tolist() for v in store.get(digests)]


def test_what_is_kept_is_found_by_others_too(tmp_path: Path) -> None:
    store, other = FeatureStore(tmp_path / "x"), FeatureStore(tmp_path / "x")
    assert found(other, DIGESTS[:1]) == [None]
    store.add(DIGESTS[:2], vectors(2))
    assert found(other, DIGESTS[:3]) == [[0, 1, 2], [3, 4, 5], None]
    assert found(FeatureStore(tmp_path / "y"), DIGESTS[:1]) == [None]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_a_damaged_file_is_deleted_and_made_again(tmp_path: Path, damage: str) -> None:
    FeatureStore(tmp_path).add(DIGESTS[:2], vectors(2))
    (file,) = tmp_path.glob("*.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes({"cut": content[:-5], "flipped": content, "empty": b"", "foreign": b"not an array"}[damage]))
    store = FeatureStore(tmp_path)
    assert found(store, DIGESTS[:2]) == [None, None]
    assert not file.exists()
    store.add(DIGESTS[:2], vectors(2))
    assert found(FeatureStore(tmp_path), DIGESTS[1:2]) == [[3, 4, 5]]


def test_many_files_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_store, "MOST_FILES", 3)
    store = FeatureStore(tmp_path / "x")
    reader = FeatureStore(tmp_path / "x")
    for i in range(4):
        assert found(reader, DIGESTS[: i + 1])[:i] == vectors(i).tolist()
        store.add(DIGESTS[i : i + 1], vectors(4)[i : i + 1])
    assert len(list((tmp_path / "x").glob("*.npy"))) == 1
    assert found(store, DIGESTS[:4]) == found(reader, DIGESTS[:4]) == vectors(4).tolist()


def _write(folder: Path, first: int) -> None:
    store = FeatureStore(folder)
    for i in range(first, first + 30):
        store.add([i.to_bytes(16, "big")], np.full((1, 4), i, np.float32))


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")  # no threads are running here, and spawning takes seconds
    writers = [context.Process(target=_write, args=(tmp_path / "x", first)) for first in (0, 20, 40)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert all(writer.exitcode == 0 for writer in writers)
    kept = FeatureStore(tmp_path / "x").get([i.to_bytes(16, "big") for i in range(70)])
    assert [None if v is None else v.tolist() for v in kept] == [[i] * 4 for i in range(70)]
    assert not list((tmp_path / "x").glob(".*"))


def test_the_oldest_files_go_first(tmp_path: Path) -> None:
    for i in range(3):
        FeatureStore(tmp_path / str(i)).add(DIGESTS[:1], vectors(1))
        (file,) = (tmp_path / str(i)).glob("*.npy")
        os.utime(file, (i, i))
    size = file.stat().st_size
    shrink(tmp_path, limit=3 * size)
    assert len(list(tmp_path.glob("*/*.npy"))) == 3
    shrink(tmp_path, limit=3 * size - 1)
    assert [p.parent.name for p in sorted(tmp_path.glob("*/*.npy"))] == ["1", "2"]


def test_a_disk_that_takes_nothing_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = FeatureStore(tmp_path / "file" / "x")
    store.add(DIGESTS[:1], vectors(1))
    assert found(store, DIGESTS[:1]) == [None]


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HANDFUL_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    for off in ("off", "0", "", "None"):
        monkeypatch.setenv("HANDFUL_CACHE", off)
        assert cache_folder() is None
    monkeypatch.delenv("HANDFUL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "handful"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "handful"


@pytest.mark.parametrize("setting", [None, "~/features"])
def test_without_a_home_directory_nothing_is_cached_which_is_said_once(
    setting: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HANDFUL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    if setting is not None:
        monkeypatch.setenv("HANDFUL_CACHE", setting)

    def fail(*_: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)
    monkeypatch.setattr(Path, "expanduser", fail)
    _warn_of_no_home.cache_clear()
    with pytest.warns(HandfulWarning, match="no home directory, so features are not cached"):
        assert cache_folder() is None
    assert cache_folder() is None
