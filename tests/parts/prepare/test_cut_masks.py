"""Normalized cut: two groups of cells are told apart, and the object is not the group with the corners."""

from typing import Any

import numpy as np
import pytest

from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Part
from handful.data.masks.quality import iou
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.prepare.cut_masks import cut
from tests.parts.prepare.test_match_masks import disc
from tests.support import datasets


def run(data: Dataset, **options: Any) -> Dataset:
    result: Dataset = registry.build("prepare", Part("cut_masks", options), datasets.context())(data)
    return result


def test_two_groups_of_cells_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros((9, 12), dtype=bool)
    truth[3:7, 4:9] = True
    vectors = np.where(truth[..., None], [1.0, 0.2, 0.0], [0.2, 1.0, 0.0]) + rng.normal(0, 0.05, (9, 12, 3))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    assert (cut(vectors, 0.2) == truth).all()
    assert (cut(np.roll(vectors, (6, 8), axis=(0, 1)), 0.2) == np.roll(truth, (6, 8), axis=(0, 1))).mean() > 0.9


@pytest.mark.parametrize("edges", ["grabcut", "guided", "none"])
def test_a_disc_is_cut_out_at_the_images_size(edges: str) -> None:
    image, truth = disc(0)
    (sample,) = run(Dataset((Sample("a", image, 0),), ("a", "b")), edges=edges).samples
    assert sample.mask is not None
    assert sample.mask.shape == (64, 80)
    assert sample.mask_source == "cut"
    assert iou(sample.mask, truth) > 0.3


@pytest.mark.parametrize("options", [{"threshold": 1.0}, {"threshold": -0.1}, {"edges": "sharp"}])
def test_options_that_do_not_fit(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="prepare/cut_masks"):
        run(Dataset((), ("a", "b")), **options)
