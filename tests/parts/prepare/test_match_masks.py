"""Matching: masks from one masked image per class; thin objects; which masks are used, and that none leaks."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from handful.core.dataset import Dataset, Image, Mask, Sample
from handful.core.recipe import Part
from handful.data.masks.quality import iou
from handful.errors import DataError, HandfulWarning, RecipeError
from handful.models.frozen_maps import FrozenMaps
from handful.parts import registry
from handful.parts.prepare.match_masks import Matcher, at_threshold, certainty, is_thin, run, thickness
from tests.support import datasets


def disc(seed: int, size: tuple[int, int] = (64, 80)) -> tuple[Image, Mask]:
    """A reddish disc on a greenish ground, both noisy."""
    rng = np.random.default_rng(seed)
    h, w = size
    y, x = np.mgrid[:h, :w]
    mask = np.hypot(y - rng.integers(24, h - 24), x - rng.integers(24, w - 24)) < rng.integers(12, 18)
    image = rng.integers(0, 40, (3, h, w)) + np.where(mask, *np.array([[170, 60, 60], [60, 140, 70]])[:, :, None, None])
    return image.astype(np.uint8), mask


def lines(seed: int) -> tuple[Image, Mask]:
    """Dark lines two pixels wide."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros((256, 256), dtype=np.uint8)
    for _ in range(8):
        (a, b), (c, d) = rng.integers(0, 256, (2, 2)).tolist()
        cv2.line(drawn, (a, b), (c, d), 1, 2)
    image = rng.integers(150, 190, (3, 256, 256)) - 90 * drawn
    return image.astype(np.uint8), drawn.astype(bool)


def data(n: int = 4) -> Dataset:
    samples = []
    for i in range(n):
        image, mask = disc(i)
        samples.append(Sample(f"{i}.png", image, i % 2, mask, "hand"))
    return Dataset(tuple(samples), ("a", "b"))


def without(given: Dataset, *positions: int) -> Dataset:
    samples = (replace(s, mask=None, mask_source=None) if i in positions else s for i, s in enumerate(given.samples))
    return replace(given, samples=tuple(samples))


def prepare(given: Dataset, seed: int = 0, **options: Any) -> Dataset:
    result: Dataset = registry.build("prepare", Part("match_masks", options), datasets.context(seed=seed))(given)
    return result


def test_one_mask_masks_the_other_images() -> None:
    given = data()
    got = prepare(without(given, 1, 2, 3))
    assert got.samples[0] is given.samples[0]
    for new, old in zip(got.samples[1:], given.samples[1:], strict=True):
        assert new.mask is not None
        assert old.mask is not None
        assert new.mask_source == "propagated"
        assert iou(new.mask, old.mask) > 0.85


def test_thin_lines_are_matched_by_their_own_pixels() -> None:
    (image, mask), (other, truth) = lines(0), lines(1)
    matcher = Matcher([Sample("a", image, 0, mask)])
    assert matcher.cells == "fine"
    found = matcher.mask(other, matcher.likely(other))
    assert iou(found, truth) > 0.6


def test_thickness_of_a_strip_and_of_a_disc_and_what_is_thin() -> None:
    strip = np.zeros((100, 100), dtype=bool)
    strip[40:50] = True
    y, x = np.mgrid[:100, :100]
    assert thickness(strip) == pytest.approx(10, rel=0.15)
    assert thickness(np.hypot(y - 50, x - 50) < 30) == pytest.approx(40, rel=0.1)
    assert thickness(np.zeros((4, 4), dtype=bool)) == 0
    blank = np.zeros((3, 100, 100), dtype=np.uint8)
    sample = Sample("a", blank, 0, strip)
    assert not is_thin([sample], FrozenMaps(side=64, largest=100))
    assert is_thin([sample], FrozenMaps(side=32, largest=32))
    assert not is_thin([replace(sample, known=strip)], FrozenMaps(side=32, largest=32))  # a stroke has no thickness


def test_masks_that_are_not_drawn_are_never_looked_at_and_measure_the_new_ones() -> None:
    given = data(6)
    wrong = replace(given, samples=tuple(replace(s, mask=~s.mask) if s.mask is not None else s for s in given.samples))
    got, report = run(datasets.context(seed=3), given, per_class=1)
    kept = [given.ids.index(name) for name in report.kept]
    assert sorted(given.samples[i].label or 0 for i in kept) == [0, 1]
    mixed = replace(given, samples=tuple((given if i in kept else wrong).samples[i] for i in range(len(given))))
    again, worse = run(datasets.context(seed=3), mixed, per_class=1)
    for one, two in zip(got.samples, again.samples, strict=True):
        assert np.array_equal(one.mask, two.mask)  # type: ignore[arg-type]
    assert report.quality["all"].iou > 0.85
    assert worse.quality["all"].iou < 0.2


def test_rounds_match_with_the_surest_new_masks_too() -> None:
    given = data(5)
    got = prepare(without(given, 1, 2, 3, 4), rounds=2)
    assert all(iou(new.mask, old.mask) > 0.8 for new, old in zip(got.samples, given.samples, strict=True))  # type: ignore[arg-type]


@pytest.mark.parametrize("edges", ["grabcut", "guided", "none"])
def test_each_kind_of_edges_gives_masks_of_the_images_size(edges: str) -> None:
    got = prepare(without(data(2), 1), edges=edges)
    assert got.samples[1].mask is not None
    assert got.samples[1].mask.shape == (64, 80)


def test_edges_are_chosen_where_masked_images_can_be_matched_to_each_other() -> None:
    samples = data(3).samples
    assert Matcher(samples[:1]).edges == "grabcut"
    blocks = [np.kron(s.mask[::16, ::16], np.ones((16, 16), dtype=bool)) for s in samples if s.mask is not None]
    odd = [replace(s, mask=block) for s, block in zip(samples, blocks, strict=True)]  # whose edges are not the image's
    assert Matcher(odd).edges != "grabcut"


def test_a_scribble_on_the_object_and_one_on_the_ground_mask_all_images_and_stay_as_they_are() -> None:
    given = data()
    mask = given.samples[0].mask
    assert mask is not None
    y, x = (int(c) for c in np.argwhere(mask).mean(axis=0))
    known = np.zeros_like(mask)
    known[y - 2 : y + 2, x - 6 : x + 6] = True
    known[2:4, 5:60] = True
    scribbled = replace(given.samples[0], mask=mask & known, known=known)
    got = prepare(without(replace(given, samples=(scribbled, *given.samples[1:])), 1, 2, 3))
    for new, old in zip(got.samples, given.samples, strict=True):
        assert new.known is None
        assert iou(new.mask, old.mask) > 0.6  # type: ignore[arg-type]
    odd = mask & known
    odd[2, 10] = True  # a pixel that no likeness would give
    (first, _) = prepare(without(replace(data(2), samples=(replace(scribbled, mask=odd), given.samples[1])), 1)).samples
    assert first.mask is not None
    assert first.mask[2, 10]


def test_certainty_is_one_where_every_pixel_is_sure() -> None:
    assert certainty(np.array([[1.0, 0.0]])) == 1
    assert certainty(np.array([[0.6, 0.4]])) == pytest.approx(0.6 / 1.4)
    assert certainty(np.zeros((2, 2))) == 0


def test_without_a_mask_there_is_nothing_to_match_with() -> None:
    with pytest.raises(DataError, match="no image has a mask to match with"):
        prepare(without(data(2), 0, 1))


def test_masks_that_mark_no_background_are_refused() -> None:
    given = data(2)
    mask = given.samples[0].mask
    assert mask is not None
    inner = replace(given.samples[0], known=mask)
    with pytest.raises(DataError, match=r"(?s)mark the object alone, and no background.*a box around the object"):
        prepare(replace(without(given, 1), samples=(inner, without(given, 1).samples[1])))


def test_implausible_masks_are_dropped_with_a_warning() -> None:
    with pytest.warns(HandfulWarning, match="match_masks: 1 mask was implausible"):
        got = prepare(without(data(2), 1), max_share=0.01)
    assert got.samples[1].mask is None


@pytest.mark.parametrize(
    "options",
    [
        {"edges": "sharp"},
        {"cells": "tiny"},
        {"rounds": 0},
        {"per_class": 0},
        {"side": 16},
        {"side": 512, "largest": 256},
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="prepare/match_masks"):
        registry.build("prepare", Part("match_masks", options), datasets.context())


def test_probabilities_are_stretched_so_that_the_confidence_becomes_one_half() -> None:
    likely = np.array([[0.0, 0.4, 0.8, 0.9, 1.0]], dtype=np.float32)
    np.testing.assert_allclose(at_threshold(likely, 0.8), [[0.0, 0.25, 0.5, 0.75, 1.0]], rtol=1e-6)
    assert at_threshold(likely, 0.8).dtype == likely.dtype
    for confidence in (0.0, 0.5):
        assert at_threshold(likely, confidence) is likely
    assert at_threshold(likely, 1.0).max() == 0.5
