"""Pixel labels from masks and from what is known of the classes."""

from dataclasses import replace

import numpy as np

from handful.core.dataset import Dataset, Sample
from handful.core.tensors import IGNORE
from handful.data.class_names import with_classes
from handful.data.fingerprint import fingerprint, part_fingerprints
from handful.data.in_memory import load_tensors
from handful.data.pixel_labels import pixel_labels
from tests.support.datasets import numbered_squares, several_masked_squares

SIZE = (4, 6)


def sample(*target: float, mask: bool = True) -> Sample:
    given = np.zeros(SIZE, dtype=bool)
    given[1:3, 1:4] = True
    image = np.zeros((3, *SIZE), dtype=np.uint8)
    return Sample("a", image, mask=given if mask else None, target=np.array(target, dtype=np.float32))


def labels(given: Sample, classes: int = 3) -> list[int] | None:
    found = pixel_labels(given, classes, SIZE, "squash")
    return None if found is None else sorted(set(found.ravel().tolist()))


def test_the_object_is_of_the_only_class_that_is_possible() -> None:
    assert labels(sample(0, 1, 0)) == [0, 2]
    assert labels(sample(0, np.nan, 0)) == [0, 2]


def test_the_object_is_one_of_several_possible_classes() -> None:
    assert labels(sample(1, 1, 0)) == [0, 4]
    assert labels(sample(1, 0, np.nan)) == [0, 4]


def test_an_image_that_shows_nothing_is_background_with_and_without_a_mask() -> None:
    assert labels(sample(0, 0, 0)) == [0]
    assert labels(sample(0, 0, 0, mask=False)) == [0]


def test_nothing_is_known_without_a_mask_or_without_a_label() -> None:
    assert labels(sample(1, 0, 0, mask=False)) is None
    assert labels(replace(sample(1, 0, 0), target=None)) is None
    assert labels(sample(np.nan, np.nan, np.nan)) is None


def test_masks_that_tell_classes_apart_are_resized_class_by_class() -> None:
    given = sample(1, 1, 0)
    classes = np.zeros(SIZE, dtype=np.int16)
    classes[1:3, 1:2], classes[1:3, 2:4] = 1, 2
    given = replace(given, mask_labels=classes)
    assert pixel_labels(given, 3, SIZE, "squash").tolist() == classes.tolist()  # type: ignore[union-attr]
    larger = pixel_labels(given, 3, (8, 12), "squash")
    assert larger is not None
    assert (larger[::2, ::2] == classes).mean() > 0.85
    assert set(np.unique(larger)) <= {0, 1, 2, 4}
    assert labels(replace(given, target=np.array([1, np.nan, 0], dtype=np.float32))) == [0, 1, 2]


def test_unknown_pixels_are_ignored() -> None:
    known = np.zeros(SIZE, dtype=bool)
    known[:, :3] = True
    found = pixel_labels(replace(sample(1, 0, 1), known=known), 3, SIZE, "squash")
    assert found is not None
    assert (found[:, 3:] == IGNORE).all()
    assert set(np.unique(found[:, :3])) == {0, 4}


def test_tensors_hold_them_and_numbers_have_none() -> None:
    data = several_masked_squares(6)
    tensors = load_tensors(data, size=(12, 12))
    assert tensors.pixel_labels is not None
    for maps, each in zip(tensors.pixel_labels.numpy(), data.samples, strict=True):
        assert (maps == (0 if each.mask_labels is None else each.mask_labels)).all()
    numbers = numbered_squares(3)
    masked = replace(numbers, samples=tuple(replace(s, mask=np.ones((12, 12), dtype=bool)) for s in numbers.samples))
    assert load_tensors(masked, size=(12, 12)).pixel_labels is None


def test_other_classes_of_the_same_mask_are_other_data() -> None:
    data = several_masked_squares(6)
    first = next(i for i, s in enumerate(data.samples) if s.mask_labels is not None)
    samples = list(data.samples)
    outline = np.asarray(samples[first].mask_labels)
    samples[first] = replace(samples[first], mask_labels=np.where(outline == 1, 2, 1).astype(np.int16))
    other = replace(data, samples=tuple(samples))
    assert fingerprint(other) != fingerprint(data)
    assert part_fingerprints(other)["masks"] != part_fingerprints(data)["masks"]
    bare = data.without_labels().samples[first]
    assert bare.mask_labels is None


def test_labels_of_a_mask_follow_classes_that_move() -> None:
    given = sample(1, 1, mask=True)
    classes = np.zeros(SIZE, dtype=np.int16)
    classes[1, 1:4], classes[2, 1], classes[2, 2:4] = 1, 2, 3  # the third: one of both
    data = Dataset((replace(given, mask_labels=classes),), ("dent", "stain"), kind="multilabel")
    (moved,) = with_classes(data, ("blot", "dent", "rust", "stain")).samples
    assert moved.mask_labels is not None
    assert moved.mask_labels.tolist() == np.array([0, 2, 4, 5])[classes].tolist()
    assert moved.mask_labels.dtype == np.int16
