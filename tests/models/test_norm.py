"""Norms by name, and networks of calibration folds, which have the norms of the network that they measure."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.models.classifier import Classifier
from handful.models.norm import choose_norm, keep_norm, norm_layer
from handful.models.posthoc_module import unwrap
from handful.parts.posthoc.ensemble import cross_fitted_weights
from handful.recipes.calibration import with_calibration
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import CLASSES, recipe, squares


def automatic(*overrides: str) -> Recipe:
    """A recipe whose norms depend on the number of training images."""
    return recipe("linear", "steps=2", "backbone.norm=auto", "head.norm=auto", *overrides)


def norms(network: nn.Module) -> set[type[nn.Module]]:
    """Types of the norms in a network."""
    return {type(m) for m in network.modules() if isinstance(m, nn.BatchNorm2d | nn.GroupNorm)}


@pytest.mark.parametrize(
    ("counts", "norm"), [((3, 3, 3), "batch"), ((2, 2, 2), "group"), ((1, 1, 7), "batch"), ((0, 3, 3), "batch")]
)
def test_auto_is_decided_by_the_mean_over_classes_that_have_images(counts: tuple[int, ...], norm: str) -> None:
    task = Task(CLASSES, np.array(counts))
    assert choose_norm("auto", task) == norm
    assert choose_norm("none", task) == "none"


def test_layers_by_name() -> None:
    assert isinstance(norm_layer("batch", 16), nn.BatchNorm2d)
    assert isinstance(norm_layer("none", 16), nn.Identity)
    assert [norm_layer("group", c).num_groups for c in (16, 12)] == [2, 1]


def test_norms_are_kept_only_where_auto_would_choose_others() -> None:
    three, two, four = (np.full(3, n) for n in (3, 2, 4))
    own = automatic()
    assert keep_norm(own, four, fewer=three) is own
    assert keep_norm(own, two, fewer=np.full(3, 1)) is own
    kept = keep_norm(automatic(), three, fewer=two)
    assert (kept.backbone.options["norm"], kept.head.options["norm"]) == ("batch", "batch")
    named = recipe("linear", "head.norm=group")  # the backbone's is its default
    assert keep_norm(named, three, fewer=two) == named


@pytest.mark.parametrize("calibration", [{"temperature": True}, {"coverage": 0.6}, {"reject": 0.3}])
def test_folds_of_two_images_have_the_norms_of_the_network_of_three(
    calibration: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[set[type[nn.Module]]] = []
    as_saved = Classifier.outputs

    def outputs(self: Classifier, data: Dataset, **options: int) -> object:
        trained.append(norms(self.network))
        return as_saved(self, data, **options)

    monkeypatch.setattr(Classifier, "outputs", outputs)
    classifier = train(with_calibration(automatic(), **calibration), squares(3), progress=False)  # type: ignore[arg-type]
    assert len(trained) >= 3
    assert all(found == {nn.BatchNorm2d} for found in trained)
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    assert norms(loaded.network) == {nn.BatchNorm2d}
    test = squares(2, seed=1)
    np.testing.assert_array_equal(loaded.probabilities(test), classifier.probabilities(test))
    if "coverage" in calibration:
        np.testing.assert_array_equal(loaded.p_values(test), classifier.p_values(test))


def test_a_recipe_that_names_its_norms_or_trains_on_enough_images_is_given_to_the_folds_as_it_is() -> None:
    plain = train(automatic(), squares(2), progress=False)
    assert norms(unwrap(plain.network)) == {nn.GroupNorm}
    calibrated = train(with_calibration(automatic(), coverage=0.6), squares(2), progress=False)
    assert norms(calibrated.network) == {nn.GroupNorm}


def test_members_are_weighed_by_networks_with_their_norms() -> None:
    given: list[str] = []

    def fit(plan: Recipe, data: Dataset, seed: int) -> Classifier:
        given.append(str(plan.head.options["norm"]))
        return train(replace(plan, stages=(replace(plan.stages[0], steps=1),)), data, seed=seed, progress=False)

    plans = [(automatic(), 0), (replace(automatic(), head=Part("linear", {"norm": "group"})), 1)]
    cross_fitted_weights(plans, squares(3), fit, folds=3, grid=(1.0, 3.0), seed=0)
    assert given == ["batch", "group"] * 3
