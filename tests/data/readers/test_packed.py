import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from handful.annotation.files.project import open_project
from handful.core.dataset import Dataset
from handful.data.load import load_data
from handful.data.readers import packed
from handful.data.readers.packed import is_packed, unpack
from handful.errors import DataError, HandfulWarning
from handful.inspection.cleaned_table import refuse_packed
from tests.data.noise_images import save_noise_image

NAMES = ("cat/a.png", "cat/b.png", "dog/c.png")
MODES = {".tar": "w", ".tgz": "w:gz", ".tar.gz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz", ".TAR.GZ": "w:gz"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate(NAMES):
        save_noise_image(tmp_path / "pets" / name, i)
    return tmp_path / "pets"


def write_archive(folder: Path, path: Path, *, top: str = "") -> Path:
    """An archive of all files below a folder, in the format of its ending."""
    files = [(f, top + f.relative_to(folder).as_posix()) for f in sorted(folder.rglob("*")) if f.is_file()]
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file, name in files:
                archive.write(file, name)
    else:
        with tarfile.open(path, MODES[path.name[path.name.index(".") :]]) as tar:  # type: ignore[call-overload]
            for file, name in files:
                tar.add(file, name)
    return path


def load(path: Path, **options: bool) -> Dataset:
    with pytest.warns(HandfulWarning, match=r"files \(.*MB\) unpacked into .*handful-"):
        return load_data(path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", [".zip", ".ZIP", *MODES])
@pytest.mark.parametrize("top", ["", "pets/", "./pets/more/"])
def test_an_archive_is_read_as_the_folder_in_it(folder: Path, tmp_path: Path, ending: str, top: str) -> None:
    data = load(write_archive(folder, tmp_path / f"pets{ending}", top=top))
    assert data.ids == load_data(folder).ids == NAMES
    assert data.classes == ("cat", "dog")
    for sample, name in zip(data.samples, NAMES, strict=True):
        assert isinstance(sample.image, Path)
        assert sample.image.read_bytes() == (folder / name).read_bytes()


def test_a_split_alone_is_not_passed_through(folder: Path, tmp_path: Path) -> None:
    data = load(write_archive(folder, tmp_path / "a.zip", top="train/"))
    assert {s.split for s in data.samples} == {"train"}
    assert data.ids[0] == "train/cat/a.png"


def test_masks_may_be_in_an_archive_too(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "masks/cat").mkdir(parents=True)
    Image.frombytes("L", (8, 6), bytes(24) + b"\xff" * 24).save(tmp_path / "masks/cat/a.png")
    masks = write_archive(tmp_path / "masks", tmp_path / "masks.zip")
    with (
        pytest.warns(HandfulWarning, match="unpacked"),
        pytest.warns(HandfulWarning, match="2 of 3 images have no mask"),
    ):
        data = load_data(folder, masks=masks)
    assert [s.mask is not None for s in data.samples] == [True, False, False]


def test_system_files_are_passed_over_and_links_are_recorded(folder: Path, tmp_path: Path) -> None:
    save_noise_image(folder / "__MACOSX/cat/._a.png")
    path = write_archive(folder, tmp_path / "a.tar")
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo("cat/secret.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    data = load_and_expect_links(path)
    assert data.ids == NAMES
    assert [item.paths for item in data.left_out] == [("cat/secret.png",)]


def load_and_expect_links(path: Path) -> Dataset:
    with pytest.warns(HandfulWarning) as said:
        data = load_data(path)
    assert any("links and special files in the archive: 1 not used (cat/secret.png)" in str(w.message) for w in said)
    return data


@pytest.mark.parametrize("name", ["../out.png", "/abs.png", "cat/../../out.png", "C:\\out.png", "..\\out.png"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(DataError, match=r"a\.zip: the member .* leads out of the archive"):
        unpack(tmp_path / "a.zip")


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "FREE_SIZE", 10_000)
    monkeypatch.setattr(packed, "MOST_TIMES", 20)


@pytest.mark.parametrize("ending", [".zip", ".tgz"])
@pytest.mark.usefixtures("small_limit")
def test_an_archive_made_to_fill_the_disk_is_refused(tmp_path: Path, ending: str) -> None:
    (tmp_path / "a/cat").mkdir(parents=True)
    (tmp_path / "a/cat/a.bmp").write_bytes(bytes(1_000_000))
    if ending == ".zip":
        with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(tmp_path / "a/cat/a.bmp", "cat/a.bmp")
    else:
        write_archive(tmp_path / "a", tmp_path / "b.tgz")
    with pytest.raises(DataError, match=r"it unpacks to more than(.|\n)*if you trust it"):
        unpack(tmp_path / f"b{ending}")


def test_a_damaged_archive_is_named(folder: Path, tmp_path: Path) -> None:
    for ending in (".zip", ".tgz", ".tar"):
        path = write_archive(folder, tmp_path / f"a{ending}")
        path.write_bytes(path.read_bytes()[:300])
        with pytest.raises(DataError, match=r"the archive cannot be read(.|\n)*write it again"):
            unpack(path)
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(DataError, match=r"text\.zip: the archive cannot be read"):
        unpack(tmp_path / "text.zip")
    with pytest.raises(DataError, match=r"gone\.zip: no such file"):
        load_data(tmp_path / "gone.zip")
    (tmp_path / "a.tar.zst").write_bytes(b"")
    with pytest.raises(DataError, match=r"archives of this kind are not read"):
        load_data(tmp_path / "a.tar.zst")


def test_errors_name_the_archive_and_not_the_temporary_folder(folder: Path, tmp_path: Path) -> None:
    save_noise_image(folder / "loose.png")
    path = write_archive(folder, tmp_path / "a.zip")
    with pytest.warns(HandfulWarning), pytest.raises(DataError) as error:
        load_data(path)
    assert error.value.where == os.fspath(path / "loose.png")


def test_a_name_that_an_archive_holds_twice_counts_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/a.png", b"old")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("cat/a.png", b"new")
    with pytest.warns(HandfulWarning):
        result = unpack(tmp_path / "a.zip")
    assert (result.root / "cat/a.png").read_bytes() == b"new"
    assert [item.paths for item in result.left_out] == [("cat/a.png",)]


def test_what_is_an_archive() -> None:
    names = ("a.zip", "a.TGZ", "a.tar.gz", "a.npz", "a.csv", "a.gz")
    assert [is_packed(Path(name)) for name in names] == [True, True, True, False, False, False]


def test_no_table_or_annotation_names_files_of_an_archive(folder: Path, tmp_path: Path) -> None:
    path = write_archive(folder, tmp_path / "a.zip")
    with pytest.raises(DataError, match=r"the images are in an archive(.|\n)*unpack .*a\.zip"):
        refuse_packed(path, tmp_path / "t.csv")
    refuse_packed(folder, tmp_path / "t.csv")
    with pytest.raises(DataError, match=r"images in an archive cannot be annotated(.|\n)*unpack it"):
        open_project(path)
