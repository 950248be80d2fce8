import os
from pathlib import Path

import pytest

from handful.data.readers.table_paths import TablePaths, named_file, portable
from handful.errors import DataError
from tests.data.noise_images import save_noise_image


def test_a_folder_is_listed_once_for_all_names_that_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(3):
        save_noise_image(tmp_path / f"img/{i}.png", i)
    listed: list[Path] = []
    list_folder = os.listdir

    def count(folder: Path) -> list[str]:
        listed.append(folder)
        return list_folder(folder)

    monkeypatch.setattr(os, "listdir", count)
    paths = TablePaths(tmp_path, allow_outside=False)
    assert [paths.find(f"img/{i}", "here").name for i in range(3)] == ["0.png", "1.png", "2.png"]
    assert listed == [tmp_path / "img"]


def test_the_name_as_written_is_preferred(tmp_path: Path) -> None:
    for name in (" a.png", "a.png", "b\\c.png", "b/c.png", "d", "d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    paths = TablePaths(tmp_path, allow_outside=False)
    for name in (" a.png", "a.png", "b\\c.png", "b/c.png", "d", "d.png"):
        assert paths.find(name, "here") == tmp_path / name
        assert paths.spelling(name) == name
    assert portable(" b\\c.png ") == "b/c.png"


def test_links_out_of_the_folder_are_refused_by_every_spelling(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "secret/x.png")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link.png").symlink_to(tmp_path / "secret/x.png")
    (tmp_path / "root/loop.png").symlink_to("loop.png")
    for name in ("link.png", "link", " link.png"):
        with pytest.raises(DataError, match="leads out of the table's folder"):
            TablePaths(tmp_path / "root", allow_outside=False).find(name, "here")
    with pytest.raises(DataError, match=r"here: (no such image|the image path loop\.png is not a path)"):
        TablePaths(tmp_path / "root", allow_outside=False).find("loop.png", "here")
    assert named_file(tmp_path, "gone.png", "here", allow_outside=False) == tmp_path / "gone.png"
