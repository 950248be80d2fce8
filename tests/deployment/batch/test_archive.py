import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from handful.core.left_out import LeftOut
from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.prefetch import ArchiveReader
from handful.errors import DataError
from tests.data.noise_images import save_noise_image
from tests.deployment.batch import gray_archives


def levels(source: Path | str, **options: object) -> dict[str, int]:
    """The gray level of each image, by id."""
    archive = find_archive(str(source), **options)  # type: ignore[arg-type]
    reader = ArchiveReader(archive.root)
    locations = list(archive.locations())
    found = {p.id: int(reader.read(p)[0, 0, 0]) for p in locations}
    assert len(found) == len(locations)
    return found


def test_a_folder_gives_every_image_below_it_in_one_order(tmp_path: Path) -> None:
    root = gray_archives.write_folder(tmp_path / "a", 5)
    (root / ".hidden").mkdir()
    for name in ("0/notes.md", ".hidden/x.png", "loose.PNG"):
        (root / name).write_bytes(gray_archives.gray_png(9))

    assert levels(root) == {
        "0/000.png": 0,
        "0/003.png": 3,
        "1/001.png": 1,
        "1/004.png": 4,
        "2/002.png": 2,
        "loose.PNG": 9,
    }


def test_a_link_to_a_folder_above_is_no_endless_archive(tmp_path: Path) -> None:
    root = gray_archives.write_folder(tmp_path / "a", 3)
    (root / "0" / "up").symlink_to(root)

    assert len(levels(root)) == 3


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
def test_a_name_that_is_no_unicode_is_still_found(tmp_path: Path) -> None:
    from handful.deployment.batch.plan import identify_job, make_plan

    root = tmp_path / "a"
    root.mkdir()
    try:
        with open(os.fsencode(root) + b"/caf\xe9.png", "wb") as file:  # noqa: PTH123
            file.write(gray_archives.gray_png(7))
    except OSError:
        pytest.skip("this file system wants Unicode")
    archive = find_archive(str(root))
    (tmp_path / "out").mkdir()
    identity = identify_job(archive, task="predict", model="", chunk_size=4, options={})
    plan = make_plan(tmp_path / "out", archive, identity)

    ((_, (location,)),) = plan.locations([0])
    assert location.id == "caf\\xe9.png"
    assert ArchiveReader(root).read(location)[0, 0, 0] == 7


def test_tar_shards_in_a_folder_and_by_pattern(tmp_path: Path) -> None:
    gray_archives.write_tar(tmp_path / "s" / "x-00.tar", [3, 1])
    gray_archives.write_tar(tmp_path / "s" / "x-01.tar", [2])
    wanted = {"x-00.tar/003.png": 3, "x-00.tar/001.png": 1, "x-01.tar/002.png": 2}

    assert levels(tmp_path / "s") == wanted
    assert levels(f"{tmp_path}/s/x-*.tar") == wanted
    assert levels(f"{tmp_path}/s/x-{{00..01}}.tar") == wanted
    assert levels(tmp_path / "s" / "x-01.tar") == {"x-01.tar/002.png": 2}


def test_a_name_twice_in_a_tar_file_is_two_images(tmp_path: Path) -> None:
    assert levels(gray_archives.write_tar(tmp_path / "x.tar", [5, 5])) == {"x.tar/005.png": 5, "x.tar/005.png#2": 5}


def test_a_link_in_a_tar_file_is_no_image(tmp_path: Path) -> None:
    path = gray_archives.write_tar(tmp_path / "x.tar", [5])
    with tarfile.open(path, "a") as file:
        member = tarfile.TarInfo("way/out.png")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(member)

    assert levels(path) == {"x.tar/005.png": 5}


@pytest.mark.parametrize("nested", [True, False])
def test_parquet_files_that_hold_images(tmp_path: Path, nested: bool) -> None:
    gray_archives.write_parquet(tmp_path / "s" / "a.parquet", range(6), nested=nested)

    assert levels(tmp_path / "s") == {f"a.parquet/{i}": i for i in range(6)}


def test_a_table_of_paths(tmp_path: Path) -> None:
    gray_archives.write_folder(tmp_path / "a", 3)
    (tmp_path / "list.csv").write_text("file,label\na/0/000.png,x\na/2/002.png,\n")

    assert levels(tmp_path / "list.csv", columns={"path": "file"}) == {"a/0/000.png": 0, "a/2/002.png": 2}


def test_a_table_may_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    gray_archives.write_folder(tmp_path / "a", 3)
    (tmp_path / "b").mkdir()
    table = tmp_path / "b" / "list.csv"
    table.write_text("path\n../a/0/000.png\n")

    with pytest.raises(DataError, match="leads out of the table's folder"):
        levels(table)
    assert levels(table, allow_outside=True) == {"../a/0/000.png": 0}


def test_what_cannot_be_an_archive_is_refused(tmp_path: Path) -> None:
    gray_archives.write_tar(tmp_path / "x.tar.gz", [1], compression="gz")
    gray_archives.write_tar(tmp_path / "mixed" / "x.tar", [1])
    gray_archives.write_folder(tmp_path / "mixed", 1)
    gray_archives.write_tar(tmp_path / "gap" / "x-00.tar", [1])
    whole = gray_archives.write_tar(tmp_path / "torn.tar", [1, 2]).read_bytes()
    (tmp_path / "torn.tar").write_bytes(whole[:700])
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "notes.md").write_text("hello")
    for source, what in (
        ("x.tar.gz", "the shard is compressed"),
        ("mixed", "holds shards .* and images"),
        ("gap/x-{00..01}.tar", "this shard is missing"),
        ("gap/y-*.tar", "no files match"),
        ("torn.tar", "the shard cannot be read"),
        ("torn.parquet", "the shard cannot be read"),
        ("notes.md", "not a folder, a table or shards"),
        ("nowhere", "no such file or folder"),
    ):
        with pytest.raises(DataError, match=what):
            levels(tmp_path / source)


def test_images_beside_their_masks_are_refused(tmp_path: Path) -> None:
    for name in ("images", "masks"):
        gray_archives.write_folder(tmp_path / "a" / name, 1)

    with pytest.raises(DataError, match="holds images/ and masks/"):
        levels(tmp_path / "a")


def test_an_exported_model_goes_through_an_archive_without_pytorch() -> None:
    code = "import sys, handful.deployment.batch.ray, handful.models.onnx_model; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_files_that_may_be_meant_as_images_are_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    for name in ("a.png", "deep/b.png", "@eaDir/c.png", "__x/d.png"):
        save_noise_image(folder / name)
    (folder / "raw.CR2").write_bytes(b"raw")
    (folder / "notes.md").write_text("no image")
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (folder / "deep/up").symlink_to(folder)
    skipped: list[LeftOut] = []
    assert [p.id for p in find_archive(str(folder)).locations(skipped)] == ["__x/d.png", "a.png", "deep/b.png"]
    assert sorted((item.kind, item.paths) for item in skipped) == [
        ("camera raw files", ("raw.CR2",)),
        ("links whose target is missing", ("gone.png",)),
    ]
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        for name in ("a.png", "raw.CR2", "notes.md", "deep/up"):
            tar.add(folder / name, name)
    skipped.clear()
    assert [p.id for p in find_archive(str(tmp_path / "s.tar")).locations(skipped)] == ["s.tar/a.png"]
    assert sorted(item.paths for item in skipped) == [("s.tar/deep/up",), ("s.tar/raw.CR2",)]


def test_paths_of_windows_and_without_an_ending_are_those_of_a_table(tmp_path: Path) -> None:
    gray_archives.write_folder(tmp_path / "a", 5)
    (tmp_path / "list.csv").write_text("path\na\\0\\000.png\na/1/001\n  a\\2\\002  \n")
    assert levels(tmp_path / "list.csv") == {"a/0/000.png": 0, "a/1/001": 1, "a/2/002": 2}
    (tmp_path / "list.csv").write_text("path\na\\9\\none.png\n")
    (location,) = find_archive(str(tmp_path / "list.csv")).locations()
    with pytest.raises(DataError, match="cannot be opened"):
        ArchiveReader(tmp_path).read(location)
    for outside in ("..\\x.png", "C:\\x.png", "\\\\host\\x.png"):
        (tmp_path / "list.csv").write_text(f"path\n{outside}\n")
        with pytest.raises(DataError, match=r"leads out|absolute path"):
            list(find_archive(str(tmp_path / "list.csv")).locations())
