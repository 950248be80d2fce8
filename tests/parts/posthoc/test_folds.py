"""Cross-fitting of recipes that learn from unlabelled images: every fold gets the pile of the run."""

from dataclasses import replace
from typing import Any

import pytest

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.parts.posthoc._folds import fold_networks, with_unlabelled
from handful.recipes.load import load_recipe
from handful.training import train as training
from tests.parts.posthoc.mean_color_classifier import color_dataset, fit_mean_colors
from tests.support.classifiers import untrained
from tests.support.datasets import context, recipe, squares


def pile() -> Dataset:
    data = squares(5, seed=1)
    return replace(data, samples=tuple(replace(s, label=None) for s in data.samples))


def test_each_fold_learns_from_the_unlabelled_images_of_the_run() -> None:
    seen: list[Dataset] = []

    def fit(plan: Recipe, data: Dataset, seed: int) -> Classifier:
        seen.append(data)
        return fit_mean_colors(plan, data.select([i for i, s in enumerate(data.samples) if s.label is not None]), seed)

    data, plan = color_dataset(4, 0), replace(recipe("linear"), prepare=(Part("pseudo_label", {"recipe": "lda"}),))
    unlabelled = tuple(replace(s, label=None) for s in color_dataset(3, 1).samples)
    fold_networks(replace(context("linear"), recipe=plan, fit=fit, unlabelled=unlabelled), data, folds=2)
    assert [len(each) - int(each.counts.sum()) for each in seen] == [9, 9]
    held_out = {s.id for s in data.samples}
    assert all(s.id not in held_out for each in seen for s in each.samples if s.label is None)
    seen.clear()
    fold_networks(replace(context("linear"), fit=fit, unlabelled=unlabelled), data, folds=2)
    assert [len(each) for each in seen] == [6, 6]


def test_training_hands_its_unlabelled_images_to_the_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    train = training.train

    def spy(plan: Recipe, data: Dataset, **options: Any) -> Classifier:
        sizes.append(sum(s.label is None for s in data.samples))
        return train(plan, data, **options)

    monkeypatch.setattr(training, "train", spy)
    overrides = (
        'backbone={name="wide_resnet",depth=10,width=1}',
        "image_size=12",
        'posthoc=[{name="temperature",folds=2}]',
    )
    data = squares(4)
    both = replace(data, samples=(*data.samples, *pile().samples))
    spy(load_recipe("label-propagation", overrides=overrides), both, device="cpu", progress=False)
    assert sizes == [15, 15, 15]


def test_members_of_an_ensemble_get_them_too() -> None:
    seen: list[int] = []

    def fit(plan: Recipe, data: Dataset, seed: int) -> Classifier:
        seen.append(sum(s.label is None for s in data.samples))
        return untrained(seed=len(seen))

    plan = replace(recipe("linear"), prepare=(Part("pseudo_label", {"recipe": "lda"}),))
    given = replace(context(), recipe=plan, fit=fit, named=lambda name: recipe("linear"), unlabelled=pile().samples)
    options = {"members": 2, "recipes": ("other",), "weights": "equal"}
    registry.build("posthoc", Part("ensemble", options), given)((untrained(),), squares())
    assert seen == [15, 0]


def test_other_recipes_get_their_images_alone() -> None:
    assert len(with_unlabelled(recipe("linear"), squares(), pile().samples)) == 12
