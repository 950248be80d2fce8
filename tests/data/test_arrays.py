from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
import torch
from PIL import Image

from handful.data.arrays import from_arrays
from handful.data.images import pixels
from handful.errors import DataError, HandfulWarning
from tests.data.noise_images import noise_image, save_noise_image

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


def test_columns_of_pandas_are_read_by_position() -> None:
    n = 12
    images = np.stack([np.full((4, 5), 20 * i, np.uint8) for i in range(n)])
    frame = pd.DataFrame(
        {
            "picture": list(images),
            "label": list("ab") * 6,
            "patient": [i // 2 for i in range(n)],
            "part": ["train"] * 6 + ["test"] * 6,
            "mask": [None if i % 3 else image > 99 for i, image in enumerate(images)],
        }
    ).iloc[np.random.default_rng(0).permutation(n)]
    data = from_arrays(
        frame["picture"], frame["label"], groups=frame["patient"], splits=frame["part"], masks=frame["mask"]
    )
    for sample, (i, row) in zip(data.samples, frame.iterrows(), strict=True):
        assert np.array_equal(sample.image, np.stack([images[int(str(i))]] * 3))  # type: ignore[arg-type]
        assert (data.classes[sample.label or 0], sample.group, sample.split) == (row.label, str(row.patient), row.part)
        assert (sample.mask is None) == (row["mask"] is None)


def test_tensors_and_arrow_columns_are_read_like_arrays() -> None:
    expected = from_arrays(GREY, [1, 0, 1], masks=GREY > 9, groups=[1, 2, 3])
    data = from_arrays(
        torch.from_numpy(GREY),
        pyarrow.array([1, 0, 1]),
        masks=torch.from_numpy(GREY > 9),
        groups=torch.tensor([[1], [2], [3]]),
    )
    for a, b in zip(data.samples, expected.samples, strict=True):
        assert (a.id, a.label, a.group) == (b.id, b.label, b.group)
        assert np.array_equal(a.image, b.image)  # type: ignore[arg-type]
        assert a.mask is not None
        assert np.array_equal(a.mask, b.mask)  # type: ignore[arg-type]


def test_paths_pictures_bytes_and_arrays_may_be_mixed(tmp_path: Path) -> None:
    path = save_noise_image(tmp_path / "a.png", 1)
    picture = noise_image(1)
    expected = np.asarray(picture).transpose(2, 0, 1)
    items = [path, str(path), picture, path.read_bytes(), np.asarray(picture)]
    data = from_arrays(items, list("ababa"), masks=[np.ones((6, 8)), None, None, None, None])
    assert all(np.array_equal(pixels(sample), expected) for sample in data.samples)
    assert [s.image for s in data.samples[:2]] == [path, path]  # decoded later
    assert len(from_arrays(pd.Series([str(path)] * 2, index=[5, 3]))) == 2
    with pytest.raises(DataError, match=r"image 1: no such image: '.*gone\.png'"):
        from_arrays([path, tmp_path / "gone.png"])
    with pytest.raises(DataError, match="image 0: a folder, not an image"):
        from_arrays([tmp_path])
    with pytest.raises(DataError, match="image 0: not a path "):
        from_arrays([300 * "a"])
    with pytest.raises(DataError, match=r"image 0: .*a\\x00b\.png"):
        from_arrays(["a\0b.png"])
    with pytest.raises(DataError, match="images: str does not hold one item for each image"):
        from_arrays(str(path))
    opened = Image.open(path)
    opened.close()
    with pytest.raises(DataError, match="image 0: the image is damaged or closed"):
        from_arrays([opened])
    with pytest.raises(DataError, match="image 0: the mask is not an array"):
        from_arrays([picture], masks=[path])


def test_minus_one_is_said_and_unlabelled() -> None:
    with pytest.warns(HandfulWarning, match="labels: 1 label is -1, read as unlabelled"):
        data = from_arrays(GREY, np.array([1, -1, 0]))
    assert (data.classes, data.labels.tolist()) == (("0", "1"), [1, -1, 0])


FIVE = np.concatenate([GREY, GREY[:2]])
MINUS_ONES = np.array([0, 1, -1, -1, -1])


@pytest.mark.parametrize(
    ("known", "count"),
    [
        ({"candidates": np.array([[0, 0], [0, 0], [0, 1], [1, 1], [1, 0]], bool)}, "1 label is"),  # all say nothing
        ({"candidates": pd.DataFrame([[0, 0], [0, 0], [1, 0], [1, 1], [0, 0]], columns=["0", "2"], dtype=bool)}, "1 l"),
        ({"probabilities": np.array([[1, 0], [0, 1], [0.5, 0.5], [0, 0], [0, 0]])}, "2 labels are"),
        ({"bags": ["a", "b", "a", "a", "c"]}, "1 label is"),
    ],
    ids=["candidates", "of a frame", "votes", "bags"],
)
@pytest.mark.filterwarnings("ignore:probabilities. 1 image has as many votes")
def test_minus_one_is_said_of_images_alone_of_which_nothing_else_is_known(known: dict[str, Any], count: str) -> None:
    with pytest.warns(HandfulWarning, match=f"labels: {count}.*, read as unlabelled") as notes:
        data = from_arrays(FIVE, MINUS_ONES, **known)
    assert sum("read as unlabelled" in str(note.message) for note in notes) == 1
    assert sum(not s.supervised for s in data.samples) == int(count[0])


@pytest.mark.filterwarnings("error")
def test_minus_one_is_not_said_where_every_such_image_has_candidates() -> None:
    rows = np.array([[0, 0, 0], [0, 0, 0], [1, 1, 0], [0, 1, 1], [0, 1, 0]], bool)
    data = from_arrays(FIVE, np.array([0, 2, -1, -1, -1]), candidates=rows, classes=["0", "1", "2"])
    assert [s.supervised for s in data.samples] == [True] * 5


def test_labels_of_bags_are_given_by_any_of_their_images() -> None:
    data = from_arrays(np.concatenate([GREY, GREY[:1]]), ["ill", None, "well", None], bags=pd.Series([7, 7, "b", "b"]))
    assert (data.kind, data.classes, data.counts.tolist()) == ("bag", ("ill", "well"), [1, 1])
    assert [(s.bag, s.label) for s in data.samples] == [("7", 0), ("7", 0), ("b", 1), ("b", 1)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bags": [1, 1]}, "bags: 3 images, but 2 bags\n.*give one for each image"),
        ({"bags": [1, None, 2]}, "000001: the image is in no bag"),
        ({"bags": [1, 1, 2], "labels": list("aba")}, r"bag '1' has two labels(.*\n)+.*leave bags out"),
        ({"bags": [1, 1, 2], "splits": ["train", "test", None]}, "bag '1' is in two splits"),
        ({"bags": [1, 1, 2], "labels": None, "numbers": [1, 2, 3]}, r"a bag has one label(.*\n)+.*leave out numbers"),
        ({"bags": [1, 1, 2], "labels": None, "targets": np.eye(3)}, r"a bag has one label(.*\n)+.*leave out targets"),
    ],
)
def test_bags_that_cannot_be_are_refused_by_their_argument(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_arrays(GREY, **{"labels": list("aab"), **arguments})
