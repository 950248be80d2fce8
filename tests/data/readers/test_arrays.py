from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.data.readers.arrays import from_arrays, read_npz
from handful.errors import DataError

GREY = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
COLOUR = np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3)


def test_grey_and_colour_with_any_labels() -> None:
    data = from_arrays(GREY, np.array([2, 10, 2]))
    assert data.classes == ("10", "2")  # by name, not by number
    assert data.labels.tolist() == [1, 0, 1]
    assert data.ids == ("000000", "000001", "000002")
    image = data.samples[1].image
    assert isinstance(image, np.ndarray)
    assert np.array_equal(image, np.stack([GREY[1]] * 3))
    colour = from_arrays(COLOUR, ["b", None, ("a", 1)])
    assert colour.classes == ("('a', 1)", "b")
    assert colour.labels.tolist() == [1, -1, 0]
    assert np.array_equal(colour.samples[2].image, COLOUR[2].transpose(2, 0, 1))  # type: ignore[arg-type]


def test_images_of_different_sizes() -> None:
    data = from_arrays([np.zeros((2, 3), bool), np.ones((4, 4, 3), np.float32)])
    assert [s.image.shape for s in data.samples] == [(3, 2, 3), (3, 4, 4)]  # type: ignore[union-attr]
    assert (data.classes, data.labels.tolist()) == ((), [-1, -1])


def test_masks_groups_and_splits() -> None:
    masks = [GREY[0] > 3, None, GREY[2]]
    data = from_arrays(GREY, [0, 1, np.nan], masks=masks, groups=[7, None, 7], splits=["train", None, "test"])
    assert [None if s.mask is None else int(s.mask.sum()) for s in data.samples] == [16, None, 20]
    assert [s.mask_source for s in data.samples] == ["hand", None, "hand"]
    assert [s.group for s in data.samples] == ["7", None, "7"]
    assert [s.split for s in data.samples] == ["train", None, "test"]
    assert data.labels.tolist() == [0, 1, -1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": [0, 1]}, "labels: 3 images, but 2 labels(.|\n)*one for each image"),
        ({"groups": [0]}, "3 images, but 1 groups"),
        ({"masks": GREY[:, :3]}, r"image 0: the mask has shape \[3, 5\], the image \[4, 5\](.|\n)*size of its image"),
        ({"splits": ["train", "tset", None]}, "image 1: unknown split 'tset'(.|\n)*'test'"),
        ({"labels": [1, "1", 2]}, "two different labels have the same name '1'(.|\n)*rename"),
        ({"labels": ["a", "c", "b"], "classes": ["a", "b"]}, "image 1: the label 'c' is not one of the 2 classes"),
    ],
)
def test_what_does_not_fit_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_arrays(GREY, **options)


def test_a_bad_image_is_named_by_its_position() -> None:
    with pytest.raises(DataError, match=r"image 1: .*0 to 255(.|\n)*\[0, 1\]"):
        from_arrays([np.zeros((2, 2)), np.array([[0.0, 255.0]])])


def test_npz_with_parts_and_class_names(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(
        path,
        train_images=GREY,
        train_labels=np.array([0, 1, 1]),
        train_masks=GREY > 3,
        test_images=COLOUR[:1],
        test_labels=np.array([0]),
        class_names=np.array(["zebra", "ape"]),
    )
    data = read_npz(path)
    assert data.classes == ("ape", "zebra")
    assert data.labels.tolist() == [1, 0, 0, 1]
    assert data.ids == ("train/000000", "train/000001", "train/000002", "test/000000")
    assert [s.split for s in data.samples] == ["train", "train", "train", "test"]
    assert [s.mask is None for s in data.samples] == [False, False, False, True]
    with pytest.raises(DataError, match=r"a\.npz, train/000000: the label 'zebra' is not one of"):
        read_npz(path, classes=["ape", "owl"])


@pytest.mark.parametrize("keys", [("X", "y"), ("images", "labels")])
def test_npz_of_one_part(tmp_path: Path, keys: tuple[str, str]) -> None:
    arrays: dict[str, Any] = {
        keys[0]: GREY,
        keys[1]: np.array(["a", "b", "a"]),
        "groups": np.array([1, 1, 2]),
        "splits": np.array(["train", "", "test"]),
    }
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    data = read_npz(tmp_path / "a.npz")
    assert data.labels.tolist() == [0, 1, 0]
    assert [s.group for s in data.samples] == ["1", "1", "2"]
    assert [s.split for s in data.samples] == ["train", None, "test"]
    assert data.ids == ("000000", "000001", "000002")


def test_a_class_that_only_the_names_have_stays_a_class(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=GREY, labels=np.array([0, 0, 1]), class_names=np.array(["a", "b", "c"]))
    assert read_npz(tmp_path / "a.npz").classes == ("a", "b", "c")


def test_bad_archives_are_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    with pytest.raises(DataError, match=r"bad\.npz: no such file"):
        read_npz(path)
    path.write_bytes(b"PK no archive")
    with pytest.raises(DataError, match=r"bad\.npz: the archive cannot be read(.|\n)*numpy\.savez"):
        read_npz(path)
    np.savez(path, pictures=GREY)
    with pytest.raises(DataError, match=r"bad\.npz: no images found; its keys are pictures(.|\n)*train_images"):
        read_npz(path)
    np.savez(path, images=GREY, labels=np.array([{}, 1, 2], dtype=object))
    with pytest.raises(DataError, match=r"bad\.npz: the archive cannot be read(.|\n)*not objects"):
        read_npz(path)
    np.savez(path, images=GREY, labels=np.array([0, 1, 2]), class_names=np.array(["a", "b"]))
    with pytest.raises(DataError, match=r"bad\.npz, labels\[2\]: the label 2 is outside the 2 class_names"):
        read_npz(path)
    np.savez(path, images=GREY, labels=np.array([0, 1]))
    with pytest.raises(DataError, match=r"bad\.npz, labels: 3 images, but 2 labels"):
        read_npz(path)
    np.savez(path, images=GREY)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"bad\.npz: the archive cannot be read"):
        read_npz(path)
