"""The ensemble as part of a recipe: who is trained on what, and where its weights come from."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float

from handful.core.context import Context, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError
from handful.models.classifier import Classifier
from handful.models.ensemble import Ensemble
from handful.parts import registry
from handful.parts.posthoc.ensemble import best_weights, cross_fitted_weights
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import CLASSES, context, recipe, squares


def test_members_are_the_recipe_from_other_seeds_and_other_recipes() -> None:
    seen: list[tuple[Recipe, int, int]] = []

    def fit(plan: Recipe, data: Dataset, seed: int) -> Classifier:
        seen.append((plan, len(data), seed))
        return replace(untrained(seed=len(seen)), recipe=plan)

    parts = (Part("tta", {"views": "flip"}), Part("ensemble"), Part("tta"))
    plan = replace(recipe("linear"), posthoc=parts)
    other = recipe("segmentation", "name=other")
    given = replace(context(), recipe=plan, fit=fit, named=lambda name: other, seed=7)
    options = {"members": 2, "recipes": ("other",), "weights": (3, 1, 1)}
    joined = registry.build("posthoc", Part("ensemble", options), given)((untrained(),), squares())
    assert isinstance(joined, Ensemble)
    assert [p for p, _, _ in seen] == [replace(plan, posthoc=parts[:1]), other]
    assert [n for _, n, _ in seen] == [12, 12]
    assert len({7, *(s for _, _, s in seen)}) == 3
    assert joined.weights == (0.6, 0.2, 0.2)
    assert joined.recipe == plan
    seen.clear()
    three = registry.build("posthoc", Part("ensemble"), given)((untrained(),), squares())
    assert len(three.members) == 3
    assert three.weights == (1 / 3, 1 / 3, 1 / 3)


def test_propagated_masks_are_learnt_anew_by_each_member() -> None:
    seen: list[Dataset] = []

    def fit(plan: Recipe, data: Dataset, seed: int) -> Classifier:
        seen.append(data)
        return untrained()

    data = squares()
    first = replace(data.samples[0], mask_source="propagated")
    data = replace(data, samples=(first, *data.samples[1:]))
    given = replace(context(), fit=fit)
    registry.build("posthoc", Part("ensemble", {"members": 2}), given)((untrained(),), data)
    assert seen[0].samples[0].mask is None
    assert seen[0].samples[1].mask is not None


def test_the_best_weights_are_those_of_a_search_by_hand() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 50)
    sure = [0.7, 0.5, 0.4]
    p = np.stack([np.eye(3)[labels] * s + rng.dirichlet(np.ones(3), 50) * (1 - s) for s in sure])
    found = best_weights(p, labels, (1.0, 3.0))

    def loss(weights: tuple[float, ...]) -> float:
        mean = sum(w * q for w, q in zip(weights, p, strict=True)) / sum(weights)
        return float(-np.mean([np.log(mean[i, y]) for i, y in enumerate(labels)]))

    assert loss(found) == pytest.approx(min(loss(w) for w in product((1.0, 3.0), repeat=3)))
    assert found[0] == 3.0
    assert best_weights(np.stack([p[0]] * 2), labels, (1.0, 3.0)) == (1.0, 1.0)  # no difference: equal


def test_cross_fitted_weights_come_from_images_that_the_members_did_not_train_on() -> None:
    data = squares(4)
    trained: list[tuple[int, frozenset[str]]] = []

    class Knows:
        """Seed 0 is right about everything, seed 1 about nothing."""

        def __init__(self, right: bool, ids: frozenset[str]) -> None:
            self.right, self.ids = right, ids

        def probabilities(self, held: Dataset) -> Float[np.ndarray, "n k"]:
            assert not self.ids & set(held.ids)
            assert all(s.label is None and s.mask is None for s in held.samples)
            labels = np.array([CLASSES.index(s.id.split("/")[0]) for s in held.samples])
            return np.asarray(np.eye(3)[labels if self.right else (labels + 1) % 3] * 0.7 + 0.1)

    def fit(plan: Recipe, part: Dataset, seed: int) -> Any:
        trained.append((seed, frozenset(part.ids)))
        return Knows(seed == 0, frozenset(part.ids))

    plans = [(recipe("linear"), 0), (recipe("linear"), 1)]
    assert cross_fitted_weights(plans, data, fit, folds=4, grid=(1.0, 3.0), seed=0) == (3.0, 1.0)
    assert len(trained) == 8
    assert all(len(ids) == 9 for _, ids in trained)


def test_cross_fitted_in_a_recipe() -> None:
    part = Part("ensemble", {"members": 2, "weights": "cross_fitted", "folds": 2})
    plan = replace(recipe("linear", "steps=2"), posthoc=(part,))
    joined = train(plan, squares(), progress=False)
    assert isinstance(joined, Ensemble)
    assert set(joined.weights) <= {0.25, 0.5, 0.75}
    assert joined.card["steps"] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": 1}, "needs two members"),
        ({"members": 0}, "members must be .*, not 0"),
        ({"weights": (1, 2)}, "do not fit 3 members"),
        ({"weights": (1, -1, 1)}, "do not fit"),
        ({"weights": "best"}, "'best'"),
        ({"weights": "cross_fitted", "folds": 5}, "folds must be from 2 to 4, .*, not 5"),
        ({"weights": "cross_fitted", "folds": 2, "grid": (0,)}, "grid"),
    ],
)
def test_refusals_before_anything_is_trained(options: dict[str, Any], message: str) -> None:
    given = given_nothing()
    with pytest.raises(RecipeError, match=message):
        registry.build("posthoc", Part("ensemble", options), given)


def test_weights_of_sixteen_members_are_found_by_turns() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    noise = rng.dirichlet(np.ones(3), size=(16, 60))
    right = np.eye(3)[labels]
    probabilities = np.stack([0.6 * right + 0.4 * noise[i] if i < 4 else noise[i] for i in range(16)])
    assert best_weights(probabilities, labels, (1.0, 3.0)) == (3.0,) * 4 + (1.0,) * 12
    few, all_tried = probabilities[:12], best_weights(probabilities[:12], labels, (1.0, 3.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("handful.parts.posthoc.ensemble.MOST", 1)
        assert best_weights(few, labels, (1.0, 3.0)) == all_tried


def test_an_ensemble_of_sixteen_may_look_for_its_weights() -> None:
    options = {"members": 16, "weights": "cross_fitted", "folds": 2}
    assert callable(registry.build("posthoc", Part("ensemble", options), given_nothing()))


def given_nothing() -> Context:
    def fit(plan: Recipe, data: Dataset, seed: int) -> Classifier:
        raise AssertionError("nothing may be trained")

    return replace(context(), fit=fit, task=Task(CLASSES, np.array([4, 6, 6])))
