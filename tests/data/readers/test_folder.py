from pathlib import Path

import pytest

from handful.core.dataset import Dataset
from handful.data.readers.folder import read_folder
from handful.errors import DataError
from tests.data.noise_images import save_noise_image


def _seen(data: Dataset) -> list[tuple[str, str | None, str | None]]:
    return [(s.id, None if s.label is None else data.classes[s.label], s.split) for s in data.samples]


def test_one_folder_per_class_sorted_by_name(tmp_path: Path) -> None:
    for name in ("dog/b.png", "dog/a.JPG", "cat/deep/c.tiff"):
        save_noise_image(tmp_path / name)
    data = read_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert _seen(data) == [("cat/deep/c.tiff", "cat", None), ("dog/a.JPG", "dog", None), ("dog/b.png", "dog", None)]
    assert data.samples[0].image == tmp_path / "cat/deep/c.tiff"


def test_parts_above_the_classes(tmp_path: Path) -> None:
    for name in ("train/dog/a.png", "train/cat/a.png", "val/cat/b.png", "test/dog/a.png", "train/unlabelled/u.png"):
        save_noise_image(tmp_path / name)
    data = read_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert _seen(data) == [
        ("test/dog/a.png", "dog", "test"),
        ("train/cat/a.png", "cat", "train"),
        ("train/dog/a.png", "dog", "train"),
        ("train/unlabelled/u.png", None, "train"),
        ("val/cat/b.png", "cat", "val"),
    ]


def test_train_may_be_a_class(tmp_path: Path) -> None:
    for name in ("train/a.png", "tram/a.png"):
        save_noise_image(tmp_path / name)
    assert _seen(read_folder(tmp_path)) == [("train/a.png", "train", None), ("tram/a.png", "tram", None)]


def test_parts_without_class_folders_are_no_classes(tmp_path: Path) -> None:
    for name in ("train/a.png", "test/a.png"):
        save_noise_image(tmp_path / name)
    with pytest.raises(DataError, match=r"test/a\.png: this image is not in a class folder"):
        read_folder(tmp_path)


def test_hidden_and_foreign_files_are_skipped(tmp_path: Path) -> None:
    for name in ("cat/a.png", "cat/.b.png", ".git/c.png", "cat/.thumbs/d.png", "__MACOSX/e.png"):
        save_noise_image(tmp_path / name)
    (tmp_path / "cat/notes.txt").write_text("no image")
    (tmp_path / "README.md").write_text("no image")
    assert read_folder(tmp_path).ids == ("cat/a.png",)


@pytest.mark.parametrize("name", ["unlabelled", "unlabeled"])
def test_a_folder_of_unlabelled_images(tmp_path: Path, name: str) -> None:
    save_noise_image(tmp_path / "cat/a.png")
    save_noise_image(tmp_path / name / "b.png")
    data = read_folder(tmp_path)
    assert data.classes == ("cat",)
    assert data.labels.tolist() == [0, -1]


def test_loose_images_are_unlabelled_only_when_announced(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "loose.png")
    with pytest.raises(DataError, match=r"loose\.png: this image is not in a class folder(.|\n)*unlabelled=True"):
        read_folder(tmp_path)
    data = read_folder(tmp_path, unlabelled=True)
    assert (data.ids, data.classes, data.labels.tolist()) == (("loose.png",), (), [-1])
    assert read_folder(tmp_path, unlabelled=True, classes=["b", "a"]).classes == ("a", "b")


def test_an_unlabelled_test_part(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "train/cat/a.png")
    save_noise_image(tmp_path / "test/b.png")
    with pytest.raises(DataError, match=r"test: it lies beside train/|b\.png: this image"):
        read_folder(tmp_path)
    assert _seen(read_folder(tmp_path, unlabelled=True)) == [
        ("test/b.png", None, "test"),
        ("train/cat/a.png", "cat", "train"),
    ]


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{tmp_path.name}: no images found(.|\n)*one folder per class"):
        read_folder(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: no such folder(.|\n)*check the path"):
        read_folder(tmp_path / "gone")


def test_a_class_folder_without_images_is_named(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cat/a.png")
    (tmp_path / "dog").mkdir()
    with pytest.raises(DataError, match=r"dog: no images found in this class folder(.|\n)*add images, or remove"):
        read_folder(tmp_path)


def test_a_stray_folder_beside_the_parts_is_named(tmp_path: Path) -> None:
    for name in ("train/cat/a.png", "test/cat/b.png", "extra/cat/c.png"):
        save_noise_image(tmp_path / name)
    with pytest.raises(DataError, match=r"extra: it lies beside test/(.|\n)*move it"):
        read_folder(tmp_path)


def test_images_beside_masks_are_pointed_at(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "images/cat/a.png")
    save_noise_image(tmp_path / "masks/cat/a.png")
    with pytest.raises(DataError, match=r"not classes(.|\n)*load .*images and pass .*masks as the masks"):
        read_folder(tmp_path)


def test_a_class_outside_the_expected_is_named(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cta/a.png")
    with pytest.raises(DataError, match=r"cta/a\.png: the label 'cta' is not one of the 2 classes(.|\n)*'cat'"):
        read_folder(tmp_path, classes=["cat", "dog"])
