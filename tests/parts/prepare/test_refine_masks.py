"""Refinement: coarse outlines move to the image's edges, nothing else changes, and only in masks that are asked for."""

import sys
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from handful.core.dataset import Dataset, Mask, Sample
from handful.core.recipe import Part
from handful.data.masks.quality import boundary_f, iou
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.prepare.refine_masks import refined, signed_distance
from tests.parts.prepare.test_grabcut import scene
from tests.support import datasets

METHODS = ("grabcut", "guided", "random_walker")


def run(data: Dataset, **options: Any) -> Dataset:
    result: Dataset = registry.build("prepare", Part("refine_masks", options), datasets.context())(data)
    return result


def coarse(mask: Mask) -> Mask:
    """Blocks of eight pixels, which the object covers to a half."""
    small = cv2.resize(mask.astype(np.float32), (8, 8), interpolation=cv2.INTER_AREA)
    return np.kron(small > 0.5, np.ones((8, 8), dtype=bool))


@pytest.mark.parametrize("method", METHODS)
def test_a_coarse_mask_moves_to_the_edge(method: str) -> None:
    image, disc = scene(64, 64)
    before = coarse(disc)
    (sample,) = run(Dataset((Sample("a", image, 0, before, "hand"),), ("a", "b")), method=method, width=0.1).samples
    assert sample.mask is not None
    assert sample.mask_source == "hand"
    assert iou(sample.mask, disc) > iou(before, disc)
    assert boundary_f(sample.mask, disc, tolerance=1) > boundary_f(before, disc, tolerance=1)


@pytest.mark.parametrize("method", METHODS)
def test_pixels_farther_than_the_width_from_the_outline_do_not_change(method: Any) -> None:
    image, disc = scene(64, 64)
    elsewhere = np.roll(disc, 20, axis=1)
    new = refined(image, elsewhere, method=method, width=3.0, seed=0)
    far = np.abs(signed_distance(elsewhere)) > 3
    assert (new == elsewhere)[far].all()


def test_distance_is_half_a_pixel_beside_the_outline() -> None:
    mask = np.zeros((5, 8), dtype=bool)
    mask[:, 4:] = True
    assert signed_distance(mask)[2].tolist() == [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5]


def test_partial_masks_hand_masks_on_request_and_images_without_a_mask_stay() -> None:
    image, disc = scene(64, 64)
    hand = Sample("hand", image, 0, coarse(disc), "hand")
    partial = replace(hand, id="partial", mask_source="propagated", known=disc)
    data = Dataset(
        (hand, partial, Sample("none", image, 1), replace(hand, id="made", mask_source="grabcut")), ("a", "b")
    )
    got = run(data, hand=False)
    assert [new is old for new, old in zip(got.samples, data.samples, strict=True)] == [True, True, True, False]


def test_options_that_do_not_fit_and_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for options in ({"method": "sharp"}, {"width": 0.0}, {"width": 0.5}):
        with pytest.raises(RecipeError, match="prepare/refine_masks"):
            run(Dataset((), ("a", "b")), **options)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(RecipeError, match=r"handful\[annotate\]"):
        run(Dataset((), ("a", "b")), method="random_walker")
