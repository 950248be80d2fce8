import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

from handful.core.files import (
    lock_output,
    refuse_existing,
    refuse_foreign,
    replace_folder,
    safe_path,
    try_lock,
    write_atomically,
)
from handful.errors import DataError, HandfulWarning, OutputError


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


def hold(path: Path) -> subprocess.Popen[str]:
    """A process that has locked an output, and waits for a line."""
    code = "from pathlib import Path\nfrom handful.core.files import lock_output\n"
    code += f"with lock_output(Path({str(path)!r})):\n    print('locked', flush=True)\n    input()\n"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=PIPE, stdout=PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    return process


@pytest.mark.parametrize(("name", "kind"), [("model", "folder"), ("table.csv", "file")])
def test_a_second_process_is_refused_until_the_first_has_ended_or_was_killed(
    tmp_path: Path, name: str, kind: str
) -> None:
    output = tmp_path / "deep" / name
    with hold(output) as process:
        with pytest.raises(OutputError, match=f"another process is writing to this {kind}"), lock_output(output):
            pytest.fail("both write")
        (tmp_path / "link").symlink_to(tmp_path / "deep")
        with pytest.raises(OutputError, match="another process"), lock_output(tmp_path / "link" / name):
            pytest.fail("both write")
        process.communicate("\n")
    assert names(output.parent) == []
    with hold(output) as process:
        process.kill()
    assert names(output.parent) == [f".{name}.lock"]  # of the killed process
    with lock_output(output):
        assert names(output.parent) == [f".{name}.lock"]
    assert names(output.parent) == []


def test_a_lock_file_that_is_named_stays(tmp_path: Path) -> None:
    with lock_output(tmp_path, lock=tmp_path / "_lock"):
        assert names(tmp_path) == ["_lock"]
    assert names(tmp_path) == ["_lock"]


def test_a_file_system_without_locks_is_used_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(HandfulWarning, match="no lock could be set"), lock_output(tmp_path / "model"):
        pass


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini", "._model", ".nfs0001", "@eaDir"])
def test_what_file_managers_leave_is_no_reason_to_refuse_a_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / name).mkdir() if name.startswith("@") else (folder / name).touch()
    refuse_existing(folder, ours=("log",))
    (folder / "log").touch()
    refuse_foreign(folder, ours=("log",))
    refuse_existing(folder, ours=lambda entry: entry.name == "log", overwrite=True)
    with pytest.raises(OutputError, match="already exists"):
        refuse_existing(folder, ours=("log",))
    (folder / "thesis.tex").touch()
    with pytest.raises(OutputError, match="other files"):
        refuse_foreign(folder, ours=("log",))
