"""Training on images with candidates in place of a label: what learns them, what counts them, and what removes them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError
from handful.evaluation.evaluate import evaluate
from handful.evaluation.protocol import Protocol
from handful.models.classifier import Classifier
from handful.recipes.load import load_recipe
from handful.training.setup import prepare_run
from handful.training.train import train
from tests.support.datasets import recipe, squares

GREENISH = np.array([True, True, False])


def partly(per_class: int = 6, *, labelled: int = 2) -> Dataset:
    """Squares of which the first of each class have a label; red ones all, and the others are "blue or green"."""
    data = squares(per_class, masks=False)
    samples = []
    for i, s in enumerate(data.samples):
        known = i % per_class < labelled or s.label == 2
        samples.append(s if known else replace(s, label=None, candidates=GREENISH))
    return replace(data, samples=tuple(samples))


def _fit(plan: Recipe, data: Dataset, seed: int) -> Classifier:
    return train(plan, data, seed=seed, device="cpu", progress=False)


def bare(data: Dataset) -> Dataset:
    return replace(data, samples=tuple(s for s in data.samples if s.labelled))


@pytest.mark.parametrize("cached", [False, True])
def test_a_network_learns_from_them_and_its_card_counts_them(cached: bool) -> None:
    data = partly()
    plan = recipe("linear", "batch_size=18", "steps=1")
    if cached:
        plan = replace(plan, cache_views=1, backbone=replace(plan.backbone, options={**plan.backbone.options}))
        pytest.importorskip("torchvision")
        plan = load_recipe(
            "layer-decay", overrides=("steps=1", "cache_views=1", "backbone.freeze=3", "image_size=32", "augment=[]")
        )
    one = train(plan, data, device="cpu", progress=False)
    assert one.card["candidate_images"] == 8
    assert one.card["unlabelled_images"] == 0
    assert one.card["train_images"] == 10
    other = train(plan, bare(data), device="cpu", progress=False)
    assert "candidate_images" not in other.card
    images = data.without_labels()
    assert not np.allclose(one.probabilities(images), other.probabilities(images))


def test_a_single_candidate_trains_as_a_label_does() -> None:
    data = squares(masks=False)
    eye = np.eye(3, dtype=bool)
    samples = (replace(s, label=None, candidates=eye[s.label]) if i % 4 == 3 else s for i, s in enumerate(data.samples))
    single = replace(data, samples=tuple(samples))
    plan = recipe("linear", "batch_size=12", "steps=3")
    found = [train(plan, one, device="cpu", progress=False).probabilities(data) for one in (data, single)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_a_balanced_sampler_keeps_their_share() -> None:
    plan = recipe("linear", "batch_size=18", "steps=2")
    plan = replace(plan, stages=tuple(replace(stage, sampler="balanced") for stage in plan.stages))
    assert train(plan, partly(), device="cpu", progress=False).card["candidate_images"] == 8


def test_the_fitted_head_learns_from_them_with_weights_too() -> None:
    data = partly()
    plan = load_recipe("logistic-pixels")
    weighted = replace(data, samples=tuple(replace(s, weight=1.0 if s.labelled else 0.0) for s in data.samples))
    plain, some, none = (train(plan, d, device="cpu", progress=False) for d in (bare(data), data, weighted))
    assert some.card["candidate_images"] == 8
    weights = [m.network.state_dict()["head.weight"] for m in (plain, some, none)]
    assert not torch.allclose(weights[0], weights[1], atol=1e-3)
    assert not torch.allclose(weights[1], weights[2], atol=1e-3)


def test_calibration_holds_out_labelled_images_alone() -> None:
    plan = load_recipe("logistic-pixels")
    plan = replace(plan, posthoc=(Part("temperature", {"folds": 2}),))
    card = train(plan, partly(), device="cpu", progress=False).card
    assert "10 training images" in card["calibration"]["temperature_from"]


def test_they_are_in_every_draw_and_no_score() -> None:
    data = partly()
    result = evaluate(load_recipe("logistic-pixels"), data, protocol=Protocol((0, 1), per_class=1), progress=False)
    for run in result.runs:
        assert len(run.train_ids) == 3 + 8
        assert run.counts.tolist() == [1, 1, 1]  # type: ignore[union-attr]
        assert min(run.labels) >= 0
    folded = evaluate(load_recipe("logistic-pixels"), data, protocol=Protocol((0,), folds=2), progress=False)
    assert sorted(len(run.ids) for run in folded.runs) == [5, 5]


@pytest.mark.parametrize("name", ["pseudo_labels", "label_propagation"])
def test_heads_that_spread_labels_give_an_image_a_share_of_its_candidates_alone(name: str) -> None:
    data = partly()
    pile = squares(2, seed=1, masks=False).without_labels()
    plan = load_recipe("logistic-pixels", overrides=(f"head.name={name}",))
    model = train(plan, replace(data, samples=(*data.samples, *pile.samples)), device="cpu", progress=False)
    assert (model.card["candidate_images"], model.card["unlabelled_images"]) == (8, 6)
    values = model.network.state_dict()["head.values"]
    assert (values[:, 2] == 0).sum() == 8


def test_self_training_labels_images_with_candidates_as_one_of_these() -> None:
    data = partly()
    part = Part("pseudo_label", {"recipe": "logistic-pixels", "share": 1.0, "per_class": "predicted"})
    plan = replace(recipe("linear", "batch_size=18", "steps=1"), prepare=(part,))
    setup = prepare_run(plan, data, seed=0, device="cpu", fit=_fit)
    guessed = [s for s in setup.data.samples if s.id not in setup.labelled_ids]
    assert len(guessed) == 8
    assert {s.label for s in guessed} <= {0, 1}
    assert not setup.data.has_candidates
    assert len(setup.labelled) == 10


def test_a_recipe_that_needs_labels_is_refused_before_training() -> None:
    with pytest.raises(RecipeError, match="8 images have several candidates"):
        train(load_recipe("knn"), partly(), device="cpu", progress=False)
