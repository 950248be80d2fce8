"""The ensemble as part of a recipe: who is trained on what, and where its weights come from."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float

from handful.core.context import Context, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.errors import ModelError, RecipeError
from handful.models.classifier import Classifier
from handful.models.ensemble import Ensemble, join
from handful.parts import registry
from handful.parts.posthoc.ensemble import best_weights, cross_fitted_weights, right_probabilities
from handful.parts.posthoc.thresholds import wrap
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import CLASSES, context, numbered_squares, recipe, several_squares, squares


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


def _right(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The members' probabilities of each image's class."""
    return np.asarray(probabilities[:, np.arange(len(labels)), labels])


def test_the_best_weights_are_those_of_a_search_by_hand() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 50)
    sure = [0.7, 0.5, 0.4]
    p = np.stack([np.eye(3)[labels] * s + rng.dirichlet(np.ones(3), 50) * (1 - s) for s in sure])
    found = best_weights(_right(p, labels), (1.0, 3.0))

    def loss(weights: tuple[float, ...]) -> float:
        mean = sum(w * q for w, q in zip(weights, p, strict=True)) / sum(weights)
        return float(-np.mean([np.log(mean[i, y]) for i, y in enumerate(labels)]))

    assert loss(found) == pytest.approx(min(loss(w) for w in product((1.0, 3.0), repeat=3)))
    assert found[0] == 3.0
    assert best_weights(_right(np.stack([p[0]] * 2), labels), (1.0, 3.0)) == (1.0, 1.0)  # no difference: equal


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
    assert best_weights(_right(probabilities, labels), (1.0, 3.0)) == (3.0,) * 4 + (1.0,) * 12
    few, all_tried = probabilities[:12], best_weights(_right(probabilities[:12], labels), (1.0, 3.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("handful.parts.posthoc.ensemble.MOST", 1)
        assert best_weights(_right(few, labels), (1.0, 3.0)) == all_tried


def test_an_ensemble_of_sixteen_may_look_for_its_weights() -> None:
    options = {"members": 16, "weights": "cross_fitted", "folds": 2}
    assert callable(registry.build("posthoc", Part("ensemble", options), given_nothing()))


def given_nothing() -> Context:
    def fit(plan: Recipe, data: Dataset, seed: int) -> Classifier:
        raise AssertionError("nothing may be trained")

    return replace(context(), fit=fit, task=Task(CLASSES, np.array([4, 6, 6])))


def test_weights_of_several_labels_are_those_of_the_known_entries() -> None:
    data = several_squares(40, known=0.7)
    targets = data.targets()
    good, bad = np.where(targets == 1, 0.8, 0.3), np.full(targets.shape, 0.5)
    right = right_probabilities(np.stack([bad, good]), data)
    assert right.shape == (2, int((~np.isnan(targets)).sum()))
    np.testing.assert_allclose(np.unique(right[1]), [0.7, 0.8])
    assert best_weights(right, (1.0, 3.0)) == (1.0, 3.0)


@pytest.mark.parametrize("kind", ["multilabel", "number"])
def test_members_of_several_labels_or_numbers_are_joined_by_the_mean_saved_and_read(kind: str, tmp_path: Path) -> None:
    make = several_squares if kind == "multilabel" else numbered_squares
    plan = load_recipe("ridge", overrides=("backbone.name=pixels", "image_size=[12,12]"))
    plan = replace(plan, posthoc=(Part("ensemble", {"members": 2, "weights": (3, 1)}), Part("tta", {"views": "flip"})))
    first, second = (
        train(replace(plan, posthoc=plan.posthoc[1:]), make(40, seed=s), device="cpu", progress=False) for s in (0, 1)
    )
    joined = join([first, second], (3, 1))
    data = make(20, seed=3)
    expected = 0.75 * first.probabilities(data) + 0.25 * second.probabilities(data)
    np.testing.assert_allclose(joined.probabilities(data), expected, rtol=1e-4, atol=1e-5)
    save_classifier(joined, tmp_path / "model")
    again = load_classifier(tmp_path / "model", device="cpu")
    assert (again.kind, again.scale) == (kind, first.scale)
    np.testing.assert_allclose(again.probabilities(data), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(again.predict(data.select([0])), joined.predict(data)[:1])
    trained = train(plan, make(40), device="cpu", progress=False)
    assert isinstance(trained, Ensemble)
    with pytest.raises(ModelError, match="it was trained on one label per image"):
        join([first, replace(untrained(), classes=first.classes)])


def test_thresholds_of_an_ensemble_are_the_mean_of_its_members() -> None:
    plan = load_recipe("ridge", overrides=("backbone.name=pixels", "image_size=[12,12]"))
    one = train(plan, several_squares(40), device="cpu", progress=False)
    other = replace(one, network=wrap(one.network, thresholds=[0.1, 0.2, 0.3]).eval())
    thresholds = join([one, other], (1, 3)).thresholds
    assert thresholds is not None
    np.testing.assert_allclose(thresholds, np.array([0.2, 0.275, 0.35]), rtol=1e-6)
