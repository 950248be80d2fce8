from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.data.load import load_data
from handful.data.readers.npz import read_npz
from handful.errors import DataError, HandfulWarning

GREY = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
COLOUR = np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3)


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


@pytest.mark.parametrize(
    "labels",
    [np.array([b"cat", b"dog", b"cat"]), np.array([["cat"], ["dog"], ["cat"]]), np.array(["cat", "dog", "cat"])],
)
def test_labels_of_npz_are_decoded_and_squeezed(tmp_path: Path, labels: np.ndarray) -> None:
    np.savez(tmp_path / "a.npz", images=GREY, labels=labels)
    data = read_npz(tmp_path / "a.npz")
    assert (data.classes, data.labels.tolist()) == (("cat", "dog"), [0, 1, 0])


@pytest.mark.parametrize(
    "labels", [np.array([2, 0, 2]), np.array([[2.0], [0.0], [2.0]]), np.eye(3, dtype=np.uint8)[[2, 0, 2]]]
)
def test_positions_in_the_class_names_may_be_columns_floats_or_one_hot(tmp_path: Path, labels: np.ndarray) -> None:
    np.savez(tmp_path / "a.npz", images=GREY, labels=labels, class_names=np.array([b"owl", b"cat", b"dog"]))
    data = read_npz(tmp_path / "a.npz")
    assert [data.classes[i] for i in data.labels] == ["dog", "owl", "dog"]
    assert data.classes == ("cat", "dog", "owl")


def test_minus_one_in_npz_is_said_once_for_all_parts(tmp_path: Path) -> None:
    labels = np.array([-1, 0, 1])
    np.savez(tmp_path / "a.npz", x_train=GREY, y_train=labels, x_test=GREY, y_test=labels)
    with pytest.warns(HandfulWarning, match=r"a\.npz: 2 labels are -1") as notes:
        assert read_npz(tmp_path / "a.npz").labels.tolist() == [-1, 0, 1] * 2
    assert len(notes) == 1
    np.savez(tmp_path / "b.npz", X=GREY, y=np.array([-1, 0, 0]), class_names=np.array(["a", "b"]))
    with pytest.warns(HandfulWarning, match="1 label is -1"):
        assert read_npz(tmp_path / "b.npz").labels.tolist() == [-1, 0, 0]


@pytest.mark.parametrize("names", [{}, {"class_names": np.array(["a", "b"])}], ids=["numbers", "positions"])
def test_minus_one_in_npz_is_said_of_images_without_candidates_or_votes(tmp_path: Path, names: dict[str, Any]) -> None:
    labels, images = np.array([0, 1, -1, -1]), np.concatenate([GREY, GREY[:1]])
    for key, rows in (
        ("candidates", np.array([[0, 0], [0, 0], [0, 1], [0, 0]], bool)),
        ("probabilities", np.eye(4, 2)),
    ):
        np.savez(tmp_path / "a.npz", images=images, labels=labels, **{key: rows, **names})
        expected = "1 label is" if key == "candidates" else "2 labels are"
        with pytest.warns(HandfulWarning, match=f"{expected} -1, read as unlabelled"):
            assert sum(not s.supervised for s in read_npz(tmp_path / "a.npz").samples) == int(expected[0])


def test_numbers_with_gaps_are_read_by_every_part(tmp_path: Path) -> None:
    images = np.zeros((3, 4, 4), np.uint8)
    path = tmp_path / "a.npz"
    numbers = np.array([[1.5, np.nan], [2.0, 7.0], [np.nan, np.nan]])
    np.savez(path, train_images=images, train_numbers=numbers, test_images=images, quantity_names=["side", "area"])
    data = load_data(str(path))
    assert (data.kind, data.classes) == ("number", ("side", "area"))
    np.testing.assert_array_equal(data.split("train").targets(), numbers.astype(np.float32))
    assert len(data.split("train").labelled()) == 2
    assert not len(data.split("test").labelled())
    np.savez(path, images=images, numbers=np.array([1, 2, 3]))
    assert load_data(str(path)).classes == ("number",)


def test_numbers_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    images, path = np.zeros((3, 4, 4), np.uint8), tmp_path / "a.npz"
    for numbers, message in (
        (np.array(["a", "b", "c"]), "type <U1"),
        (np.array([1.0, np.inf, 2.0]), "infinite"),
        (np.array([1.0, 2.0]), r"shape \[2\] for 3 images"),
    ):
        np.savez(path, images=images, numbers=numbers)
        with pytest.raises(DataError, match=message):
            load_data(str(path))
    np.savez(path, images=images, numbers=np.ones(3), targets=np.ones((3, 2)))
    with pytest.raises(DataError, match="both given"):
        load_data(str(path))
