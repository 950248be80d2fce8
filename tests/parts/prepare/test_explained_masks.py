"""Explained masks: the hot pixels of the image's own class, from a classifier that is trained on the labels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.data.masks.quality import iou
from handful.errors import HandfulWarning, RecipeError
from handful.parts import registry
from handful.parts.prepare.explained_masks import explaining_recipe, otsu_split
from handful.recipes.load import load_recipe
from tests.parts.prepare.color_segmenter import color_segmenter
from tests.support import datasets


class Trainer:
    """Remembers what it was asked to train."""

    def __init__(self) -> None:
        self.calls: list[tuple[Recipe, Dataset]] = []

    def __call__(self, recipe: Recipe, data: Dataset, seed: int) -> object:
        self.calls.append((recipe, data))
        return color_segmenter()

    def context(self) -> Context:
        return replace(datasets.context("linear"), fit=self)


def prepare(trainer: Trainer, data: Dataset, **options: Any) -> Dataset:
    result: Dataset = registry.build("prepare", Part("explained_masks", options), trainer.context())(data)
    return result


def test_the_hot_pixels_of_the_own_class_are_the_mask() -> None:
    trainer, truth = Trainer(), datasets.squares(2)
    got = prepare(trainer, datasets.squares(2, masks=False))
    for new, old in zip(got.samples, truth.samples, strict=True):
        assert iou(new.mask, old.mask) > 0.8  # type: ignore[arg-type]
        assert new.mask_source == "propagated"
    ((recipe, data),) = trainer.calls
    assert recipe.head.name == "heat_map"
    assert [p.name for stage in recipe.stages for p in stage.losses] == ["cross_entropy"]
    assert recipe.prepare == ()
    assert recipe.posthoc == ()
    assert all(s.label is not None for s in data.samples)


def test_scores_whose_probabilities_round_to_1_still_make_a_mask() -> None:
    class Sure(Trainer):
        def __call__(self, recipe: Recipe, data: Dataset, seed: int) -> object:
            classifier = super().__call__(recipe, data, seed)
            network = classifier.network  # type: ignore[attr-defined]
            sure = torch.tensor([0.0, 200.0, 200.0, 200.0])[:, None, None]
            network.register_forward_hook(lambda *given: replace(given[2], pixels=given[2].pixels + sure))
            return classifier

    truth = datasets.squares(2)
    got = prepare(Sure(), datasets.squares(2, masks=False))
    for new, old in zip(got.samples, truth.samples, strict=True):
        assert iou(new.mask, old.mask) > 0.8  # type: ignore[arg-type]


def test_an_embedded_network_sees_images_that_are_large_enough() -> None:
    small = replace(Trainer().context(), recipe=load_recipe("cvs", overrides=("image_size=[96,256]",)))
    assert explaining_recipe(small, None, 192).image_size == (192, 256)
    assert explaining_recipe(small, None, 64).image_size == (96, 256)
    random = replace(small, recipe=load_recipe("cvs-wrn", overrides=("image_size=[28,28]",)))
    assert explaining_recipe(random, None, 192).image_size == (28, 28)


def test_given_masks_stay_unlabelled_images_get_none_and_without_need_nothing_is_trained() -> None:
    trainer, data = Trainer(), datasets.squares(2)
    assert prepare(trainer, data) is data
    assert not trainer.calls
    new = replace(data.samples[0], id="new", label=None, mask=None, mask_source=None)
    got = prepare(trainer, replace(data, samples=(*data.samples, new)))
    assert got.samples[-1].mask is None
    assert all(a is b for a, b in zip(got.samples, data.samples, strict=False))


def test_implausible_masks_are_left_out_with_a_warning() -> None:
    with pytest.warns(HandfulWarning, match="explained_masks: 6 masks were implausible"):
        got = prepare(Trainer(), datasets.squares(2, masks=False), max_share=0.1)
    assert all(s.mask is None for s in got.samples)


def test_otsu_splits_two_levels_and_nothing_where_all_are_equal() -> None:
    values = np.array([[0.0, 0.1, 0.9, 1.0]])
    assert otsu_split(values).tolist() == [[False, False, True, True]]
    assert not otsu_split(np.ones((2, 2))).any()


def test_a_recipe_that_scores_no_pixels_and_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RecipeError, match="explains no mask"):
        prepare(Trainer(), datasets.squares(1), recipe="classification-wrn")
    for options in ({"edges": "sharp"}, {"min_size": 0}, {"min_share": 0.5, "max_share": 0.4}):
        with pytest.raises(RecipeError, match="prepare/explained_masks"):
            prepare(Trainer(), datasets.squares(1), **options)
