from collections.abc import Callable
from pathlib import Path

import pytest

from handful.core.files import (
    refuse_existing,
    refuse_foreign,
    replace_folder,
    safe_path,
    try_lock,
    write_atomically,
)
from handful.errors import DataError, OutputError


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_file_is_replaced_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    refuse_existing(path)
    path.write_text("old")
    refuse_existing(path, overwrite=True)
    with pytest.raises(OutputError, match=r"already exists\n.*overwrite=True"):
        refuse_existing(path)
    with pytest.raises(OutputError, match=r"already exists\n.*choose another path\.$"):
        refuse_existing(path, overwrite=None)
    with pytest.raises(OutputError, match="is a folder"):
        refuse_existing(tmp_path, overwrite=True)


@pytest.mark.parametrize("ours", [("log", "maps"), lambda entry: entry.name in ("log", "maps", ".log.part")])
def test_a_folder_is_replaced_only_when_all_in_it_is_ours(
    tmp_path: Path, ours: tuple[str, ...] | Callable[[Path], bool]
) -> None:
    refuse_existing(tmp_path / "new", ours=ours)
    refuse_existing(tmp_path, ours=ours)  # empty
    for name in ("log", ".log.part"):
        (tmp_path / name).touch()
    refuse_existing(tmp_path, ours=ours, overwrite=True)
    with pytest.raises(OutputError, match=r"already exists\n.*overwrite=True"):
        refuse_existing(tmp_path, ours=ours)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(OutputError, match=r"holds other files \(thesis.tex\)\n.*choose another folder\.$"):
        refuse_existing(tmp_path, ours=ours, overwrite=True)
    with pytest.raises(OutputError, match="is a file"):
        refuse_foreign(tmp_path / "log", ours=ours)


def write_half(path: Path, error: BaseException) -> None:
    with write_atomically(path) as draft:
        draft.write_text("half of the n")
        raise error


def write_half_a_folder(folder: Path) -> None:
    with replace_folder(folder) as draft:
        (draft / "half").touch()
        raise KeyboardInterrupt


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "out.txt"
    with write_atomically(path) as draft:
        draft.write_text("old")
        assert not path.exists()
    for error in (OSError(28, "No space left on device"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            write_half(path, error)
        assert path.read_text() == "old"
        assert names(path.parent) == ["out.txt"]
    draft = path.with_name(".out.txt.part")
    draft.symlink_to(tmp_path / "elsewhere")  # or what a process that died has left
    with write_atomically(path) as draft, draft.open("x") as file:
        file.write("new")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["deep"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for content in ("old", "new"):
        (tmp_path / ".model.part").mkdir()  # what a process that died has left
        (tmp_path / ".model.part" / "half").touch()
        with replace_folder(folder) as draft:
            assert names(draft) == []
            (draft / content).touch()
        assert names(folder) == [content]
        with pytest.raises(KeyboardInterrupt):
            write_half_a_folder(folder)
        assert names(folder) == [content]
        assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", ".", "a\0b", "..\\x", "link/x"])
def test_no_path_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    (folder / "inner").symlink_to(folder)
    assert safe_path(folder, "cat/001.png") == folder / "cat" / "001.png"
    assert safe_path(folder, "inner/001.png") == folder / "inner" / "001.png"
    with pytest.raises(DataError, match="leads out of its folder"):
        safe_path(folder, name)


def test_a_lock_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("a") as first, (tmp_path / "lock").open("a") as second:
        assert try_lock(first.fileno())
        assert not try_lock(second.fileno())
    with (tmp_path / "lock").open("a") as third:
        assert try_lock(third.fileno())
